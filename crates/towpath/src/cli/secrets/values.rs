//! `towpath secrets …`: values of an environment's secrets.
//!
//! No value is ever an argument: what is typed into a command line is in the shell's history and in `ps`. What somebody gives
//! all the same is taken here, so that it can be refused without being repeated.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use jiff::Timestamp;

#[derive(Debug, Subcommand)]
pub(crate) enum ValuesCommand {
    /// Prints the value of a secret, and nothing else; that it was read is written down.
    Get(GetSecretArgs),
    /// Gives a secret a value, which is typed unseen, piped in or read from a file.
    Set(SetSecretArgs),
    /// Lists the secrets of an environment, never their values.
    List(ListArgs),
    /// Shows the versions of a secret: who wrote each, when and why.
    History(SecretHistoryArgs),
    /// Gives a secret an older value again, or all of an environment those of a point in time.
    Restore(RestoreSecretArgs),
    /// Takes the value of a secret away; its versions stay and can be restored.
    Unset(UnsetSecretArgs),
    /// Destroys values for good: what is encrypted is erased, the ledger keeps the fact.
    Destroy(DestroySecretArgs),
}

/// Prints the value of a secret, and nothing else.
///
/// Who reads it and why is written into the ledger first. Where users are (tier production) it takes a reason and one of the
/// roles that let releases in there. To a pipe or a file the value is written as it is, without a newline.
#[derive(Debug, Args)]
pub(crate) struct GetSecretArgs {
    #[command(flatten)]
    pub which: SecretArgs,
    /// Where it is read from; from what gives the value if absent: the first of the environment's sources that has it.
    #[arg(long, value_enum, value_name = "PLACE")]
    pub from: Option<SecretPlace>,
    /// Which version of the store; the one in force if absent.
    #[arg(long, value_name = "NUMBER", conflicts_with = "from")]
    pub version: Option<u32>,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Gives a secret a value.
///
/// The value is asked for without being shown, or read from standard input where that is no terminal, or from a file; one newline
/// at its end is not part of it. What it changes in what runs is asked for as a promotion of the release that runs.
#[derive(Debug, Args)]
pub(crate) struct SetSecretArgs {
    #[command(flatten)]
    pub which: SecretArgs,
    /// Reads the value from this file; `-` is standard input.
    #[arg(long, value_name = "PATH")]
    pub from_file: Option<PathBuf>,
    /// Where it is kept; if absent in the environment's own file of secrets where there is one and files come first, else in
    /// the server's store.
    #[arg(long, value_enum, value_name = "PLACE")]
    pub to: Option<SecretPlace>,
    /// Refuses if this is not the version of the store in force; 0 if it is to have no value yet.
    #[arg(long, value_name = "NUMBER")]
    pub expect: Option<u32>,
    #[command(flatten)]
    pub how: SecretChangeArgs,
    /// Not a way to give a value: taken so that it can be refused without being repeated.
    #[arg(long, hide = true, num_args = 0..=1)]
    pub value: Option<Vec<OsString>>,
}

/// Lists the secrets of an environment: where the value of each comes from, its version, how old it is and who answers for it.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
}

/// Shows the versions of a secret in the server's store, never a value.
#[derive(Debug, Args)]
pub(crate) struct SecretHistoryArgs {
    #[command(flatten)]
    pub which: SecretArgs,
}

/// Gives a secret an older value again, as a new version; or with --at every secret of the environment the value it had then.
#[derive(Debug, Args)]
pub(crate) struct RestoreSecretArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The secret.
    #[arg(value_name = "NAME", required_unless_present = "at", conflicts_with = "at", requires = "version")]
    pub name: Option<String>,
    /// The version with the value.
    #[arg(long, value_name = "NUMBER", requires = "name")]
    pub version: Option<u32>,
    /// The moment whose values are to hold again, such as 2026-11-21T14:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Says what would be restored, and does nothing.
    #[arg(long, requires = "at")]
    pub dry_run: bool,
    #[command(flatten)]
    pub how: SecretChangeArgs,
}

/// Takes the value of a secret away: the next source that has it gives it, if there is one.
#[derive(Debug, Args)]
pub(crate) struct UnsetSecretArgs {
    #[command(flatten)]
    pub which: SecretArgs,
    /// Where it is taken away; from what gives the value if absent.
    #[arg(long, value_enum, value_name = "PLACE")]
    pub from: Option<SecretPlace>,
    #[command(flatten)]
    pub how: SecretChangeArgs,
}

/// Destroys values for good. What a revision runs with cannot be destroyed; set another value and let it roll out first.
#[derive(Debug, Args)]
pub(crate) struct DestroySecretArgs {
    #[command(flatten)]
    pub which: SecretArgs,
    /// A version; can be given more than once.
    #[arg(long = "version", value_name = "NUMBER", required_unless_present_any = ["older_than", "all"])]
    pub versions: Vec<u32>,
    /// Every version before this one.
    #[arg(long, value_name = "NUMBER", conflicts_with = "all")]
    pub older_than: Option<u32>,
    /// Every version.
    #[arg(long, conflicts_with = "versions")]
    pub all: bool,
    #[command(flatten)]
    pub how: SecretChangeArgs,
}

/// Where a value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SecretPlace {
    /// In the server's own store.
    Store,
    /// In a file of the project that sops can read.
    Files,
}

/// Which secret.
#[derive(Debug, Args)]
pub(crate) struct SecretArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The secret.
    #[arg(value_name = "NAME")]
    pub name: OsString,
    /// Not a way to give a value: taken so that it can be refused without being repeated.
    #[arg(hide = true)]
    pub more: Vec<OsString>,
}

/// How a change is made.
#[derive(Debug, Args)]
pub(crate) struct SecretChangeArgs {
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Only records it: what runs stays as it is until the next promotion.
    #[arg(long)]
    pub record_only: bool,
}
