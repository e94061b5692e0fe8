//! `towpath secrets get`: one value, for a person or a pipe.

use std::io::{self, IsTerminal as _};

use towpath_server::api::types::ReadSecret;

use super::{name, reason};
use crate::{cli::GetSecretArgs, commands::Outcome, context::Context, failure::Exit};

pub(super) async fn run(context: &Context, args: &GetSecretArgs) -> Outcome {
    let name = name(&args.which)?;
    let client = context.client()?;
    let environment = context.environment(&args.which.environment);
    let reason = reason(context, &client, &environment, args.reason.as_ref()).await?;
    let shown = client.read_secret(&environment, name, &ReadSecret { version: args.version, reason }).await?;
    // To a pipe the value is what it is; a terminal gets the end of its line.
    let end = if io::stdout().is_terminal() { "\n" } else { "" };
    context.out.show(&shown, |_| format!("{}{end}", shown.value.expose()))?;
    Ok(Exit::Done)
}
