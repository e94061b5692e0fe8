//! The share of the users that has a variant, where everybody else has the default one: reading it and setting it.
//!
//! Only rules whose end is a choice between the two can be read: nothing, a variant, a `fractional`, or an `if` that ends in one
//! of them. What an `if` says before its end (the team, the testers) does not count and stays as it is.

use serde_json::Value;

use super::{FlagDefinition, FlagPatch, NotEditable, with_percentage};
use crate::units::Percent;

/// Why a flag cannot be given to a share of the users.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// It has no such variant.
    #[error("it has no variant `{variant}`: it has {known}")]
    UnknownVariant {
        /// The one asked for.
        variant: String,
        /// Those there are.
        known: String,
    },
    /// The rest of the users would get the caller's own default.
    #[error("it has no default variant, so nothing says what everybody else gets: write `defaultVariant`")]
    NoDefault,
    /// The rest of the users would get the same.
    #[error("`{0}` is its default variant: everybody has it already where no rule says another")]
    IsDefault(String),
    /// Its rule is none that a percentage can be put into.
    #[error(
        "its targeting cannot be edited by a percentage: it must end in a `fractional` between `{variant}` and `{rest}`, or in nothing"
    )]
    Targeting {
        /// The variant asked for.
        variant: String,
        /// What everybody else gets.
        rest: String,
    },
    /// It cannot be edited.
    #[error(transparent)]
    NotEditable(#[from] NotEditable),
}

/// Returns the change that gives a share of the users a variant and everybody else the default one. A larger share only adds
/// users.
pub fn with_share(definition: &FlagDefinition, variant: &str, share: Percent) -> Result<FlagPatch, ShareError> {
    self::share(definition, variant)?;
    let targeting = with_percentage(definition, Some(variant), share.into())?;
    Ok(FlagPatch([("targeting".to_owned(), targeting)].into_iter().collect()))
}

/// Returns the share of the users that has a variant now, those that rules before the end name not counted.
pub fn share(definition: &FlagDefinition, variant: &str) -> Result<Percent, ShareError> {
    let rest = rest_of(definition, variant)?;
    let wrong = || ShareError::Targeting { variant: variant.to_owned(), rest: rest.to_owned() };
    read(definition.targeting.as_ref(), (variant, rest)).ok_or_else(wrong)
}

fn rest_of<'a>(definition: &'a FlagDefinition, variant: &str) -> Result<&'a str, ShareError> {
    if !definition.variants.contains_key(variant) {
        let known: Vec<String> = definition.variants.keys().map(|name| format!("`{name}`")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(ShareError::UnknownVariant { variant: variant.to_owned(), known });
    }
    let rest = definition.default_variant.as_deref().ok_or(ShareError::NoDefault)?;
    if rest == variant { Err(ShareError::IsDefault(variant.to_owned())) } else { Ok(rest) }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "of JSON only the kinds named here count")]
fn read(rule: Option<&Value>, names: (&str, &str)) -> Option<Percent> {
    let Some(rule) = rule.filter(|rule| !is_nothing(rule)) else { return Some(Percent::ZERO) };
    match rule {
        Value::String(name) if name == names.0 => Some(Percent::FULL),
        Value::String(name) => (name == names.1).then_some(Percent::ZERO),
        Value::Object(operation) if operation.len() == 1 => {
            if let Some(Value::Array(parts)) = operation.get("fractional") {
                let (with, without) = weights(parts, names)?;
                let all = with.saturating_add(without);
                // Rounded up: whoever asks must not take it for less than it is.
                let percent = with.saturating_mul(100).checked_add(all.checked_sub(1)?)? / all;
                return u8::try_from(percent).ok().and_then(Percent::new);
            }
            let Some(Value::Array(branches)) = operation.get("if") else { return None };
            read(branches.last().filter(|_| branches.len() % 2 == 1), names)
        }
        _ => None,
    }
}

fn is_nothing(rule: &Value) -> bool {
    rule.is_null() || rule.as_object().is_some_and(serde_json::Map::is_empty)
}

/// Returns what users are told apart by, where the rule says it.
fn key_of(parts: &[Value]) -> Option<&Value> {
    parts.first().filter(|first| !first.is_array())
}

/// Returns the weights of the variant and of the rest, or nothing where others have a part or weights are computed.
fn weights(parts: &[Value], (variant, rest): (&str, &str)) -> Option<(u64, u64)> {
    let mut sums = (0_u64, 0_u64);
    for part in parts.iter().skip(usize::from(key_of(parts).is_some())) {
        let part = part.as_array()?;
        let weight = match part.get(1) {
            None => 1,
            Some(weight) => weight.as_u64()?,
        };
        let name = part.first()?.as_str()?;
        if name == variant {
            sums.0 = sums.0.saturating_add(weight);
        } else if name == rest {
            sums.1 = sums.1.saturating_add(weight);
        } else {
            return None;
        }
    }
    (sums != (0, 0)).then_some(sums)
}

#[cfg(test)]
mod tests;
