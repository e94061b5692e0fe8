//! What the files may say, told from the types that read them: JSON Schema for editors, Markdown for people.
//!
//! The macros of [`super::read`] write a description beside every reader, so that the two cannot part. The
//! generators are our own rather than `schemars`, whose traits know neither layers (every key is optional until all
//! are laid over each other) nor the words and links of the reference. Nothing here decides what is right.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

mod names;
mod page;
mod schema;

pub(crate) use names::Names;
pub use page::reference_page;
pub use schema::{SCHEMAS, SchemaKind, json_schema};

/// How values of a type are written.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// For people, as Markdown.
    pub(crate) words: String,
    /// For editors and validators.
    pub(crate) json: Json,
}

/// Whether a text stands for itself or is completed by others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What is required must be there.
    Whole,
    /// Other layers may say it, and nothing takes away.
    Layer,
}

/// One key of a section.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) doc: String,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    pub(crate) default: Option<Json>,
}

/// Keys of which a section has at most one, or at least one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    pub(crate) keys: &'static [&'static str],
    pub(crate) least: bool,
    pub(crate) most: bool,
}

/// A section as the reference tells of it.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) title: String,
    /// Where it was found first.
    pub(crate) place: String,
    pub(crate) doc: String,
    pub(crate) keys: Vec<Key>,
    pub(crate) choices: Vec<Choice>,
}

/// Collects what is described, each type once.
#[derive(Debug)]
pub(crate) struct Book {
    home: Mode,
    pub(crate) mode: Mode,
    pub(crate) names: Names,
    place: Vec<String>,
    pub(crate) definitions: BTreeMap<String, Json>,
    pub(crate) sections: Vec<Section>,
    pub(crate) simple: BTreeMap<&'static str, &'static str>,
}

impl Book {
    pub(crate) fn new(home: Mode, names: Names) -> Self {
        Self {
            home,
            mode: home,
            names,
            place: Vec::new(),
            definitions: BTreeMap::new(),
            sections: Vec::new(),
            simple: BTreeMap::new(),
        }
    }

    /// Describes a value that is no section, by a word the reference explains.
    pub(crate) fn simple(&mut self, word: &'static str, about: &'static str, json: Json) -> Shape {
        self.simple.insert(word, about);
        Shape { words: format!("[{word}](#{})", word.replace(' ', "-").to_lowercase()), json }
    }

    /// Describes one of a few words.
    pub(crate) fn words(words: &[&str], docs: &[String]) -> Shape {
        let known: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let docs: Vec<Json> = docs.iter().map(|doc| Json::from(one_line(doc))).collect();
        Shape { words: known.join(", "), json: json!({ "type": "string", "enum": words, "enumDescriptions": docs }) }
    }

    /// Describes a section; its keys are asked for once.
    pub(crate) fn section(
        &mut self,
        type_name: &str,
        doc: &str,
        keys: impl FnOnce(&mut Self) -> (Vec<Key>, Vec<Choice>),
    ) -> Shape {
        let title = title(type_name);
        let mut definition = bare(type_name).to_owned();
        if self.mode != self.home {
            definition.push_str("Layer");
        }
        let reference = json!({ "$ref": format!("#/$defs/{definition}") });
        let shape = Shape { words: format!("[{title}](#{})", title.replace(' ', "-")), json: reference };
        if self.definitions.contains_key(&definition) {
            return shape;
        }
        // A place for itself, should a key lead back here.
        self.definitions.insert(definition.clone(), Json::Bool(true));
        // The reference tells of it once, though it may be described whole and as a layer.
        let told = self.sections.iter().any(|section| section.title == title);
        let at = self.sections.len();
        if !told {
            let place = self.place.join(".");
            self.sections.push(Section { title, place, doc: doc.to_owned(), keys: Vec::new(), choices: Vec::new() });
        }
        let (keys, choices) = keys(self);
        self.definitions.insert(definition, object(doc, &keys, &choices, self.mode));
        if let Some(section) = self.sections.get_mut(at).filter(|_| !told) {
            (section.keys, section.choices) = (keys, choices);
        }
        shape
    }

    /// Describes what may also be one of a few words alone.
    pub(crate) fn or_word(&mut self, words: &[&str], section: impl FnOnce(&mut Self) -> Shape) -> Shape {
        let section = section(self);
        let known: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let json = json!({ "anyOf": [{ "type": "string", "enum": words }, section.json] });
        Shape { words: format!("{}, or {}", known.join(", "), section.words), json }
    }

    /// Describes what may be written in two ways.
    pub(crate) fn either(a: &Shape, b: &Shape) -> Shape {
        Shape { words: format!("{}, or {}", a.words, b.words), json: json!({ "anyOf": [a.json, b.json] }) }
    }

    /// Describes what is under a key, with the key in the place.
    pub(crate) fn under<T>(&mut self, key: &str, describe: impl FnOnce(&mut Self) -> T) -> T {
        self.place.push(key.to_owned());
        let described = describe(self);
        self.place.pop();
        described
    }

    /// Describes what other layers complete.
    pub(crate) fn layered<T>(&mut self, describe: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.mode, Mode::Layer);
        let described = describe(self);
        self.mode = before;
        described
    }

    /// Returns a schema for one of the names, or for any text like a name where none are known.
    pub(crate) fn one_of(known: &[String], otherwise: Json) -> Json {
        if known.is_empty() { otherwise } else { json!({ "type": "string", "enum": known }) }
    }
}

/// Returns the schema of a map with these keys and no others.
fn object(doc: &str, keys: &[Key], choices: &[Choice], mode: Mode) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in keys {
        let layer = mode == Mode::Layer;
        let optional = layer || !key.required;
        let json = key.shape.json.clone();
        let json = if layer && !PLAIN.contains(&key.name) { referable(json) } else { json };
        let mut property = if optional { nullable(json) } else { json };
        if let Json::Object(property) = &mut property {
            property.insert("description".to_owned(), key.doc.as_str().into());
            if let Some(default) = &key.default {
                property.insert("default".to_owned(), default.clone());
            }
        }
        if !optional {
            required.push(key.name);
        }
        properties.insert(key.name.to_owned(), property);
    }
    let kind = if required.is_empty() { json!(["object", "null"]) } else { json!("object") };
    let mut schema =
        json!({ "description": doc, "type": kind, "properties": properties, "additionalProperties": false });
    let rules: Vec<Json> = choices.iter().flat_map(|choice| rules(*choice, mode)).collect();
    if let Json::Object(schema) = &mut schema {
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if !rules.is_empty() {
            schema.insert("allOf".to_owned(), rules.into());
        }
    }
    schema
}

/// Keys whose values hold no references: they are read before any can be replaced, or completed elsewhere.
const PLAIN: [&str; 4] = ["extends", "tier", "aliases", "command"];

/// Returns a schema that accepts a text with references as well: only resolving can tell what they become.
pub(crate) fn referable(json: Json) -> Json {
    let reference = json!({ "type": "string", "pattern": r"\$" });
    let Json::Object(schema) = &json else { return json };
    let kinds = schema.get("type").map(Json::to_string).unwrap_or_default();
    let structure = schema.contains_key("$ref") || kinds.contains("array") || kinds.contains("object");
    let any_text = kinds.contains("string") && !schema.contains_key("enum") && !schema.contains_key("pattern");
    if schema.is_empty() || structure || any_text {
        return json;
    }
    if let Some(ways) = schema.get("anyOf").and_then(Json::as_array) {
        let ways: Vec<Json> = ways.iter().cloned().chain([reference]).collect();
        return json!({ "anyOf": ways });
    }
    json!({ "anyOf": [json, reference] })
}

/// What a choice demands. In one layer nothing has to be chosen yet.
fn rules(choice: Choice, mode: Mode) -> Vec<Json> {
    let chosen = |key: &str| json!({ "required": [key], "properties": { key: { "not": { "enum": [null, false] } } } });
    let mut rules = Vec::new();
    if choice.most {
        for (place, a) in choice.keys.iter().enumerate() {
            for b in choice.keys.iter().skip(place + 1) {
                rules.push(json!({ "not": { "allOf": [chosen(a), chosen(b)] } }));
            }
        }
    }
    if choice.least && mode == Mode::Whole {
        rules.push(json!({ "anyOf": choice.keys.iter().map(|key| chosen(key)).collect::<Vec<_>>() }));
    }
    rules
}

/// Returns a schema that accepts nothing as well.
pub(crate) fn nullable(mut json: Json) -> Json {
    let Json::Object(schema) = &mut json else { return json };
    if let Some(list) = schema.get_mut("enum").and_then(Json::as_array_mut) {
        list.push(Json::Null);
    }
    match schema.get_mut("type") {
        Some(Json::String(kind)) if kind == "null" => return json,
        Some(Json::String(kind)) => {
            let kind = json!([kind.as_str(), "null"]);
            schema.insert("type".to_owned(), kind);
            return json;
        }
        Some(Json::Array(kinds)) => {
            if !kinds.contains(&json!("null")) {
                kinds.push(json!("null"));
            }
            return json;
        }
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_)) | None => {}
    }
    if let Some(ways) = schema.get_mut("anyOf").and_then(Json::as_array_mut) {
        ways.push(json!({ "type": "null" }));
        return json;
    }
    // What allows everything stays as it is.
    if schema.is_empty() { json } else { json!({ "anyOf": [json, { "type": "null" }] }) }
}

/// Returns the name of a type without what says that it is read from a file.
fn bare(type_name: &str) -> &str {
    ["File", "Map", "Keys"].iter().find_map(|end| type_name.strip_suffix(end)).unwrap_or(type_name)
}

/// Returns `http check` for `HttpCheckFile`.
fn title(type_name: &str) -> String {
    let name = bare(type_name);
    let mut title = String::new();
    for (place, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() && place > 0 {
            title.push(' ');
        }
        title.push(c.to_ascii_lowercase());
    }
    title
}

/// Returns documentation lines as one text, paragraphs apart.
pub(crate) fn doc(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Returns a text of several lines as one line.
fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
