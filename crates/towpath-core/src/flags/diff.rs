//! How flags differ, property by property: between two environments, or before and after a change.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{FlagDefinition, FlagDocument, FlagPatch, FlagTarget};

/// How a flag or segment differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagDifference {
    /// Which.
    pub target: FlagTarget,
    /// Where it is.
    pub presence: Presence,
    /// What of it, sorted.
    pub properties: Vec<PropertyDifference>,
}

/// On which side something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// On both.
    Both,
    /// Only on the left.
    Left,
    /// Only on the right.
    Right,
}

/// How one property differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyDifference {
    /// Which: `state`, `variants.on`, `defaultVariant`, `targeting`, `metadata.team`, `towpath.owner`; for a segment `rule`.
    pub property: String,
    /// On the left.
    pub left: Option<Value>,
    /// On the right.
    pub right: Option<Value>,
}

/// Returns everything that evaluates or reads differently, by key, flags first.
pub fn differences(left: &FlagDocument, right: &FlagDocument) -> Vec<FlagDifference> {
    let keys: BTreeSet<_> = left.flags.keys().chain(right.flags.keys()).collect();
    let flags = keys.into_iter().filter_map(|key| {
        let (one, other) = (left.flags.get(key), right.flags.get(key));
        if one == other {
            return None;
        }
        let (one, other) = (one.map(members), other.map(members));
        difference(FlagTarget::Flag(key.clone()), one.as_ref(), other.as_ref())
    });
    let names: BTreeSet<_> = left.evaluators.keys().chain(right.evaluators.keys()).collect();
    let rule = |rule: &Value| Map::from_iter([("rule".to_owned(), rule.clone())]);
    let segments = names.into_iter().filter_map(|name| {
        let (one, other) = (left.evaluators.get(name).map(rule), right.evaluators.get(name).map(rule));
        difference(FlagTarget::Segment(name.clone()), one.as_ref(), other.as_ref())
    });
    flags.chain(segments).collect()
}

/// Returns the members of a flag as they are written, without what means the same as absence.
pub(super) fn members(flag: &FlagDefinition) -> Map<String, Value> {
    let Ok(Value::Object(mut members)) = serde_json::to_value(flag) else { return Map::new() };
    if members.get("targeting").is_some_and(Value::is_null) {
        members.remove("targeting");
    }
    members
}

fn difference(
    target: FlagTarget,
    left: Option<&Map<String, Value>>,
    right: Option<&Map<String, Value>>,
) -> Option<FlagDifference> {
    let presence = match (left, right) {
        (Some(_), Some(_)) => Presence::Both,
        (Some(_), None) => Presence::Left,
        (None, _) => Presence::Right,
    };
    let none = Map::new();
    let properties = properties(left.unwrap_or(&none), right.unwrap_or(&none));
    (presence != Presence::Both || !properties.is_empty()).then_some(FlagDifference { target, presence, properties })
}

/// Returns the properties that differ, sorted.
fn properties(left: &Map<String, Value>, right: &Map<String, Value>) -> Vec<PropertyDifference> {
    let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        let (one, other) = (left.get(name), right.get(name));
        if one == other {
            continue;
        }
        if !FlagPatch::is_by_member(name) {
            found.push(PropertyDifference { property: name.clone(), left: one.cloned(), right: other.cloned() });
            continue;
        }
        let inner = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
        let (one, other) = (inner(one), inner(other));
        let members: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        found.extend(members.into_iter().filter(|member| one.get(*member) != other.get(*member)).map(|member| {
            let property = format!("{name}.{member}");
            PropertyDifference { property, left: one.get(member).cloned(), right: other.get(member).cloned() }
        }));
    }
    found
}

impl FlagDifference {
    /// Says whether nothing but the state differs, which is off on the right: such a change breaks nothing and waits for nobody.
    pub fn only_switches_off(&self) -> bool {
        let off = |value: Option<&Value>| value.and_then(Value::as_str) == Some("DISABLED");
        self.presence == Presence::Both
            && self.properties.iter().all(|it| it.property == "state" && off(it.right.as_ref()))
    }

    /// Returns lines for people: what was (left) and what is (right).
    pub fn lines(&self) -> Vec<String> {
        let target = &self.target;
        match self.presence {
            Presence::Left => vec![format!("{target}: gone")],
            Presence::Right => {
                let shown = |it: &&PropertyDifference| !it.property.starts_with("towpath.");
                let parts: Vec<String> = self
                    .properties
                    .iter()
                    .filter(shown)
                    .map(|it| format!("{} {}", it.property, shown_value(it.right.as_ref())))
                    .collect();
                vec![format!("{target}: new, {}", parts.join(", "))]
            }
            Presence::Both => self.properties.iter().map(|it| format!("{target}: {}", it.line())).collect(),
        }
    }
}

impl PropertyDifference {
    /// Returns one line for people: `state ENABLED → DISABLED`.
    pub fn line(&self) -> String {
        let (left, right) = (shown_value(self.left.as_ref()), shown_value(self.right.as_ref()));
        format!("{} {left} → {right}", self.property)
    }
}

/// The longest value in characters as it is shown in a line.
const SHOWN: usize = 120;

fn shown_value(value: Option<&Value>) -> String {
    let text = match value {
        None => return "none".to_owned(),
        Some(Value::String(text)) if !text.is_empty() && !text.chars().any(char::is_whitespace) => text.clone(),
        Some(Value::Object(rule)) if rule.len() == 1 && rule.contains_key("fractional") => {
            split(rule.get("fractional")).unwrap_or_else(|| Value::Object(rule.clone()).to_string())
        }
        Some(value) => value.to_string(),
    };
    // Control characters would move the cursor of whoever reads it.
    let text: String = text.chars().map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect();
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN - 1).chain(['…']).collect() }
}

/// A split with plain weights in percent: `on 25 %, off 75 %`.
fn split(entries: Option<&Value>) -> Option<String> {
    let entries: Vec<(&str, u64)> = entries?
        .as_array()?
        .iter()
        .map(|entry| match entry.as_array().map(Vec::as_slice) {
            Some([Value::String(name), weight]) => Some((name.as_str(), weight.as_u64().filter(|it| *it <= 1 << 31)?)),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let total: u64 = entries.iter().map(|(_, weight)| weight).sum();
    let part = |weight: u64| {
        let thousandths = (weight * 100_000).checked_div(total)?;
        let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
        Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    };
    let parts: Option<Vec<String>> =
        entries.iter().map(|(name, weight)| Some(format!("{name} {} %", part(*weight)?))).collect();
    parts.map(|parts| parts.join(", "))
}
