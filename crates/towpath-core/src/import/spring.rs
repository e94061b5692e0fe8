//! Spring Boot's `application.yml` and `application.properties`, with profiles as environments.
//!
//! A property becomes the environment variable that Spring binds to it
//! (<https://docs.spring.io/spring-boot/reference/features/external-config.html>): dots become `_`, dashes go, letters
//! are made capital. Spring prefers variables to its packaged files, so the application need not change.

use std::collections::BTreeMap;

use super::{
    convert::{Dialect, references},
    facts::{Imported, Kind, Layer, Place},
    names::{environment, name_of},
    node::{Node, Shape, documents},
};

/// Returns the profile of a file: nothing for `application.yml`, `prod` for `application-prod.properties`.
pub(super) fn profile(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = [".yml", ".yaml", ".properties"].iter().find_map(|ending| file.strip_suffix(ending))?;
    let rest = stem.strip_prefix("application")?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('-') }
}

/// Takes all files of a project: without profile before those with one, YAML before properties, later wins.
pub(super) fn import(files: &[(&str, &str)], imported: &mut Imported) {
    let mut files = files.to_vec();
    files.sort_by_key(|(path, _)| (profile(path) != Some(""), path.ends_with(".properties"), (*path).to_owned()));
    for (path, text) in files {
        let Some(profile) = profile(path) else { continue };
        let Some(layer) = layer(profile, &Place::new(path, 0), imported) else { continue };
        if path.ends_with(".properties") {
            properties(path, text, &layer, imported);
        } else {
            for document in documents(path, text, imported) {
                self::document(&document, &layer, imported);
            }
        }
    }
}

fn layer(profile: &str, place: &Place, imported: &mut Imported) -> Option<Layer> {
    if profile.is_empty() || profile == "default" {
        return Some(Layer::Common);
    }
    if let Some((name, tier)) = environment(profile) {
        return Some(imported.environment(&name, tier));
    }
    let why = format!("the profile `{profile}` is none of a usual environment");
    imported.left(place.clone(), "the file", why);
    None
}

fn document(document: &Node, layer: &Layer, imported: &mut Imported) {
    let keys = [&["spring", "config", "activate", "on-profile"][..], &["spring", "profiles"][..]];
    let active = keys.iter().find_map(|keys| document.at(keys)).and_then(|node| Some((node.text()?, node)));
    let active = active.or_else(|| {
        let node = document.get("spring.config.activate.on-profile")?;
        Some((node.text()?, node))
    });
    let layer = match active {
        Some((profile, node)) => match self::layer(&profile, &node.place(), imported) {
            Some(layer) => layer,
            None => return,
        },
        None => layer.clone(),
    };
    for (key, node) in document.entries() {
        flatten(key, node, &layer, imported);
    }
}

fn flatten(key: &str, node: &Node, layer: &Layer, imported: &mut Imported) {
    match &node.shape {
        Shape::Map(entries) if !entries.is_empty() => {
            for (name, node) in entries {
                flatten(&format!("{key}.{name}"), node, layer, imported);
            }
        }
        Shape::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{key}[{index}]"), item, layer, imported);
            }
        }
        Shape::Text(_) | Shape::Bool(_) | Shape::Number(_) => {
            property(key, &node.text().unwrap_or_default(), layer, node.place(), imported);
        }
        Shape::Null | Shape::List(_) | Shape::Map(_) => {
            imported.left(node.place(), key, "it is empty, which no variable can say");
        }
    }
}

fn property(key: &str, value: &str, layer: &Layer, place: Place, imported: &mut Imported) {
    match key {
        "spring.profiles.active" | "spring.profiles.default" | "spring.profiles.include" => {
            return imported.left(place, key, "the environment says which values hold");
        }
        key if key.starts_with("spring.config.") || key == "spring.profiles" => return,
        "server.port" | "management.server.port" => {
            let why = "every instance gets a port of its own: start it with `--server.port=${PORT}`";
            return imported.left(place, key, why);
        }
        "spring.application.name" => {
            if let Some(name) = name_of(value) {
                imported.project.get_or_insert(name);
            }
        }
        _ => {}
    }
    match references(value, Dialect::Spring) {
        Ok(text) if text.contains("#{") => imported.left(place, key, "an expression of Spring"),
        Ok(text) => imported.variable(None, &variable(key), layer, Some(text), Kind::Spring, place),
        Err(why) => imported.left(place, key, why),
    }
}

/// Returns the environment variable that Spring binds to a property.
pub(super) fn variable(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for c in key.chars() {
        match c {
            '-' | ']' => {}
            '.' | '[' => out.push('_'),
            c => out.extend(c.to_uppercase()),
        }
    }
    out
}

/// Reads a properties file, as `java.util.Properties` does; `#---` begins a further document.
fn properties(path: &str, text: &str, layer: &Layer, imported: &mut Imported) {
    let mut document: BTreeMap<String, (String, Place)> = BTreeMap::new();
    let mut lines = text.trim_start_matches('\u{feff}').lines().zip(1_u32..);
    let flush = |document: &mut BTreeMap<String, (String, Place)>, imported: &mut Imported| {
        let active = document.get("spring.config.activate.on-profile").cloned();
        let layer = match &active {
            Some((profile, place)) => self::layer(profile, place, imported),
            None => Some(layer.clone()),
        };
        for (key, (value, place)) in std::mem::take(document) {
            if let Some(layer) = &layer {
                property(&key, &value, layer, place, imported);
            }
        }
    };
    while let Some((line, number)) = lines.next() {
        let line = line.trim_start();
        if matches!(line.trim_end(), "#---" | "!---") {
            flush(&mut document, imported);
            continue;
        }
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut whole = line.to_owned();
        while (whole.len() - whole.trim_end_matches('\\').len()) % 2 == 1 {
            whole.pop();
            let Some((more, _)) = lines.next() else { break };
            whole.push_str(more.trim_start());
        }
        let (key, value) = key_value(&whole);
        let place = Place::new(path, number);
        if let Some((_, old)) = document.insert(key.clone(), (value, place.clone())) {
            imported.left(old, key, format!("line {} says it again, and the last one holds", place.line));
        }
    }
    flush(&mut document, imported);
}

fn key_value(line: &str) -> (String, String) {
    let mut escaped = false;
    let end = line.char_indices().find(|(_, c)| {
        let ends = !escaped && (matches!(c, '=' | ':') || c.is_whitespace());
        escaped = !escaped && *c == '\\';
        ends
    });
    let (key, rest) = line.split_at_checked(end.map_or(line.len(), |(place, _)| place)).unwrap_or((line, ""));
    let rest = rest.trim_start();
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start();
    (unescaped(key), unescaped(rest))
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let digits: String = chars.clone().take(4).collect();
                match u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32) {
                    Some(c) if digits.len() == 4 => {
                        out.push(c);
                        chars.nth(3);
                    }
                    Some(_) | None => out.push('u'),
                }
            }
            Some(c) => out.push(c),
            None => {}
        }
    }
    out
}
