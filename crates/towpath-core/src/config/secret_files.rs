//! Files of secrets, encrypted as `sops` does: which names they have and where, without any key.
//!
//! Names are in clear in such files, so a file is a layer like any other whose values are places to be filled later
//! ([`crate::secrets::template`]). Nothing is decrypted here, and what is not encrypted is a mistake.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    diagnostic::Diagnostic,
    load::Loaded,
    nearest::suggestion,
    plain_secrets::SecretPlace,
    source::{self, BASE, Label, SourceId, Span},
    yaml::{self, Document, NodeKind, ScalarKind},
};
use crate::{
    ids::Digest,
    secrets::{SecretPin, SecretVersion, SourceId as SecretSourceId, template},
};

/// The folder with the files.
pub const SECRET_FOLDER: &str = "secrets";
/// What an encrypted value begins with.
const ENCRYPTED: &str = "ENC[";
/// Where `sops` keeps what it needs to know.
const METADATA: &str = "sops";
const FLAT_METADATA: &str = "sops_";

/// One file of secrets as a layer.
#[derive(Debug)]
pub(crate) struct SecretFile {
    /// The places under `variables`; `None` if there is none that can be used.
    pub(crate) layer: Option<Document>,
    /// Which version of each value it has.
    pub(crate) versions: BTreeMap<String, SecretVersion>,
}

/// What stands at a name.
#[derive(Debug, PartialEq, Eq)]
enum Held {
    Nothing,
    Text(String),
    Nested,
}

/// One name of a file.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: Arc<str>,
    key: Span,
    value: Span,
    held: Held,
}

/// What a file says before anybody asks what it means.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    entries: Vec<Entry>,
    /// Whether it has what `sops` needs to decrypt it.
    encrypted: bool,
}

/// Returns which version of each value a file of secrets has; nothing for what is no such file. The version is the digest of the
/// value as it stands in the file, so that encrypting it anew makes another one.
pub fn secret_versions(path: &str, text: &str) -> BTreeMap<String, SecretVersion> {
    let (said, _) = said(SourceId(0), path, text);
    said.entries.iter().filter_map(|entry| Some((entry.name.to_string(), version(&entry.held)?))).collect()
}

/// Returns what a source is called whose values are in a file.
pub fn secret_file_id(path: &str) -> SecretSourceId {
    SecretSourceId(format!("file {path}"))
}

/// Returns the path of the file that a source is called by, if it is one.
pub fn secret_file_path(source: &SecretSourceId) -> Option<&str> {
    source.0.strip_prefix("file ")
}

fn version(held: &Held) -> Option<SecretVersion> {
    match held {
        Held::Text(text) => Some(SecretVersion(Digest::of(text.as_bytes()).to_string())),
        Held::Nothing | Held::Nested => None,
    }
}

fn said(id: SourceId, path: &str, text: &str) -> (Said, Vec<Diagnostic>) {
    if path.rsplit_once('.').is_some_and(|(_, ending)| ending == "env") {
        return (dotenv(text), Vec::new());
    }
    let (document, diagnostics) = yaml::parse(id, text, 0);
    let Some(document) = document else { return (Said::default(), diagnostics) };
    match tree(&document) {
        Ok(said) => (said, diagnostics),
        Err(wrong) => (Said::default(), diagnostics.into_iter().chain([*wrong]).collect()),
    }
}

fn tree(document: &Document) -> Result<Said, Box<Diagnostic>> {
    let root = document.node(document.root());
    let entries = match &root.kind {
        NodeKind::Map(entries) => entries,
        NodeKind::Scalar(scalar) if scalar.kind == ScalarKind::Null => return Ok(Said::default()),
        NodeKind::Scalar(_) | NodeKind::List(_) => {
            let message = "a file of secrets is a map from the names of variables to their encrypted values";
            let error = Diagnostic::error("config::type", document.label(root.span), message);
            return Err(Box::new(error.hidden(true).help("towpath secrets edit ENVIRONMENT, to write one")));
        }
    };
    let mut said = Said::default();
    for entry in entries {
        let node = document.node(entry.value);
        if entry.key.as_ref() == METADATA {
            said.encrypted = true;
            continue;
        }
        let held = match &node.kind {
            NodeKind::Scalar(scalar) if scalar.kind == ScalarKind::Null => Held::Nothing,
            NodeKind::Scalar(scalar) => Held::Text(scalar.text().to_owned()),
            NodeKind::List(_) | NodeKind::Map(_) => Held::Nested,
        };
        said.entries.push(Entry { name: entry.key.clone(), key: entry.key_span, value: node.span, held });
    }
    Ok(said)
}

/// Reads `NAME=value` lines as `sops` writes them: no quotes, `\n` for a line break, `#` before comments.
fn dotenv(text: &str) -> Said {
    let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let (mut said, mut start) = (Said::default(), 0);
    let mut found = BTreeMap::new();
    for line in text.split_inclusive('\n') {
        let (begin, line_text) = (start, line.trim_end_matches(['\n', '\r']));
        start += line.len();
        let Some((name, value)) = line_text.split_once('=').filter(|_| !line_text.starts_with('#')) else { continue };
        if name.starts_with(FLAT_METADATA) {
            said.encrypted = true;
            continue;
        }
        let at = begin + name.len();
        let key = Span { start: size(begin), end: size(at) };
        let span = Span { start: size(at + 1), end: size(at + 1 + value.len()) };
        // The last of a name holds, as it does for who reads the decrypted file.
        found.insert(name, Entry { name: name.into(), key, value: span, held: Held::Text(value.to_owned()) });
    }
    said.entries = found.into_values().collect();
    said
}

impl Loaded {
    /// Reads every file of secrets; needs the declared variables and the environments.
    pub(super) fn read_secret_files(&mut self) {
        let sources = self.sources.clone();
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for (id, found) in sources.iter() {
            let Some(stem) = source::secret_stem(found.name()) else { continue };
            let start = Label { source: id, span: Span::default() };
            if stem != BASE && !self.files.keys().any(|name| name.as_str() == stem) {
                self.of_nobody(stem, id);
                continue;
            }
            if let Some(other) = seen.insert(stem.to_owned(), found.name().to_owned()) {
                let message = format!("`{}` and `{other}` hold the secrets of the same environment", found.name());
                let error = Diagnostic::error("config::file", start, message);
                self.diagnostics.push(error.help("put all of them into one file"));
                continue;
            }
            let (said, mut diagnostics) = said(id, found.name(), found.text());
            self.diagnostics.append(&mut diagnostics);
            let file = self.secret_file(id, &said);
            self.secret_files.insert(stem.to_owned(), file);
        }
    }

    fn of_nobody(&mut self, stem: &str, source: SourceId) {
        let end = self.sources.get(source).map_or(0, |source| source.text().len());
        let all = Span { start: 0, end: u32::try_from(end).unwrap_or(u32::MAX) };
        // Whatever it is, nothing of it is shown.
        self.secret_places.push(SecretPlace { label: Label { source, span: all }, derived: false });
        let at = Label { source, span: Span::default() };
        let message = format!("there is no environment `{stem}` that these secrets could belong to; they are left out");
        let known = self.files.keys().map(crate::ids::EnvironmentName::as_str).chain([BASE]);
        let warning = Diagnostic::warning("config::secret-file", at, message);
        self.diagnostics.push(warning.help(suggestion(stem, known)));
    }

    fn secret_file(&mut self, id: SourceId, said: &Said) -> SecretFile {
        let (mut values, mut versions) = (Vec::new(), BTreeMap::new());
        let mut told = false;
        for entry in &said.entries {
            let label = Label { source: id, span: entry.value };
            let plain = match &entry.held {
                Held::Text(text) if text.is_empty() => false,
                Held::Text(text) => !said.encrypted || !text.starts_with(ENCRYPTED),
                Held::Nested => !said.encrypted,
                Held::Nothing => false,
            };
            if plain || entry.held == Held::Nested {
                self.secret_places.push(SecretPlace { label, derived: false });
            }
            if let Some(error) = self.wrong_entry(id, entry) {
                self.diagnostics.push(error);
            } else if plain {
                // A file that is not encrypted at all is one mistake.
                if said.encrypted || !told {
                    let error = self.in_plain_text(id, entry, said.encrypted);
                    self.diagnostics.push(error);
                }
                told = true;
            } else {
                let text = match &entry.held {
                    Held::Text(_) => Some(template::placeholder(&entry.name)),
                    Held::Nothing | Held::Nested => None,
                };
                versions.extend(version(&entry.held).map(|version| (entry.name.to_string(), version)));
                values.push((entry.name.clone(), entry.key, text, entry.value));
            }
        }
        let layer = (!values.is_empty()).then(|| Document::of_variables(id, values));
        SecretFile { layer, versions }
    }

    /// Says what is wrong with a name, or with the shape of its value.
    fn wrong_entry(&self, id: SourceId, entry: &Entry) -> Option<Diagnostic> {
        let key = Label { source: id, span: entry.key };
        let name = &entry.name;
        let declared = &self.declared;
        if !declared.variables.contains_key(name.as_ref()) {
            if self.project.unreadable.variables {
                return None;
            }
            let secrets = declared.variables.keys().filter(|name| declared.is_secret(name)).map(String::as_str);
            let error = Diagnostic::error("config::unknown-variable", key, format!("`{name}` is not declared"));
            let help = suggestion(name, secrets);
            return Some(
                error.help(format!("declare it under `variables:` in `towpath.yaml` with `secret: true`; {help}")),
            );
        }
        if !declared.is_secret(name) {
            let message = format!("`{name}` stands among secrets but is not declared `secret: true`");
            let help = "declare it `secret: true`, or set it in the environment's file";
            return Some(Diagnostic::error("config::secret", key, message).help(help));
        }
        (entry.held == Held::Nested).then(|| {
            let message = format!("`{name}` has other values below it, which cannot be one variable");
            let help = "write one text; for a structure, JSON in one text and `type: json` where it is declared";
            Diagnostic::error("config::type", key, message).help(help)
        })
    }

    fn in_plain_text(&self, id: SourceId, entry: &Entry, encrypted: bool) -> Diagnostic {
        let path = self.sources.get(id).map_or("", |source| source.name());
        let label = Label { source: id, span: entry.value };
        let message = if encrypted {
            format!("the secret `{}` stands in plain text", entry.name)
        } else {
            format!("`{path}` is not encrypted: its secrets stand in plain text")
        };
        let command = if encrypted {
            format!("towpath secrets file-set {path} {}", entry.name)
        } else {
            format!("towpath secrets encrypt --in-place {path}")
        };
        let help = format!("{command}; change the value where it is used if anybody else could read the file");
        Diagnostic::error("config::secret-file", label, message).hidden(true).help(help)
    }

    /// Returns the version that a place in a file of secrets stands for.
    pub(super) fn secret_pin(&self, name: &str, origin: Label) -> Option<SecretPin> {
        let path = self.sources.get(origin.source)?.name();
        let version = self.secret_files.get(source::secret_stem(path)?)?.versions.get(name)?;
        Some(SecretPin { from: secret_file_id(path), version: version.clone() })
    }
}

#[cfg(test)]
mod tests;
