//! Turning a flag on for a part of everybody, by editing its targeting: the part of those that no rule catches.
//!
//! Only what can be edited without guessing is edited: nothing, a variant, `fractional` between two variants, and the last
//! branch of `if`, in any depth. Who has the variant keeps it when the part grows, because the order of the variants stays and a
//! bucket is compared with the part itself, however fine the weights are (`(hash · total) >> 32 < part · total` exactly when
//! `hash / 2³² < part`).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::FlagDefinition;

/// A part of everybody, in thousandths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(u32);

/// Why a text is no percentage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a percentage: write a number from 0 to 100 with at most three decimals, such as `25` or `0.5`")]
pub struct PercentError(pub String);

/// Why the targeting of a flag cannot be edited like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotEditable {
    /// There is no such variant.
    #[error("it has no variant `{0}`")]
    NoVariant(String),
    /// It cannot be told which variant is meant.
    #[error("it has {0} variants, so it has to be said which one the percentage is of")]
    WhichVariant(usize),
    /// It cannot be told which variant the rest gets.
    #[error("it cannot be told which variant the rest gets")]
    WhichRest,
    /// More than two variants share.
    #[error("its targeting splits between `{}`", .0.join("`, `"))]
    Split(Vec<String>),
    /// A weight is computed.
    #[error("a weight in its targeting is not a plain number")]
    ComputedWeight,
    /// Another operator decides.
    #[error("`{0}` decides in its targeting, which a percentage cannot be put into")]
    Operator(String),
}

impl From<crate::units::Percent> for Percent {
    fn from(percent: crate::units::Percent) -> Self {
        Self(u32::from(percent.get()) * 1000)
    }
}

impl Percent {
    const WHOLE: u32 = 100_000;

    /// Returns the weights of the part and of the rest, as small as they can be written in decimals.
    fn weights(self) -> (u32, u32) {
        let scale = [1000, 100, 10].into_iter().find(|scale| self.0.is_multiple_of(*scale)).unwrap_or(1);
        (self.0 / scale, (Self::WHOLE - self.0) / scale)
    }
}

impl FromStr for Percent {
    type Err = PercentError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || PercentError(text.escape_debug().take(40).collect());
        let number = text.trim().strip_suffix('%').unwrap_or(text.trim()).trim_end();
        let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let fraction = fraction.unwrap_or("0");
        if !digits(whole) || !digits(fraction) || whole.len() > 3 || fraction.len() > 3 {
            return Err(wrong());
        }
        let parts = format!("{whole}{fraction:0<3}").parse().map_err(|_| wrong())?;
        if parts > Self::WHOLE { Err(wrong()) } else { Ok(Self(parts)) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl TryFrom<String> for Percent {
    type Error = PercentError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> Self {
        percent.to_string()
    }
}

/// Returns the targeting of a flag with a variant for a part of those that no rule catches. Without a variant the one is meant
/// that is not the usual one, where there are two.
pub fn with_percentage(flag: &FlagDefinition, variant: Option<&str>, percent: Percent) -> Result<Value, NotEditable> {
    let on = match variant {
        Some(name) if flag.variants.contains_key(name) => name,
        Some(name) => return Err(NotEditable::NoVariant(name.to_owned())),
        None => the_one(flag)?,
    };
    edited(flag.targeting.as_ref(), &Part { flag, on, percent })
}

/// Returns the variant that a flag with two variants is turned on by: `true`, else the one that is not the default.
fn the_one(flag: &FlagDefinition) -> Result<&str, NotEditable> {
    if flag.variants.len() != 2 {
        return Err(NotEditable::WhichVariant(flag.variants.len()));
    }
    let names = || flag.variants.iter();
    let truth = names().find(|(_, value)| **value == Value::Bool(true));
    let other =
        || names().find(|(name, _)| flag.default_variant.as_deref().is_some_and(|default| default != name.as_str()));
    truth.or_else(other).map(|(name, _)| name.as_str()).ok_or(NotEditable::WhichVariant(2))
}

struct Part<'f> {
    flag: &'f FlagDefinition,
    on: &'f str,
    percent: Percent,
}

fn edited(targeting: Option<&Value>, part: &Part<'_>) -> Result<Value, NotEditable> {
    match targeting {
        None | Some(Value::Null) => part.fresh(None),
        Some(Value::Bool(truth)) => part.fresh(Some(if *truth { "true" } else { "false" })),
        Some(Value::String(name)) => part.fresh(Some(name)),
        Some(Value::Object(rule)) => match rule.iter().next() {
            None => part.fresh(None),
            Some((operator, arguments)) if rule.len() == 1 => match (operator.as_str(), arguments) {
                ("if", Value::Array(branches)) if branches.len() >= 2 => last_branch(branches, part),
                ("fractional", Value::Array(entries)) => part.split(entries),
                _ => Err(NotEditable::Operator(operator.clone())),
            },
            Some((operator, _)) => Err(NotEditable::Operator(operator.clone())),
        },
        Some(other @ (Value::Number(_) | Value::Array(_))) => Err(NotEditable::Operator(other.to_string())),
    }
}

fn last_branch(branches: &[Value], part: &Part<'_>) -> Result<Value, NotEditable> {
    // `if` takes conditions and results in pairs; one more is for the rest.
    let (pairs, rest) = branches.split_at(branches.len() / 2 * 2);
    let rest = edited(rest.first(), part)?;
    let all: Vec<Value> = pairs.iter().cloned().chain([rest]).collect();
    Ok(json!({ "if": all }))
}

impl Part<'_> {
    /// A split where there was none. `before` is what everybody got.
    fn fresh(&self, before: Option<&str>) -> Result<Value, NotEditable> {
        let off = self.rest(before)?;
        let (part, rest) = self.percent.weights();
        Ok(json!({ "fractional": [[self.on, part], [off, rest]] }))
    }

    /// The variant of those that do not get this one.
    fn rest(&self, before: Option<&str>) -> Result<&str, NotEditable> {
        let flag = self.flag;
        let is_other = |name: &&str| *name != self.on && flag.variants.contains_key(*name);
        let before = before.and_then(|name| flag.variants.get_key_value(name)).map(|(name, _)| name.as_str());
        let default = flag.default_variant.as_deref();
        let only = || {
            let mut others = flag.variants.keys().map(String::as_str).filter(is_other);
            others.next().filter(|_| others.next().is_none())
        };
        before.filter(is_other).or(default.filter(is_other)).or_else(only).ok_or(NotEditable::WhichRest)
    }

    /// A split that is there, with other weights: the order of its variants and what is hashed stay.
    #[expect(clippy::wildcard_enum_match_arm, reason = "of JSON only the kinds named here count")]
    fn split(&self, entries: &[Value]) -> Result<Value, NotEditable> {
        let is_entry = |value: &Value| value.is_array();
        let hashed: Vec<Value> = entries.iter().take(1).filter(|first| !is_entry(first)).cloned().collect();
        let mut names: Vec<&str> = Vec::new();
        for entry in entries.iter().skip(hashed.len()) {
            let name = match entry.as_array().map(Vec::as_slice) {
                Some([name] | [name, Value::Number(_)]) => name,
                Some([_, _]) => return Err(NotEditable::ComputedWeight),
                _ => return Err(NotEditable::Operator("fractional".to_owned())),
            };
            match name {
                Value::String(name) => names.push(name),
                Value::Bool(true) => names.push("true"),
                Value::Bool(false) => names.push("false"),
                _ => return Err(NotEditable::ComputedWeight),
            }
        }
        let (part, rest) = self.percent.weights();
        let split = match names.as_slice() {
            [] => [json!([self.on, part]), json!([self.rest(None)?, rest])],
            [one] if *one == self.on => [json!([one, part]), json!([self.rest(None)?, rest])],
            [one] => [json!([one, rest]), json!([self.on, part])],
            [first, second] if *first == self.on && *second != self.on => [json!([first, part]), json!([second, rest])],
            [first, second] if *second == self.on && *first != self.on => [json!([first, rest]), json!([second, part])],
            names => return Err(NotEditable::Split(names.iter().map(|name| (*name).to_owned()).collect())),
        };
        let all: Vec<Value> = hashed.into_iter().chain(split).collect();
        Ok(json!({ "fractional": all }))
    }
}

#[cfg(test)]
mod tests;
