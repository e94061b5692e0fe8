//! `towpath flags stale`: flags that should be gone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Zoned, civil::Date};
use serde::Serialize;
use towpath_core::{config::constant_flags, flags::FlagDocument};

use super::{refs, state::State};
use crate::{
    cli::StaleArgs,
    commands::{Outcome, client_command},
    context::Context,
    failure::{Exit, Failure},
    output::{Paint, Table},
};

/// One flag that should be gone.
#[derive(Debug, Serialize)]
struct Stale {
    flag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    reasons: Vec<Reason>,
}

/// Why.
#[derive(Debug, Serialize)]
struct Reason {
    reason: &'static str,
    detail: String,
}

pub(super) fn run(context: &Context, args: &StaleArgs) -> Outcome {
    let folder = context.folder()?;
    let loaded = folder.load()?;
    let names: Vec<String> = match &args.env {
        Some(name) => vec![name.clone()],
        None => loaded.environments().map(ToString::to_string).collect(),
    };
    let mut documents = BTreeMap::new();
    for name in names {
        let state = State::of_environment(context, Some(&name), false)?;
        let name = state.environment.map_or(name, |name| name.to_string());
        documents.insert(name, state.document);
    }
    let defined: BTreeSet<String> = loaded.flag_keys().map(|(key, _)| key.to_owned()).collect();
    let mut reasons: BTreeMap<String, Vec<Reason>> = BTreeMap::new();
    expired(&documents, Zoned::now().date(), &mut reasons);
    constant(&documents, &mut reasons);
    if !args.no_refs {
        let keys = defined.iter().map(String::as_str).collect();
        let found = refs::find(folder.root(), folder.root(), &keys, &defined);
        let used: BTreeSet<&str> = found.found.iter().map(|one| one.flag.as_str()).collect();
        for key in defined.iter().filter(|key| !used.contains(key.as_str())) {
            let detail = "no source of the project names it".to_owned();
            reasons.entry(key.clone()).or_default().push(Reason { reason: "unreferenced", detail });
        }
    }
    never_evaluated(context, &documents, &mut reasons);
    let items = items(&documents, reasons);
    context.out.list(&items, |paint| text(&items, paint))?;
    if items.is_empty() {
        return Ok(Exit::Done);
    }
    context.out.next("take them out of the code and of `flags/`, or write `permanent: true` under `towpath:`");
    Ok(Exit::Difference)
}

fn items(documents: &BTreeMap<String, FlagDocument>, reasons: BTreeMap<String, Vec<Reason>>) -> Vec<Stale> {
    let notes = |key: &str| documents.values().find_map(|document| Some(&document.flags.get(key)?.towpath));
    let there = reasons.into_iter().filter(|(key, _)| notes(key).is_none_or(|notes| !notes.permanent));
    there.map(|(flag, reasons)| Stale { owner: notes(&flag).and_then(|it| it.owner.clone()), flag, reasons }).collect()
}

fn expired(documents: &BTreeMap<String, FlagDocument>, today: Date, reasons: &mut BTreeMap<String, Vec<Reason>>) {
    let mut days: BTreeMap<&str, Date> = BTreeMap::new();
    for (key, flag) in documents.values().flat_map(|document| &document.flags) {
        if let Some(day) = flag.towpath.expires.filter(|day| *day < today) {
            days.insert(key.as_str(), day);
        }
    }
    for (key, day) in days {
        let detail = format!("it should be gone since {day}");
        reasons.entry(key.to_owned()).or_default().push(Reason { reason: "expired", detail });
    }
}

/// Finds flags that yield the same variant for everybody wherever they are.
fn constant(documents: &BTreeMap<String, FlagDocument>, reasons: &mut BTreeMap<String, Vec<Reason>>) {
    let mut yields: BTreeMap<String, BTreeSet<Option<Option<String>>>> = BTreeMap::new();
    for document in documents.values() {
        let constant = constant_flags(document);
        for (key, flag) in &document.flags {
            // What requires another flag may change when that does.
            let fixed = constant.get(key.as_str()).filter(|_| flag.towpath.requires.is_empty()).cloned();
            yields.entry(key.to_string()).or_default().insert(fixed);
        }
    }
    for (key, outcomes) in yields.iter().filter(|(_, outcomes)| outcomes.len() == 1) {
        let Some(Some(outcome)) = outcomes.first() else { continue };
        let detail = match outcome {
            Some(variant) => format!("everybody gets `{variant}` in every environment"),
            None => "everybody gets the default in the code in every environment".to_owned(),
        };
        reasons.entry(key.clone()).or_default().push(Reason { reason: "constant", detail });
    }
}

/// Finds flags that no environment was ever asked for, where a server counts.
fn never_evaluated(
    context: &Context,
    documents: &BTreeMap<String, FlagDocument>,
    reasons: &mut BTreeMap<String, Vec<Reason>>,
) {
    let mut asked: BTreeMap<String, u64> = BTreeMap::new();
    for name in documents.keys() {
        let Ok(counts) = counts(context, name) else {
            context.out.progress("how often flags are evaluated is not known: no server was asked");
            return;
        };
        for (key, count) in counts {
            *asked.entry(key).or_default() += count;
        }
    }
    // Where nothing was evaluated at all, that says nothing of one flag.
    if asked.values().all(|count| *count == 0) {
        return;
    }
    for (key, _) in asked.into_iter().filter(|(_, count)| *count == 0) {
        let detail = "no application ever evaluated it".to_owned();
        reasons.entry(key).or_default().push(Reason { reason: "never_evaluated", detail });
    }
}

fn counts(context: &Context, environment: &str) -> Result<BTreeMap<String, u64>, Failure> {
    let client = context.client()?;
    let mut found = BTreeMap::new();
    client_command(async {
        let counted = client.flag_evaluations(environment).await?;
        // A flag that was only ever answered among all is one that somebody may use.
        found.extend(counted.flags.into_iter().map(|one| (one.flag, one.asked + one.among_all)));
        Ok(Exit::Done)
    })?;
    Ok(found)
}

fn text(items: &[Stale], paint: Paint) -> String {
    if items.is_empty() {
        return format!("{} no flag should be gone\n", paint.green("ok"));
    }
    let mut table = Table::new(&["FLAG", "OWNER", "WHY"]);
    for item in items {
        for (index, reason) in item.reasons.iter().enumerate() {
            let first = index == 0;
            let flag = if first { paint.bold(&item.flag) } else { String::new() };
            let owner = item.owner.clone().filter(|_| first).unwrap_or_default();
            table.row(vec![flag, owner, reason.detail.clone()]);
        }
    }
    table.text(paint)
}
