//! Sources: texts with a name, and places in them.
//!
//! Files, values set through the API, environment variables and command-line overrides are all sources,
//! so that one kind of label says where a value or a mistake came from. Nothing here opens a file.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{plain_secrets::SecretPlace, secret_files::SECRET_FOLDER};
use crate::ids::PrincipalName;

/// The file that names the project, its services and its pipeline.
pub const PROJECT_FILE: &str = "towpath.yaml";
/// The folder with one file per environment.
pub const ENVIRONMENT_FOLDER: &str = "environments";
/// The folder with the definitions of flags.
pub const FLAG_FOLDER: &str = "flags";
/// The folder with what environments say of flags.
pub const FLAG_ENVIRONMENT_FOLDER: &str = "flags/environments";
/// The folder with experiments.
pub const EXPERIMENT_FOLDER: &str = "flags/experiments";
/// Every folder with files about flags.
pub const FLAG_FOLDERS: [&str; 3] = [FLAG_FOLDER, FLAG_ENVIRONMENT_FOLDER, EXPERIMENT_FOLDER];
/// The name, without ending, of the file that lies under every environment.
pub const BASE: &str = "base";

const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Says whether a path, relative to the project folder and with `/`, is one the configuration is read from:
/// `towpath.yaml` or a file directly in `environments/`, `secrets/`, `flags/` or one of the folders in that; `.yml` and `.json`
/// are read as well.
pub fn is_source(path: &str) -> bool {
    is_project_file(path)
        || environment_stem(path).is_some()
        || secret_stem(path).is_some()
        || FLAG_FOLDERS.iter().any(|folder| stem_in(folder, path).is_some())
}

/// Returns what a file of flags is called, without folder and ending: `flags/checkout.yaml`.
pub(crate) fn flag_stem(path: &str) -> Option<&str> {
    stem_in(FLAG_FOLDER, path)
}

/// Returns `production` for `flags/environments/production.yaml`.
pub(crate) fn flag_environment_stem(path: &str) -> Option<&str> {
    stem_in(FLAG_ENVIRONMENT_FOLDER, path)
}

/// Returns `production` for `secrets/production.yaml`, or `.env` as the ending.
pub(crate) fn secret_stem(path: &str) -> Option<&str> {
    let name = path.strip_prefix(SECRET_FOLDER)?.strip_prefix('/')?;
    let stem = stem(name).or_else(|| name.strip_suffix(".env"));
    stem.filter(|stem| !stem.is_empty() && !stem.contains('/') && !stem.starts_with('.'))
}

/// Says whether the path is the project file.
pub(crate) fn is_project_file(path: &str) -> bool {
    stem(path) == Some("towpath")
}

/// Returns `production` for `environments/production.yaml`.
pub(crate) fn environment_stem(path: &str) -> Option<&str> {
    stem_in(ENVIRONMENT_FOLDER, path)
}

/// Returns the name without ending of a file that is directly in a folder and not hidden.
fn stem_in<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    let name = path.strip_prefix(folder)?.strip_prefix('/')?;
    stem(name).filter(|stem| !stem.is_empty() && !stem.contains('/') && !stem.starts_with('.'))
}

fn stem(path: &str) -> Option<&str> {
    ENDINGS.iter().find_map(|ending| path.strip_suffix(ending))
}

/// Names a source in its [`SourceSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub(crate) u32);

/// A stretch of bytes of a source, the end not included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// A place: a stretch of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// The source.
    pub source: SourceId,
    /// Where in it.
    pub span: Span,
}

/// A place as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The name of the source, for a file its path.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

/// What a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// A file of the project.
    File,
    /// What holds where nobody says anything.
    Default,
    /// A value set through the API.
    Overlay(OverlayOrigin),
    /// A place of secrets that is no file of the project.
    Secret,
    /// A variable of the process environment.
    Process,
    /// An override given with the command.
    Flag,
}

/// Who set a value of the live overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlayOrigin {
    /// The event of the ledger.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub principal: PrincipalName,
    /// Why, if they said so.
    pub reason: Option<String>,
}

/// How many bytes are counted at once.
const BLOCK: usize = 1024;

/// One text with its name.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    kind: SourceKind,
    lines: OnceLock<Vec<u32>>,
    /// How many characters begin before each block of the text, so that no long line is counted from its start.
    blocks: OnceLock<Vec<usize>>,
}

impl Source {
    pub(crate) fn new(name: String, text: String, kind: SourceKind) -> Self {
        Self { name, text, kind, lines: OnceLock::new(), blocks: OnceLock::new() }
    }

    /// Returns the name, for a file its path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what it is.
    pub fn kind(&self) -> &SourceKind {
        &self.kind
    }

    /// Returns where each line begins.
    pub(crate) fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let after = self.text.bytes().zip(1_u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
            std::iter::once(0).chain(after).collect()
        })
    }

    /// Returns how many characters begin before a byte.
    fn characters_before(&self, offset: usize) -> usize {
        // Every byte but those that continue a character begins one (RFC 3629, section 3).
        let count = |bytes: &[u8]| bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        let blocks = self.blocks.get_or_init(|| {
            let before = |sum: &mut usize, block: &[u8]| {
                let before = *sum;
                *sum += count(block);
                Some(before)
            };
            self.text.as_bytes().chunks(BLOCK).scan(0, before).collect()
        });
        let block = offset / BLOCK;
        let rest = self.text.as_bytes().get(block * BLOCK..offset).unwrap_or_default();
        blocks.get(block).copied().unwrap_or_else(|| count(self.text.as_bytes()) - count(rest)) + count(rest)
    }

    /// Returns line and column of a byte, both from 1.
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start <= offset).max(1);
        let start = starts.get(line - 1).copied().unwrap_or(0) as usize;
        let within = self.text.get(start..offset as usize).is_some();
        let upto = if within { self.characters_before(offset as usize) - self.characters_before(start) } else { 0 };
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(upto + 1).unwrap_or(u32::MAX))
    }
}

/// The texts a project is configured by. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct SourceSet {
    sources: Vec<Arc<Source>>,
    /// Where values of secrets stand, as far as that is known.
    secrets: Vec<SecretPlace>,
}

impl SourceSet {
    /// Returns an empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file by its path relative to the project folder, with `/`; one of the same path is not replaced.
    pub fn insert(&mut self, path: impl Into<String>, text: impl Into<String>) -> SourceId {
        self.add(path.into(), text.into(), SourceKind::File)
    }

    pub(crate) fn add(&mut self, name: String, text: String, kind: SourceKind) -> SourceId {
        self.push(Arc::new(Source::new(name, text, kind)))
    }

    pub(crate) fn push(&mut self, source: Arc<Source>) -> SourceId {
        let id = self.next_id();
        self.sources.push(source);
        id
    }

    /// Remembers where values of secrets stand.
    pub(crate) fn mark(&mut self, secrets: Vec<SecretPlace>) {
        self.secrets = secrets;
    }

    /// Returns where values of secrets stand, as far as that is known.
    pub(crate) fn secrets(&self) -> &[SecretPlace] {
        &self.secrets
    }

    /// Returns what the next source that is added will be named by.
    pub(crate) fn next_id(&self) -> SourceId {
        SourceId(u32::try_from(self.sources.len()).unwrap_or(u32::MAX))
    }

    /// Returns a source.
    pub fn get(&self, id: SourceId) -> Option<&Arc<Source>> {
        self.sources.get(id.0 as usize)
    }

    /// Returns every source with its id, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Arc<Source>)> {
        (0_u32..).map(SourceId).zip(&self.sources)
    }

    /// Returns path and text of every file of the project.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sources
            .iter()
            .filter(|source| source.kind == SourceKind::File)
            .map(|source| (source.name.as_str(), source.text.as_str()))
    }

    /// Returns where a label points to.
    pub fn position(&self, label: Label) -> Option<Position> {
        let source = self.get(label.source)?;
        let (line, column) = source.line_column(label.span.start);
        Some(Position { path: source.name.clone(), line, column })
    }

    /// Returns where a label points to as `path:line:column`; for what is no file, only its name.
    pub fn place(&self, label: Label) -> String {
        let Some(source) = self.get(label.source) else { return "default".to_owned() };
        if source.kind != SourceKind::File {
            return source.name.clone();
        }
        let (line, column) = source.line_column(label.span.start);
        format!("{}:{line}:{column}", source.name)
    }
}

impl<P: Into<String>, T: Into<String>> FromIterator<(P, T)> for SourceSet {
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        let mut set = Self::new();
        for (path, text) in files {
            set.insert(path, text);
        }
        set
    }
}
