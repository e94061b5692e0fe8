//! Flags as a plain file of flagd: prerequisites become part of the rules, pins of bucketing become metadata.
//!
//! What flagd cannot say is told beside the file, never left out in silence; such a flag yields its default variant there.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Bucketing, FlagDefinition, FlagDocument, FlagKey, FlagState};

/// How many flags may require each other in a row.
const MOST_REQUIRED: usize = 16;
/// The largest rule that is written, in bytes of JSON: rules of required flags are repeated where they are needed.
const LARGEST_RULE: usize = 256 << 10;
/// The metadata that tells how users are put into buckets.
const PIN: &str = "towpath.bucketing";

/// A plain file of flagd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The file.
    pub file: Value,
    /// What it does not say as Towpath does.
    pub notes: Vec<ExportNote>,
}

/// What a plain file of flagd cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportNote {
    /// Of which flag.
    pub flag: FlagKey,
    /// What, in one sentence.
    pub what: String,
}

/// Why a prerequisite cannot be part of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Inexpressible {
    Missing(FlagKey),
    Cycle,
    Bucketed(FlagKey),
    TooLarge,
}

/// Returns a document as flagd reads it.
pub fn export(document: &FlagDocument) -> Exported {
    let mut notes = Vec::new();
    let flags: Map<String, Value> =
        document.flags.iter().map(|(key, flag)| (key.to_string(), plain(document, key, flag, &mut notes))).collect();
    let mut file = Map::new();
    file.insert("$schema".to_owned(), "https://flagd.dev/schema/v0/flags.json".into());
    file.insert("flags".to_owned(), flags.into());
    if !document.evaluators.is_empty() {
        let evaluators: Map<String, Value> = document.evaluators.clone().into_iter().collect();
        file.insert("$evaluators".to_owned(), evaluators.into());
    }
    if !document.metadata.is_empty() {
        file.insert("metadata".to_owned(), document.metadata.clone().into());
    }
    Exported { file: file.into(), notes }
}

fn plain(document: &FlagDocument, key: &FlagKey, flag: &FlagDefinition, notes: &mut Vec<ExportNote>) -> Value {
    let mut plain = Map::new();
    plain.insert("state".to_owned(), json!(flag.state));
    plain.insert("variants".to_owned(), flag.variants.clone().into());
    if let Some(variant) = &flag.default_variant {
        plain.insert("defaultVariant".to_owned(), variant.as_str().into());
    }
    let mut note = |what: String| notes.push(ExportNote { flag: key.clone(), what });
    let rule = match lowered(document, flag, &mut vec![key]) {
        Ok(rule) => rule,
        Err(why) => {
            note(format!("{why}, so that everybody gets its default variant here"));
            None
        }
    };
    let mut metadata = flag.metadata.clone();
    if rule.as_ref().is_some_and(|rule| mentions(rule, "fractional")) {
        let pin = flag.towpath.bucketing.unwrap_or_default();
        metadata.insert(PIN.to_owned(), json!(pin));
        if pin != Bucketing::V3 {
            note(format!("users are put into buckets as {} does, which only a flagd of that time does", named(pin)));
        }
    }
    if let Some(rule) = rule {
        plain.insert("targeting".to_owned(), rule);
    }
    if !metadata.is_empty() {
        plain.insert("metadata".to_owned(), metadata.into());
    }
    plain.into()
}

fn named(bucketing: Bucketing) -> &'static str {
    match bucketing {
        Bucketing::V1 => "v1",
        Bucketing::V2 => "v2",
        Bucketing::V3 => "v3",
    }
}

/// Returns the rule of a flag with its prerequisites in it; without a rule they decide nothing.
fn lowered<'d>(
    document: &'d FlagDocument,
    flag: &'d FlagDefinition,
    way: &mut Vec<&'d FlagKey>,
) -> Result<Option<Value>, Inexpressible> {
    let Some(rule) = flag.targeting.clone().filter(|rule| *rule != json!({})) else {
        return Ok(flag.targeting.clone());
    };
    let mut conditions = Vec::new();
    for required in &flag.towpath.requires {
        let found = document.flags.get_key_value(&required.flag);
        let (key, other) = found.ok_or_else(|| Inexpressible::Missing(required.flag.clone()))?;
        if way.contains(&key) || way.len() > MOST_REQUIRED {
            return Err(Inexpressible::Cycle);
        }
        way.push(key);
        conditions.push(is_met(document, (key, other), &required.variant, way)?);
        way.pop();
    }
    let condition = match conditions.len() {
        0 => return Ok(Some(rule)),
        1 => conditions.remove(0),
        _ => json!({ "and": conditions }),
    };
    let whole = json!({ "if": [condition, rule] });
    if whole.to_string().len() > LARGEST_RULE { Err(Inexpressible::TooLarge) } else { Ok(Some(whole)) }
}

/// Returns a rule that is true where a flag yields a variant.
fn is_met<'d>(
    document: &'d FlagDocument,
    (key, flag): (&'d FlagKey, &'d FlagDefinition),
    variant: &str,
    way: &mut Vec<&'d FlagKey>,
) -> Result<Value, Inexpressible> {
    let default = flag.default_variant.as_deref() == Some(variant);
    if flag.state == FlagState::Disabled {
        return Ok(json!(false));
    }
    let rule = lowered(document, flag, way)?.filter(|rule| *rule != json!({}) && !rule.is_null());
    let Some(rule) = rule else { return Ok(json!(default)) };
    // A segment may say as well by which key users are put into buckets.
    let segments: BTreeMap<&String, &Value> =
        document.evaluators.iter().filter(|(_, segment)| mentions(segment, "fractional")).collect();
    if is_bucketed_by_key(&rule) || segments.keys().any(|name| refers(&rule, name)) {
        return Err(Inexpressible::Bucketed(key.clone()));
    }
    let rule = with_key(rule, key);
    // `true` names the variant `true`, but is not equal to that text.
    let rule = if is_truth(&rule) { json!({ "if": [rule, "true", "false"] }) } else { rule };
    let equal = json!({ "==": [rule, variant] });
    Ok(if default { json!({ "or": [equal, { "!": [rule] }] }) } else { equal })
}

/// Says whether a rule yields `true` or `false` rather than a name.
fn is_truth(rule: &Value) -> bool {
    const TRUTHS: [&str; 16] = [
        "==",
        "===",
        "!=",
        "!==",
        "!",
        "!!",
        ">",
        ">=",
        "<",
        "<=",
        "in",
        "all",
        "none",
        "some",
        "starts_with",
        "ends_with",
    ];
    let name = rule.as_object().and_then(|map| map.keys().next());
    name.is_some_and(|name| TRUTHS.contains(&name.as_str()) || name == "sem_ver")
}

/// Says whether a rule puts users into buckets by the flag's own key, which another flag does not have.
fn is_bucketed_by_key(rule: &Value) -> bool {
    match rule {
        Value::Array(items) => items.iter().any(is_bucketed_by_key),
        Value::Object(map) => map.iter().any(|(name, under)| {
            let own = name == "fractional"
                && !matches!(under, Value::Array(items) if items.first().is_some_and(|it| !it.is_array()));
            own || is_bucketed_by_key(under)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn mentions(rule: &Value, operator: &str) -> bool {
    match rule {
        Value::Array(items) => items.iter().any(|item| mentions(item, operator)),
        Value::Object(map) => map.iter().any(|(name, under)| name == operator || mentions(under, operator)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn refers(rule: &Value, segment: &str) -> bool {
    match rule {
        Value::Array(items) => items.iter().any(|item| refers(item, segment)),
        Value::Object(map) => map
            .iter()
            .any(|(name, under)| (name == "$ref" && under.as_str() == Some(segment)) || refers(under, segment)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Puts a flag's key where its rule asks for it.
fn with_key(rule: Value, key: &FlagKey) -> Value {
    match rule {
        Value::Array(items) => items.into_iter().map(|item| with_key(item, key)).collect(),
        Value::Object(map) => {
            let asked = |under: &Value| {
                let name = under.as_array().and_then(|items| items.first()).unwrap_or(under);
                name.as_str() == Some("$flagd.flagKey")
            };
            if map.len() == 1 && map.get("var").is_some_and(asked) {
                return key.as_str().into();
            }
            Value::Object(map.into_iter().map(|(name, under)| (name, with_key(under, key))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => rule,
    }
}

impl std::fmt::Display for Inexpressible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(key) => write!(f, "the flag `{key}` that it requires is not there"),
            Self::Cycle => f.write_str("flags require each other in a cycle"),
            Self::Bucketed(key) => {
                write!(
                    f,
                    "`{key}`, which it requires, puts users into buckets by its own key; no other flag can do that"
                )
            }
            Self::TooLarge => f.write_str("the rules of all that it requires are too large together"),
        }
    }
}

#[cfg(test)]
mod tests;
