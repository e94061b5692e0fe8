//! `towpath secrets set`: a value that nobody else sees.

use towpath_server::api::types::{SecretValue, SetSecret};

use super::{change::said, input, name, reason};
use crate::{cli::SetSecretArgs, commands::Outcome, context::Context, failure::Failure};

pub(super) async fn run(context: &Context, args: &SetSecretArgs) -> Outcome {
    if args.value.is_some() {
        let message = "a value is never an argument: it would be in the shell's history and in the list of processes";
        return Err(Failure::usage(message)
            .kept("nothing was changed")
            .next("leave it out: the value is asked for, or piped in, or read with --from-file"));
    }
    let name = name(&args.which)?;
    let client = context.client()?;
    let environment = context.environment(&args.which.environment);
    let reason = reason(context, &client, &environment, args.how.reason.as_ref()).await?;
    let tag = match args.expect {
        Some(expected) => Some(client.secret_tag(&environment, name, expected).await?),
        None => None,
    };
    let value = input::value(context, name, args.from_file.as_deref()).await?;
    let body = SetSecret { value: SecretValue::new(value.expose()), reason, record_only: args.how.record_only };
    drop(value);
    let changed = client.set_secret(&environment, name, &body, tag.flatten().as_deref()).await?;
    drop(body);
    said(context, &changed, "set")
}
