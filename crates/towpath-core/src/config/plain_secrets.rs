//! Values of secrets that stand in the files: where they are, and texts without them.
//!
//! They are found as they are written, whichever layer wins. What is only made of other secrets
//! (`postgres://u:${secret:KEY}@db`) is found as well, but says nothing by itself and may be kept.

use std::ops::Range;

use super::{
    load::Loaded,
    source::Label,
    yaml::{Document, NodeId, NodeKind, ScalarKind},
};

/// How a text refers to a secret.
const REFERENCE: &str = "${secret:";

/// A value that belongs to a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SecretPlace {
    /// Where it stands.
    pub(crate) label: Label,
    /// Whether it is made of other secrets.
    pub(crate) derived: bool,
}

/// Says whether a text is made of secrets that stand elsewhere.
pub(crate) fn is_derived(text: &str) -> bool {
    text.contains(REFERENCE)
}

/// Returns where values of declared secrets stand in all the files.
pub(super) fn places(loaded: &Loaded) -> Vec<SecretPlace> {
    let mut found = Vec::new();
    for name in loaded.declared.variables.keys().filter(|name| loaded.declared.is_secret(name)) {
        let in_project: &[&str] = &["variables", name, "default"];
        let in_environment: &[&str] = &["variables", name];
        let environments = loaded.files.values().map(|file| file.document.as_ref());
        let environments = environments.chain([loaded.base.as_ref()]).map(|document| (document, in_environment));
        for (document, path) in environments.chain([(loaded.project_document.as_ref(), in_project)]) {
            let Some(document) = document else { continue };
            if let Some(node) = at(document, path) {
                leaves(document, node, &mut found);
            }
        }
    }
    found
}

fn at(document: &Document, path: &[&str]) -> Option<NodeId> {
    path.iter().try_fold(document.root(), |node, step| match &document.node(node).kind {
        NodeKind::Map(entries) => entries.iter().find(|entry| entry.key.as_ref() == *step).map(|entry| entry.value),
        NodeKind::Scalar(_) | NodeKind::List(_) => None,
    })
}

/// Collects the single values under a node; a document nests no deeper than is safe to follow.
fn leaves(document: &Document, node: NodeId, found: &mut Vec<SecretPlace>) {
    let node = document.node(node);
    match &node.kind {
        NodeKind::Scalar(scalar) if scalar.kind == ScalarKind::Null => {}
        NodeKind::Scalar(scalar) => {
            let derived = is_derived(scalar.text());
            found.push(SecretPlace { label: document.label(node.span), derived });
        }
        NodeKind::List(items) => items.iter().for_each(|item| leaves(document, *item, found)),
        NodeKind::Map(entries) => entries.iter().for_each(|entry| leaves(document, entry.value, found)),
    }
}

/// Returns the text with `null` in the places, everything else where it was.
pub(super) fn without(text: &str, mut places: Vec<Range<usize>>) -> String {
    for place in &mut places {
        place.start = header(text, place.start).unwrap_or(place.start);
    }
    places.sort_by_key(|range| (range.start, range.end));
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for place in places.into_iter().filter(|place| !place.is_empty()) {
        if place.start < at {
            continue;
        }
        let (Some(before), Some(secret)) = (text.get(at..place.start), text.get(place.clone())) else {
            // Places are at characters; were one not, nothing would be kept.
            return String::new();
        };
        out.push_str(before);
        out.push('~');
        for c in secret.chars().skip(1) {
            if c == '\n' { out.push(c) } else { out.extend(std::iter::repeat_n(' ', c.len_utf8())) }
        }
        at = place.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Returns where the `|` or `>` of a block stands whose first line begins here, so that nothing is left of the block.
fn header(text: &str, start: usize) -> Option<usize> {
    let before = text.get(..start)?;
    let line = before.trim_end();
    let sign = line.trim_end_matches(|c: char| c == '+' || c == '-' || c.is_ascii_digit());
    let begins_later = before.get(line.len()..)?.contains('\n');
    let is_sign = [" |", " >", "\t|", "\t>"].iter().any(|end| sign.ends_with(end));
    (begins_later && is_sign).then(|| sign.len() - 1)
}

#[cfg(test)]
mod tests;
