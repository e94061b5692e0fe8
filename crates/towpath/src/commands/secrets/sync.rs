//! `towpath secrets sync`.

use crate::{cli::SyncArgs, commands::Outcome, context::Context, failure::Failure};

pub(super) fn run(_context: &Context, _args: &SyncArgs) -> Outcome {
    Err(Failure::usage("not yet"))
}
