//! Cuts the text of a block without brackets into pieces, one for each key or item, with the comments above it.

use std::ops::Range;

use zeroize::Zeroizing;

use super::Plain;
use crate::sops::tree::{Block, Item, Node, Tree};

/// The text of a map or list that is written on lines of its own.
#[derive(Clone, Copy)]
pub(super) struct View<'t> {
    pub(super) text: &'t str,
    pub(super) block: &'t Block,
    /// Where it begins and ends; the begin of a line unless `inline`.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it begins behind something on the same line, as a map in a list does.
    pub(super) inline: bool,
}

/// One key with its value, or one item.
#[derive(Clone, Copy)]
pub(super) struct Piece<'t> {
    pub(super) key: Option<&'t str>,
    pub(super) node: &'t Node,
    pub(super) text: &'t str,
    /// The column it is written for.
    pub(super) column: usize,
    /// The lines above: comments and empty ones.
    pub(super) lead: &'t str,
    /// What is before the value, without indentation.
    pub(super) head: &'t str,
    /// The value; a block as a region to cut.
    pub(super) value: (usize, usize),
    /// Whether the value begins on the line of its head.
    pub(super) inline: bool,
    /// What is behind the value.
    pub(super) tail: &'t str,
}

/// A block in pieces.
pub(super) struct Cut<'t> {
    pub(super) column: usize,
    /// Lines before the first piece that are about the whole block.
    pub(super) header: &'t str,
    pub(super) pieces: Vec<Piece<'t>>,
    /// Comments behind the last piece.
    pub(super) footer: &'t str,
}

impl<'t> Piece<'t> {
    /// Returns the whole piece but for the comments above and the indentation of its first line, for another column.
    pub(super) fn body(&self, column: usize) -> Plain {
        let whole = Zeroizing::new([self.head, self.written(), self.tail].concat());
        moved(&whole, self.column, column, false)
    }

    /// Returns the comments above for another column.
    pub(super) fn lead(&self, column: usize) -> Plain {
        moved(self.lead, self.column, column, true)
    }

    /// Returns the value as a block on lines of its own, if it is one.
    pub(super) fn view(&self) -> Option<View<'t>> {
        let (start, end) = self.value;
        match self.node {
            Node::Map(block) | Node::List(block) if !block.flow && !block.items.is_empty() => {
                Some(View { text: self.text, block, start, end, inline: self.inline })
            }
            Node::Map(_) | Node::List(_) | Node::Leaf(_) => None,
        }
    }

    /// Returns the value as it is written.
    pub(super) fn written(&self) -> &'t str {
        self.text.get(self.value.0..self.value.1).unwrap_or_default()
    }
}

impl<'t> View<'t> {
    /// Returns the column its items are written in.
    fn column(&self) -> usize {
        if self.inline {
            return self.start - line_start(self.text, self.start);
        }
        let first = self.block.items.iter().find_map(|item| match item {
            Item::Comment(_) => None,
            Item::Pair(pair) => Some(pair.key_span.start),
            Item::Element(node) => Some(first(node)),
        });
        first.map_or(0, |first| indentation(self.text.get(line_start(self.text, first)..).unwrap_or_default()))
    }

    /// Cuts the block; `None` where its parts are not on lines of their own.
    pub(super) fn cut(&self) -> Option<Cut<'t>> {
        let text = self.text;
        let column = self.column();
        let mut at = self.start;
        let mut header = "";
        let mut pieces: Vec<Piece<'t>> = Vec::new();
        for item in &self.block.items {
            let (start, key, node) = match item {
                Item::Comment(_) => continue,
                Item::Pair(pair) => (pair.key_span.start, Some(pair.key.as_str()), &pair.value),
                Item::Element(node) => (first(node), None, node),
            };
            let inline_first = self.inline && pieces.is_empty() && !text.get(self.start..start)?.contains('\n');
            let line = if inline_first { self.start } else { line_start(text, start) };
            // A sign of a list on a line of its own, or two keys on one.
            let apart = key.is_none() && !text.get(line..)?.trim_start_matches(' ').starts_with('-');
            if line < at || apart {
                return None;
            }
            let mut lead = text.get(at..line)?;
            if pieces.is_empty() && !self.inline {
                let split = about_the_block(lead);
                (header, lead) = (lead.get(..split)?, lead.get(split..)?);
            }
            let end = line_end(text, last(item)).min(self.end);
            let head_start = line + indentation(text.get(line..)?);
            let (value, inline) = region(text, node, start, end)?;
            pieces.push(Piece {
                key,
                node,
                text,
                column,
                lead,
                head: text.get(head_start..value.start)?,
                value: (value.start, value.end),
                inline,
                tail: text.get(value.end..end)?,
            });
            at = end;
        }
        Some(Cut { column, header, pieces, footer: text.get(at..self.end)? })
    }
}

/// Returns where the value of a piece stands, and whether it begins on the line of what is before it.
fn region(text: &str, node: &Node, from: usize, end: usize) -> Option<(Range<usize>, bool)> {
    match node {
        Node::Leaf(leaf) => Some((leaf.span.start.clamp(from, end)..leaf.span.end.clamp(from, end), true)),
        Node::Map(block) | Node::List(block) if block.flow || block.items.is_empty() => {
            Some((block.span.start.clamp(from, end)..block.span.end.clamp(from, end), true))
        }
        Node::Map(block) | Node::List(block) => {
            let start = match block.items.first()? {
                Item::Comment(comment) => comment.span.start,
                Item::Pair(pair) => pair.key_span.start,
                Item::Element(node) => first(node),
            };
            // A list in a list begins with its own sign, which no span has.
            let line = line_start(text, start);
            if line > from || start < from {
                // What is left of the line of the key belongs to the key.
                let after = line_end(text, from).min(end);
                return Some((after..end, false));
            }
            let nested = matches!(node, Node::List(_));
            let start = if nested { line + text.get(line..start)?.rfind('-')? } else { start };
            Some((start..end.max(start), true))
        }
    }
}

/// Returns where the documents of a text are, with the comments around them and without the lines that part them.
pub(super) fn documents(text: &str, tree: &Tree) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut regions: Vec<Range<usize>> = Vec::new();
    for document in &tree.documents {
        let before = text.get(at..document.span.start.max(at)).unwrap_or_default();
        let mut start = at;
        let mut line_at = at;
        for line in before.split_inclusive('\n') {
            let parts = line.starts_with("---") || line.starts_with("...") || line.starts_with('%');
            line_at += line.len();
            if parts {
                start = line_at;
            }
        }
        if let (Some(last), Some(marker)) = (regions.last_mut(), before.find("---")) {
            // Comments up to the line that parts them belong to the one before.
            last.end = at + marker;
        }
        // What stands behind the marker on its line is the document's own.
        let start = start.min(document.span.start.max(at));
        at = document.span.end.max(start);
        regions.push(start..at);
    }
    if let Some(last) = regions.last_mut() {
        let rest = text.get(last.end..).unwrap_or_default();
        last.end += rest.split_inclusive('\n').take_while(|line| !line.starts_with("...")).map(str::len).sum::<usize>();
    }
    regions
}

/// Returns where a value begins.
fn first(node: &Node) -> usize {
    match node {
        Node::Leaf(leaf) => leaf.span.start,
        Node::Map(block) | Node::List(block) if block.flow => block.span.start,
        Node::Map(block) | Node::List(block) => {
            let items = block.items.iter().map(|item| match item {
                Item::Comment(comment) => comment.span.start,
                Item::Pair(pair) => pair.key_span.start,
                Item::Element(node) => first(node),
            });
            items.min().unwrap_or(block.span.start)
        }
    }
}

/// Returns where an item ends.
fn last(item: &Item) -> usize {
    match item {
        Item::Comment(comment) => comment.span.end,
        Item::Pair(pair) => last_of(&pair.value).max(pair.key_span.end),
        Item::Element(node) => last_of(node),
    }
}

fn last_of(node: &Node) -> usize {
    match node {
        Node::Leaf(leaf) => leaf.span.end,
        Node::Map(block) | Node::List(block) if block.flow => block.span.end,
        Node::Map(block) | Node::List(block) => block.items.iter().map(last).max().unwrap_or(block.span.end),
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
}

/// Returns the place behind the line that `at` is the end of something in; a place behind a line's end is one.
fn line_end(text: &str, at: usize) -> usize {
    if at > 0 && text.as_bytes().get(at - 1) == Some(&b'\n') {
        return at;
    }
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| at + end + 1)
}

pub(super) fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Returns the length of what stands over a whole file or section: all up to the last empty line before the first key.
fn about_the_block(lead: &str) -> usize {
    let mut length = 0;
    let mut at = 0;
    for line in lead.split_inclusive('\n') {
        at += line.len();
        if line.trim().is_empty() {
            length = at;
        }
    }
    length
}

/// Moves the lines of a part to another column; `first` says whether the first line, too.
pub(super) fn moved(part: &str, from: usize, to: usize, first: bool) -> Plain {
    if from == to {
        return Zeroizing::new(part.to_owned());
    }
    let lines = part.matches('\n').count() + 1;
    let mut out = Zeroizing::new(String::with_capacity(part.len() + lines * to.saturating_sub(from)));
    for (index, line) in part.split_inclusive('\n').enumerate() {
        if (index == 0 && !first) || line.trim().is_empty() {
            out.push_str(line);
        } else if to > from {
            out.extend(std::iter::repeat_n(' ', to - from));
            out.push_str(line);
        } else {
            let take = (from - to).min(indentation(line));
            out.push_str(line.get(take..).unwrap_or_default());
        }
    }
    out
}
