//! `towpath secrets get`: one value, for a person or a pipe.

use std::io::{self, IsTerminal as _};

use serde_json::json;
use towpath_server::api::types::ReadSecret;

use super::{
    super::files::values::get_from_file,
    name,
    place::{self, Places},
    reason,
};
use crate::{
    cli::GetSecretArgs,
    commands::{Outcome, client_command},
    context::Context,
    failure::Exit,
};

pub(super) fn run(context: &Context, args: &GetSecretArgs) -> Outcome {
    let name = name(&args.which)?;
    let environment = context.environment(&args.which.environment);
    let places = Places::of(context, &environment).filter(|_| args.version.is_none());
    match place::from(places.as_ref(), name, args.from)? {
        Some(file) => {
            let value = get_from_file(context, &file, name)?;
            let shown = json!({ "name": name, "file": file, "value": value.expose() });
            context.out.show(&shown, |_| format!("{}{}", value.expose(), end()))?;
            Ok(Exit::Done)
        }
        None => client_command(from_store(context, args, &environment, name)),
    }
}

async fn from_store(context: &Context, args: &GetSecretArgs, environment: &str, name: &str) -> Outcome {
    let client = context.client()?;
    let reason = reason(context, &client, environment, args.reason.as_ref()).await?;
    let shown = client.read_secret(environment, name, &ReadSecret { version: args.version, reason }).await?;
    context.out.show(&shown, |_| format!("{}{}", shown.value.expose(), end()))?;
    Ok(Exit::Done)
}

/// To a pipe the value is what it is; a terminal gets the end of its line.
fn end() -> &'static str {
    if io::stdout().is_terminal() { "\n" } else { "" }
}
