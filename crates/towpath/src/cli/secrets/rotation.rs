//! `towpath secrets …`: changing values and keys without interruption.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};

use super::values::SecretArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum RotationCommand {
    /// Rotates the value of a secret, or the data key of an environment.
    Rotate(RotateArgs),
    /// Shows where rotations stand and what they wait for.
    Rotations(RotationsArgs),
    /// Gives a rotation up: what runs gets the old value again.
    Abort(AbortRotationArgs),
    /// Has a rotation that waits tried again.
    Retry(RetryRotationArgs),
    /// Lists secrets with due dates, the most urgent first. Exit status 4 if one is overdue.
    Due(DueArgs),
}

/// Rotates the value of a secret, or the data key of an environment.
///
/// The new value is made as the variable declares, or as --generate says; or it is piped in or read from a file. It is made valid
/// beside the old one, comes to what runs by a promotion, and the old one is made invalid once nothing runs with it.
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The secret.
    #[arg(value_name = "NAME", required_unless_present = "data_key", conflicts_with = "data_key")]
    pub name: Option<std::ffi::OsString>,
    /// Not a way to give a value: taken so that it can be refused without being repeated.
    #[arg(hide = true)]
    pub more: Vec<std::ffi::OsString>,
    /// Makes a new data key instead; values follow by and by.
    #[arg(long)]
    pub data_key: bool,
    /// Makes the new value like this, whatever the variable declares.
    #[arg(long, value_name = "KIND", conflicts_with_all = ["from_file", "data_key"])]
    pub generate: Option<GenerateKind>,
    /// Reads the new value from this file; `-` is standard input.
    #[arg(long, value_name = "PATH", conflicts_with = "data_key")]
    pub from_file: Option<PathBuf>,
    /// Waits until the rotation is over or waits for somebody.
    #[arg(long, conflicts_with = "data_key")]
    pub wait: bool,
    /// How many seconds --wait waits at most.
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds, requires = "wait")]
    pub timeout: Duration,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// How a value is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GenerateKind {
    /// 32 letters and digits.
    Password,
    /// 32 random bytes in URL-safe base64.
    Token,
    /// 32 random bytes in hexadecimal.
    Hex,
    /// 32 random bytes in base64.
    Base64,
    /// A random UUID.
    Uuid,
}

/// Shows where rotations stand: of each secret of an environment the last one, or all of one secret.
#[derive(Debug, Args)]
pub(crate) struct RotationsArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The secret.
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,
}

/// Gives a rotation up, as long as the old value is valid.
#[derive(Debug, Args)]
pub(crate) struct AbortRotationArgs {
    #[command(flatten)]
    pub which: SecretArgs,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Has a rotation that waits tried again.
#[derive(Debug, Args)]
pub(crate) struct RetryRotationArgs {
    #[command(flatten)]
    pub which: SecretArgs,
}

/// Lists secrets with due dates: `rotate_every` and `expires` of their variables.
#[derive(Debug, Args)]
pub(crate) struct DueArgs {
    /// Only those that are due within this time, such as 30d.
    #[arg(long, value_name = "DURATION")]
    pub within: Option<towpath_core::units::Millis>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).map_err(|_| "this is not a number of seconds".to_owned())
}
