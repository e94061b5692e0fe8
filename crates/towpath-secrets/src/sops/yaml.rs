//! YAML, of one or more documents, changed in place.
//!
//! Scalars mean what go-yaml makes of them, since their kinds and spellings go into ciphertexts and the MAC. Aliases are
//! replaced by what they stand for before anything else is done, as sops does.

use zeroize::Zeroizing;

use super::{
    SopsError, Value,
    json::{attach_to, fields, take_pair},
    layout::{Block as MetadataBlock, Found, Layout, Patch},
    metadata::Meta,
    path::Path,
    tree::{Block, Document, Item, Node, Pair, Setting, Span, Tree},
};

mod aliases;
mod build;
mod edit;
mod read;
mod scalar;
mod write;

pub(crate) use aliases::without_aliases;

const KEY: &str = "sops";

pub(crate) struct Yaml;

impl Layout for Yaml {
    fn read(&self, text: &[u8]) -> Result<Tree, SopsError> {
        read::read(text)
    }

    fn render(&self, value: &Value, setting: Setting) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        Ok(write::scalar(value, setting))
    }

    fn render_comment(&self, text: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text.replace('\n', " ").into_bytes())
    }

    fn take_metadata(&self, text: &[u8], tree: &mut Tree) -> Result<Option<Found>, SopsError> {
        let mut found: Option<Found> = None;
        for (at, document) in tree.documents.iter_mut().enumerate() {
            let Some((pair, cut)) = take(text, document) else { continue };
            let Node::Map(block) = &pair.value else {
                return Err(super::error::syntax(text, pair.key_span.start, "`sops` should be a map"));
            };
            let pieces = if document.root.flow { vec![pair.key_span.start..block.span.end] } else { vec![cut.clone()] };
            let metadata = MetadataBlock { pieces, fields: fields(block) };
            match &mut found {
                // Those of later documents are copies.
                Some(found) => {
                    found.cuts.push(cut);
                    found.blocks.push(metadata);
                }
                None if at == 0 => {
                    let meta = Meta::of_block(block);
                    found = Some(Found { meta, at: pair.key_span.start, cuts: vec![cut], blocks: vec![metadata] });
                }
                None => {
                    return Err(super::error::syntax(
                        text,
                        pair.key_span.start,
                        "`sops` is missing in the first document",
                    ));
                }
            }
        }
        Ok(found)
    }

    fn metadata(&self, meta: &Meta) -> Vec<u8> {
        let mut out = format!("{KEY}:");
        write::meta(meta, 4, &mut out);
        out.push('\n');
        out.into_bytes()
    }

    fn attach(&self, text: &[u8], blocks: &[Vec<u8>]) -> Result<Vec<u8>, SopsError> {
        let tree = read::read(text)?;
        let mut out = text.to_vec();
        // From the last on, so that the places of those before stay right.
        for (at, document) in tree.documents.iter().enumerate().rev() {
            let Some(block) = blocks.get(at).or(blocks.last()) else { continue };
            if document.root.flow {
                let block = flow_block(block);
                out = attach_to(&out, &document.root, &block);
                continue;
            }
            let end = document.span.end;
            let mut added = Vec::new();
            if end > 0 && out.get(end - 1) != Some(&b'\n') {
                added.push(b'\n');
            }
            added.extend_from_slice(&shifted(block, document.root.column));
            let tail = out.split_off(end.min(out.len()));
            out.extend_from_slice(&added);
            if !tail.is_empty() && out.last() != Some(&b'\n') {
                out.push(b'\n');
            }
            out.extend_from_slice(&tail);
        }
        Ok(out)
    }

    fn set(&self, text: &[u8], tree: &Tree, path: &Path, value: &Value) -> Result<Patch, SopsError> {
        edit::set(text, tree, path, value)
    }

    fn unset(&self, text: &[u8], tree: &Tree, path: &Path) -> Result<Patch, SopsError> {
        edit::unset(text, tree, path)
    }
}

/// Takes the metadata out of a document, with what to cut from the text.
fn take(text: &[u8], document: &mut Document) -> Option<(Pair, Span)> {
    if document.root.flow {
        return take_pair(&mut document.root);
    }
    let items = &mut document.root.items;
    let at = items.iter().position(|item| matches!(item, Item::Pair(pair) if pair.key == KEY))?;
    let next = items.get(at + 1..).unwrap_or_default().iter().map(start).min();
    let Item::Pair(pair) = items.remove(at) else { return None };
    let start = line_start(text, pair.key_span.start);
    let end = next.map_or(document.span.end, |next| line_start(text, next)).max(pair.value.span().end);
    Some((pair, start..end))
}

/// Returns where an item begins.
fn start(item: &Item) -> usize {
    match item {
        Item::Comment(comment) => comment.span.start,
        Item::Pair(pair) => pair.key_span.start,
        Item::Element(node) => node.span().start,
    }
}

/// Returns where the line of a place begins.
pub(crate) fn line_start(text: &[u8], at: usize) -> usize {
    text.get(..at).unwrap_or_default().iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// Moves metadata to the right where the whole document stands there.
fn shifted(block: &[u8], column: usize) -> Vec<u8> {
    if column == 0 || block.starts_with(b" ") {
        return block.to_vec();
    }
    let mut out = Vec::new();
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        out.extend(std::iter::repeat_n(b' ', column));
        out.extend_from_slice(line);
    }
    out
}

/// Writes metadata for a document in brackets.
fn flow_block(block: &[u8]) -> Vec<u8> {
    let Ok(tree) = read::read(block) else { return block.to_vec() };
    let root = tree.documents.first().map(|document: &Document| -> &Block { &document.root });
    match root.filter(|root| !root.flow).map(Meta::of_block) {
        Some(Meta::Map(entries)) => match entries.first() {
            Some((_, meta)) => super::json::Json.metadata(meta),
            None => block.to_vec(),
        },
        _ => block.to_vec(),
    }
}

#[cfg(test)]
mod tests;
