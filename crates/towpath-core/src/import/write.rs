//! The files of the project: what is common in `towpath.yaml` and `base.yaml`, what differs beside.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::{Map, Value, json};

use super::{
    convert::plain,
    infer,
    node::sources,
    settle::{PerEnvironment, Plan},
};
use crate::{
    config::{Diagnostic, check_text, load, schema::variable::VariableType},
    project::Tier,
    units::{Bytes, Millis},
};

/// Keys that say what a service is rather than how it runs somewhere.
const OF_THE_PROJECT: &[&str] = &["command", "image", "artifact"];

/// Returns path and text of each file.
pub(super) fn files(plan: &Plan) -> Vec<(String, String)> {
    let mut files = vec![("towpath.yaml".to_owned(), project(plan))];
    let base = layer(plan, None);
    let head = "# Holds in every environment unless one of the files beside this says otherwise.\n";
    files.push(("environments/base.yaml".to_owned(), head.to_owned() + &yaml(&base)));
    for (name, tier) in &plan.environments {
        let mut document = Map::new();
        if Tier::ALL.iter().all(|tier| tier.as_str() != name) {
            document.insert("tier".to_owned(), json!(tier.as_str()));
        }
        document.insert("description".to_owned(), json!(purpose(*tier)));
        for (key, values) in &plan.keys {
            if let Some((value, _)) = values.get(name) {
                document.insert((*key).to_owned(), value.clone());
            }
        }
        document.extend(layer(plan, Some(name)));
        files.push((format!("environments/{name}.yaml"), yaml(&document)));
    }
    if plan.page {
        let name = &plan.name;
        let page = format!("<!doctype html>\n<title>{name}</title>\n<h1>{name}</h1>\n<p>It works.</p>\n");
        files.push(("site/index.html".to_owned(), page));
    }
    if !plan.artifacts.is_empty() {
        let text = "# What no artifact of a release takes along.\n.env\n.env.*\n!.env.example\n.git/\n";
        files.push((".towpathignore".to_owned(), text.to_owned()));
    }
    files
}

/// Returns what is wrong with the files, as `towpath env validate` would say it.
pub(super) fn check(files: &[(String, String)]) -> Vec<Diagnostic> {
    let configuration: Vec<(String, String)> =
        files.iter().filter(|(path, _)| crate::config::is_source(path)).cloned().collect();
    let loaded = load(&sources(&configuration));
    loaded.validate().into_iter().filter(Diagnostic::is_error).collect()
}

fn purpose(tier: Tier) -> &'static str {
    match tier {
        Tier::Development => "where people try things",
        Tier::Testing => "where machines and testers look for faults",
        Tier::Staging => "where a release is rehearsed",
        Tier::Production => "where users are",
    }
}

fn project(plan: &Plan) -> String {
    let mut document = Map::new();
    document.insert("project".to_owned(), json!(plan.name));
    let mut artifacts: Map<String, Value> =
        plan.artifacts.iter().map(|(service, folder)| (service.clone(), json!(folder))).collect();
    let mut services = Map::new();
    for (name, keys) in &plan.services {
        let own = keys.iter().filter(|(key, _)| OF_THE_PROJECT.contains(key));
        let common: Map<String, Value> =
            own.filter_map(|(key, values)| Some(((*key).to_owned(), common(plan, values)?.clone()))).collect();
        if !common.is_empty() {
            services.insert(name.clone(), Value::Object(common));
        }
    }
    if plan.page {
        artifacts.insert("web".to_owned(), json!("site"));
        let command = json!(["python3", "-m", "http.server", "${PORT}", "--bind", "127.0.0.1"]);
        services.insert("web".to_owned(), json!({ "command": command }));
    }
    for (key, map) in [("artifacts", artifacts), ("services", services)] {
        if !map.is_empty() {
            document.insert(key.to_owned(), Value::Object(map));
        }
    }
    let names: BTreeSet<&String> = plan.known.keys().chain(plan.variables.keys()).collect();
    let variables: Map<String, Value> = names.into_iter().map(|name| (name.clone(), declaration(plan, name))).collect();
    if !variables.is_empty() {
        document.insert("variables".to_owned(), Value::Object(variables));
    }
    let mut text = yaml(&document);
    let pipeline: Vec<&str> = plan.environments.iter().map(|(name, _)| name.as_str()).collect();
    // Writing into a String cannot fail.
    let _ = write!(
        text,
        "\n# The order in which a release travels. A new release enters the first environment by itself.\npipeline: [{}]\n",
        pipeline.join(", ")
    );
    text
}

fn declaration(plan: &Plan, name: &str) -> Value {
    let empty = PerEnvironment::new();
    let values = plan.variables.get(name).unwrap_or(&empty);
    let known = plan.known.get(name);
    let mut declaration = Map::new();
    let texts: Option<BTreeSet<String>> = values.values().map(|(text, _)| plain(text)).collect();
    let example = known.and_then(|known| known.example.as_deref()).and_then(plain);
    let texts = match texts {
        Some(texts) if texts.is_empty() => example.iter().cloned().collect(),
        Some(texts) => texts,
        None => BTreeSet::new(),
    };
    let secret = known.is_some_and(|known| known.secret.is_some());
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    let listed = plan.enums.contains(name) && !secret && !all.is_empty() && !values.is_empty();
    let kind = if secret { VariableType::String } else { infer::of(name, &all) };
    if listed {
        declaration.insert("type".to_owned(), json!("enum"));
        declaration.insert("values".to_owned(), json!(all));
    } else if kind != VariableType::String {
        declaration.insert("type".to_owned(), json!(kind.as_str()));
    }
    if secret {
        declaration.insert("secret".to_owned(), json!(true));
    } else if values.len() == plan.environments.len() {
        declaration.insert("required".to_owned(), json!(true));
    } else if !values.is_empty() {
        declaration.insert("required_in".to_owned(), json!(values.keys().collect::<Vec<_>>()));
    }
    if let Some(example) = example.filter(|example| {
        !secret && !example.contains('\0') && !listed && (kind == VariableType::String || check_text(kind, example))
    }) {
        declaration.insert("example".to_owned(), json!(example));
    }
    if let Some(doc) = known.and_then(|known| known.doc.as_ref()) {
        declaration.insert("doc".to_owned(), json!(doc));
    }
    Value::Object(declaration)
}

/// Returns the value that holds in every environment, if there is one.
fn common<'p, T: PartialEq>(plan: &Plan, values: &'p PerEnvironment<T>) -> Option<&'p T> {
    let (first, _) = values.values().next()?;
    let everywhere = values.len() == plan.environments.len() && values.values().all(|(value, _)| value == first);
    everywhere.then_some(first)
}

/// Returns what is common, or what is said for one environment only.
fn layer(plan: &Plan, environment: Option<&str>) -> Map<String, Value> {
    fn pick<'p, T: PartialEq>(plan: &Plan, values: &'p PerEnvironment<T>, environment: Option<&str>) -> Option<&'p T> {
        match (environment, common(plan, values)) {
            (None, found) => found,
            (Some(_), Some(_)) => None,
            (Some(environment), None) => values.get(environment).map(|(value, _)| value),
        }
    }
    let mut services: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (name, keys) in &plan.services {
        for (key, values) in keys {
            let elsewhere = environment.is_none() && OF_THE_PROJECT.contains(key);
            let Some(value) = pick(plan, values, environment).filter(|_| !elsewhere) else { continue };
            put(services.entry(name.clone()).or_default(), key, value.clone());
        }
    }
    for ((service, name), values) in &plan.env {
        if let Some(text) = pick(plan, values, environment) {
            let service = services.entry(service.clone()).or_default();
            put(service, &format!("env.{name}"), json!(text));
        }
    }
    if plan.page && environment.is_none() {
        let service = services.entry("web".to_owned()).or_default();
        put(service, "probes.readiness", json!({"http": "/", "period": "1s"}));
    }
    let mut document = Map::new();
    if !services.is_empty() {
        let services = services.into_iter().map(|(name, keys)| (name, Value::Object(keys)));
        document.insert("services".to_owned(), Value::Object(services.collect()));
    }
    let variables: Map<String, Value> = plan
        .variables
        .iter()
        .filter_map(|(name, values)| Some((name.clone(), json!(pick(plan, values, environment)?))))
        .collect();
    if !variables.is_empty() {
        document.insert("variables".to_owned(), Value::Object(variables));
    }
    document
}

/// Puts a value under a dotted key.
fn put(map: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            map.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = map.entry(first.to_owned()).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Writes a map as YAML: blocks outside, what is small in one line.
fn yaml(document: &Map<String, Value>) -> String {
    let mut out = String::new();
    for (key, value) in in_order(document) {
        entry(&mut out, 0, key, value, false);
        if value.is_object() && document.len() > 1 && key != "variables" {
            out.push('\n');
        }
    }
    out.trim_end_matches('\n').to_owned() + if out.is_empty() { "" } else { "\n" }
}

/// The order in which people read keys; all others by name.
const ORDER: &[&str] = &[
    "project",
    "tier",
    "description",
    "url",
    "artifacts",
    "services",
    "variables",
    "type",
    "values",
    "secret",
    "required",
    "required_in",
    "example",
    "doc",
    "command",
    "image",
    "listen",
    "replicas",
    "env",
    "probes",
];

fn in_order(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut all: Vec<_> = map.iter().collect();
    let rank = |key: &str| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len());
    all.sort_by(|(a, _), (b, _)| (rank(a), a).cmp(&(rank(b), b)));
    all
}

fn entry(out: &mut String, depth: usize, key: &str, value: &Value, is_variable: bool) {
    let indent = "  ".repeat(depth);
    let key_text = scalar(key);
    match value {
        // Services and variables are blocks; what one variable is, and what a probe is, fits in a line.
        Value::Object(map) if is_block(depth, key, map) => {
            let _ = writeln!(out, "{indent}{key_text}:");
            for (inner, value) in in_order(map) {
                entry(out, depth + 1, inner, value, depth == 0 && key == "variables");
            }
        }
        // The text of a variable's number or truth value is kept as it was written, so it needs no quotes.
        Value::String(text) if is_variable && (matches!(text.as_str(), "true" | "false") || is_plain_number(text)) => {
            let _ = writeln!(out, "{indent}{key_text}: {text}");
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            let _ = writeln!(out, "{indent}{key_text}: {}", flow(value));
        }
    }
}

fn is_block(depth: usize, key: &str, map: &Map<String, Value>) -> bool {
    let nested = map.values().any(Value::is_object);
    !map.is_empty() && (depth == 0 || nested || matches!(key, "env") || map.contains_key("command"))
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries: Vec<String> =
                in_order(map).into_iter().map(|(key, value)| format!("{}: {}", scalar(key), flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Writes a text so that it is read back as the same text: bare where it can be nothing else, also to readers of YAML 1.1.
fn scalar(text: &str) -> String {
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b'-'))
        && (text.len() > 1 || text == "/");
    let lower = text.to_ascii_lowercase();
    let known = matches!(lower.as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    if word && !known {
        return text.to_owned();
    }
    let amount = text.ends_with(|c: char| c.is_ascii_alphabetic())
        && (text.parse::<Millis>().is_ok() || text.parse::<Bytes>().is_ok());
    if amount {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    // A JSON string is a double-quoted scalar; what YAML does not allow unescaped (section 5.1) is escaped besides.
    for c in Value::from(text).to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out
}

/// Says whether a text is a number to every reader of YAML, written in the usual way.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let all = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all(whole) && fraction.is_none_or(all) && (whole == "0" || !whole.starts_with('0')) && text.len() <= 15
}
