//! One YAML document as an arena of nodes, each with its place in the text.
//!
//! Aliases share nodes, merge keys are applied, duplicate keys are errors, scalars follow the core schema
//! of YAML 1.2 (so `yes` is a text). Hostile input meets limits, never a crash. JSON is YAML and read the
//! same way. Merging layers and meaning are not decided here.

use std::sync::Arc;

use super::{
    diagnostic::Diagnostic,
    source::{Label, SourceId, Span},
};

mod build;
mod plain;
mod scalar;
mod sorting;
mod tags;
#[cfg(any(test, fuzzing))]
mod twins;
mod words;

pub(crate) use build::{parse, parse_up_to};
pub(crate) use scalar::shorten;
pub use scalar::{Scalar, ScalarKind};
#[cfg(fuzzing)]
pub use twins::agree as readers_agree;

/// The longest text that is read.
pub const MAX_BYTES: usize = 4 << 20;
/// How deep lists and maps may nest, aliases followed.
pub const MAX_DEPTH: usize = 64;
/// How many nodes a document may have.
pub const MAX_NODES: usize = 2_000_000;
/// How many nodes aliases and merge keys may add by repeating what was written once.
pub const MAX_ALIASED: usize = 100_000;

/// A node's place in its arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

/// A parsed document.
#[derive(Debug)]
pub(crate) struct Document {
    source: SourceId,
    nodes: Vec<Node>,
    root: NodeId,
}

/// One node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) span: Span,
    pub(crate) tag: Option<Box<MergeTag>>,
}

/// What a node holds.
#[derive(Debug)]
pub(crate) enum NodeKind {
    Scalar(Scalar),
    List(Vec<NodeId>),
    /// The entries, each key once, in the order of the keys.
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Arc<str>,
    pub(crate) key_span: Span,
    pub(crate) value: NodeId,
}

/// How a node meets what lower layers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MergeTag {
    /// `!append`: the items come after the lower layer's.
    Append,
    /// `!prepend`: the items come before the lower layer's.
    Prepend,
    /// `!merge-by:KEY`: items that are maps with the same `KEY` are merged.
    MergeBy(String),
    /// `!replace`: nothing of the lower layers stays.
    Replace,
    /// `!unset`: removes the key, like `null`.
    Unset,
}

const NULL: Node = Node {
    kind: NodeKind::Scalar(Scalar { kind: ScalarKind::Null, text: None }),
    span: Span { start: 0, end: 0 },
    tag: None,
};

impl Document {
    pub(crate) fn root(&self) -> NodeId {
        self.root
    }

    /// Returns the source it was read from.
    pub(crate) fn source(&self) -> SourceId {
        self.source
    }

    /// Returns a node; ids come from this document, so a foreign one reads as null.
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        static MISSING: Node = NULL;
        self.nodes.get(id.0 as usize).unwrap_or(&MISSING)
    }

    /// Returns every node that has a merge tag.
    pub(crate) fn tagged(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.tag.is_some())
    }

    pub(crate) fn label(&self, span: Span) -> Label {
        Label { source: self.source, span }
    }

    /// Puts the root under keys, the outermost first.
    pub(crate) fn nest(&mut self, keys: &[String], key_span: Span) {
        for key in keys.iter().rev() {
            let entry = Entry { key: key.as_str().into(), key_span, value: self.root };
            let span = self.node(self.root).span;
            self.root = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
            self.nodes.push(Node { kind: NodeKind::Map(vec![entry]), span, tag: None });
        }
    }

    /// Returns a document with nothing but these texts under `variables`, in the order of their names; no text takes away.
    pub(crate) fn of_variables(source: SourceId, values: Vec<(Arc<str>, Span, Option<String>, Span)>) -> Self {
        let mut nodes = Vec::with_capacity(values.len() + 2);
        let id = |place: usize| NodeId(u32::try_from(place).unwrap_or(u32::MAX));
        let mut entries = Vec::with_capacity(values.len());
        for (key, key_span, text, span) in values {
            let text = text.map(|text| Scalar { kind: ScalarKind::Text, text: Some(text.into()) });
            entries.push(Entry { key, key_span, value: id(nodes.len()) });
            nodes.push(Node { kind: NodeKind::Scalar(text.unwrap_or(Scalar::NULL)), span, tag: None });
        }
        let span = entries.first().map(|entry: &Entry| entry.key_span).unwrap_or_default();
        nodes.push(Node { kind: NodeKind::Map(entries), span, tag: None });
        let root = id(nodes.len() - 1);
        let mut document = Self { source, nodes, root };
        document.nest(&["variables".to_owned()], span);
        document
    }

    /// Returns a document of one text, without reading it as YAML.
    pub(crate) fn of_text(source: SourceId, text: &str, span: Span) -> Self {
        let kind = NodeKind::Scalar(Scalar { kind: ScalarKind::Text, text: Some(text.into()) });
        Self { source, nodes: vec![Node { kind, span, tag: None }], root: NodeId(0) }
    }
}

/// What parsing gives: a document unless the text could not be read at all, and every mistake found.
pub(crate) type Parsed = (Option<Document>, Vec<Diagnostic>);

#[cfg(test)]
mod tests;
