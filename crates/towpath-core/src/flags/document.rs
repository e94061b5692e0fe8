//! Flags as flagd writes them (`flags.json`, flagd's schema v0), plus what Towpath adds in the member `towpath` of a flag, which
//! flagd's schema lets pass.
//!
//! Plain data: nothing here says whether targeting makes sense; compiling does.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::FlagKey;

/// The flags of one environment: flagd's flag set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagDocument {
    /// The flags.
    #[serde(default)]
    pub flags: BTreeMap<FlagKey, FlagDefinition>,
    /// Segments: rules that targeting names by `$ref`.
    #[serde(default, rename = "$evaluators", skip_serializing_if = "BTreeMap::is_empty")]
    pub evaluators: BTreeMap<String, Value>,
    /// Metadata of the whole set; that of a flag weighs more.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// One flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlagDefinition {
    /// Whether it is evaluated at all.
    #[serde(default)]
    pub state: FlagState,
    /// What it can be, by name. Numbers are kept as they are written (`10` is no `10.0`).
    #[serde(default)]
    pub variants: Map<String, Value>,
    /// The variant where no rule says another; without one the caller's own default counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_variant: Option<String>,
    /// The rule, in `JsonLogic` with flagd's operators; `null`, `{}` and absence are three different things.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub targeting: Option<Value>,
    /// Scalars that every evaluation carries.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// What Towpath adds.
    #[serde(default, skip_serializing_if = "FlagNotes::is_empty")]
    pub towpath: FlagNotes,
}

/// Whether a flag is evaluated at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FlagState {
    /// It is.
    #[default]
    Enabled,
    /// It is not: callers take the default in their code.
    Disabled,
}

/// What Towpath adds to a flag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlagNotes {
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// After this day it should be gone: from then on it is reported as stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// It is meant to stay, such as an operator's switch: never reported as stale.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub permanent: bool,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Other flags that must evaluate to a variant for the same context; else this one yields its default variant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Prerequisite>,
    /// How `fractional` puts users into buckets. Pinned, so that no upgrade moves anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucketing: Option<Bucketing>,
    /// Pages may evaluate it with a client key, so its variants are no secret. Absent means yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<bool>,
}

/// Another flag that must evaluate to a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prerequisite {
    /// Which.
    pub flag: FlagKey,
    /// To what.
    pub variant: String,
}

/// The three generations of flagd's `fractional`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bucketing {
    /// `abs(hash as i32) / i32::MAX * 100` over a string (flagd until March 2026).
    V1,
    /// `(hash * total) >> 32` over a string (flagd 0.16).
    V2,
    /// As v2 over deterministic CBOR (flagd-core 2.0).
    #[default]
    V3,
}

/// A change of a flag: each property that is named replaces what was there, `null` takes it away; in `variants`, `metadata` and
/// `towpath` that holds for each member. Over nothing it makes a flag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlagPatch(pub Map<String, Value>);

impl FlagNotes {
    /// Says whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl FlagPatch {
    const BY_MEMBER: [&'static str; 3] = ["variants", "metadata", "towpath"];

    /// The properties of a flag that a change may name.
    pub const PROPERTIES: [&'static str; 6] =
        ["state", "variants", "defaultVariant", "targeting", "metadata", "towpath"];

    /// Returns the first property that no flag has.
    pub fn unknown(&self) -> Option<&str> {
        self.0.keys().map(String::as_str).find(|property| !Self::PROPERTIES.contains(property))
    }

    /// Says whether a property is changed member by member.
    pub fn is_by_member(property: &str) -> bool {
        Self::BY_MEMBER.contains(&property)
    }

    /// Returns a definition with the change, or why the result is none.
    pub fn over(&self, definition: Option<&FlagDefinition>) -> Result<FlagDefinition, serde_json::Error> {
        let mut whole = match definition.map(serde_json::to_value).transpose()? {
            Some(Value::Object(whole)) => whole,
            Some(_) | None => Map::new(),
        };
        self.lay(&mut whole);
        serde_json::from_value(Value::Object(whole))
    }

    /// Returns one change that does what this and then `later` does.
    #[must_use]
    pub fn then(&self, later: &Self) -> Self {
        let mut both = self.0.clone();
        for (property, value) in &later.0 {
            match (both.get_mut(property), value) {
                (Some(Value::Object(members)), Value::Object(changes))
                    if Self::BY_MEMBER.contains(&property.as_str()) =>
                {
                    members.extend(changes.clone());
                }
                _ => drop(both.insert(property.clone(), value.clone())),
            }
        }
        Self(both)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "of JSON only the kinds named here count")]
    fn lay(&self, whole: &mut Map<String, Value>) {
        for (property, value) in &self.0 {
            match value {
                Value::Object(changes) if Self::BY_MEMBER.contains(&property.as_str()) => {
                    let members = whole.entry(property.clone()).or_insert_with(|| Value::Object(Map::new()));
                    if let Value::Object(members) = members {
                        for (name, member) in changes {
                            set(members, name, member);
                        }
                    }
                }
                // A targeting of `null` is not the same as none.
                Value::Null if property == "targeting" => drop(whole.remove(property)),
                value => set(whole, property, value),
            }
        }
    }
}

fn set(members: &mut Map<String, Value>, name: &str, value: &Value) {
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value.clone());
    }
}

/// Keeps `null` apart from absence.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
