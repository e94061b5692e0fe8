//! `towpath flags eval` and `bootstrap`: the answers of OFREP without a server.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use jiff::Timestamp;
use serde_json::{Map, Value, json, value::RawValue};
use towpath_core::flags::{Context as FlagContext, ContextError, Evaluation, EvaluationError, Flag, FlagSet};

use super::state::State;
use crate::{
    cli::{BootstrapArgs, EvalFlagArgs},
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::unreadable,
};

/// The largest context, as the server takes it.
const LARGEST: usize = 1 << 20;

/// An answer: JSON, and how the command ends.
struct Answer {
    json: String,
    exit: Exit,
}

pub(super) fn run(context: &Context, args: &EvalFlagArgs) -> Outcome {
    let who = who(&args.context.context)?;
    let state = State::find(context, &args.state)?;
    let set = FlagSet::compile(&state.document);
    let answer = match set.get(&args.key) {
        // A file that cannot be read at all defines nothing, which is not the same as not having the flag.
        None if state.document.flags.is_empty() && !state.diagnostics.is_empty() => unread(&args.key, &state),
        None => failed(&args.key, "FLAG_NOT_FOUND", &format!("there is no flag `{}`", args.key)),
        Some(flag) => match read(&set, &who) {
            Ok(read) => answered(flag, &set.evaluate(flag, &read, Timestamp::now())),
            Err((code, why)) => failed(&args.key, code, &why),
        },
    };
    if context.out.is_text() {
        context.out.data(&text(&args.key, &answer.json))?;
    } else {
        context.out.data(&(answer.json + "\n"))?;
    }
    Ok(answer.exit)
}

fn unread(key: &str, state: &State) -> Answer {
    let first = state.diagnostics.iter().find(|one| one.is_error());
    let why = first.map_or_else(String::new, |one| {
        let place = one.primary.map(|label| format!("{}: ", state.sources.place(label))).unwrap_or_default();
        format!("{place}{}", one.message)
    });
    failed(key, "PARSE_ERROR", &why)
}

/// Returns who asks, as it was given.
fn who(given: &str) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    match given.strip_prefix('@') {
        Some(path) => {
            let path = Path::new(path);
            let file = fs::File::open(path).map_err(|error| unreadable(path, &error))?;
            file.take(limit).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
        }
        None if given == "-" => {
            let read = io::stdin().lock().take(limit).read_to_end(&mut bytes);
            read.map_err(|error| unreadable(Path::new("standard input"), &error))?;
        }
        None => bytes.extend_from_slice(given.as_bytes()),
    }
    Ok(bytes)
}

fn read<'c>(set: &FlagSet, bytes: &'c [u8]) -> Result<FlagContext<'c>, (&'static str, String)> {
    if bytes.len() > LARGEST {
        return Err(("INVALID_CONTEXT", format!("the context has more than {LARGEST} bytes")));
    }
    let bytes = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { bytes };
    set.context(bytes).map_err(|error| {
        let code = match error {
            ContextError::Parse(_) => "PARSE_ERROR",
            ContextError::Invalid(_) => "INVALID_CONTEXT",
        };
        (code, error.to_string())
    })
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Returns the answer of OFREP for what a flag yields. What is JSON already is written as it is, so that no number changes.
fn answered(flag: &Flag, evaluation: &Evaluation<'_>) -> Answer {
    let mut json = format!("{{\"key\":{}", quoted(flag.key()));
    let mut exit = Exit::Done;
    if let Some(error) = &evaluation.error {
        let why = match error {
            EvaluationError::TargetingKeyMissing => "the rule of the flag needs a `targetingKey` in the context",
            EvaluationError::Parse(why) | EvaluationError::General(why) => why,
        };
        json += &format!(",\"errorCode\":{},\"errorDetails\":{}", quoted(error.code()), quoted(why));
        exit = ends(error.code());
    } else {
        let variant = evaluation.variant.unwrap_or_default();
        json += &format!(",\"reason\":{},\"variant\":{}", quoted(evaluation.reason.as_str()), quoted(variant));
        if let Some(value) = evaluation.value {
            json += &format!(",\"value\":{value}");
        }
    }
    if let Some(metadata) = evaluation.metadata {
        json += &format!(",\"metadata\":{metadata}");
    }
    json.push('}');
    Answer { json, exit }
}

fn failed(key: &str, code: &str, why: &str) -> Answer {
    let json = format!("{{\"key\":{},\"errorCode\":{},\"errorDetails\":{}}}", quoted(key), quoted(code), quoted(why));
    Answer { json, exit: ends(code) }
}

/// What is wrong with the question is wrong usage; the rest is a failure.
fn ends(code: &str) -> Exit {
    match code {
        "INVALID_CONTEXT" | "TARGETING_KEY_MISSING" => Exit::Usage,
        _ => Exit::Failed,
    }
}

/// Returns an answer for people.
fn text(key: &str, answer: &str) -> String {
    let answer: Map<String, Value> = serde_json::from_str(answer).unwrap_or_default();
    let word = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if answer.contains_key("errorCode") {
        return format!("{key}: {}: {}\n", word("errorCode"), word("errorDetails"));
    }
    let value = answer.get("value").map_or_else(|| "the default in the code".to_owned(), Value::to_string);
    let variant = word("variant");
    let why = if variant.is_empty() { word("reason") } else { format!("{variant}, {}", word("reason")) };
    format!("{key} = {value} ({why})\n")
}

pub(super) fn bootstrap(context: &Context, args: &BootstrapArgs) -> Outcome {
    let who = who(&args.context.context)?;
    let state = State::find(context, &args.state)?;
    let set = FlagSet::compile(&state.document);
    let read = read(&set, &who).map_err(|(code, why)| {
        Failure::new(Exit::Usage, &code.to_lowercase(), why).next("--context '{\"targetingKey\": \"user-1\"}'")
    })?;
    let now = Timestamp::now();
    let mut values = Map::new();
    let mut details: Vec<(String, Box<RawValue>)> = Vec::new();
    for flag in set.flags() {
        let hidden = state.document.flags.get(flag.key()).is_some_and(|flag| flag.towpath.client == Some(false));
        if hidden && !args.all {
            continue;
        }
        let evaluation = set.evaluate(flag, &read, now);
        if let Some(value) = evaluation.value.and_then(|value| serde_json::from_str(value).ok()) {
            values.insert(flag.key().to_owned(), value);
        }
        let answer = RawValue::from_string(answered(flag, &evaluation).json);
        details.extend(answer.ok().map(|answer| (flag.key().to_owned(), answer)));
    }
    let details: Map<String, Value> =
        details.into_iter().filter_map(|(key, raw)| Some((key, serde_json::from_str(raw.get()).ok()?))).collect();
    let environment = state.environment.as_ref().map(ToString::to_string);
    let page = json!({ "environment": environment, "flags": values, "details": details });
    context.out.data(&format!("{page:#}\n"))?;
    Ok(Exit::Done)
}
