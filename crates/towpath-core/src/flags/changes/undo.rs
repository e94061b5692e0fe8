//! Taking back a change: what it touched becomes what it was before, and what it did not touch stays as it is.

use serde_json::{Map, Value};

use super::{FlagChange, FlagRecord};
use crate::flags::{FlagPatch, FlagTarget, LiveFlags};

/// Something that a change touched has been changed again since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoConflict {
    /// Of what.
    pub target: FlagTarget,
    /// The property, such as `state` or `variants.on`; `None` for a segment.
    pub property: Option<String>,
}

/// Returns what takes a change back, or everything that was changed again since. What is as it was before already is left out.
pub fn taken_back(live: &LiveFlags, record: &FlagRecord) -> Result<Vec<FlagChange>, Vec<UndoConflict>> {
    let mut changes = Vec::new();
    let mut conflicts = Vec::new();
    for (before, after) in record.before.iter().zip(&record.change.changes) {
        let now = live.live(&after.target);
        let back = match &after.target {
            FlagTarget::Segment(_) if now == after.live || now == before.live => before.live.clone(),
            FlagTarget::Segment(_) => {
                conflicts.push(UndoConflict { target: after.target.clone(), property: None });
                continue;
            }
            FlagTarget::Flag(_) => {
                let (patch, touched) = properties_back(before.live.as_ref(), after.live.as_ref(), now.as_ref());
                let conflict = |property| UndoConflict { target: after.target.clone(), property: Some(property) };
                conflicts.extend(touched.into_iter().map(conflict));
                Some(Value::Object(patch)).filter(|patch| patch.as_object().is_some_and(|patch| !patch.is_empty()))
            }
        };
        if back != now {
            changes.push(FlagChange { target: after.target.clone(), live: back });
        }
    }
    if conflicts.is_empty() { Ok(changes) } else { Err(conflicts) }
}

/// Returns what lies over the files with what a change touched as it was, and the properties that differ since.
fn properties_back(
    before: Option<&Value>,
    after: Option<&Value>,
    now: Option<&Value>,
) -> (Map<String, Value>, Vec<String>) {
    let none = Map::new();
    let members = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let (before, after) = (members(before).unwrap_or_default(), members(after).unwrap_or_default());
    let mut patch = members(now).unwrap_or_default();
    let mut conflicts = Vec::new();
    let names = |left: &Map<String, Value>, right: &Map<String, Value>| {
        let mut names: Vec<String> = left.keys().chain(right.keys()).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    for property in names(&before, &after) {
        let by_member = FlagPatch::is_by_member(&property);
        let inner = |map: &Map<String, Value>| map.get(&property).map(|value| value.as_object().cloned());
        match (inner(&before), inner(&after)) {
            (old, new) if by_member && !matches!(old, Some(None)) && !matches!(new, Some(None)) => {
                let (old, new) = (old.flatten().unwrap_or_default(), new.flatten().unwrap_or_default());
                let mut current = patch.get(&property).and_then(Value::as_object).unwrap_or(&none).clone();
                for name in names(&old, &new) {
                    if !put_back(&mut current, &name, old.get(&name), new.get(&name)) {
                        conflicts.push(format!("{property}.{name}"));
                    }
                }
                if current.is_empty() {
                    patch.remove(&property);
                } else {
                    patch.insert(property, Value::Object(current));
                }
            }
            _ => {
                if !put_back(&mut patch, &property, before.get(&property), after.get(&property)) {
                    conflicts.push(property);
                }
            }
        }
    }
    (patch, conflicts)
}

/// Puts one member back; `false` if it is neither as the change left it nor as it was before.
fn put_back(map: &mut Map<String, Value>, name: &str, before: Option<&Value>, after: Option<&Value>) -> bool {
    let now = map.get(name);
    if before == after || now == before {
        return true;
    }
    if now != after {
        return false;
    }
    match before {
        Some(value) => drop(map.insert(name.to_owned(), value.clone())),
        None => drop(map.remove(name)),
    }
    true
}
