//! `towpath secrets sync`.

use clap::{Args, builder::NonEmptyStringValueParser};

use crate::cli::render::ReasonArgs;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct SyncArgs {
    /// Which environment's secrets.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Only this target, by the name it has under `secrets.sync`; all if absent.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub target: Option<String>,
    /// Shows what would be done, and does nothing.
    #[arg(long, conflicts_with = "check")]
    pub dry_run: bool,
    /// Shows what differs, does nothing, and ends with exit status 4 if anything does.
    #[arg(long)]
    pub check: bool,
    /// Removes what was copied once and is not wanted any more. What others put there always stays.
    #[arg(long)]
    pub prune: bool,
    /// Leaves out what the server knows: its store and the live overlay.
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub reason: ReasonArgs,
}
