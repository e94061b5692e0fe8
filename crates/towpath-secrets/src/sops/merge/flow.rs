//! Maps and lists in brackets, which all JSON is.

use zeroize::Zeroizing;

use super::{Merger, Plain, cut::Piece, sides::Three};
use crate::sops::tree::{Block, Item, Node};

/// A map or list in brackets, in pieces.
pub(super) struct Flow<'t> {
    /// From the bracket to the first item; of an empty one all.
    open: &'t str,
    /// Between two items.
    between: Option<&'t str>,
    /// From the last item to the bracket.
    close: &'t str,
    is_list: bool,
    pieces: Vec<Piece<'t>>,
}

impl<'t> Flow<'t> {
    pub(super) fn of_piece(piece: &Piece<'t>) -> Option<Self> {
        match piece.node {
            Node::Map(block) | Node::List(block) => {
                Some(Self { is_list: matches!(piece.node, Node::List(_)), ..Self::of_block(piece.text, block)? })
            }
            Node::Leaf(_) => None,
        }
    }

    /// Cuts a map in brackets; `None` where it has none, or comments between its items.
    pub(super) fn of_block(text: &'t str, block: &'t Block) -> Option<Self> {
        if !block.flow {
            return None;
        }
        let mut pieces = Vec::new();
        for item in &block.items {
            let (start, key, node) = match item {
                Item::Comment(_) => return None,
                Item::Pair(pair) => (pair.key_span.start, Some(pair.key.as_str()), &pair.value),
                Item::Element(node) => (node.span().start, None, node),
            };
            let span = node.span();
            let head = text.get(start..span.start)?;
            let value = (span.start, span.end);
            pieces.push(Piece { key, node, text, column: 0, lead: "", head, value, inline: true, tail: "" });
        }
        let whole = text.get(block.span.clone())?;
        let begin = |piece: &Piece<'_>| piece.value.0 - piece.head.len();
        let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else {
            return Some(Self { open: whole, between: None, close: "", is_list: false, pieces });
        };
        let between = match pieces.as_slice() {
            [first, second, ..] => Some(text.get(first.value.1..begin(second))?),
            _ => None,
        };
        let open = text.get(block.span.start..begin(first))?;
        let close = text.get(last.value.1..block.span.end)?;
        Some(Self { open, between, close, is_list: false, pieces })
    }
}

impl Merger<'_> {
    pub(super) fn flow(&mut self, three: &Three<Flow<'_>>) -> Plain {
        let parts = self.parts(&three.as_ref().map(|flow| flow.pieces.as_slice()), 0);
        let sides = [Some(&three.ours), Some(&three.theirs), three.base.as_ref()];
        let written = sides.into_iter().flatten().find(|flow| !flow.pieces.is_empty());
        let (Some(written), false) = (written, parts.is_empty()) else {
            return Zeroizing::new(if three.ours.is_list { "[]" } else { "{}" }.to_owned());
        };
        let usual = format!(",{}", written.open.get(1..).filter(|space| !space.is_empty()).unwrap_or(" "));
        let between = [Some(&three.ours), Some(&three.theirs), three.base.as_ref()];
        let between = between.into_iter().flatten().find_map(|flow| flow.between).unwrap_or(&usual);
        let size: usize = parts.iter().map(|part| part.body.len() + between.len()).sum();
        let mut out = Zeroizing::new(String::with_capacity(size + written.open.len() + written.close.len()));
        out.push_str(written.open);
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                out.push_str(between);
            }
            out.push_str(&part.body);
        }
        out.push_str(written.close);
        out
    }
}
