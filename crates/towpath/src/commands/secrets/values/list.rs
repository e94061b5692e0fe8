//! `towpath secrets list`: which secrets an environment has, where each comes from, how old it is, who answers for it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use towpath_core::config::{Inputs, Loaded};
use towpath_server::api::types::{SecretList, SecretView};

use crate::{
    cli::ListArgs,
    commands::Outcome,
    context::Context,
    failure::Exit,
    output::{Paint, Table},
    words::{between, time},
};

/// One secret as files and server know it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    name: String,
    /// Where its value comes from; absent if nobody has it, as far as can be told without asking other sources.
    source: Option<String>,
    version: Option<String>,
    changed_at: Option<Timestamp>,
    by: Option<String>,
    owner: Option<String>,
    declared: bool,
    running: Option<u32>,
}

pub(super) async fn run(context: &Context, args: &ListArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let loaded = context.folder().ok().and_then(|folder| folder.load().ok());
    let stored = match context.client() {
        Ok(client) => Some(client.secrets(&environment).await?),
        Err(failure) if failure.exit == Exit::Unreachable && loaded.is_some() => {
            context.out.warn("no server runs for this project, so only its files are shown");
            None
        }
        Err(failure) => return Err(failure),
    };
    let lines = lines(&environment, loaded.as_ref(), stored.as_ref());
    context.out.list(&lines, |paint| text(&environment, &lines, paint))?;
    Ok(Exit::Done)
}

fn lines(environment: &str, loaded: Option<&Loaded>, stored: Option<&SecretList>) -> Vec<Line> {
    let resolved = loaded.and_then(|loaded| loaded.resolve(environment, &Inputs::default()).environment);
    let in_files = resolved.as_ref().map(|resolved| resolved.secret_roots.in_files.clone()).unwrap_or_default();
    let declared: BTreeSet<String> = in_files
        .keys()
        .cloned()
        .chain(resolved.iter().flat_map(|resolved| resolved.secret_roots.elsewhere.iter().cloned()))
        .collect();
    let stored: BTreeMap<&str, &SecretView> =
        stored.iter().flat_map(|list| &list.secrets).map(|secret| (secret.name.as_str(), secret)).collect();
    let names: BTreeSet<&str> = declared.iter().map(String::as_str).chain(stored.keys().copied()).collect();
    let line = |name: &str| {
        let store = stored.get(name).filter(|secret| secret.version.is_some());
        let file = in_files.get(name);
        let store_first = resolved.as_ref().is_some_and(|resolved| {
            let mut sources = resolved.secret_spec.from.iter();
            sources.find(|source| **source != towpath_core::secrets::SourceSpec::Files)
                == resolved.secret_spec.from.first()
        });
        let from_file = file.filter(|_| store.is_none() || !store_first);
        let from_store = store.filter(|_| from_file.is_none());
        Line {
            name: name.to_owned(),
            source: from_file.map(|pin| pin.from.to_string()).or_else(|| from_store.map(|it| it.source.clone())),
            version: from_file
                .map(|pin| pin.version.to_string())
                .or_else(|| from_store.and_then(|it| it.version).map(|version| version.to_string())),
            changed_at: from_store.map(|it| it.changed_at),
            by: from_store.and_then(|it| it.by.clone()),
            owner: loaded.and_then(|loaded| loaded.owner_of(name)).map(str::to_owned),
            declared: declared.contains(name),
            running: from_store.and_then(|it| it.running),
        }
    };
    names.into_iter().map(line).collect()
}

fn text(environment: &str, lines: &[Line], paint: Paint) -> String {
    if lines.is_empty() {
        return format!("{environment} has no secrets\n");
    }
    let now = Timestamp::now();
    let mut table = Table::new(&["NAME", "SOURCE", "VERSION", "AGE", "CHANGED", "BY", "OWNER", ""]);
    for line in lines {
        let state = match (line.declared, &line.source, &line.version, line.running) {
            (true, None, _, _) => paint.yellow("no file and not the store has it"),
            (false, _, _, _) => paint.dim("not declared"),
            (true, Some(_), Some(version), Some(running)) if *version != running.to_string() => {
                paint.yellow(&format!("version {running} runs"))
            }
            (true, Some(_), _, _) => String::new(),
        };
        table.row(vec![
            paint.bold(&line.name),
            line.source.clone().unwrap_or_else(|| paint.dim("-")),
            line.version.as_deref().map(|version| version.chars().take(12).collect()).unwrap_or_default(),
            line.changed_at.map(|at| between(at, now)).unwrap_or_default(),
            line.changed_at.map(time).unwrap_or_default(),
            line.by.clone().unwrap_or_default(),
            line.owner.clone().unwrap_or_default(),
            state,
        ]);
    }
    table.text(paint)
}
