//! Where a value stands that was written elsewhere: the alias or the merge key through which it came.
//!
//! The tree knows only where a value was written, so the file is read again: explaining is asked by people, one
//! value at a time, and merging is not to pay for it.

use std::collections::BTreeMap;

use crate::config::{
    source::{self, Label, SourceId, SourceKind, SourceSet, Span},
    value::{Path, Segment, Value},
    yaml::{self, Document, NodeId, NodeKind},
};

/// The files that hold aliases, read when they are asked for.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    documents: BTreeMap<SourceId, Option<Document>>,
}

impl Aliases {
    /// Returns where the alias or the map with the merge key stands that brought a value to a key of the tree.
    pub(super) fn via(&mut self, sources: &SourceSet, tree: &Value, path: &[Segment], value: Label) -> Option<Label> {
        let source = sources.get(value.source)?;
        if *source.kind() != SourceKind::File {
            return None;
        }
        let read = || {
            let holds = source.text().contains('*');
            holds.then(|| yaml::parse(value.source, source.text(), 0).0).flatten()
        };
        let document = self.documents.entry(value.source).or_insert_with(read).as_ref()?;
        let project = source::is_project_file(source.name());
        let mut steps: Vec<Step<'_>> = Vec::new();
        let mut at = Some(tree);
        for (depth, segment) in path.iter().enumerate() {
            at = at.and_then(|value| value.at(&Path::of(std::slice::from_ref(segment))));
            steps.push(match segment {
                Segment::Key(key) => Step::Key(key),
                Segment::Index(_) => Step::Item(at.map(|item| item.origin)),
            });
            if project && depth == 1 && path.first().is_some_and(|first| *first == Segment::Key("variables".to_owned()))
            {
                // What a project says of a variable is its declaration, and the value its default.
                steps.push(Step::Key("default"));
            }
        }
        let found = walk(document, document.root(), &steps, value.span, None)?;
        found.map(|span| Label { source: value.source, span })
    }
}

/// One step into a document.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    /// Into a list, to the item that was written here if it is still the one of this file.
    Item(Option<Label>),
}

/// Follows the path to the value written at `target`; returns the last alias on the way, if there was one.
fn walk(document: &Document, id: NodeId, path: &[Step<'_>], target: Span, via: Option<Span>) -> Option<Option<Span>> {
    let node = document.node(id);
    let Some((first, rest)) = path.split_first() else { return (node.span == target).then_some(via) };
    match (first, &node.kind) {
        (Step::Key(key), NodeKind::Map(entries)) => {
            let entry = entries.iter().find(|entry| entry.key.as_ref() == *key)?;
            // A key before the map it is in came through `<<`; a value before its key, through an alias.
            let via = if entry.key_span.start < node.span.start { Some(node.span) } else { via };
            let value = document.node(entry.value);
            let aliased = value.span.start < entry.key_span.start;
            walk(document, entry.value, rest, target, if aliased { Some(entry.key_span) } else { via })
        }
        (Step::Item(origin), NodeKind::List(items)) => {
            // Where lists were merged an item has another number than in its file, and is known by its place.
            let is_it = |id: &&NodeId| origin.is_some_and(|origin| origin == document.label(document.node(**id).span));
            let own = items.iter().find(is_it);
            own.into_iter().chain(items).find_map(|item| {
                let aliased = document.node(*item).span.start < node.span.start;
                walk(document, *item, rest, target, if aliased { Some(node.span) } else { via })
            })
        }
        (Step::Key(_) | Step::Item(_), NodeKind::Scalar(_) | NodeKind::List(_) | NodeKind::Map(_)) => None,
    }
}
