//! Whether two parts of files say the same, however they are spelled.

use crate::sops::tree::{Block, Item, Node};

/// Compares values, keys, order and comments.
pub(super) fn same(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::Leaf(a), Node::Leaf(b)) => a.value == b.value,
        (Node::Map(a), Node::Map(b)) | (Node::List(a), Node::List(b)) => same_block(a, b),
        (Node::Leaf(_) | Node::Map(_) | Node::List(_), _) => false,
    }
}

pub(super) fn same_block(a: &Block, b: &Block) -> bool {
    a.items.len() == b.items.len()
        && a.items.iter().zip(&b.items).all(|pair| match pair {
            (Item::Comment(a), Item::Comment(b)) => a.text == b.text,
            (Item::Pair(a), Item::Pair(b)) => a.key == b.key && same(&a.value, &b.value),
            (Item::Element(a), Item::Element(b)) => same(a, b),
            (Item::Comment(_) | Item::Pair(_) | Item::Element(_), _) => false,
        })
}
