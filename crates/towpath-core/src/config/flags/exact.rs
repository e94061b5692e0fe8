//! Values as JSON with numbers as they are written: `10` stays a whole number and `10.0` does not become one.

use serde_json::{Map, Number, Value as Json};

use crate::config::{
    value::{Data, Value},
    yaml::{Scalar, ScalarKind},
};

/// Returns a value as JSON; what was taken away is left out, `null` stays.
pub(super) fn json(value: &Value) -> Json {
    match &value.data {
        Data::Removed => Json::Null,
        Data::Scalar(scalar) => scalar_json(scalar),
        Data::List(items) => items.iter().filter(|item| !item.is_removed()).map(json).collect(),
        Data::Map(map) => {
            let there = map.iter().filter(|(_, member)| !member.value.is_removed());
            Json::Object(there.map(|(key, member)| (key.to_string(), json(&member.value))).collect::<Map<_, _>>())
        }
    }
}

/// Returns the number a scalar is, if JSON can have it.
pub(super) fn number(scalar: &Scalar) -> Option<Number> {
    match scalar.kind {
        ScalarKind::Int | ScalarKind::Float => {}
        ScalarKind::Null | ScalarKind::Bool | ScalarKind::Text | ScalarKind::Replaced => return None,
    }
    // What JSON can read is read as JSON does; the rest is YAML's own: `0x1F`, `+1`, `.5`.
    serde_json::from_str(scalar.text()).ok().or_else(|| {
        let whole = (scalar.kind == ScalarKind::Int).then(|| scalar.as_int()).flatten().map(Number::from);
        whole.or_else(|| scalar.as_float().and_then(Number::from_f64))
    })
}

fn scalar_json(scalar: &Scalar) -> Json {
    let text = || Json::from(scalar.text());
    match scalar.kind {
        ScalarKind::Null => Json::Null,
        ScalarKind::Bool => scalar.as_bool().map_or_else(text, Json::from),
        ScalarKind::Int | ScalarKind::Float => number(scalar).map_or_else(text, Json::Number),
        ScalarKind::Text | ScalarKind::Replaced => text(),
    }
}
