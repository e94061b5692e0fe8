//! Merging maps and lists: key by key, item by item.

use std::{collections::BTreeMap, ops::Range};

use zeroize::Zeroizing;

use super::{
    ConflictKind, Merger, Plain, Side,
    cut::{Cut, Piece, View, documents},
    flow::Flow,
    order,
    same::same,
    sides::Three,
};
use crate::sops::{
    path::Step,
    tree::{Document, Node, Tree},
};

/// A key or an item of the result: the comments above it, and the rest without the indentation of its first line.
pub(super) struct Part {
    pub(super) lead: Plain,
    pub(super) body: Plain,
}

/// One document of a text.
struct Whole<'t> {
    text: &'t str,
    document: &'t Document,
    region: Range<usize>,
}

impl Merger<'_> {
    /// Merges whole files.
    pub(super) fn documents<'t>(&mut self, text: &Three<&'t str>, trees: &'t Three<Tree>) -> Plain {
        let count = trees.ours.documents.len();
        let alike = trees.theirs.documents.len() == count;
        let whole = text.ours.len() + text.theirs.len();
        let mut out = Zeroizing::new(String::with_capacity(whole));
        let mut at = 0;
        let regions = Three {
            base: text.base.zip(trees.base.as_ref()).map(|(text, tree)| documents(text, tree)),
            ours: documents(text.ours, &trees.ours),
            theirs: documents(text.theirs, &trees.theirs),
        };
        for index in 0..count {
            let found = |text: &'t str, tree: &'t Tree, regions: &[Range<usize>]| {
                Some(Whole { text, document: tree.documents.get(index)?, region: regions.get(index)?.clone() })
            };
            let base = text.base.zip(trees.base.as_ref()).zip(regions.base.as_ref());
            let base = base.and_then(|((text, tree), regions)| found(text, tree, regions));
            let ours = found(text.ours, &trees.ours, &regions.ours);
            let theirs = found(text.theirs, &trees.theirs, &regions.theirs);
            let (Some(ours), Some(theirs), true) = (ours, theirs, alike) else { break };
            let region = ours.region.clone();
            let Some(merged) = self.document(Three { base, ours, theirs }) else { break };
            out.push_str(text.ours.get(at..region.start).unwrap_or_default());
            out.push_str(&merged);
            at = region.end;
            if index + 1 == count {
                out.push_str(text.ours.get(at..).unwrap_or_default());
                return out;
            }
        }
        // Not comparable by parts.
        self.conflicts.clear();
        self.steps.clear();
        let side = self.conflict(ConflictKind::Shape);
        Zeroizing::new((*text.of(side)).to_owned())
    }

    fn document(&mut self, three: Three<Whole<'_>>) -> Option<Plain> {
        if three.ours.document.root.flow {
            let (text, region) = (three.ours.text, three.ours.region.clone());
            let root = three.ours.document.root.span.clone();
            let flows = three.try_map(|whole| Flow::of_block(whole.text, &whole.document.root))?;
            let (before, after) = (text.get(region.start..root.start)?, text.get(root.end..region.end)?);
            let merged = self.flow(&flows);
            return Some(Zeroizing::new([before, &merged, after].concat()));
        }
        let views = three.try_map(|Whole { text, document, region }| {
            let block = &document.root;
            (!block.flow || block.items.is_empty()).then_some(View {
                text,
                block,
                start: region.start,
                end: region.end,
                inline: false,
            })
        })?;
        self.block(&views)
    }

    /// Merges blocks on lines of their own; `None` where one cannot be cut.
    fn block(&mut self, views: &Three<View<'_>>) -> Option<Plain> {
        let cuts = views.try_map(|view| view.cut())?;
        let column = if cuts.ours.pieces.is_empty() { cuts.theirs.column } else { cuts.ours.column };
        let parts = self.parts(&cuts.as_ref().map(|cut| cut.pieces.as_slice()), column);
        let edge = |part: fn(&Cut<'_>) -> String| cuts.as_ref().map(|cut| Zeroizing::new(part(cut)));
        let header = self.comments(edge(|cut| cut.header.to_owned()));
        let footer = self.comments(edge(|cut| cut.footer.to_owned()));
        let size =
            header.len() + footer.len() + parts.iter().map(|p| p.lead.len() + p.body.len() + column + 1).sum::<usize>();
        let mut out = Zeroizing::new(String::with_capacity(size));
        out.push_str(&header);
        for (index, part) in parts.iter().enumerate() {
            if !out.is_empty() && !out.ends_with('\n') {
                out.push('\n');
            }
            let joins = views.ours.inline && index == 0;
            if joins {
                out.push_str(part.lead.trim_start());
            } else {
                out.push_str(&part.lead);
            }
            if !(joins && part.lead.trim_start().is_empty()) {
                out.extend(std::iter::repeat_n(' ', column));
            }
            out.push_str(&part.body);
        }
        out.push_str(&footer);
        Some(out)
    }

    /// Merges the keys of maps, or the items of lists.
    pub(super) fn parts(&mut self, pieces: &Three<&[Piece<'_>]>, column: usize) -> Vec<Part> {
        let is_list = [pieces.ours, pieces.theirs].iter().any(|side| side.iter().any(|piece| piece.key.is_none()));
        if is_list {
            return self.items(pieces, column);
        }
        let keys = pieces.map(|side| side.iter().filter_map(|piece| piece.key).collect::<Vec<_>>());
        let found = pieces.map(|side| {
            side.iter().filter_map(|piece| Some((piece.key?, piece))).collect::<BTreeMap<&str, &Piece<'_>>>()
        });
        let mut parts = Vec::new();
        for key in order::merged(keys.base.as_deref(), &keys.ours, &keys.theirs) {
            self.steps.push(Step::Key(key.to_owned()));
            let base = found.base.as_ref().and_then(|found| found.get(key)).copied();
            let (ours, theirs) = (found.ours.get(key).copied(), found.theirs.get(key).copied());
            parts.extend(self.entry(base, ours, theirs, column));
            self.steps.pop();
        }
        parts
    }

    /// Merges what stands under one key, or takes it away.
    fn entry(
        &mut self,
        base: Option<&Piece<'_>>,
        ours: Option<&Piece<'_>>,
        theirs: Option<&Piece<'_>>,
        column: usize,
    ) -> Option<Part> {
        let taken = |piece: &Piece<'_>| Part { lead: piece.lead(column), body: piece.body(column) };
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => Some(self.piece(&Three { base, ours, theirs }, column)),
            (None, None) => None,
            (Some(kept), None) | (None, Some(kept)) => {
                let (holder, by) = if ours.is_some() { (Side::Ours, Side::Theirs) } else { (Side::Theirs, Side::Ours) };
                let Some(base) = base else { return Some(taken(kept)) };
                if same(base.node, kept.node) {
                    return None;
                }
                (self.conflict(ConflictKind::Removed { by }) == holder).then(|| taken(kept))
            }
        }
    }

    /// Merges what both sides have.
    pub(super) fn piece(&mut self, three: &Three<&Piece<'_>>, column: usize) -> Part {
        let lead = self.comments(three.map(|piece| piece.lead(column)));
        let body = self.body(three, column);
        Part { lead, body }
    }

    fn body(&mut self, three: &Three<&Piece<'_>>, column: usize) -> Plain {
        if let (Node::Leaf(_), Node::Leaf(_)) = (three.ours.node, three.theirs.node) {
            return self.leaf(three, column);
        }
        if let Some(side) = three.settled(|a, b| same(a.node, b.node)) {
            return three.of(side).body(column);
        }
        let alike = matches!(
            (three.ours.node, three.theirs.node),
            (Node::Map(_), Node::Map(_)) | (Node::List(_), Node::List(_))
        );
        let merged = alike.then(|| self.nested(three, column)).flatten();
        merged.unwrap_or_else(|| {
            let side = self.conflict(ConflictKind::Shape);
            three.of(side).body(column)
        })
    }

    /// Merges maps, or lists; `None` where they are not written alike.
    fn nested(&mut self, three: &Three<&Piece<'_>>, column: usize) -> Option<Plain> {
        // What was something else before counts as not there.
        let is_list = matches!(three.ours.node, Node::List(_));
        let base = three.base.filter(|base| match base.node {
            Node::Map(_) => !is_list,
            Node::List(_) => is_list,
            Node::Leaf(_) => false,
        });
        let before = self.conflicts.len();
        let known = Three { base, ours: three.ours, theirs: three.theirs };
        let (merged, tail) = if let Some(flows) = known.try_map(Flow::of_piece) {
            (self.flow(&flows), three.ours.tail)
        } else {
            let views =
                Three { base: base.and_then(Piece::view), ours: three.ours.view()?, theirs: three.theirs.view()? };
            if views.ours.inline != views.theirs.inline {
                return None;
            }
            let Some(merged) = self.block(&views) else {
                self.conflicts.truncate(before);
                return None;
            };
            (merged, "")
        };
        let head = self.comments(three.map(|piece| Zeroizing::new(piece.head.to_owned())));
        if merged.trim().is_empty() {
            // Each side took something else away, and nothing is left.
            let key = head.trim_end().to_owned();
            return Some(Zeroizing::new(key + if is_list { " []\n" } else { " {}\n" }));
        }
        let head = super::cut::moved(&head, three.ours.column, column, false);
        Some(Zeroizing::new([head.as_str(), &merged, tail].concat()))
    }

    /// Merges values.
    fn leaf(&mut self, three: &Three<&Piece<'_>>, column: usize) -> Plain {
        let settled = three.settled(|a, b| same(a.node, b.node));
        let respelled = |side: Side| {
            let base = three.base.map(|base| (base.head, base.written()));
            let (ours, theirs) = (three.ours, three.theirs);
            // The same value in another spelling: that of who changed it.
            let untouched = base == Some((ours.head, ours.written()));
            if side == Side::Ours && untouched && same(ours.node, theirs.node) { Side::Theirs } else { side }
        };
        let side = settled.map_or_else(
            || self.conflict(if three.base.is_some() { ConflictKind::Changed } else { ConflictKind::Added }),
            respelled,
        );
        let chosen = three.of(side);
        let long = |piece: &Piece<'_>| piece.written().contains('\n');
        let tail = if long(three.ours) || long(three.theirs) {
            Zeroizing::new(chosen.tail.to_owned())
        } else {
            self.comments(three.map(|piece| Zeroizing::new(piece.tail.to_owned())))
        };
        let value = Zeroizing::new([chosen.head, chosen.written()].concat());
        let value = super::cut::moved(&value, chosen.column, column, false);
        Zeroizing::new([value.as_str(), &tail].concat())
    }

    /// Merges comments and empty lines.
    pub(super) fn comments(&mut self, mut three: Three<Plain>) -> Plain {
        three.base.get_or_insert_default();
        let side = three.settled(|a, b| a == b).or_else(|| {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            // Only empty lines and blanks differ.
            three.settled(|a, b| words(a) == words(b))
        });
        let side = side.unwrap_or_else(|| self.conflict(ConflictKind::Comments));
        match side {
            Side::Ours => three.ours,
            Side::Theirs => three.theirs,
        }
    }
}
