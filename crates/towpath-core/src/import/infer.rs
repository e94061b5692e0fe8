//! The type of a variable, from all the values it has anywhere.

use super::secret::by_value;
use crate::{
    config::{check_text, schema::variable::VariableType},
    units::{Bytes, Millis},
};

/// Words of names whose values are durations or sizes, should they have a unit.
const TIMES: &[&str] = &[
    "TIMEOUT",
    "TTL",
    "INTERVAL",
    "DURATION",
    "PERIOD",
    "DELAY",
    "AGE",
    "EXPIRY",
    "EXPIRES",
    "EXPIRATION",
    "GRACE",
    "WAIT",
];
const SIZES: &[&str] = &["SIZE", "MEMORY", "LIMIT", "BYTES", "HEAP", "BUFFER", "QUOTA"];

/// Returns the narrowest type that holds every value; text where values differ in kind, are empty or refer to others.
pub(super) fn of(name: &str, values: &[&str]) -> VariableType {
    if values.is_empty() || values.iter().any(|value| value.is_empty()) {
        return VariableType::String;
    }
    let upper = name.to_ascii_uppercase();
    let named = |words: &[&str]| upper.split('_').any(|part| words.contains(&part));
    let all = |fits: &dyn Fn(&str) -> bool| values.iter().all(|value| fits(value));
    if all(&|value| matches!(value, "true" | "false")) {
        return VariableType::Bool;
    }
    if all(&is_int) {
        let port = upper.split('_').next_back() == Some("PORT") && all(&|value| fits(VariableType::Port, value));
        return if port { VariableType::Port } else { VariableType::Int };
    }
    let with_unit = |value: &str| value.ends_with(|c: char| c.is_ascii_alphabetic());
    if named(TIMES) && all(&|value| with_unit(value) && value.parse::<Millis>().is_ok()) {
        return VariableType::Duration;
    }
    if named(SIZES) && all(&|value| with_unit(value) && value.parse::<Bytes>().is_ok()) {
        return VariableType::Bytes;
    }
    let candidates = [VariableType::Float, VariableType::Url, VariableType::Email, VariableType::Json];
    let found = candidates.into_iter().find(|kind| all(&|value| looks(*kind, value) && fits(*kind, value)));
    found.unwrap_or(VariableType::String)
}

/// A whole number that means one: `007` and `+1` are texts.
fn is_int(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    (digits == "0" || !digits.starts_with('0')) && value.parse::<i64>().is_ok_and(|int| int.to_string() == value)
}

fn looks(kind: VariableType, value: &str) -> bool {
    match kind {
        VariableType::Float => match value.split_once('.') {
            None => is_int(value),
            Some((whole, rest)) => {
                let digits = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
                digits && is_int(if whole == "-0" { "0" } else { whole })
            }
        },
        VariableType::Json => value.starts_with(['{', '[']),
        VariableType::Email => value.contains('.') && by_value(value).is_none(),
        VariableType::Url
        | VariableType::String
        | VariableType::Int
        | VariableType::Bool
        | VariableType::Duration
        | VariableType::Bytes
        | VariableType::Port
        | VariableType::Enum => true,
    }
}

fn fits(kind: VariableType, value: &str) -> bool {
    check_text(kind, value)
}
