//! `towpath flags keys …`: the keys of applications.

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use towpath_core::units::Millis;

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Makes a key and prints it, this once.
    Create(CreateKeyArgs),
    /// Lists the keys of an environment.
    List(ListKeysArgs),
    /// Refuses a key from the next request on.
    Revoke(RevokeKeyArgs),
}

/// Makes a key with which an application evaluates the flags of an environment, and prints it, this once.
///
/// What is kept is only its digest: who loses a key makes another. Services get a key of kind `server`, pages and apps, where
/// anybody can read it, one of kind `client`, which evaluates only flags that are meant for them.
#[derive(Debug, Args)]
pub(crate) struct CreateKeyArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// What it is called, such as `shop-web`.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub name: String,
    /// What it is for.
    #[arg(long, value_enum, default_value_t = KeyKind::Server)]
    pub kind: KeyKind,
    /// A page that may use it, such as https://shop.example.org (may be repeated); any if absent. Needs --kind client.
    #[arg(long = "origin", value_name = "ORIGIN")]
    pub origins: Vec<String>,
    /// How many requests a second it may make; as many as there is room for if absent.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub per_second: Option<u32>,
    /// How long it lives, such as `90d`; until it is revoked if absent.
    #[arg(long, value_name = "DURATION")]
    pub ttl: Option<Millis>,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KeyKind {
    /// For services, which keep it secret.
    Server,
    /// For pages and apps, where anybody can read it.
    Client,
}

/// Lists the keys of an environment: what they are for, who made them, who revoked them. Never the keys themselves.
#[derive(Debug, Args)]
pub(crate) struct ListKeysArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
}

/// Refuses a key from the next request on.
#[derive(Debug, Args)]
pub(crate) struct RevokeKeyArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The key.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub name: String,
    /// Why, for people; kept in the ledger.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}
