//! Values in another format than that of their file. Comments stay behind; within one format texts are kept as they are.

use serde_json::{Map, Value as Json};
use towpath_secrets::sops::{Format, Path, Plain, Step, Value};
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};

/// Returns the values below a path as text of a format.
pub(super) fn convert(plain: &Plain, below: &Path, format: Format) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut root = Json::Null;
    for (path, value) in plain.values() {
        if let Some(steps) = path.steps.strip_prefix(below.steps.as_slice()) {
            put(&mut root, steps, json(value));
        }
    }
    match format {
        Format::Json => Ok(Zeroizing::new(format!("{root:#}\n").into_bytes())),
        Format::Yaml => {
            let mut out = Zeroizing::new(String::new());
            yaml(&root, 0, &mut out);
            Ok(Zeroizing::new(out.trim_start_matches('\n').as_bytes().to_vec()))
        }
        Format::Dotenv => dotenv(&root),
        Format::Ini | Format::Binary => Err(Failure::usage(format!("values cannot be written as {format} here"))
            .next("--output-type yaml, json or dotenv")),
    }
}

fn json(value: &Value) -> Json {
    let text = || value.as_text().map_or(Json::Null, |text| Json::String((*text).clone()));
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => serde_json::Number::from_f64(*number).map_or_else(text, Json::Number),
        Value::Text(bytes) => Json::String(String::from_utf8_lossy(bytes).into_owned()),
        Value::Time(_) => text(),
    }
}

fn put(place: &mut Json, steps: &[Step], value: Json) {
    match steps.split_first() {
        None => *place = value,
        Some((Step::Key(key), rest)) => {
            if !place.is_object() {
                *place = Json::Object(Map::new());
            }
            if let Some(object) = place.as_object_mut() {
                put(object.entry(key.clone()).or_insert(Json::Null), rest, value);
            }
        }
        Some((Step::Item(index), rest)) => {
            if !place.is_array() {
                *place = Json::Array(Vec::new());
            }
            if let Some(items) = place.as_array_mut() {
                while items.len() <= *index {
                    items.push(Json::Null);
                }
                if let Some(item) = items.get_mut(*index) {
                    put(item, rest, value);
                }
            }
        }
    }
}

/// Writes a value behind `key:` or `-`. A text as JSON has it is one in YAML.
fn yaml(value: &Json, depth: usize, out: &mut String) {
    let indent = "    ".repeat(depth);
    match value {
        Json::Object(object) if !object.is_empty() => {
            for (key, value) in object {
                let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
                    && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
                        .contains(&key.to_ascii_lowercase().as_str());
                let key = if plain { key.clone() } else { Json::String(key.clone()).to_string() };
                out.push_str(&format!("\n{indent}{key}:"));
                yaml(value, depth + 1, out);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&format!("\n{indent}-"));
                yaml(item, depth + 1, out);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => {
            out.push_str(&format!(" {value}"));
        }
    }
    if depth == 0 {
        out.push('\n');
    }
}

fn dotenv(root: &Json) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unfit =
        |what: &str| Failure::new(Exit::Failed, "not_dotenv", format!("{what} cannot be a line of a dotenv file"));
    let object = root.as_object().ok_or_else(|| unfit("a single value"))?;
    let mut out = Zeroizing::new(String::new());
    for (key, value) in object {
        let text = match value {
            Json::String(text) => text.clone(),
            Json::Null => String::new(),
            Json::Bool(_) | Json::Number(_) => value.to_string(),
            Json::Array(_) | Json::Object(_) => return Err(unfit(&format!("`{key}`, which has parts,"))),
        };
        if key.is_empty() || key.contains(['=', '\n', '#']) {
            return Err(unfit(&format!("the name `{key}`")));
        }
        // As sops escapes it.
        out.push_str(&format!("{key}={}\n", text.replace('\n', "\\n")));
    }
    Ok(Zeroizing::new(out.as_bytes().to_vec()))
}
