//! `google.protobuf.Struct` and JSON.
//!
//! Protobuf knows only doubles. A whole one is written without a fraction, as every evaluator of flagd takes it.

use serde_json::{Map, Number, Value as Json};

use super::messages::{Kind, ListValue, Struct, Value};

/// The largest whole number up to which a double is exact: 2⁵³.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns the context of a request as JSON text.
pub(super) fn context_json(context: Option<Struct>) -> Vec<u8> {
    let mut object = context.map(object).unwrap_or_default();
    // SDKs write a targeting key that nobody set as `null`.
    if object.get("targetingKey").is_some_and(Json::is_null) {
        object.remove("targetingKey");
    }
    serde_json::to_vec(&object).unwrap_or_else(|_| b"{}".to_vec())
}

fn object(message: Struct) -> Map<String, Json> {
    message.fields.into_iter().map(|(name, value)| (name, json(value))).collect()
}

fn json(value: Value) -> Json {
    match value.kind {
        None | Some(Kind::Null(_)) => Json::Null,
        Some(Kind::Number(number)) => json_number(number),
        Some(Kind::Text(text)) => Json::String(text),
        Some(Kind::Bool(is)) => Json::Bool(is),
        Some(Kind::Struct(fields)) => Json::Object(object(fields)),
        Some(Kind::List(list)) => Json::Array(list.values.into_iter().map(json).collect()),
    }
}

/// What is no number in JSON (infinity, not a number) is `null`.
pub(super) fn json_number(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and small enough to be exact")]
        return Json::Number(Number::from(number as i64));
    }
    Number::from_f64(number).map_or(Json::Null, Json::Number)
}

/// Returns a JSON object as a message.
pub(super) fn structure(members: Map<String, Json>) -> Struct {
    Struct { fields: members.into_iter().map(|(name, member)| (name, value(member))).collect() }
}

fn value(json: Json) -> Value {
    let kind = match json {
        Json::Null => Kind::Null(0),
        Json::Bool(is) => Kind::Bool(is),
        Json::Number(number) => Kind::Number(number.as_f64().unwrap_or_default()),
        Json::String(text) => Kind::Text(text),
        Json::Array(items) => Kind::List(ListValue { values: items.into_iter().map(value).collect() }),
        Json::Object(members) => Kind::Struct(structure(members)),
    };
    Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests;
