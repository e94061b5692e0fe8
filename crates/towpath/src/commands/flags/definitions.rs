//! `towpath flags …`: definitions in files, and evaluating them.

use crate::{cli::DefinitionsCommand, commands::Outcome, context::Context};

mod add;
mod eval;
mod explain;
mod export;
mod list;
mod refs;
mod stale;
mod state;
mod uses;
mod validate;

pub(super) fn run(context: &Context, command: &DefinitionsCommand) -> Outcome {
    match command {
        DefinitionsCommand::List(args) => list::list(context, args),
        DefinitionsCommand::Show(args) => list::show(context, args),
        DefinitionsCommand::Explain(args) => explain::run(context, args),
        DefinitionsCommand::Validate(args) => validate::run(context, args),
        DefinitionsCommand::Eval(args) => eval::run(context, args),
        DefinitionsCommand::Bootstrap(args) => eval::bootstrap(context, args),
        DefinitionsCommand::Export(args) => export::run(context, args),
        DefinitionsCommand::Refs(args) => refs::run(context, args),
        DefinitionsCommand::Stale(args) => stale::run(context, args),
        DefinitionsCommand::Add(args) => add::run(context, args),
    }
}
