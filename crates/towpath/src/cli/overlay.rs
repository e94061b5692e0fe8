//! `towpath env set`, `unset`, `overlay`: values laid over the files of an environment while it runs.

use std::path::PathBuf;

use clap::{Args, builder::NonEmptyStringValueParser};
use towpath_core::units::Millis;

/// Sets values over the files of an environment, while it runs.
///
/// What it changes in what runs is asked for as a promotion of the release that runs: with its gates, its approvals and a
/// rollout by the environment's strategy. The value stays for later releases until `env unset`. Values of secrets are refused.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// `KEY VALUE`, or any number of `KEY=VALUE`; a variable may be named alone. The value `-` is read from standard input.
    #[arg(value_name = "KEY=VALUE", required = true, allow_negative_numbers = true)]
    pub values: Vec<String>,
    /// Takes the keys away, as `null` in a file does; give keys without values.
    #[arg(long, conflicts_with = "file")]
    pub remove: bool,
    /// Reads the value of the one key from this file; one newline at its end is not part of it.
    #[arg(long, value_name = "PATH")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub how: ChangeArgs,
}

/// Takes keys off the live overlay: the files decide again.
///
/// What it changes in what runs is asked for as with `env set`.
#[derive(Debug, Args)]
pub(crate) struct UnsetArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The keys.
    #[arg(value_name = "KEY", required = true)]
    pub keys: Vec<String>,
    #[command(flatten)]
    pub how: ChangeArgs,
}

/// How a live change is made.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Shows what would change, the gates and the steps, and does nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Only records it: what runs stays as it is until the next promotion.
    #[arg(long)]
    pub record_only: bool,
    /// Waits for the gates and follows the rollout to its end.
    #[arg(long, conflicts_with = "record_only")]
    pub wait: bool,
    /// Stops waiting after this time, with exit status 6.
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<Millis>,
    /// Goes on only if the plan has this checksum, as a dry run showed it.
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
}
