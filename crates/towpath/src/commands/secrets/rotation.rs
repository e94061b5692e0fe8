//! `towpath secrets …`: changing values and keys without interruption.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use clap::ValueEnum as _;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use towpath_server::api::types::{ChangeRotation, DueSecretView, DueSecrets, RotateSecret, RotationView, SecretValue};

use super::values::{input, name, reason};
use crate::{
    cli::{AbortRotationArgs, DueArgs, RetryRotationArgs, RotateArgs, RotationCommand, RotationsArgs, SecretArgs},
    client::Client,
    commands::{Outcome, client_command},
    context::Context,
    failure::{Exit, Failure},
    output::{Paint, Table},
    words::{between, time},
};

/// How often --wait looks.
const LOOK: Duration = Duration::from_millis(250);

pub(super) fn run(context: &Context, command: &RotationCommand) -> Outcome {
    match command {
        RotationCommand::Rotate(args) => client_command(rotate(context, args)),
        RotationCommand::Rotations(args) => client_command(rotations(context, args)),
        RotationCommand::Abort(args) => client_command(abort(context, args)),
        RotationCommand::Retry(args) => client_command(retry(context, args)),
        RotationCommand::Due(args) => client_command(due(context, args)),
    }
}

async fn rotate(context: &Context, args: &RotateArgs) -> Outcome {
    if args.data_key {
        return data_key(context, args).await;
    }
    let which = SecretArgs {
        environment: args.environment.clone(),
        name: args.name.clone().unwrap_or_default(),
        more: args.more.clone(),
    };
    let name = name(&which)?;
    let client = context.client()?;
    let environment = context.environment(&args.environment);
    let reason = reason(context, &client, &environment, args.reason.as_ref()).await?;
    let generate = args.generate.and_then(|kind| kind.to_possible_value()).map(|word| word.get_name().to_owned());
    // A value is brought by who says so, or by what is piped in; an empty standard input brings none.
    let value = match (&generate, &args.from_file) {
        (Some(_), _) => None,
        (None, Some(path)) => Some(input::value(context, name, Some(path)).await?),
        (None, None) if io::stdin().is_terminal() => None,
        (None, None) => input::piped()?,
    };
    let value = value.map(|value| SecretValue::new(value.expose()));
    let begun = client.rotate_secret(&environment, name, &RotateSecret { value, generate, reason }).await?;
    let shown = if args.wait { wait(&client, &begun, args.timeout).await? } else { begun };
    said(context, &shown, args.wait)
}

async fn data_key(context: &Context, args: &RotateArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let made = context.client()?.rotate_data_key(&environment).await?;
    context.out.show(&made, |paint| {
        let follow = match made.left {
            0 => "nothing else has to be encrypted by it".to_owned(),
            1 => "1 value follows by itself".to_owned(),
            left => format!("{left} values follow by themselves"),
        };
        format!("{}: data key {} encrypts from here on; {follow}\n", paint.bold(&made.environment), made.version)
    })?;
    Ok(Exit::Done)
}

async fn wait(client: &Client, begun: &RotationView, timeout: Duration) -> Result<RotationView, Failure> {
    let deadline = Instant::now() + timeout;
    loop {
        let all = client.rotations_of(&begun.environment, &begun.name).await?.rotations;
        let found = all.into_iter().find(|it| it.number == begun.number);
        let found = found.unwrap_or_else(|| begun.clone());
        if found.over || found.needs_person || Instant::now() >= deadline {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn said(context: &Context, rotation: &RotationView, waited: bool) -> Outcome {
    context.out.show(rotation, |paint| told(rotation, paint))?;
    let (environment, name) = (&rotation.environment, &rotation.name);
    if !rotation.over {
        context.out.next(&format!("towpath secrets rotations {environment} {name}"));
    }
    Ok(match (waited, rotation.phase.as_str(), rotation.needs_person) {
        (false, _, _) | (true, "finished", _) => Exit::Done,
        (true, "aborted", _) | (true, _, true) => Exit::Failed,
        (true, _, false) => Exit::StillRunning,
    })
}

fn told(rotation: &RotationView, paint: Paint) -> String {
    let version = |version: Option<u32>| version.map_or_else(|| "none".to_owned(), |version| version.to_string());
    let what = match rotation.phase.as_str() {
        "creating" => "a new value is being made".to_owned(),
        "staged" => format!("version {} is being made valid", version(rotation.to)),
        "dual" => {
            format!("versions {} and {} are valid; the newer is in force", version(rotation.from), version(rotation.to))
        }
        "switched" => format!("nothing runs with version {} any more", version(rotation.from)),
        "retiring" => format!("version {} is being made invalid", version(rotation.from)),
        "aborting" => format!("given up: version {} is in force again", version(rotation.from)),
        "finished" => format!("version {} alone is valid", version(rotation.to)),
        _ => format!("given up: version {} alone is valid", version(rotation.from)),
    };
    let head = format!("{} in {}: rotation {}", paint.bold(&rotation.name), rotation.environment, rotation.number);
    let waits =
        rotation.waits.as_ref().map(|waits| format!("  {} {waits}\n", paint.yellow("waits"))).unwrap_or_default();
    format!("{head} {}: {what}\n{waits}", rotation.phase)
}

async fn rotations(context: &Context, args: &RotationsArgs) -> Outcome {
    let client = context.client()?;
    let environment = context.environment(&args.environment);
    let list = match &args.name {
        Some(name) => client.rotations_of(&environment, name).await?,
        None => client.rotations(&environment).await?,
    };
    context.out.list(&list.rotations, |paint| table(&environment, &list.rotations, paint))?;
    Ok(Exit::Done)
}

fn table(environment: &str, rotations: &[RotationView], paint: Paint) -> String {
    if rotations.is_empty() {
        return format!("nothing was ever rotated in {environment}\n");
    }
    let mut table = Table::new(&["NAME", "ROTATION", "PHASE", "FROM", "TO", "BEGUN", "BY", "WAITS FOR"]);
    for rotation in rotations {
        let version = |version: Option<u32>| version.map_or_else(|| "-".to_owned(), |version| version.to_string());
        let waits = rotation.waits.clone().unwrap_or_default();
        table.row(vec![
            paint.bold(&rotation.name),
            rotation.number.to_string(),
            rotation.phase.clone(),
            version(rotation.from),
            version(rotation.to),
            time(rotation.started_at),
            rotation.started_by.clone(),
            if rotation.needs_person { paint.yellow(&waits) } else { waits },
        ]);
    }
    table.text(paint)
}

async fn abort(context: &Context, args: &AbortRotationArgs) -> Outcome {
    let name = name(&args.which)?;
    let client = context.client()?;
    let environment = context.environment(&args.which.environment);
    let reason = reason(context, &client, &environment, args.reason.as_ref()).await?;
    let aborted = client.abort_rotation(&environment, name, &ChangeRotation { reason }).await?;
    said(context, &aborted, false)
}

async fn retry(context: &Context, args: &RetryRotationArgs) -> Outcome {
    let name = name(&args.which)?;
    let environment = context.environment(&args.which.environment);
    let retried = context.client()?.retry_rotation(&environment, name).await?;
    said(context, &retried, false)
}

async fn due(context: &Context, args: &DueArgs) -> Outcome {
    let DueSecrets { mut secrets } = context.client()?.due_secrets().await?;
    let now = Timestamp::now();
    if let Some(within) = args.within {
        let within = SignedDuration::from_millis(i64::try_from(within.0).unwrap_or(i64::MAX));
        let until = now.checked_add(within).unwrap_or(Timestamp::MAX);
        secrets.retain(|secret| secret.due <= until);
    }
    context.out.list(&secrets, |paint| due_table(&secrets, now, paint))?;
    let overdue = secrets.iter().any(|secret| secret.overdue && !secret.rotating);
    Ok(if overdue { Exit::Difference } else { Exit::Done })
}

fn due_table(secrets: &[DueSecretView], now: Timestamp, paint: Paint) -> String {
    if secrets.is_empty() {
        return "no secret is due\n".to_owned();
    }
    let mut table = Table::new(&["ENVIRONMENT", "NAME", "DUE", "", "VERSION", "AGE", "OWNER", ""]);
    for secret in secrets {
        let left = if secret.overdue {
            paint.red(&format!("{} overdue", between(secret.due, now)))
        } else {
            format!("in {}", between(now, secret.due))
        };
        let state = match (secret.rotating, secret.automatic) {
            (true, _) => "is being rotated",
            (false, true) => "rotates by itself",
            (false, false) => "",
        };
        table.row(vec![
            secret.environment.clone(),
            paint.bold(&secret.name),
            time(secret.due),
            left,
            secret.version.to_string(),
            between(secret.written_at, now),
            secret.owner.clone().unwrap_or_default(),
            state.to_owned(),
        ]);
    }
    table.text(paint)
}
