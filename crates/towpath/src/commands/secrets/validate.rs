//! `towpath secrets validate`.

use crate::{cli::ValidateSecretsArgs, commands::Outcome, context::Context, failure::Failure};

pub(super) fn run(_context: &Context, _args: &ValidateSecretsArgs) -> Outcome {
    Err(Failure::usage("not yet"))
}
