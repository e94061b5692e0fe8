//! `towpath env create`, `clone`, `extend`, `destroy`, and `towpath gc`.

use clap::{Args, builder::NonEmptyStringValueParser};
use towpath_core::{ids::ReleaseNumber, units::Millis};
use towpath_server::api::types::Tier;

/// Makes an environment: as a file of the project, or with --preview for a while.
///
/// A file is written only if the project is right with it, and never over another. A preview is in the server's ledger and in
/// no file: it is built on another environment, takes free ports, and is destroyed when its time is over.
#[derive(Debug, Args)]
pub(crate) struct CreateEnvArgs {
    /// What it is called.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub name: String,
    /// The environment it is built on: what it does not say itself is taken from there.
    #[arg(long, value_name = "ENVIRONMENT", required_if_eq("preview", "true"))]
    pub extends: Option<String>,
    /// How much depends on it; by default as what it is built on.
    #[arg(long, value_parser = tier, value_name = "TIER")]
    pub tier: Option<Tier>,
    /// What it is for.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Another name it answers to.
    #[arg(long = "alias", value_name = "NAME", conflicts_with = "preview")]
    pub aliases: Vec<String>,
    /// Sets a value from the start, such as `services.web.replicas=3`; a variable may be named alone: `LOG_LEVEL=debug`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::layers::key_value)]
    pub set: Vec<(String, String)>,
    /// Makes a preview in the server's ledger instead of a file.
    #[arg(long)]
    pub preview: bool,
    /// How long the preview lives from now on, such as `24h`.
    #[arg(long, value_name = "DURATION", requires = "preview", required_if_eq("preview", "true"))]
    pub ttl: Option<Millis>,
    /// The release that goes into the preview at once, such as `r3`.
    #[arg(long, value_name = "RELEASE", requires = "preview")]
    pub release: Option<ReleaseNumber>,
    /// Why, for people; kept in the ledger.
    #[arg(long, value_name = "TEXT", requires = "preview")]
    pub reason: Option<String>,
    /// Follows the release that goes in at once to its end.
    #[arg(long, requires = "release")]
    pub wait: bool,
    /// Stops waiting after this time, with exit status 6.
    #[arg(long, value_name = "DURATION", requires = "wait")]
    pub timeout: Option<Millis>,
    /// Shows what would be made, and makes nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Copies the file of an environment, comments and order too.
///
/// What two environments cannot share is cleared: names it answers to, addresses, URLs, values of secrets.
#[derive(Debug, Args)]
pub(crate) struct CloneArgs {
    /// The environment that is copied.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub source: String,
    /// What the copy is called.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub name: String,
    /// Says in one file what the original takes from the environments it is built on.
    #[arg(long)]
    pub flat: bool,
    /// Shows the copy, and writes nothing.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExtendArgs {
    /// The preview.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// How long it lives from now on, such as `12h`.
    #[arg(long, value_name = "DURATION")]
    pub ttl: Millis,
}

/// Destroys an environment: lists everything that goes and what stays, asks, and removes exactly that.
///
/// Its instances are drained and stopped, its routes closed, its logs, samples and blobs that nobody else uses removed, and at
/// last its file. The history stays. An environment of the pipeline is refused.
#[derive(Debug, Args)]
pub(crate) struct DestroyArgs {
    /// Which.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Lists what would go, and removes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Removes only what was listed with this checksum.
    #[arg(long, value_name = "DIGEST")]
    pub listing: Option<String>,
    /// Leaves its file where it is.
    #[arg(long)]
    pub keep_file: bool,
    /// Stops waiting after this time, with exit status 6; it goes on.
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<Millis>,
}

/// Removes what nobody needs any more: blobs that nothing names, logs and unpacked artifacts of revisions that are not kept.
#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// Lists what would go, and removes nothing.
    #[arg(long)]
    pub dry_run: bool,
}

fn tier(text: &str) -> Result<Tier, String> {
    match text {
        "development" => Ok(Tier::Development),
        "testing" => Ok(Tier::Testing),
        "staging" => Ok(Tier::Staging),
        "production" => Ok(Tier::Production),
        _ => Err("it is one of development, testing, staging, production".to_owned()),
    }
}
