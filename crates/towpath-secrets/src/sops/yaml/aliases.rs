//! Aliases, replaced by what they stand for.
//!
//! An encrypted value is bound to the keys on its way, so one ciphertext cannot stand in two places; sops writes each
//! alias out, and so does this. What an anchor names is repeated on one line, in brackets.

use std::collections::BTreeMap;

use granit_parser::{Event, ScalarStyle};
use zeroize::Zeroizing;

use super::{
    read::{Spanned, core, events},
    scalar, write,
};
use crate::sops::{
    SopsError, Value,
    error::syntax,
    layout::utf8,
    tree::{MAX_BYTES, MAX_DEPTH, Setting, splice},
};

/// How many values aliases may repeat.
const MAX_REPEATED: usize = 100_000;
const FLOW: Setting = Setting { flow: true, column: 0, last: false };

enum Node {
    Scalar(Value),
    List(Vec<usize>),
    Map(Vec<usize>),
    Alias(usize),
}

/// Returns a text without aliases.
pub(crate) fn without_aliases(text: &[u8]) -> Result<Vec<u8>, SopsError> {
    // Nothing to look for, as in nearly all files.
    if !text.contains(&b'*') || !text.contains(&b'&') {
        return Ok(text.to_vec());
    }
    let source = utf8(text)?;
    let events = events(source)?;
    if !events.iter().any(|spanned| matches!(spanned.event, Event::Alias(_))) {
        return Ok(text.to_vec());
    }
    let mut graph = Graph::default();
    let mut aliases = Vec::new();
    for spanned in events {
        if let Event::Alias(anchor) = spanned.event {
            let target = graph.anchors.get(&anchor).copied().filter(|id| !graph.stack.contains(id));
            let target =
                target.ok_or_else(|| syntax(text, spanned.span.start, "this alias stands inside what it names"))?;
            aliases.push((spanned.span.clone(), target));
            graph.add(Node::Alias(target), 0);
        } else {
            graph.take(text, spanned)?;
        }
    }
    let mut left = MAX_REPEATED;
    let mut parts = Vec::new();
    let mut size = text.len();
    for (span, target) in aliases {
        let mut out = Zeroizing::new(Vec::new());
        if !graph.write(target, 0, &mut left, &mut out) {
            let what =
                format!("aliases repeat more than {MAX_REPEATED} values, or nest deeper than {MAX_DEPTH} levels");
            return Err(syntax(text, span.start, what));
        }
        size += out.len();
        if size > MAX_BYTES {
            return Err(syntax(
                text,
                span.start,
                format!("with its aliases written out the text has more than {MAX_BYTES} bytes"),
            ));
        }
        // A key that is an alias may stand right before its colon; an alias needs a blank there, others take it too.
        parts.push((span, out));
    }
    Ok(splice(text, &parts).to_vec())
}

#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    anchors: BTreeMap<usize, usize>,
    stack: Vec<usize>,
}

impl Graph {
    fn add(&mut self, node: Node, anchor: usize) -> usize {
        let id = self.nodes.len();
        self.nodes.push(node);
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        if let Some(Node::List(items) | Node::Map(items)) = self.stack.last().and_then(|open| self.nodes.get_mut(*open))
        {
            items.push(id);
        }
        id
    }

    fn take(&mut self, text: &[u8], spanned: Spanned<'_>) -> Result<(), SopsError> {
        match spanned.event {
            Event::Scalar(value, style, anchor, tag) => {
                let known = core(tag.as_deref());
                let plain = style == ScalarStyle::Plain && (tag.is_none() || known.is_some());
                let value =
                    scalar::value(&value, plain, known).map_err(|what| syntax(text, spanned.span.start, what))?;
                self.add(Node::Scalar(value), anchor);
            }
            Event::SequenceStart(_, anchor, _) => {
                let id = self.add(Node::List(Vec::new()), anchor);
                self.stack.push(id);
            }
            Event::MappingStart(_, anchor, _) => {
                let id = self.add(Node::Map(Vec::new()), anchor);
                self.stack.push(id);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.stack.pop();
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes a node in brackets; false where that is more than the limits allow.
    fn write(&self, id: usize, depth: usize, left: &mut usize, out: &mut Zeroizing<Vec<u8>>) -> bool {
        let Some(less) = left.checked_sub(1).filter(|_| depth <= MAX_DEPTH && out.len() <= MAX_BYTES) else {
            return false;
        };
        *left = less;
        let Some(node) = self.nodes.get(id) else { return true };
        match node {
            Node::Alias(target) => return self.write(*target, depth + 1, left, out),
            Node::Scalar(value) => out.extend_from_slice(&write::scalar(value, FLOW)),
            Node::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    out.extend_from_slice(if at > 0 { b", " } else { b"" });
                    if !self.write(*item, depth + 1, left, out) {
                        return false;
                    }
                }
                out.push(b']');
            }
            Node::Map(items) => {
                out.push(b'{');
                for (at, pair) in items.chunks(2).enumerate() {
                    out.extend_from_slice(if at > 0 { b", " } else { b"" });
                    let [key, value] = pair else { continue };
                    match self.nodes.get(*key) {
                        // In quotes it would no longer mean that a map is merged.
                        Some(Node::Scalar(Value::Text(text))) if text.as_slice() == b"<<" => {
                            out.extend_from_slice(b"<<")
                        }
                        _ if !self.write(*key, depth + 1, left, out) => return false,
                        _ => {}
                    }
                    out.extend_from_slice(b": ");
                    if !self.write(*value, depth + 1, left, out) {
                        return false;
                    }
                }
                out.push(b'}');
            }
        }
        true
    }
}
