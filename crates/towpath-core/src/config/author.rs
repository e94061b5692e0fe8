//! Writing environment files: new ones, previews', copies.
//!
//! Texts only. Whoever writes one first resolves the project with it ([`super::Live::sources`] lays it beside the others);
//! nothing here opens a file.

use serde_json::{Map, Value as Json};

use super::{
    detect,
    load::Loaded,
    nearest::suggestion,
    resolve::Inputs,
    resolved::ResolvedEnvironment,
    source::{BASE, ENVIRONMENT_FOLDER},
    value::Path,
};
use crate::{
    ids::{EnvironmentName, is_name},
    project::Tier,
};

mod copy;

pub use copy::{Cleared, Copied};

/// How an editor is told which schema a file has.
const EDITOR_LINE: &str = "# yaml-language-server:";

/// Keys that a preview takes from nobody: its addresses are free ports, and it has no people's address.
const OWN_ADDRESSES: [&str; 2] = ["listen", "preview"];

/// Why there can be no such file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorError {
    /// The name breaks the rule for names.
    #[error(transparent)]
    Name(#[from] crate::ids::NameError),
    /// The name has a meaning of its own.
    #[error("`{0}` cannot be the name of an environment: it lies under every one")]
    Reserved(String),
    /// There is one of this name.
    #[error("there is an environment `{name}` already")]
    Exists {
        /// The name.
        name: String,
        /// One that is free.
        free: String,
    },
    /// It is another name of one.
    #[error("`{alias}` already means `{environment}`")]
    Alias {
        /// The name.
        alias: String,
        /// What it means.
        environment: EnvironmentName,
        /// One that is free.
        free: String,
    },
    /// What it is to be built on does not exist.
    #[error("there is no environment `{name}` to build on: {help}")]
    UnknownParent {
        /// The name.
        name: String,
        /// The nearest, or the known ones.
        help: String,
    },
    /// A key cannot be set this way.
    #[error("`{key}` cannot be set: {why}")]
    Key {
        /// The key.
        key: String,
        /// Why.
        why: String,
    },
    /// The file that is copied has mistakes.
    #[error("`{0}` has mistakes and cannot be copied")]
    Broken(EnvironmentName),
}

impl AuthorError {
    /// Returns what to do.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Name(_) | Self::Reserved(_) | Self::Exists { .. } | Self::Alias { .. } => "choose another name",
            Self::UnknownParent { .. } => "towpath env list",
            Self::Key { .. } => "towpath env show ENVIRONMENT, for the keys there are",
            Self::Broken(_) => "towpath env validate",
        }
    }

    /// Returns a name that is free, if that is what was wrong.
    pub fn free(&self) -> Option<&str> {
        match self {
            Self::Exists { free, .. } | Self::Alias { free, .. } => Some(free),
            Self::Name(_) | Self::Reserved(_) | Self::UnknownParent { .. } | Self::Key { .. } | Self::Broken(_) => None,
        }
    }
}

/// What a new environment is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewEnvironment {
    /// What it is built on.
    pub extends: Option<String>,
    /// Its tier; without one that of what it is built on.
    pub tier: Option<Tier>,
    /// What it is for.
    pub description: Option<String>,
    /// Other names it answers to.
    pub aliases: Vec<String>,
    /// Values set from the start, as key and value; a key without a dot is a variable.
    pub set: Vec<(String, String)>,
}

impl Loaded {
    /// Returns the name if a new environment may have it.
    pub fn new_name(&self, name: &str) -> Result<EnvironmentName, AuthorError> {
        if name == BASE {
            return Err(AuthorError::Reserved(name.to_owned()));
        }
        let new = EnvironmentName::new(name)?;
        self.is_free(name)?;
        Ok(new)
    }

    fn is_free(&self, name: &str) -> Result<(), AuthorError> {
        if self.files.keys().any(|known| known.as_str() == name) {
            return Err(AuthorError::Exists { name: name.to_owned(), free: self.free(name) });
        }
        if let Some(environment) = self.aliases.get(name).cloned() {
            return Err(AuthorError::Alias { alias: name.to_owned(), environment, free: self.free(name) });
        }
        Ok(())
    }

    /// Returns the name with the first number that makes it free.
    fn free(&self, name: &str) -> String {
        let taken = |word: &String| self.aliases.contains_key(word) || self.files.keys().any(|it| it.as_str() == word);
        let numbered = (2_u32..).map(|number| format!("{name}-{number}"));
        numbered.take(self.files.len() + self.aliases.len() + 2).find(|word| !taken(word)).unwrap_or_default()
    }

    fn parent(&self, name: &str) -> Result<EnvironmentName, AuthorError> {
        self.find(name).map_err(|error| AuthorError::UnknownParent { name: error.name, help: error.help })
    }

    /// Returns the text of a new environment's file.
    pub fn new_file(&self, name: &EnvironmentName, new: &NewEnvironment) -> Result<String, AuthorError> {
        for alias in &new.aliases {
            if !is_name(alias) || alias == name.as_str() {
                return Err(AuthorError::Key { key: "aliases".into(), why: format!("`{alias}` is no other name") });
            }
            self.is_free(alias)?;
        }
        let parent = new.extends.as_deref().map(|parent| self.parent(parent)).transpose()?;
        let mut text = self.editor_line().map(|line| format!("{line}\n")).unwrap_or_default();
        text += &match &parent {
            Some(parent) => format!("# The environment `{name}`. What is not said here is taken from `{parent}`.\n"),
            None => format!("# The environment `{name}`. What is not said here is taken from `towpath.yaml`.\n"),
        };
        let mut line = |line: String| text += &format!("{line}\n");
        parent.iter().for_each(|parent| line(format!("extends: {parent}")));
        if let Some(tier) = new.tier.or(if parent.is_none() { usual_tier(name) } else { None }) {
            line("# How much depends on it: development, testing, staging or production.".to_owned());
            line(format!("tier: {tier}"));
        }
        new.description.iter().for_each(|text| line(format!("description: {}", json(text))));
        if !new.aliases.is_empty() {
            line("# It answers to these names, too.".to_owned());
            line(format!("aliases: [{}]", new.aliases.join(", ")));
        }
        let mut tree = self.settings(&new.set, false)?;
        if let Some(parent) = &parent {
            let cleared = self.clear_addresses(parent, &mut tree);
            if !cleared.is_empty() {
                line(format!("# Not shared with `{parent}`: {}.", cleared.join(", ")));
                line("# A service without an address of its own gets a free port.".to_owned());
            }
        }
        tree.iter().for_each(|(key, value)| line(format!("{key}: {value}")));
        if tree.is_empty() {
            text += "\n# What is different here, such as:\n# services:\n#   web:\n#     replicas: 2\n# variables:\n#   NAME: value\n";
        }
        Ok(text)
    }

    /// Returns the text of a preview's file: built on another environment, with nothing that two cannot share.
    pub fn preview_file(&self, name: &EnvironmentName, new: &NewEnvironment) -> Result<String, AuthorError> {
        let parent = self.parent(new.extends.as_deref().unwrap_or_default())?;
        let mut tree = self.settings(&new.set, true)?;
        self.clear_addresses(&parent, &mut tree);
        for key in ["url", "api_url", "gates"] {
            tree.entry(key).or_insert(Json::Null);
        }
        let mut text = format!("# The preview `{name}`. It is kept in the ledger, not in a file of the project.\n");
        text += &format!("extends: {parent}\n");
        new.tier.iter().for_each(|tier| text += &format!("tier: {tier}\n"));
        let description = new.description.clone().unwrap_or_else(|| format!("A preview, as {parent}"));
        text += &format!("description: {}\n", json(&description));
        tree.iter().for_each(|(key, value)| text += &format!("{key}: {value}\n"));
        Ok(text)
    }

    /// Returns values given as key and value as a tree.
    fn settings(&self, set: &[(String, String)], preview: bool) -> Result<Map<String, Json>, AuthorError> {
        let mut tree = Map::new();
        for (key, text) in set {
            let refused = |why: String| AuthorError::Key { key: key.clone(), why };
            let path = if key.contains('.') { key.clone() } else { format!("variables.{key}") };
            let keys = path.parse::<Path>().ok().and_then(|path| path.keys());
            let keys = keys.ok_or_else(|| refused("it is no key such as `services.web.replicas`".to_owned()))?;
            let value = match keys.as_slice() {
                [section, name] if section == "variables" => {
                    if !self.declared.variables.contains_key(name) {
                        let known = self.declared.variables.keys().map(String::as_str);
                        return Err(refused(format!("`{name}` is not declared; {}", suggestion(name, known))));
                    }
                    if self.declared.is_secret(name) {
                        return Err(refused("it is secret, and secrets are not written into files".to_owned()));
                    }
                    Json::from(text.as_str())
                }
                [section, _, address]
                    if preview && section == "services" && OWN_ADDRESSES.contains(&address.as_str()) =>
                {
                    return Err(refused("a preview takes free ports".to_owned()));
                }
                _ => serde_json::from_str(text).unwrap_or_else(|_| Json::from(text.as_str())),
            };
            if !put(&mut tree, &keys, value) {
                return Err(refused("something above or below it is set, too".to_owned()));
            }
        }
        Ok(tree)
    }

    /// Takes away the addresses that what it is built on has, where nothing else is said; returns which.
    fn clear_addresses(&self, parent: &EnvironmentName, tree: &mut Map<String, Json>) -> Vec<String> {
        let Some(resolved) = self.resolve(parent.as_str(), &Inputs::default()).environment else { return Vec::new() };
        let mut cleared = Vec::new();
        for keys in addresses(&resolved) {
            if put(tree, &keys, Json::Null) {
                cleared.push(keys.join("."));
            }
        }
        cleared
    }

    /// Returns the line that tells editors the schema, as the other environments have it.
    fn editor_line(&self) -> Option<&str> {
        let files = self.sources.files().filter(|(path, _)| path.starts_with(ENVIRONMENT_FOLDER));
        files.filter_map(|(_, text)| text.lines().next()).find(|line| line.starts_with(EDITOR_LINE))
    }
}

/// Returns the keys under which an environment says where it can be reached.
fn addresses(resolved: &ResolvedEnvironment) -> Vec<Vec<String>> {
    let mut keys = Vec::new();
    for (name, service) in &resolved.services {
        for (key, there) in OWN_ADDRESSES.into_iter().zip([service.listen.is_some(), service.preview.is_some()]) {
            if there {
                keys.push(vec!["services".to_owned(), name.to_string(), key.to_owned()]);
            }
        }
    }
    let urls = [("url", resolved.url.is_some()), ("api_url", resolved.api_url.is_some())];
    keys.extend(urls.iter().filter(|(_, there)| *there).map(|(key, _)| vec![(*key).to_owned()]));
    keys
}

/// Puts a value under keys; says whether there was room for it.
fn put(tree: &mut Map<String, Json>, keys: &[String], value: Json) -> bool {
    match keys {
        [] => false,
        [last] if tree.contains_key(last) => false,
        [last] => {
            tree.insert(last.clone(), value);
            true
        }
        [first, rest @ ..] => match tree.entry(first.clone()).or_insert_with(|| Json::Object(Map::new())) {
            Json::Object(below) => put(below, rest, value),
            _ => false,
        },
    }
}

/// Returns the tier of an environment that says none and is built on nothing, where its name does not say it.
fn usual_tier(name: &EnvironmentName) -> Option<Tier> {
    let named = Tier::ALL.iter().any(|tier| tier.as_str() == name.as_str());
    let short = detect::USUAL_ALIASES.iter().find(|(short, _)| *short == name.as_str());
    let meant = short.and_then(|(_, long)| Tier::ALL.into_iter().find(|tier| tier.as_str() == *long));
    if named { None } else { Some(meant.unwrap_or(Tier::Testing)) }
}

/// Returns a text as JSON, which YAML reads as the same text.
fn json(text: &str) -> String {
    Json::from(text).to_string()
}

#[cfg(test)]
mod tests;
