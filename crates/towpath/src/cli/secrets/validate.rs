//! `towpath secrets validate`.

use std::path::PathBuf;

use clap::Args;
use towpath_core::secrets::findings::FindingSeverity;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct ValidateSecretsArgs {
    /// Only this environment; leaks are looked for in the whole project all the same.
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub environment: Option<String>,
    /// Looks into files that git ignores, too, where they are of kinds that hold credentials.
    #[arg(long)]
    pub all: bool,
    /// Looks through everything that git has of this project: every version of every file, also of removed ones.
    #[arg(long, conflicts_with = "no_leaks")]
    pub history: bool,
    /// Does not look for leaks in files.
    #[arg(long)]
    pub no_leaks: bool,
    /// Shows who can read the secrets of which environment, besides what is wrong.
    #[arg(long)]
    pub access: bool,
    /// Asks neither the server nor other sources which secrets they have.
    #[arg(long)]
    pub offline: bool,
    /// Ends with exit status 1 only for findings at least this bad: low, medium, high or critical.
    #[arg(long, value_name = "LEVEL", default_value = "low")]
    pub fail_on: FindingSeverity,
    /// Writes the findings into a file in SARIF, as code hosts take them.
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
}
