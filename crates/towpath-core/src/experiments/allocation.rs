//! How a flag shares out the units of an experiment, and whether that is still so.
//!
//! Units are assigned by the flag's own `fractional`; an experiment only says which shares it counts on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ExperimentDefinition;
use crate::{
    config::nearest,
    flags::{FlagDocument, FlagKey, FlagState},
    ids::Digest,
};

/// How the flag of an experiment was served when it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The shares of the units, the control first.
    pub arms: Vec<Arm>,
    /// Over everything that decides who gets what: another one means that somebody changed it.
    pub digest: Digest,
}

/// The share of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arm {
    /// The variant.
    pub variant: String,
    /// Its share in relation to those of the others.
    pub weight: u32,
}

/// Why a flag does not fit an experiment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is none.
    #[error("there is no flag `{0}` here")]
    NoFlag(FlagKey),
    /// It is switched off.
    #[error("the flag `{0}` is switched off, so nobody would be in the experiment")]
    Disabled(FlagKey),
    /// It has no such variant.
    #[error("the flag `{flag}` has no variant `{variant}`{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    NoVariant {
        /// The flag.
        flag: FlagKey,
        /// The variant.
        variant: String,
        /// One with a similar name.
        near: Option<String>,
    },
    /// It has nothing to compare with.
    #[error("the flag `{0}` has no variant beside the control")]
    NoTreatment(FlagKey),
    /// Its rule shares nothing out.
    #[error("the rule of the flag `{0}` has no `fractional` with every variant of the experiment")]
    NoFractional(FlagKey),
    /// Its rule shares out in several ways.
    #[error("the rule of the flag `{0}` shares the variants out in several ways: say `weights` in the experiment")]
    Ambiguous(FlagKey),
    /// A variant gets nothing.
    #[error("the variant `{0}` gets no units")]
    NoShare(String),
    /// The rule does not use the salt.
    #[error("the `fractional` of the flag `{flag}` does not use the salt `{salt}` of the experiment")]
    NoSalt {
        /// The flag.
        flag: FlagKey,
        /// The salt.
        salt: String,
    },
}

/// Returns a definition with its treatments named, and how its flag is served, or why the flag does not fit.
pub fn pin(definition: &ExperimentDefinition, served: &FlagDocument) -> Result<(ExperimentDefinition, Pinned), Unfit> {
    let key = &definition.flag;
    let flag = served.flags.get(key).ok_or_else(|| Unfit::NoFlag(key.clone()))?;
    if flag.state == FlagState::Disabled {
        return Err(Unfit::Disabled(key.clone()));
    }
    let mut definition = definition.clone();
    if definition.treatments.is_empty() {
        let others = flag.variants.keys().filter(|variant| **variant != definition.control);
        definition.treatments = others.cloned().collect();
    }
    if definition.treatments.is_empty() {
        return Err(Unfit::NoTreatment(key.clone()));
    }
    for variant in definition.variants().filter(|variant| !flag.variants.contains_key(*variant)) {
        let near = nearest(variant, flag.variants.keys().map(String::as_str)).map(str::to_owned);
        return Err(Unfit::NoVariant { flag: key.clone(), variant: variant.to_owned(), near });
    }
    let mut found = Vec::new();
    if let Some(rule) = &flag.targeting {
        fractionals(rule, &mut |it| found.push(Fractional::read(it)));
    }
    for rule in served.evaluators.iter().filter(|(name, _)| referred(served, key).contains(name.as_str())) {
        fractionals(rule.1, &mut |it| found.push(Fractional::read(it)));
    }
    found.retain(|it| definition.variants().all(|variant| it.weights.contains_key(variant)));
    if found.is_empty() {
        return Err(Unfit::NoFractional(key.clone()));
    }
    if let Some(salt) = definition.salt.as_ref().filter(|salt| !found.iter().all(|it| it.mentions(salt))) {
        return Err(Unfit::NoSalt { flag: key.clone(), salt: salt.clone() });
    }
    let arms = arms(&definition, &found)?;
    Ok((definition, Pinned { arms, digest: digest(served, key) }))
}

fn arms(definition: &ExperimentDefinition, found: &[Fractional]) -> Result<Vec<Arm>, Unfit> {
    let by_rule = |it: &Fractional| -> Vec<u32> {
        definition.variants().map(|variant| it.weights.get(variant).copied().unwrap_or(0)).collect()
    };
    let weights = if definition.weights.is_empty() {
        let all: BTreeSet<Vec<u32>> = found.iter().map(by_rule).collect();
        if all.len() > 1 {
            return Err(Unfit::Ambiguous(definition.flag.clone()));
        }
        all.into_iter().next().unwrap_or_default()
    } else {
        definition.variants().map(|variant| definition.weights.get(variant).copied().unwrap_or(0)).collect()
    };
    let arms = definition.variants().zip(weights).map(|(variant, weight)| {
        if weight == 0 {
            Err(Unfit::NoShare(variant.to_owned()))
        } else {
            Ok(Arm { variant: variant.to_owned(), weight })
        }
    });
    arms.collect()
}

/// Returns what is different for a running experiment about its flag, or nothing.
pub fn spoils(pinned: &Pinned, flag: &FlagKey, served: &FlagDocument) -> Option<String> {
    let Some(now) = served.flags.get(flag) else { return Some(format!("the flag `{flag}` is gone")) };
    if now.state == FlagState::Disabled {
        return Some(format!("the flag `{flag}` was switched off"));
    }
    (digest(served, flag) != pinned.digest)
        .then(|| format!("the rule or the variants of the flag `{flag}` were changed"))
}

/// Returns targeting that shares the units of an experiment out by its own salt.
pub fn assignment(arms: &[Arm], salt: &str, unit: &str) -> Value {
    let mut parts = vec![json!({ "cat": [salt, { "var": unit }] })];
    parts.extend(arms.iter().map(|arm| json!([arm.variant, arm.weight])));
    json!({ "fractional": parts })
}

/// What decides who gets what: the flag as far as it says so, with what it refers to.
fn digest(served: &FlagDocument, key: &FlagKey) -> Digest {
    let flag = served.flags.get(key);
    let segments = referred(served, key);
    let segments: BTreeMap<_, _> =
        served.evaluators.iter().filter(|(name, _)| segments.contains(name.as_str())).collect();
    let decides = flag.map(|flag| {
        let notes = &flag.towpath;
        json!([
            flag.variants,
            flag.default_variant,
            flag.targeting,
            notes.bucketing.unwrap_or_default(),
            notes.requires
        ])
    });
    Digest::of(&serde_json::to_vec(&(decides, segments)).unwrap_or_default())
}

/// Returns the segments that a flag's rule refers to, directly or through others.
fn referred<'d>(served: &'d FlagDocument, key: &FlagKey) -> BTreeSet<&'d str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Value> = served.flags.get(key).and_then(|flag| flag.targeting.as_ref()).into_iter().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                if let Some(Value::String(name)) = members.get("$ref")
                    && let Some((name, rule)) = served.evaluators.get_key_value(name)
                    && found.insert(name.as_str())
                {
                    open.push(rule);
                }
                open.extend(members.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

/// One `fractional` of a rule as far as it is written out.
struct Fractional {
    weights: BTreeMap<String, u32>,
    seed: Option<Value>,
}

impl Fractional {
    fn read(arguments: &Value) -> Self {
        let items = arguments.as_array().map(Vec::as_slice).unwrap_or_default();
        let arm = |item: &Value| -> Option<(String, u32)> {
            let parts = item.as_array()?;
            let weight = match parts.get(1) {
                None => 1,
                Some(weight) => u32::try_from(weight.as_i64()?.max(0)).ok()?,
            };
            Some((parts.first()?.as_str()?.to_owned(), weight))
        };
        let mut weights = BTreeMap::new();
        for (name, weight) in items.iter().filter_map(arm) {
            let sum: &mut u32 = weights.entry(name).or_default();
            *sum = sum.saturating_add(weight);
        }
        let seed = items.first().filter(|first| !first.is_array()).cloned();
        Self { weights, seed }
    }

    fn mentions(&self, salt: &str) -> bool {
        fn within(value: &Value, salt: &str) -> bool {
            match value {
                Value::String(text) => text.contains(salt),
                Value::Array(items) => items.iter().any(|item| within(item, salt)),
                Value::Object(members) => members.values().any(|member| within(member, salt)),
                Value::Null | Value::Bool(_) | Value::Number(_) => false,
            }
        }
        self.seed.as_ref().is_some_and(|seed| within(seed, salt))
    }
}

fn fractionals(rule: &Value, found: &mut impl FnMut(&Value)) {
    let mut open = vec![rule];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items.iter().rev()),
            Value::Object(members) => {
                if let Some(arguments) = members.get("fractional") {
                    found(arguments);
                }
                open.extend(members.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
