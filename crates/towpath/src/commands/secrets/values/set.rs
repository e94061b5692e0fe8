//! `towpath secrets set`: a value that nobody else sees, into the store or into a file.

use std::path::Path;

use serde_json::json;
use towpath_server::api::types::{SecretValue, SetSecret};

use super::{
    super::files::values::{Written, set_in_file},
    change::said,
    input, name,
    place::{self, Places},
    reason,
};
use crate::{
    cli::SetSecretArgs,
    commands::{Outcome, client_command},
    context::Context,
    failure::{Exit, Failure},
};

pub(super) fn run(context: &Context, args: &SetSecretArgs) -> Outcome {
    if args.value.is_some() {
        let message = "a value is never an argument: it would be in the shell's history and in the list of processes";
        return Err(Failure::usage(message)
            .kept("nothing was changed")
            .next("leave it out: the value is asked for, or piped in, or read with --from-file"));
    }
    let name = name(&args.which)?;
    let environment = context.environment(&args.which.environment);
    let places = Places::of(context, &environment);
    if let Some(file) = place::to(places.as_ref(), &environment, args.to)? {
        return into_file(context, args, &file, name);
    }
    let done = client_command(into_store(context, args, &environment, name))?;
    if places.as_ref().is_some_and(|places| !places.declares(name)) {
        context.out.warn(&format!(
            "no secret `{name}` is declared under `variables` for {environment}, so nothing is given this value"
        ));
    }
    if let Some(file) = places.and_then(|places| places.hidden_by(name)) {
        context
            .out
            .warn(&format!("`{name}` is in {} too, which comes first: what the store has is not used", file.display()));
    }
    Ok(done)
}

fn into_file(context: &Context, args: &SetSecretArgs, file: &Path, name: &str) -> Outcome {
    if args.expect.is_some() || args.how.record_only {
        return Err(Failure::usage("--expect and --record-only are about the server's store, not about files")
            .kept("nothing was changed")
            .next("--to store"));
    }
    let mut value = None;
    client_command(async {
        value = Some(input::value(context, name, args.from_file.as_deref()).await?);
        Ok(Exit::Done)
    })?;
    let value = value.unwrap_or_default();
    let written = set_in_file(context, file, name, &value)?;
    drop(value);
    let what = match written {
        Written::Made => "made",
        Written::Changed => "changed",
        Written::Unchanged => "unchanged",
    };
    let shown = json!({ "name": name, "file": file, "written": what });
    context.out.show(&shown, |paint| match written {
        Written::Unchanged => format!("{} in {}: it has this value already\n", paint.bold(name), file.display()),
        Written::Made | Written::Changed => format!("{} in {}: set\n", paint.bold(name), file.display()),
    })?;
    if written != Written::Unchanged {
        context.out.next("towpath release create, to bring it into what runs");
    }
    Ok(Exit::Done)
}

async fn into_store(context: &Context, args: &SetSecretArgs, environment: &str, name: &str) -> Outcome {
    let client = context.client()?;
    let reason = reason(context, &client, environment, args.how.reason.as_ref()).await?;
    let tag = match args.expect {
        Some(expected) => client.secret_tag(environment, name, expected).await?,
        None => None,
    };
    let value = input::value(context, name, args.from_file.as_deref()).await?;
    let body = SetSecret { value: SecretValue::new(value.expose()), reason, record_only: args.how.record_only };
    drop(value);
    let changed = client.set_secret(environment, name, &body, tag.as_deref()).await?;
    drop(body);
    said(context, &changed, "set")
}
