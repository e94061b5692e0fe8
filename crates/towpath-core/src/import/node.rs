//! A YAML or JSON document of another tool: values with file and line, and who has read which key.

use std::sync::Arc;

use super::facts::{Broken, Imported, Place};
use crate::config::{Data, MAX_BYTES, ScalarKind, SourceSet, Value, read_foreign};

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) path: Arc<str>,
    pub(super) line: u32,
    pub(super) shape: Shape,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Null,
    Text(String),
    Bool(bool),
    /// A number as it was written.
    Number(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn place(&self) -> Place {
        Place::new(&self.path, self.line)
    }

    /// Returns the value under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// Returns the value under keys, the outermost first.
    pub(super) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    pub(super) fn is_null(&self) -> bool {
        self.shape == Shape::Null
    }

    /// Returns a scalar as the text a process would see.
    pub(super) fn text(&self) -> Option<String> {
        match &self.shape {
            Shape::Text(text) | Shape::Number(text) => Some(text.clone()),
            Shape::Bool(bool) => Some(bool.to_string()),
            Shape::Null | Shape::List(_) | Shape::Map(_) => None,
        }
    }

    pub(super) fn text_at(&self, keys: &[&str]) -> Option<String> {
        self.at(keys).and_then(Self::text)
    }

    /// Returns a whole number that is not negative.
    pub(super) fn count(&self) -> Option<u32> {
        self.text()?.parse().ok()
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.shape {
            Shape::List(items) => items,
            Shape::Null | Shape::Text(_) | Shape::Bool(_) | Shape::Number(_) | Shape::Map(_) => &[],
        }
    }

    pub(super) fn entries(&self) -> &[(String, Self)] {
        match &self.shape {
            Shape::Map(entries) => entries,
            Shape::Null | Shape::Text(_) | Shape::Bool(_) | Shape::Number(_) | Shape::List(_) => &[],
        }
    }

    /// Returns a list of scalars as texts, or one scalar as a list of it.
    pub(super) fn texts(&self) -> Vec<String> {
        match self.text() {
            Some(text) => vec![text],
            None => self.items().iter().filter_map(Self::text).collect(),
        }
    }

    /// Notes every key that is none of these as not taken.
    pub(super) fn others(&self, known: &[&str], prefix: &str, why: &str, imported: &mut Imported) {
        for (key, node) in self.entries() {
            if !known.contains(&key.as_str()) {
                imported.left(node.place(), format!("{prefix}{key}"), why);
            }
        }
    }

    fn of(value: &Value, path: &Arc<str>, lines: &Lines) -> Self {
        let shape = match &value.data {
            Data::Removed => Shape::Null,
            Data::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => Shape::Null,
                ScalarKind::Bool => Shape::Bool(scalar.as_bool().unwrap_or_default()),
                ScalarKind::Int | ScalarKind::Float => Shape::Number(scalar.text().to_owned()),
                ScalarKind::Text | ScalarKind::Replaced => Shape::Text(scalar.text().to_owned()),
            },
            Data::List(items) => Shape::List(items.iter().map(|item| Self::of(item, path, lines)).collect()),
            Data::Map(map) => Shape::Map(
                map.iter()
                    .map(|(key, member)| {
                        let mut node = Self::of(&member.value, path, lines);
                        // The key is where people look.
                        node.line = lines.of(member.key.span.start);
                        (key.to_string(), node)
                    })
                    .collect(),
            ),
        };
        Self { path: path.clone(), line: lines.of(value.origin.span.start), shape }
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<u32>);

impl Lines {
    fn new(text: &str) -> Self {
        let after = text.bytes().zip(1_u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        Self(std::iter::once(0).chain(after).collect())
    }

    fn of(&self, offset: u32) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }
}

/// Reads every YAML document of a text. What cannot be read is noted as broken.
pub(super) fn documents(path: &str, text: &str, imported: &mut Imported) -> Vec<Node> {
    let mut nodes = Vec::new();
    if text.len() > MAX_BYTES {
        imported.broken(Place::new(path, 0), format!("it has {} bytes; at most {MAX_BYTES} are read", text.len()));
        return nodes;
    }
    let lines = Lines::new(text);
    let shared: Arc<str> = path.into();
    for (offset, part) in parts(text) {
        let (value, diagnostics) = read_foreign(part, offset);
        for diagnostic in diagnostics {
            let line = diagnostic.primary.map_or(0, |label| lines.of(label.span.start));
            let place = Place::new(path, line);
            // Other tools have tags of their own (`!reset`), which are no mistakes.
            if diagnostic.code == "yaml::tag" {
                imported.left(place, "a tag", diagnostic.message);
            } else {
                imported.broken.push(Broken { place, message: diagnostic.message });
            }
        }
        if let Some(value) = value.filter(|value| !value.is_null()) {
            nodes.push(Node::of(&value, &shared, &lines));
        }
    }
    nodes
}

/// Reads the only YAML document of a text.
pub(super) fn document(path: &str, text: &str, imported: &mut Imported) -> Option<Node> {
    let mut all = documents(path, text, imported).into_iter();
    let first = all.next();
    for more in all {
        imported.left(more.place(), "a further document", "the tool reads only the first");
    }
    first
}

/// Cuts a text at its document markers: `---` or `...` at the beginning of a line can be nothing else
/// (YAML 1.2.2, section 9.1.2).
fn parts(text: &str) -> Vec<(u32, &str)> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        let marker = |mark: &str| bare.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        if marker("---") || marker("...") {
            parts.push((start, text.get(start..offset).unwrap_or_default()));
            start = offset;
            if marker("...") {
                start += line.len();
            }
        }
        offset += line.len();
    }
    parts.push((start, text.get(start..).unwrap_or_default()));
    // Comments and directives before the first marker are no document.
    let says = |part: &str| {
        part.lines().any(|line| {
            let line = line.trim_start_matches('\u{feff}').trim();
            !line.is_empty() && !line.starts_with(['#', '%']) && line != "---"
        })
    };
    let small = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    parts.into_iter().filter(|(_, part)| says(part)).map(|(offset, part)| (small(offset), part)).collect()
}

/// Returns a source set for reading what was written back.
pub(super) fn sources(files: &[(String, String)]) -> SourceSet {
    files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
}
