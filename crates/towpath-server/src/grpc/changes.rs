//! Which flags a change is about, as the event stream of flagd tells it: clients throw away what they remember of those.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};
use towpath_core::flags::{FlagDefinition, FlagDocument, FlagKey, FlagNotes};

/// Returns the data of a `configuration_change`, or nothing if no flag evaluates otherwise.
pub(super) fn changes(before: &FlagDocument, after: &FlagDocument) -> Option<Map<String, Json>> {
    let mut kinds: BTreeMap<&FlagKey, &str> = BTreeMap::new();
    let gone = before.flags.keys().filter(|key| !after.flags.contains_key(*key));
    kinds.extend(gone.map(|key| (key, "delete")));
    let set_differs = before.metadata != after.metadata;
    let segments_differ = before.evaluators != after.evaluators;
    for (key, flag) in &after.flags {
        match before.flags.get(key) {
            None => drop(kinds.insert(key, "write")),
            Some(old) if set_differs || differs(old, flag) || (segments_differ && names_segment(flag)) => {
                kinds.insert(key, "update");
            }
            Some(_) => {}
        }
    }
    dependants(after, &mut kinds);
    if kinds.is_empty() {
        return None;
    }
    let flags: Map<String, Json> =
        kinds.into_iter().map(|(key, kind)| (key.as_str().to_owned(), json!({ "type": kind }))).collect();
    Some(Map::from_iter([("flags".to_owned(), Json::Object(flags))]))
}

/// Adds the flags that need one that changed.
fn dependants<'a>(document: &'a FlagDocument, kinds: &mut BTreeMap<&'a FlagKey, &str>) {
    loop {
        let changed: BTreeSet<&FlagKey> = kinds.keys().copied().collect();
        let needing = document.flags.iter().filter(|(key, flag)| {
            !changed.contains(key) && flag.towpath.requires.iter().any(|needs| changed.contains(&needs.flag))
        });
        let needing: Vec<&FlagKey> = needing.map(|(key, _)| key).collect();
        if needing.is_empty() {
            return;
        }
        kinds.extend(needing.into_iter().map(|key| (key, "update")));
    }
}

/// Says whether two definitions may evaluate to something else; who owns a flag is not part of it.
fn differs(old: &FlagDefinition, new: &FlagDefinition) -> bool {
    let evaluated = |flag: &FlagDefinition| {
        let FlagNotes { requires, bucketing, client, .. } = flag.towpath.clone();
        FlagDefinition { towpath: FlagNotes { requires, bucketing, client, ..FlagNotes::default() }, ..flag.clone() }
    };
    evaluated(old) != evaluated(new)
}

fn names_segment(flag: &FlagDefinition) -> bool {
    fn within(json: &Json) -> bool {
        match json {
            Json::Object(members) => members.iter().any(|(name, member)| name == "$ref" || within(member)),
            Json::Array(items) => items.iter().any(within),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
        }
    }
    flag.targeting.as_ref().is_some_and(within)
}

#[cfg(test)]
mod tests;
