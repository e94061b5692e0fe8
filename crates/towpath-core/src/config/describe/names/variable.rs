//! What the value of a declared variable may be, for the environments' schema.
//!
//! A value may refer to others, so any text with a `$` is accepted: only resolving can judge it.

use serde_json::{Map, Value as Json, json};

use crate::config::schema::variable::{Bound, Declaration, VariableType};

/// Returns the schema of a variable's value, documented by its declaration.
pub(super) fn value(declaration: Option<&Declaration>) -> Json {
    let Some(declaration) = declaration else { return json!({}) };
    let mut schema = Map::new();
    if declaration.r#type != VariableType::Json {
        let mut ways = typed(declaration);
        ways.push(json!({ "type": "string", "pattern": r"\$" }));
        ways.push(json!({ "type": "null" }));
        schema.insert("anyOf".to_owned(), ways.into());
    }
    schema.insert("description".to_owned(), describe(declaration).into());
    if let Some(default) = declaration.default.as_ref().filter(|default| !default.is_null() && !declaration.secret) {
        schema.insert("default".to_owned(), default.to_json());
    }
    if let Some(example) = declaration.example.as_ref().filter(|example| !example.is_null()) {
        schema.insert("examples".to_owned(), json!([example.to_json()]));
    }
    if let Some(deprecated) = &declaration.deprecated {
        schema.insert("deprecated".to_owned(), true.into());
        schema.insert("deprecationMessage".to_owned(), format!("deprecated: {}", deprecated.words()).into());
    }
    Json::Object(schema)
}

fn describe(declaration: &Declaration) -> String {
    let mut lines: Vec<String> = declaration.doc.iter().cloned().collect();
    let secret = if declaration.secret { ", secret: do not write it here" } else { "" };
    lines.push(format!("Type: {}{secret}.", declaration.r#type.as_str()));
    if let Some(deprecated) = &declaration.deprecated {
        lines.push(format!("Deprecated: {}", deprecated.words()));
    }
    lines.join("\n\n")
}

/// Returns the ways in which a value without references may be written.
fn typed(declaration: &Declaration) -> Vec<Json> {
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match declaration.r#type {
        VariableType::String => {
            // Numbers and truth values are taken as they are written.
            let loose = declaration.pattern.is_none() && declaration.min.is_none() && declaration.max.is_none();
            let kinds = if loose { json!(["string", "number", "boolean"]) } else { json!("string") };
            let mut ways = vec![sized(declaration, json!({ "type": kinds }))];
            if !loose {
                ways.push(json!({ "type": ["number", "boolean"] }));
            }
            ways
        }
        VariableType::Int => vec![ranged(declaration, "integer"), text("^[+-]?[0-9]+$")],
        VariableType::Float => {
            vec![ranged(declaration, "number"), text(r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$")]
        }
        VariableType::Bool => {
            vec![json!({ "type": "boolean" }), json!({ "type": "string", "enum": ["true", "false"] })]
        }
        VariableType::Url => vec![sized(declaration, text(r"^[A-Za-z][A-Za-z0-9+.-]*://[^\s]*$"))],
        VariableType::Email => vec![sized(declaration, text(r"^[^\s]+@[^\s@]+$"))],
        VariableType::Duration => vec![text("^(0|([0-9]+(d|h|ms|m|s))+)$"), json!({ "const": 0 })],
        VariableType::Bytes => vec![json!({ "type": "integer", "minimum": 0 }), text("^[0-9]+(Ti|Gi|Mi|Ki|T|G|M|k)?$")],
        VariableType::Port => {
            vec![json!({ "type": "integer", "minimum": 1, "maximum": 65_535 }), text("^[0-9]{1,5}$")]
        }
        VariableType::Enum => vec![json!({ "enum": values(declaration) })],
        VariableType::Json => Vec::new(),
    }
}

/// Returns the values of an enum, as texts and as what YAML reads unquoted ones as.
fn values(declaration: &Declaration) -> Vec<Json> {
    let texts = || declaration.values.iter().map(|word| word.0.value.as_str());
    let unquoted = texts().filter_map(|text| serde_json::from_str::<Json>(text).ok());
    let unquoted = unquoted.filter(|value| value.is_number() || value.is_boolean());
    texts().map(Json::from).chain(unquoted).collect()
}

fn number(bound: Option<&Bound>) -> Option<Json> {
    let scalar = &bound?.0.value;
    scalar.as_int().map(Json::from).or_else(|| scalar.as_float().map(Json::from))
}

fn ranged(declaration: &Declaration, kind: &str) -> Json {
    with(
        json!({ "type": kind }),
        [("minimum", number(declaration.min.as_ref())), ("maximum", number(declaration.max.as_ref()))],
    )
}

fn sized(declaration: &Declaration, schema: Json) -> Json {
    let pattern = declaration.pattern.as_ref().map(|pattern| pattern.value.as_str()).filter(|text| portable(text));
    with(
        schema,
        [
            ("minLength", number(declaration.min.as_ref())),
            ("maxLength", number(declaration.max.as_ref())),
            ("pattern", pattern.map(|pattern| format!("^(?:{pattern})$").into())),
        ],
    )
}

fn with<const N: usize>(mut schema: Json, more: [(&str, Option<Json>); N]) -> Json {
    if let Json::Object(schema) = &mut schema {
        schema.extend(more.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    }
    schema
}

/// Says whether a regular expression means the same to editors: ours know more than theirs.
fn portable(pattern: &str) -> bool {
    let ours = ["(?", "\\p", "\\P", "\\A", "\\z", "\\x{", "\\u", "\\U", "[[", "&&", "--", "~~"];
    pattern.is_ascii() && !ours.iter().any(|piece| pattern.contains(piece))
}
