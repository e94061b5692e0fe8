//! `towpath env compare`.

use clap::Args;
use towpath_core::config::KeyPattern;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct CompareArgs {
    /// Two or more; without any, all.
    #[arg(value_name = "ENVIRONMENT")]
    pub environments: Vec<String>,
    /// Shows keys that are the same, too.
    #[arg(long, conflicts_with = "only_unexpected")]
    pub full: bool,
    /// Leaves out differences that `compare` in towpath.yaml declares.
    #[arg(long)]
    pub only_unexpected: bool,
    /// Only these keys and what is under them, such as `variables.*` or `services.*.replicas`.
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub keys: Vec<KeyPattern>,
    /// Prints a table for a pull request or the summary of a CI job.
    #[arg(long)]
    pub markdown: bool,
    /// Leaves out what the server knows: the live overlay.
    #[arg(long)]
    pub offline: bool,
}
