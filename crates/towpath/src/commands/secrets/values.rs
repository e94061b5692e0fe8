//! `towpath secrets …`: values of an environment's secrets.
//!
//! A value is read from where nobody else sees it, goes into one request and is forgotten; none is ever part of a message.

use towpath_server::api::types::Tier;

use crate::{
    cli::{SecretArgs, ValuesCommand},
    client::Client,
    commands::{Outcome, client_command},
    context::Context,
    failure::Failure,
};

mod change;
mod get;
mod history;
pub(super) mod input;
mod list;
mod place;
mod set;

pub(super) fn run(context: &Context, command: &ValuesCommand) -> Outcome {
    match command {
        ValuesCommand::Get(args) => get::run(context, args),
        ValuesCommand::Set(args) => set::run(context, args),
        ValuesCommand::List(args) => client_command(list::run(context, args)),
        ValuesCommand::History(args) => client_command(history::run(context, args)),
        ValuesCommand::Restore(args) => client_command(change::restore(context, args)),
        ValuesCommand::Unset(args) => change::unset(context, args),
        ValuesCommand::Destroy(args) => client_command(change::destroy(context, args)),
    }
}

/// Returns the name of a secret. What else is there may be a value, so nothing of it is repeated.
pub(super) fn name(args: &SecretArgs) -> Result<&str, Failure> {
    let advice = "give the name alone: the value is asked for, or piped in, or read with --from-file";
    let refused = |message: &str| Failure::usage(message).kept("nothing was changed").next(advice);
    if !args.more.is_empty() {
        return Err(refused(
            "a value is never an argument: it would be in the shell's history and in the list of processes",
        ));
    }
    let name = args.name.to_str().filter(|name| !name.contains('='));
    let name = name.ok_or_else(|| {
        refused("`NAME=VALUE` is not taken: it would be in the shell's history and in the list of processes")
    })?;
    if towpath_core::decide::secrets::checked_name(name).is_err() {
        return Err(refused("this is not the name of a secret: letters, digits and `_`, not beginning with a digit"));
    }
    Ok(name)
}

/// Returns the reason: given, or asked for where users are and somebody can be asked.
pub(super) async fn reason(
    context: &Context,
    client: &Client,
    environment: &str,
    given: Option<&String>,
) -> Result<Option<String>, Failure> {
    if given.is_some() || !context.is_interactive() {
        return Ok(given.cloned());
    }
    if client.environment(environment).await?.summary.tier != Tier::Production {
        return Ok(None);
    }
    let answer = context.ask(&format!("{environment} is where users are. Why"), "")?;
    Ok((!answer.is_empty()).then_some(answer))
}

#[cfg(test)]
mod tests;
