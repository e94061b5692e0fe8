//! What flags and segments say of each other: what is required, and what leads back to itself.

use std::{collections::BTreeMap, sync::Arc};

use super::{ByName, FlagTree, rules::literal};
use crate::config::{
    diagnostic::Diagnostic,
    limits::{MAX_TOLD, enough},
    nearest::suggestion,
    source::Label,
    value::{Data, Value},
    yaml::shorten,
};

/// Who names whom, and where.
type Graph = BTreeMap<Arc<str>, Vec<(Arc<str>, Label)>>;

/// Returns what is wrong with prerequisites.
pub(super) fn prerequisites(tree: &FlagTree) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut graph = Graph::new();
    for (key, member) in &tree.flags {
        for (flag, variant) in required(&member.value) {
            if enough(&found, MAX_TOLD) {
                return found;
            }
            let Some(name) = literal(flag) else { continue };
            if let Some(error) = unmet(key, name, (flag, variant), tree) {
                found.push(error);
            } else {
                graph.entry(key.clone()).or_default().push((name.into(), flag.origin));
            }
        }
    }
    for cycle in cycles(&graph) {
        found.push(told(&cycle, "flags::prerequisite", "flags require each other", "let one of them require nothing"));
    }
    found
}

fn required(flag: &Value) -> impl Iterator<Item = (&Value, Option<&Value>)> {
    let list = flag.get("towpath").and_then(|notes| notes.get("requires"));
    let items = match list.map(|list| &list.data) {
        Some(Data::List(items)) => items.as_slice(),
        Some(Data::Removed | Data::Scalar(_) | Data::Map(_)) | None => &[],
    };
    items.iter().filter_map(|item| Some((item.get("flag")?, item.get("variant"))))
}

fn unmet(key: &str, name: &str, (flag, variant): (&Value, Option<&Value>), tree: &FlagTree) -> Option<Diagnostic> {
    let Some(required) = tree.flags.get(name) else {
        let message = format!("`{key}` requires the flag `{}`, which is not defined", shorten(name));
        let known = tree.flags.keys().map(AsRef::as_ref).filter(|other| *other != key);
        let error = Diagnostic::error("flags::prerequisite", flag.origin, message);
        return Some(error.help(format!("define it in `flags/`; {}", suggestion(name, known))));
    };
    let variant = variant.filter(|variant| literal(variant).is_some())?;
    let word = literal(variant)?;
    let variants = required.value.get("variants").and_then(Value::as_map)?;
    let known = variants.iter().filter(|(_, member)| !member.value.is_removed()).map(|(name, _)| name.as_ref());
    if known.clone().any(|known| known == word) {
        return None;
    }
    let message = format!("`{key}` requires `{name}` to be `{}`, which is no variant of it", shorten(word));
    let error = Diagnostic::error("flags::prerequisite", variant.origin, message).help(suggestion(word, known));
    Some(error.related(required.key, "the flag is defined here"))
}

/// Returns what is wrong with segments that name each other.
pub(super) fn segments(segments: &ByName) -> Vec<Diagnostic> {
    let mut graph = Graph::new();
    for (name, member) in segments {
        let mut named = Vec::new();
        references(&member.value, &mut named);
        named.retain(|(other, _)| segments.contains_key(other));
        graph.insert(name.clone(), named);
    }
    let tell =
        |cycle: &Vec<_>| told(cycle, "flags::segment", "segments refer to each other", "let one of them refer to none");
    cycles(&graph).iter().map(tell).collect()
}

/// Collects every `$ref` in a rule.
fn references(value: &Value, found: &mut Vec<(Arc<str>, Label)>) {
    match &value.data {
        Data::Removed | Data::Scalar(_) => {}
        Data::List(items) => items.iter().for_each(|item| references(item, found)),
        Data::Map(map) => {
            for (name, member) in map {
                match literal(&member.value) {
                    Some(segment) if name.as_ref() == "$ref" => found.push((segment.into(), member.value.origin)),
                    Some(_) | None => references(&member.value, found),
                }
            }
        }
    }
}

fn told(cycle: &[(Arc<str>, Label)], code: &'static str, what: &str, help: &str) -> Diagnostic {
    // Of a long way its beginning is enough to follow it.
    let shown = cycle.iter().take(8).map(|(name, _)| name.as_ref());
    let more = if cycle.len() > 8 { " → …" } else { "" };
    let first = cycle.first().map_or("", |(name, _)| name);
    let way: Vec<&str> = shown.collect();
    let message = format!("{what} in a cycle: {}{more} → {first}", way.join(" → "));
    let mut error = Diagnostic::error(code, cycle.first().map(|(_, at)| *at), message).help(help);
    for (name, at) in cycle.iter().skip(1).take(7) {
        error = error.related(*at, format!("`{name}` goes on here"));
    }
    error
}

/// Returns cycles, each as who is in it with where it names the next; of those that share somebody only one.
fn cycles(graph: &Graph) -> Vec<Vec<(Arc<str>, Label)>> {
    let mut done: BTreeMap<&str, bool> = BTreeMap::new();
    let mut found = Vec::new();
    for start in graph.keys() {
        // Who is on the way with how many of the next were tried: no call for each, as the way may be long.
        let mut way: Vec<(&Arc<str>, usize)> = Vec::new();
        if !done.contains_key(start.as_ref()) {
            done.insert(start, false);
            way.push((start, 0));
        }
        while let Some((last, tried)) = way.last_mut() {
            let name: &Arc<str> = last;
            let next = graph.get(name).and_then(|next| next.get(*tried));
            *tried += 1;
            let Some((next, _)) = next else {
                done.insert(name, true);
                way.pop();
                continue;
            };
            match done.get(next.as_ref()) {
                Some(true) => {}
                Some(false) => {
                    let from = way.iter().position(|(name, _)| *name == next).unwrap_or(0);
                    let step = |(name, tried): &(&Arc<str>, usize)| {
                        let at = graph.get(*name)?.get(tried.checked_sub(1)?)?.1;
                        Some(((*name).clone(), at))
                    };
                    found.push(way.iter().skip(from).filter_map(step).collect());
                    if found.len() >= MAX_TOLD {
                        return found;
                    }
                }
                None => {
                    let Some((next, _)) = graph.get_key_value(next) else { continue };
                    done.insert(next, false);
                    way.push((next, 0));
                }
            }
        }
    }
    found
}
