//! `towpath env compare`: environments beside each other.
//!
//! The process environment is left out: what is set where the command runs would be the same in all of them.

use std::{collections::BTreeMap, slice};

use serde_json::{Value, json};
use towpath_core::{
    config::{Comparison, Inputs, KeyPattern, ResolvedEnvironment, Row, StaleWhy},
    ids::EnvironmentName,
};

use super::{resolve_over, which};
use crate::{
    cli::CompareArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::ProjectFolder,
};

mod markdown;
mod matrix;

pub(super) fn run(context: &Context, folder: &ProjectFolder, args: &CompareArgs) -> Outcome {
    let loaded = folder.load()?;
    let all: Vec<String> = loaded.in_order().iter().map(ToString::to_string).collect();
    let names = if args.environments.is_empty() { &all } else { &args.environments };
    if names.len() < 2 {
        return Err(
            Failure::usage("a comparison needs two environments").next("towpath env compare staging production")
        );
    }
    let found = names.iter().map(|name| which(context, &loaded, Some(name)));
    let found: Vec<EnvironmentName> = found.collect::<Result<_, Failure>>()?;
    if let Some(twice) = (1..).zip(&found).find_map(|(next, name)| found.get(next..)?.contains(name).then_some(name)) {
        let message = format!("`{twice}` is named twice: an environment does not differ from itself");
        return Err(Failure::usage(message).next("towpath env compare staging production"));
    }
    let one = |name: &EnvironmentName| Ok(resolve_over(context, &loaded, name, Inputs::default(), args.offline)?.0);
    let resolved: Vec<ResolvedEnvironment> = found.iter().map(one).collect::<Result<_, Failure>>()?;
    let resolved: Vec<&ResolvedEnvironment> = resolved.iter().collect();
    let comparison = loaded.compare(&resolved, &args.keys);
    // A check that checks nothing because of a slip would pass for ever.
    let idle = |pattern: &&KeyPattern| loaded.compare(&resolved, slice::from_ref(*pattern)).rows.is_empty();
    if let Some(pattern) = args.keys.iter().find(idle) {
        return Err(Failure::usage(format!("`{pattern}` fits no key of these environments"))
            .next("towpath env compare --full, for the keys there are"));
    }
    let shown: Vec<&Row> = comparison.rows.iter().filter(|row| is_shown(row, args)).collect();
    if args.markdown {
        context.out.data(&markdown::text(&comparison, &shown))?;
    } else {
        let value = as_json(&comparison, &shown);
        context.out.show(&value, |paint| matrix::text(&comparison, &shown, matrix::width(), paint))?;
    }
    for stale in &comparison.stale {
        let why = match stale.why {
            StaleWhy::MatchesNothing => "fits no key",
            StaleWhy::NoDifference => "does not differ any more",
        };
        context.out.warn(&format!("{}: `{}` is declared to differ and {why}", stale.place, stale.keys));
    }
    Ok(if comparison.unexpected().next().is_none() { Exit::Done } else { Exit::Difference })
}

fn is_shown(row: &Row, args: &CompareArgs) -> bool {
    args.full || row.is_unexpected() || (!args.only_unexpected && !row.same())
}

fn as_json(comparison: &Comparison, shown: &[&Row]) -> Value {
    let names: Vec<String> = comparison.environments.iter().map(ToString::to_string).collect();
    let rows = shown.iter().map(|row| {
        let mut value = json!(row);
        let values: BTreeMap<&String, &Option<String>> = names.iter().zip(&row.values).collect();
        if let Some(object) = value.as_object_mut() {
            object.insert("values".to_owned(), json!(values));
        }
        value
    });
    let counts = Counts::of(comparison);
    let missing: BTreeMap<&str, Vec<&str>> = lacking(comparison)
        .map(|(name, rows)| (name.as_str(), rows.iter().map(|row| row.key.as_str()).collect()))
        .collect();
    json!({
        "environments": comparison.environments,
        "parityPercent": comparison.parity_percent(),
        "keys": comparison.rows.len(),
        "same": counts.same,
        "expected": counts.expected,
        "unexpected": counts.unexpected,
        "missing": missing,
        "rows": rows.collect::<Vec<_>>(),
        "stale": comparison.stale,
    })
}

/// How many keys agree, differ as declared, and differ otherwise.
struct Counts {
    same: usize,
    expected: usize,
    unexpected: usize,
}

impl Counts {
    fn of(comparison: &Comparison) -> Self {
        let same = comparison.rows.iter().filter(|row| row.same()).count();
        let unexpected = comparison.unexpected().count();
        Self { same, expected: comparison.rows.len() - same - unexpected, unexpected }
    }

    /// Returns them in a sentence.
    fn sentence(&self, comparison: &Comparison) -> String {
        let declared = if self.expected > 0 { format!(", {} more as declared", self.expected) } else { String::new() };
        let all = comparison.rows.len();
        format!("{} of {all} keys differ{declared}; parity {} %", self.unexpected, comparison.parity_percent())
    }
}

/// Returns the environments that lack keys others have, with the keys.
fn lacking(comparison: &Comparison) -> impl Iterator<Item = (&EnvironmentName, Vec<&Row>)> {
    let of = |name| (name, comparison.missing(name));
    comparison.environments.iter().map(of).filter(|(_, rows)| !rows.is_empty())
}

/// Returns a line for each environment that lacks keys, with the first of them.
fn missing_lines(comparison: &Comparison, name: impl Fn(&str) -> String) -> Vec<String> {
    const SHOWN: usize = 8;
    let line = |(environment, rows): (&EnvironmentName, Vec<&Row>)| {
        let keys: Vec<String> = rows.iter().take(SHOWN).map(|row| name(&row.key)).collect();
        let more = rows.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("missing in {environment}: {}{more}", keys.join(", "))
    };
    lacking(comparison).map(line).collect()
}

/// Returns why a row is shown, in a few words.
fn note(row: &Row, environments: &[EnvironmentName]) -> String {
    match &row.expected {
        Some(reason) if reason.is_empty() => "declared".to_owned(),
        Some(reason) => format!("declared: {reason}"),
        None if row.same() => String::new(),
        None => {
            let lack = environments.iter().zip(&row.values).filter(|(_, value)| value.is_none());
            let lack: Vec<&str> = lack.map(|(name, _)| name.as_str()).collect();
            if lack.is_empty() { "differs".to_owned() } else { format!("missing in {}", lack.join(", ")) }
        }
    }
}

/// Returns a value as one short line, with nothing in it that steers a terminal.
fn short(value: &str, most: usize) -> String {
    let mut out = String::new();
    for (place, c) in value.chars().enumerate() {
        if place >= most {
            out.push('…');
            break;
        }
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    if out.is_empty() { "\"\"".to_owned() } else { out }
}
