//! `towpath flags keys …`: the keys of applications. A key is printed once and is in nothing else that is printed.

use jiff::{SignedDuration, Timestamp};
use towpath_server::api::types::{FlagKeyKind, FlagKeyShown, FlagKeyView, MakeFlagKey, RevokeFlagKey};

use crate::{
    cli::{CreateKeyArgs, KeyKind, KeysCommand, ListKeysArgs, RevokeKeyArgs},
    commands::{Outcome, client_command},
    context::Context,
    failure::{Exit, Failure},
    output::{Paint, Table},
    words::time,
};

pub(super) fn run(context: &Context, command: &KeysCommand) -> Outcome {
    match command {
        KeysCommand::Create(args) => client_command(create(context, args)),
        KeysCommand::List(args) => client_command(list(context, args)),
        KeysCommand::Revoke(args) => client_command(revoke(context, args)),
    }
}

async fn create(context: &Context, args: &CreateKeyArgs) -> Outcome {
    let client = context.client()?;
    let environment = context.environment(&args.environment);
    let expires_at = match args.ttl {
        Some(ttl) => {
            let length = SignedDuration::from_millis(i64::try_from(ttl.0).unwrap_or(i64::MAX));
            let end = Timestamp::now().checked_add(length);
            Some(end.map_err(|_| Failure::usage("--ttl is too long: leave it away for a key without an end"))?)
        }
        None => None,
    };
    let body = MakeFlagKey {
        name: args.name.clone(),
        kind: match args.kind {
            KeyKind::Server => FlagKeyKind::Server,
            KeyKind::Client => FlagKeyKind::Client,
        },
        origins: args.origins.clone(),
        per_second: args.per_second,
        expires_at,
        reason: args.reason.clone(),
    };
    let made = client.make_flag_key(&environment, &body).await?;
    context.out.show(&made, |_| format!("{}\n", made.key.expose()))?;
    context.out.progress(&told(&made));
    Ok(Exit::Done)
}

fn told(made: &FlagKeyShown) -> String {
    let (name, place) = (&made.view.name, &made.environment);
    let whom = match made.view.kind {
        FlagKeyKind::Server => "services, which keep it secret",
        FlagKeyKind::Client => "pages and apps; it evaluates only flags that are meant for them",
    };
    format!("key {name} of {place}, for {whom}. It is not shown again.")
}

async fn list(context: &Context, args: &ListKeysArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let keys = context.client()?.flag_keys(&environment).await?.keys;
    context.out.list(&keys, |paint| table(&environment, &keys, paint))?;
    Ok(Exit::Done)
}

fn table(environment: &str, keys: &[FlagKeyView], paint: Paint) -> String {
    if keys.is_empty() {
        return format!("{environment} has no keys\n");
    }
    let mut table = Table::new(&["NAME", "KIND", "MADE", "BY", "PER SECOND", "ORIGINS", ""]);
    for key in keys {
        let state = match (key.revoked_at, key.expires_at) {
            (Some(at), _) => {
                let by = key.revoked_by.as_deref().unwrap_or("-");
                paint.dim(&format!("revoked {} by {by}", time(at)))
            }
            (None, Some(end)) if !key.valid => paint.dim(&format!("expired {}", time(end))),
            (None, Some(end)) => format!("until {}", time(end)),
            (None, None) => String::new(),
        };
        table.row(vec![
            if key.valid { paint.bold(&key.name) } else { paint.dim(&key.name) },
            match key.kind {
                FlagKeyKind::Server => "server".to_owned(),
                FlagKeyKind::Client => "client".to_owned(),
            },
            time(key.made_at),
            key.made_by.clone(),
            key.per_second.map_or_else(|| "-".to_owned(), |limit| limit.to_string()),
            if key.origins.is_empty() { "-".to_owned() } else { key.origins.join(" ") },
            state,
        ]);
    }
    table.text(paint)
}

async fn revoke(context: &Context, args: &RevokeKeyArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let body = RevokeFlagKey { reason: args.reason.clone() };
    let key = context.client()?.revoke_flag_key(&environment, &args.name, &body).await?;
    context.out.show(&key, |paint| format!("{} of {environment}: refused from now on\n", paint.bold(&key.name)))?;
    Ok(Exit::Done)
}
