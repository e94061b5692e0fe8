//! Whether merge tags stand where they can do something, found in one document alone.
//!
//! What a tag does to the layers below is decided where they are merged.

use std::collections::BTreeMap;

use super::{Document, MergeTag, Node, NodeId, NodeKind, ScalarKind};
use crate::config::{diagnostic::Diagnostic, source::Span};

/// Returns a mistake for every tag that is used wrongly.
pub(super) fn check(document: &Document) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // Items of lists that are merged by a key may be taken away; no other item can.
    let mut removable: Vec<NodeId> = Vec::new();
    for node in &document.nodes {
        let (Some(MergeTag::MergeBy(key)), NodeKind::List(items)) = (node.tag.as_deref(), &node.kind) else { continue };
        removable.extend(items);
        check_items(document, key, items, &mut found);
    }
    for node in &document.nodes {
        check_tag(document, node, &mut found);
        let NodeKind::List(items) = &node.kind else { continue };
        for id in items {
            let item = document.node(*id);
            if item.tag.as_deref() == Some(&MergeTag::Unset) && !removable.contains(id) {
                let error =
                    document.mistake(item.span, "`!unset` takes an item away only from a list that is merged by a key");
                found.push(error.help("tag the list with `!merge-by:KEY`, or write the list whole"));
            }
        }
    }
    found
}

fn check_tag(document: &Document, node: &Node, found: &mut Vec<Diagnostic>) {
    let (spelled, takes) = match node.tag.as_deref() {
        Some(MergeTag::Append) => ("!append".to_owned(), "a list"),
        Some(MergeTag::Prepend) => ("!prepend".to_owned(), "a list"),
        Some(MergeTag::MergeBy(key)) => (format!("!merge-by:{key}"), "a list"),
        Some(MergeTag::Replace) => ("!replace".to_owned(), "a map or a list"),
        Some(MergeTag::Unset) | None => return,
    };
    let fits = match &node.kind {
        NodeKind::List(_) => true,
        NodeKind::Map(_) => takes != "a list",
        NodeKind::Scalar(_) => false,
    };
    if !fits {
        let what = match &node.kind {
            NodeKind::Map(_) => "a map".to_owned(),
            NodeKind::List(_) => "a list".to_owned(),
            NodeKind::Scalar(scalar) => scalar.describe(),
        };
        let error = document.mistake(node.span, format!("`{spelled}` belongs before {takes}, not {what}"));
        let help = if matches!(node.kind, NodeKind::Map(_)) {
            "maps merge without a tag"
        } else {
            "one value replaces another without a tag"
        };
        found.push(error.help(help));
    }
}

/// Every item needs the key, and no two may have the same.
fn check_items(document: &Document, key: &str, items: &[NodeId], found: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for id in items {
        let item = document.node(*id);
        let name = match &item.kind {
            NodeKind::Map(entries) => entries.iter().find(|entry| entry.key.as_ref() == key),
            NodeKind::Scalar(_) | NodeKind::List(_) => None,
        };
        let name = name.map(|entry| document.node(entry.value)).and_then(|node| match &node.kind {
            NodeKind::Scalar(scalar) if scalar.kind != ScalarKind::Null => Some((scalar.text(), node.span)),
            NodeKind::Scalar(_) | NodeKind::List(_) | NodeKind::Map(_) => None,
        });
        let Some((name, span)) = name else {
            let message = format!("this item has no `{key}`, by which the list is merged");
            found.push(document.mistake(item.span, message).help(format!("write `{key}: …` in every item")));
            continue;
        };
        if let Some(first) = seen.insert(name, span) {
            let error = document.mistake(span, format!("two items have the {key} `{}`", super::shorten(name)));
            found.push(error.related(document.label(first), "first here").help("make one item of the two"));
        }
    }
}

impl Document {
    fn mistake(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error("yaml::tag", self.label(span), message)
    }
}
