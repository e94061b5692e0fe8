//! `towpath audit …`: checking the ledger, offline, and reading it.

use std::{fs, path::Path};

use serde_json::{Value, json};
use towpath_core::ledger::{AuditReport, Checkpoint, CheckpointVerifier};
use towpath_engine::journal::audit;
use towpath_server::api::types::EventView;
use towpath_store::SqliteStore;

use super::Outcome;
use crate::{
    cli::{AuditCommand, AuditLogArgs},
    client::EventQuery,
    context::Context,
    failure::{Exit, Failure},
    folder::unreadable,
    output::{Paint, Table},
    server::keys,
    words::{count, time},
};

pub(crate) async fn run(context: &Context, command: AuditCommand) -> Outcome {
    match command {
        AuditCommand::Verify { checkpoint } => verify(context, checkpoint.as_deref()).await,
        AuditCommand::Log(args) => log(context, args).await,
        AuditCommand::Checkpoint => {
            let checkpoint = context.client()?.checkpoint().await?;
            // As text it is the signed note itself, so that it can be kept in a file and checked by others.
            context.out.show(&checkpoint, |_| checkpoint.note.clone())?;
            Ok(Exit::Done)
        }
    }
}

async fn verify(context: &Context, kept: Option<&Path>) -> Outcome {
    let data = context.folder()?.data();
    if !data.join("ledger.db").is_file() {
        return Err(Failure::new(Exit::Usage, "no_ledger", "this project has no ledger yet").next("towpath up"));
    }
    let verifier = keys::verifier(&data)?;
    let expected = kept.map(|path| read_checkpoint(path, &verifier)).transpose()?;
    let report = check(&data, &verifier, expected).await?;
    context.out.show(&report_json(&report, &verifier), |paint| report_text(&report, paint))?;
    Ok(if report.is_sound() { Exit::Done } else { Exit::Failed })
}

/// Checks the ledger in a folder, whether its server runs or not.
pub(crate) async fn check(
    data: &Path,
    verifier: &CheckpointVerifier,
    expected: Option<Checkpoint>,
) -> Result<AuditReport, Failure> {
    let store = SqliteStore::open(data).await.map_err(|error| Failure::of(Exit::Failed, "storage", &error))?;
    let report = audit(&store, verifier, expected).await;
    store.close().await;
    report.map_err(|error| Failure::of(Exit::Failed, "storage", &error))
}

fn read_checkpoint(path: &Path, verifier: &CheckpointVerifier) -> Result<Checkpoint, Failure> {
    let note = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    verifier.verify(&note).map_err(|error| {
        Failure::new(Exit::Failed, "bad_checkpoint", format!("`{}` is not a checkpoint of this ledger", path.display()))
            .because(&error)
    })
}

fn report_json(report: &AuditReport, verifier: &CheckpointVerifier) -> Value {
    json!({
        "sound": report.is_sound(),
        "entries": report.entries,
        "checkpoint": report.checkpoint.as_ref().map(|checkpoint| checkpoint.size),
        "key": verifier.to_string(),
        "findings": report.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn report_text(report: &AuditReport, paint: Paint) -> String {
    let entries = count(report.entries, "event");
    let signed = report.checkpoint.as_ref().map(|checkpoint| format!(", signed up to {}", checkpoint.size));
    if report.is_sound() {
        return format!("{} {entries}{}: nothing was changed\n", paint.green("ok"), signed.unwrap_or_default());
    }
    let findings = report.findings.iter().map(|finding| format!("  {finding}\n")).collect::<String>();
    let found = count(report.findings.len() as u64, "finding");
    format!("{} {entries}{}: {found}\n{findings}", paint.red("not sound"), signed.unwrap_or_default())
}

async fn log(context: &Context, args: AuditLogArgs) -> Outcome {
    let client = context.client()?;
    let mut filters = vec![("order", "desc".to_owned())];
    filters.extend(args.environment.iter().map(|name| ("environment", context.environment(name))));
    filters.extend(args.kind.iter().map(|kind| ("kind", kind.clone())));
    filters.extend(args.by.iter().map(|by| ("principal", by.clone())));
    let timed = args.since.is_some() || args.until.is_some();
    // Times are compared here, so that everything up to `since` has to be read.
    let limit = if timed { usize::MAX } else { args.limit };
    let events = client.events(&EventQuery { filters, limit, since: args.since }).await?;
    let inside = |event: &EventView| {
        args.since.is_none_or(|since| event.at >= since) && args.until.is_none_or(|until| event.at < until)
    };
    let events: Vec<EventView> = events.into_iter().filter(inside).take(args.limit).collect();
    context.out.list(&events, |paint| log_text(&events, paint))?;
    Ok(Exit::Done)
}

fn log_text(events: &[EventView], paint: Paint) -> String {
    let mut table = Table::new(&["SEQUENCE", "TIME", "WHO", "WHERE", "WHAT", ""]);
    for event in events {
        table.row(vec![
            event.sequence.to_string(),
            time(event.at),
            event.principal.clone(),
            event.environment.clone().unwrap_or_default(),
            paint.bold(&event.kind),
            gist(&event.body),
        ]);
    }
    if table.is_empty() { "no events\n".to_owned() } else { table.text(paint) }
}

/// Returns what of a body people look for.
fn gist(body: &Value) -> String {
    let number =
        |key: &str, prefix: &str| body.get(key).and_then(Value::as_u64).map(|number| format!("{prefix}{number}"));
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let parts = [
        number("promotion", "p"),
        number("revision", "d"),
        number("release", "r"),
        body.get("release").and_then(|release| release.get("number")).and_then(Value::as_u64).map(|n| format!("r{n}")),
        number("step", "step "),
        secrets(body),
        text(body.get("item")),
        text(body.get("comment")),
        text(body.get("reason")),
        text(body.pointer("/failure/message")),
        text(body.pointer("/measurement/reason")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Names the secrets that an event is about, with their versions.
fn secrets(body: &Value) -> Option<String> {
    let one = |body: &Value| {
        let name = body.get("name")?.as_str()?;
        let version = match body.get("version") {
            Some(Value::Number(number)) => format!("@{number}"),
            Some(Value::String(text)) => format!("@{text}"),
            _ => String::new(),
        };
        Some(format!("{name}{version}"))
    };
    match body.get("secrets").and_then(Value::as_array) {
        Some(several) => Some(several.iter().filter_map(one).collect::<Vec<_>>().join(", ")),
        None => one(body),
    }
}
