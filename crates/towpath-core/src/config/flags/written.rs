//! JSON as YAML that people like to read: maps as blocks, rules and lists on one line.

use serde_json::Value as Json;

use crate::config::render::yaml::{entry, quoted};

/// From how deep on everything stands on one line: below the properties of a flag.
const BLOCKS: usize = 4;

/// Returns JSON as YAML of any version; the root is best a map.
pub fn yaml_text(json: &Json) -> String {
    let mut text = String::new();
    match json {
        Json::Object(map) if !map.is_empty() => block(map, 0, &mut text),
        other => text = flow(other) + "\n",
    }
    text
}

fn block(map: &serde_json::Map<String, Json>, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for (key, value) in map {
        match value {
            Json::Object(inside) if !inside.is_empty() && depth + 1 < BLOCKS && key != "targeting" => {
                *text += entry(&indent, key, "").trim_end();
                text.push('\n');
                block(inside, depth + 1, text);
            }
            other => *text += &(entry(&indent, key, &flow(other)) + "\n"),
        }
    }
}

fn flow(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        Json::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::Object(map) => {
            let parts = map.iter().map(|(key, value)| format!("{}: {}", quoted(key), flow(value)));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}
