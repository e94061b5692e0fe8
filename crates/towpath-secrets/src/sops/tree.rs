//! A file as a tree of values and comments, each with its place in the text, whatever the format.
//!
//! Nothing is written from a tree: what changes is spliced into the text, so that all else stays as it was.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{Value, path::Step, selection::Chooser};

/// The most bytes of a file that are read.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// How deep maps and lists may nest.
pub(crate) const MAX_DEPTH: usize = 64;
/// How many values, lists, maps and comments a file may have.
pub(crate) const MAX_NODES: usize = 1_000_000;

/// A place in the text, in bytes.
pub(crate) type Span = Range<usize>;

/// The documents of a file; only YAML has more than one.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) documents: Vec<Document>,
}

/// One document.
#[derive(Default)]
pub(crate) struct Document {
    /// The map at the top.
    pub(crate) root: Block,
    /// Where the document is in the text, its markers excluded.
    pub(crate) span: Span,
}

/// A map or a list.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) items: Vec<Item>,
    pub(crate) span: Span,
    /// Whether it is written with brackets.
    pub(crate) flow: bool,
    /// The column of its items, counted from 0, where it has no brackets.
    pub(crate) column: usize,
}

/// What stands in a map or a list.
pub(crate) enum Item {
    Comment(Comment),
    Pair(Pair),
    Element(Node),
}

/// A comment.
pub(crate) struct Comment {
    /// What follows the sign of a comment.
    pub(crate) text: Zeroizing<String>,
    /// The place of `text`.
    pub(crate) span: Span,
    /// Ways of blocks the comment may belong to instead: readers disagree about comments between blocks.
    pub(crate) ways: Vec<Vec<String>>,
}

/// A key with its value.
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

pub(crate) enum Node {
    Map(Block),
    List(Block),
    Leaf(Leaf),
}

/// One value.
pub(crate) struct Leaf {
    pub(crate) value: Value,
    /// The place of the value as written, quotes and all.
    pub(crate) span: Span,
    pub(crate) setting: Setting,
}

/// Where a value stands, which decides how another can be written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Inside brackets.
    pub(crate) flow: bool,
    /// The column of the block it is in.
    pub(crate) column: usize,
    /// Nothing follows on its line.
    pub(crate) last: bool,
}

impl Node {
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Map(block) | Self::List(block) => block.span.clone(),
            Self::Leaf(leaf) => leaf.span.clone(),
        }
    }
}

impl Block {
    /// Returns the pairs of a map.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.items.iter().filter_map(|item| match item {
            Item::Pair(pair) => Some(pair),
            Item::Comment(_) | Item::Element(_) => None,
        })
    }

    /// Returns the items of a list.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Node> {
        self.items.iter().filter_map(|item| match item {
            Item::Element(node) => Some(node),
            Item::Comment(_) | Item::Pair(_) => None,
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().find(|pair| pair.key == key).map(|pair| &pair.value)
    }
}

/// Where a walk is.
pub(crate) struct Here<'w> {
    /// The keys on the way, list items left out: what a ciphertext is bound to.
    pub(crate) keys: &'w [&'w str],
    /// All steps.
    pub(crate) steps: &'w [Step],
    /// Whether the rules say that it is encrypted.
    pub(crate) encrypted: bool,
    /// The place of the key, where there is one.
    pub(crate) key_span: Option<&'w Span>,
}

/// What a walk comes by.
pub(crate) enum Spot<'t> {
    Leaf(&'t Leaf),
    Comment(&'t Comment),
}

/// What is done at each spot of a walk.
pub(crate) type Visit<'v, 't, E> = dyn FnMut(Spot<'t>, &Here<'_>) -> Result<(), E> + 'v;

/// Goes through all values and comments of a document in their order.
pub(crate) fn walk<'t, E>(block: &'t Block, chooser: &Chooser, visit: &mut Visit<'_, 't, E>) -> Result<(), E> {
    let mut walk = Walk { chooser, visit, keys: Vec::new(), steps: Vec::new(), comments: Vec::new() };
    walk.block(block, false)
}

struct Walk<'w, 't, 'v, E> {
    chooser: &'w Chooser,
    visit: &'w mut Visit<'v, 't, E>,
    keys: Vec<&'t str>,
    steps: Vec<Step>,
    /// For each open block the comments since its last value: rules may look at them.
    comments: Vec<Vec<&'t str>>,
}

impl<'t, E> Walk<'_, 't, '_, E> {
    /// Goes through a block; `chosen` says whether a key on the way matched the rule.
    fn block(&mut self, block: &'t Block, chosen: bool) -> Result<(), E> {
        self.comments.push(Vec::new());
        let mut index = 0;
        for item in &block.items {
            match item {
                Item::Comment(comment) => {
                    if let Some(level) = self.comments.last_mut() {
                        level.push(&comment.text);
                    }
                    let encrypted = self.chooser.decide(chosen, &self.comments, true);
                    let here = Here { keys: &self.keys, steps: &self.steps, encrypted, key_span: None };
                    (self.visit)(Spot::Comment(comment), &here)?;
                    continue;
                }
                Item::Pair(pair) => {
                    self.keys.push(&pair.key);
                    self.steps.push(Step::Key(pair.key.clone()));
                    let chosen = chosen || self.chooser.matches_key(&pair.key);
                    self.node(&pair.value, chosen, Some(&pair.key_span))?;
                    self.keys.pop();
                }
                Item::Element(node) => {
                    self.steps.push(Step::Item(index));
                    index += 1;
                    self.node(node, chosen, None)?;
                }
            }
            self.steps.pop();
            if let Some(level) = self.comments.last_mut() {
                level.clear();
            }
        }
        self.comments.pop();
        Ok(())
    }

    fn node(&mut self, node: &'t Node, chosen: bool, key_span: Option<&Span>) -> Result<(), E> {
        match node {
            Node::Map(block) | Node::List(block) => self.block(block, chosen),
            Node::Leaf(leaf) => {
                let encrypted = self.chooser.decide(chosen, &self.comments, false);
                let here = Here { keys: &self.keys, steps: &self.steps, encrypted, key_span };
                (self.visit)(Spot::Leaf(leaf), &here)
            }
        }
    }
}

/// Returns a text with parts of it replaced. `parts` are in the order of their places and do not overlap; what does is
/// left as it was.
pub(crate) fn splice(text: &[u8], parts: &[(Span, Zeroizing<Vec<u8>>)]) -> Zeroizing<Vec<u8>> {
    let size = text.len() + parts.iter().map(|(_, new)| new.len()).sum::<usize>();
    // Its size at once: growing would leave copies behind that nobody erases.
    let mut out = Zeroizing::new(Vec::with_capacity(size));
    let mut at = 0;
    for (span, new) in parts {
        if span.start < at || span.end > text.len() {
            continue;
        }
        out.extend_from_slice(text.get(at..span.start).unwrap_or_default());
        out.extend_from_slice(new);
        at = span.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}
