//! Copying an environment's file: comments and order stay, what two environments cannot share is cleared.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::{AuthorError, addresses, json};
use crate::{
    config::{
        load::Loaded,
        resolve::Inputs,
        resolved::ResolvedEnvironment,
        source::{Label, SourceId, Span},
        value::{Data, Path, Value},
    },
    ids::EnvironmentName,
};

/// A copy of an environment's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The text.
    pub text: String,
    /// What was cleared.
    pub cleared: Vec<Cleared>,
    /// Keys that both environments still take from the same place, and cannot share.
    pub shared: Vec<String>,
    /// How the copied file's name ends.
    pub ending: &'static str,
}

/// Something that was not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleared {
    /// The key.
    pub key: String,
    /// Why.
    pub why: &'static str,
}

impl Loaded {
    /// Returns a copy of an environment's file. A flat one says itself what the original takes from other environments.
    pub fn copy_file(&self, source: &EnvironmentName, flat: bool) -> Result<Copied, AuthorError> {
        let broken = || AuthorError::Broken(source.clone());
        let file = self.files.get(source).ok_or_else(broken)?;
        let resolved = self.resolve(source.as_str(), &Inputs::default()).environment.ok_or_else(broken)?;
        let original = self.sources.get(file.source).ok_or_else(broken)?;
        let unshared = self.unshared(&resolved);
        if flat {
            return Ok(self.flat(source, &resolved, &unshared));
        }
        let mut edits: Vec<(Span, Cleared)> = Vec::new();
        let mut shared = Vec::new();
        for (keys, why) in unshared {
            let path = Path::of_keys(keys.iter().map(String::as_str));
            let key = keys.join(".");
            match resolved.values.at(&path).and_then(|value| written_in(value, file.source, original.text())) {
                Some(span) => edits.push((span, Cleared { key, why })),
                None => shared.push(key),
            }
        }
        let mut text = original.text().to_owned();
        edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        for (span, cleared) in &edits {
            let nothing = if cleared.key == "aliases" { " []" } else { "null" };
            let range = span.start as usize..span.end as usize;
            if text.get(range.clone()).is_some() {
                text.replace_range(range, nothing);
            }
        }
        edits.reverse();
        let ending = [".yaml", ".yml", ".json"].into_iter().find(|ending| original.name().ends_with(ending));
        let cleared = edits.into_iter().map(|(_, cleared)| cleared).collect();
        Ok(Copied { text, cleared, shared, ending: ending.unwrap_or(".yaml") })
    }

    /// What two environments cannot share, as keys, with why.
    fn unshared(&self, resolved: &ResolvedEnvironment) -> Vec<(Vec<String>, &'static str)> {
        let mut all: Vec<(Vec<String>, &'static str)> = Vec::new();
        if resolved.values.get("aliases").is_some_and(|value| !is_empty(value)) {
            all.push((vec!["aliases".to_owned()], "a name means one environment"));
        }
        for keys in addresses(resolved) {
            let why = if keys.len() == 1 { "it leads to the other one" } else { "the address is taken" };
            all.push((keys, why));
        }
        let secrets = resolved.variables.iter().filter(|(name, _)| self.declared.is_secret(name));
        all.extend(secrets.map(|(name, _)| (vec!["variables".to_owned(), name.clone()], "secrets are not shared")));
        all
    }

    fn flat(
        &self,
        source: &EnvironmentName,
        resolved: &ResolvedEnvironment,
        unshared: &[(Vec<String>, &'static str)],
    ) -> Copied {
        let chain = self.files.get(source).and_then(|file| file.chain.clone()).unwrap_or_default();
        let files: BTreeSet<SourceId> = chain.iter().filter_map(|name| Some(self.files.get(name)?.source)).collect();
        let mut tree = Map::new();
        if let Some(Json::Object(own)) = said(&resolved.values, &files, &mut Vec::new(), unshared) {
            tree = own;
        }
        tree.remove("extends");
        tree.insert("tier".to_owned(), Json::from(resolved.tier.as_str()));
        let mut cleared = Vec::new();
        let mut shared = Vec::new();
        for (keys, why) in unshared {
            let path = Path::of_keys(keys.iter().map(String::as_str));
            let ours = resolved.values.at(&path).is_some_and(|value| files.contains(&value.origin.source));
            let key = keys.join(".");
            if ours { cleared.push(Cleared { key, why }) } else { shared.push(key) }
        }
        let from = chain.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let mut text = format!("# Copied from {from} in one. What is not said here is taken from `towpath.yaml`.\n");
        for (key, value) in &tree {
            text += &block(key, value, 0);
        }
        Copied { text, cleared, shared, ending: ".yaml" }
    }
}

fn is_empty(value: &Value) -> bool {
    matches!(&value.data, Data::List(items) if items.is_empty())
}

/// Returns where a value is written in a source.
fn written_in(value: &Value, source: SourceId, text: &str) -> Option<Span> {
    let Label { source: origin, span } = value.origin;
    if origin != source || span.end <= span.start {
        return None;
    }
    let Data::List(items) = &value.data else { return Some(span) };
    if text.get(span.start as usize..).is_some_and(|text| text.starts_with('[')) {
        return Some(span);
    }
    // A list of lines is named by its key: it goes from the colon to the end of its last item.
    let colon = text.get(span.end as usize..)?.find(':')?;
    let start = span.end.checked_add(u32::try_from(colon + 1).ok()?)?;
    let end = items.iter().map(|item| item.origin.span.end).max()?;
    (end > start).then_some(Span { start, end })
}

/// Returns what these files say, without what cannot be shared; references stay references.
fn said(
    value: &Value,
    files: &BTreeSet<SourceId>,
    path: &mut Vec<String>,
    unshared: &[(Vec<String>, &'static str)],
) -> Option<Json> {
    if unshared.iter().any(|(keys, _)| keys == path) {
        return None;
    }
    let ours = files.contains(&value.origin.source);
    match &value.data {
        Data::Map(map) => {
            let mut own = Map::new();
            for (key, member) in map {
                path.push(key.to_string());
                if let Some(value) = said(&member.value, files, path, unshared) {
                    own.insert(key.to_string(), value);
                }
                path.pop();
            }
            (!own.is_empty() || (ours && map.is_empty())).then_some(Json::Object(own))
        }
        // A list says everything or nothing: its items may come from several layers.
        Data::List(_) | Data::Scalar(_) => ours.then(|| value.to_json()),
        Data::Removed => ours.then_some(Json::Null),
    }
}

/// Returns a key with its value as block YAML; lists and texts as JSON, which YAML reads alike.
fn block(key: &str, value: &Json, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let key = if key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') && !key.is_empty() {
        key.to_owned()
    } else {
        json(key)
    };
    match value {
        Json::Object(map) if !map.is_empty() => {
            let below: String = map.iter().map(|(key, value)| block(key, value, depth + 1)).collect();
            format!("{indent}{key}:\n{below}")
        }
        other => format!("{indent}{key}: {other}\n"),
    }
}
