//! Putting a tree together, with each comment in the block it belongs to.
//!
//! Which block that is follows go-yaml, because a comment is encrypted for the way to its block: one on its own line
//! belongs to the block whose column it has, one at the end of a line to the value before it.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::line_start;
use crate::sops::{
    SopsError, Value,
    cipher::is_sealed,
    error::syntax,
    tree::{Block, Comment, Document, Item, Leaf, MAX_DEPTH, MAX_NODES, Node, Pair, Setting, Span, Tree},
};

/// What a collection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Map,
    List,
}

/// A collection that may still grow: comments after it can belong to it.
struct Draft {
    mark: Mark,
    items: Vec<DraftItem>,
    span: Span,
    flow: bool,
    column: usize,
    parent: Option<usize>,
    /// The key it stands under.
    key: Option<String>,
    keys: BTreeSet<String>,
}

enum DraftItem {
    Comment(Comment),
    Pair(String, Span, DraftNode),
    Element(DraftNode),
}

enum DraftNode {
    Leaf(Leaf),
    Block(usize),
}

/// What a comment at the end of a line would belong to.
#[derive(Clone, Copy)]
enum Last {
    Nothing,
    /// A key, whose value is to come.
    Key,
    /// A value in a collection.
    Leaf(usize),
    /// A collection in brackets.
    Flow(usize),
}

pub(super) struct Builder<'t> {
    text: &'t str,
    /// Comments that have no place yet, the last first.
    comments: Vec<Span>,
    drafts: Vec<Draft>,
    /// The open collections, and for a map the key whose value is to come.
    stack: Vec<(usize, Option<(String, Span)>)>,
    /// Those that were open at the last value.
    recent: Vec<usize>,
    last: Last,
    last_end: usize,
    root: Option<usize>,
    nodes: usize,
    started: bool,
    start: usize,
    documents: Vec<Document>,
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            comments: Vec::new(),
            drafts: Vec::new(),
            stack: Vec::new(),
            recent: Vec::new(),
            last: Last::Nothing,
            last_end: 0,
            root: None,
            nodes: 0,
            started: false,
            start: 0,
            documents: Vec::new(),
        }
    }

    pub(super) fn wrong(&self, at: usize, what: impl Into<String>) -> SopsError {
        syntax(self.text.as_bytes(), at, what)
    }

    pub(super) fn add_comment(&mut self, span: Span) {
        self.comments.push(span);
    }

    /// Returns the whole place of a scalar written line by line, of which the parser tells that of its lines: from its
    /// sign on, without the ends of lines after it.
    pub(super) fn block_scalar(&self, span: Span) -> Span {
        let before = self.text.get(self.last_end..span.start).unwrap_or_default();
        let bytes = before.as_bytes();
        let is_sign = |at: usize| {
            let blank = at.checked_sub(1).and_then(|at| bytes.get(at)).is_none_or(u8::is_ascii_whitespace);
            blank && matches!(bytes.get(at), Some(b'|' | b'>'))
        };
        let start = (0..bytes.len()).find(|at| is_sign(*at)).map_or(span.start, |at| self.last_end + at);
        let raw = self.text.get(start..span.end).unwrap_or_default();
        start..start + raw.trim_end_matches([' ', '\t', '\n', '\r']).len()
    }

    pub(super) fn start_document(&mut self, span: &Span) {
        if !self.started {
            self.comments.sort_by(|a, b| b.start.cmp(&a.start));
        }
        self.started = true;
        self.start = span.start;
        // What stands before the mark of a document is its own.
        self.last_end = self.last_end.max(span.end);
    }

    fn column(&self, at: usize) -> usize {
        let start = line_start(self.text.as_bytes(), at);
        self.text.get(start..at).unwrap_or_default().chars().count()
    }

    fn count(&mut self, at: usize) -> Result<(), SopsError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { Err(self.wrong(at, "there are too many values")) } else { Ok(()) }
    }

    pub(super) fn open(&mut self, mark: Mark, flow: bool, span: Span) -> Result<(), SopsError> {
        self.count(span.start)?;
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.wrong(span.start, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let id = self.drafts.len();
        let parent = self.stack.last().map(|(parent, _)| *parent);
        let awaited = self.stack.last().and_then(|(_, key)| key.as_ref());
        if self.is_key(parent) && awaited.is_none() {
            return Err(self.wrong(span.start, "a key must be a text, not a list or a map"));
        }
        let key = awaited.map(|(key, _)| key.clone());
        let heads = awaited.is_some() || parent.is_none();
        if parent.is_none() && mark == Mark::List {
            return Err(self.wrong(span.start, "sops takes a map at the top; put what is here under a key"));
        }
        let comments = self.before(span.start);
        let column = self.column(span.start);
        let draft =
            Draft { mark, items: Vec::new(), span: span.clone(), flow, column, parent, key, keys: BTreeSet::new() };
        self.drafts.push(draft);
        if heads {
            for comment in comments {
                self.put(id, None, comment);
            }
        } else {
            self.place(comments, parent);
        }
        match parent {
            Some(_) => self.give(DraftNode::Block(id)),
            None => self.root = Some(id),
        }
        self.stack.push((id, None));
        self.remember(span.start, span.start);
        self.last = Last::Nothing;
        Ok(())
    }

    /// Says whether what comes next in a collection is a key.
    fn is_key(&self, parent: Option<usize>) -> bool {
        parent.and_then(|parent| self.drafts.get(parent)).is_some_and(|draft| draft.mark == Mark::Map)
    }

    pub(super) fn close(&mut self, span: &Span) {
        let Some((id, _)) = self.stack.pop() else { return };
        let last_end = self.last_end;
        let Some(draft) = self.drafts.get_mut(id) else { return };
        if draft.flow {
            draft.span.end = span.end;
            // Comments before the closing bracket are inside.
            for comment in self.before(span.start) {
                self.put(id, None, comment);
            }
            self.recent = self.stack.iter().map(|(id, _)| *id).collect();
            self.last = Last::Flow(id);
            self.last_end = span.end;
        } else {
            draft.span.end = last_end.max(draft.span.start);
        }
    }

    pub(super) fn scalar(&mut self, value: Value, span: Span, tag: Option<Span>) -> Result<(), SopsError> {
        self.count(span.start)?;
        let comments = self.before(span.start);
        let Some((block, key)) = self.stack.last() else {
            if matches!(value, Value::Null) {
                self.place(comments, None);
                return Ok(());
            }
            return Err(self.wrong(span.start, "sops takes a map at the top; put what is here under a key"));
        };
        let block = *block;
        if key.is_none() && self.is_key(Some(block)) {
            self.place(comments, Some(block));
            return self.key(block, &value, span);
        }
        if key.is_some() {
            for comment in comments {
                self.put(block, None, comment);
            }
        } else {
            self.place(comments, Some(block));
        }
        let rest = self.text.get(span.end..).unwrap_or_default().split('\n').next().unwrap_or_default();
        let draft = self.drafts.get(block);
        let setting = Setting {
            flow: draft.is_some_and(|draft| draft.flow),
            column: draft.map_or(0, |draft| draft.column),
            last: rest.trim().is_empty(),
        };
        let start = tag.map_or(span.start, |tag| tag.start.min(span.start));
        let span = start..span.end;
        self.give(DraftNode::Leaf(Leaf { value, span: span.clone(), setting }));
        self.remember(span.start, span.end);
        self.last = Last::Leaf(block);
        Ok(())
    }

    fn key(&mut self, block: usize, value: &Value, span: Span) -> Result<(), SopsError> {
        let Value::Text(bytes) = value else {
            return Err(self.wrong(span.start, "sops takes texts as keys only; put this one in quotes"));
        };
        let key = String::from_utf8_lossy(bytes).into_owned();
        let column = self.column(span.start);
        let twice = format!("`{key}` is there twice; keep one of the two");
        let Some(draft) = self.drafts.get_mut(block) else { return Ok(()) };
        if draft.keys.is_empty() && !draft.flow {
            draft.column = column;
            draft.span.start = draft.span.start.max(span.start);
        }
        if !draft.keys.insert(key.clone()) {
            return Err(self.wrong(span.start, twice));
        }
        self.remember(span.start, span.end);
        self.last = Last::Key;
        if let Some((_, awaited)) = self.stack.last_mut() {
            *awaited = Some((key, span));
        }
        Ok(())
    }

    /// Gives a value to the innermost open collection.
    fn give(&mut self, node: DraftNode) {
        let Some((block, key)) = self.stack.last_mut() else { return };
        let (block, key) = (*block, key.take());
        let Some(draft) = self.drafts.get_mut(block) else { return };
        draft.items.push(match key {
            Some((key, span)) => DraftItem::Pair(key, span, node),
            None => DraftItem::Element(node),
        });
    }

    fn remember(&mut self, _: usize, end: usize) {
        self.recent.clear();
        self.recent.extend(self.stack.iter().map(|(id, _)| *id));
        self.last_end = end;
    }

    /// Takes the comments that stand before a place.
    fn before(&mut self, at: usize) -> Vec<Span> {
        let mut taken = Vec::new();
        while self.comments.last().is_some_and(|comment| comment.start < at) {
            taken.extend(self.comments.pop());
        }
        taken
    }

    /// Puts comments where they belong; `next` is the collection in which the text goes on.
    fn place(&mut self, comments: Vec<Span>, next: Option<usize>) {
        for comment in comments {
            let between = self.text.get(self.last_end..comment.start).unwrap_or_default();
            let at_end = !between.contains('\n');
            match self.last {
                Last::Leaf(block) if at_end => {
                    let before = self.drafts.get(block).map(|draft| draft.items.len().saturating_sub(1));
                    self.put(block, before, comment);
                }
                Last::Flow(block) if at_end => self.put(block, Some(0), comment),
                Last::Nothing | Last::Key | Last::Leaf(_) | Last::Flow(_) => {
                    if let Some(block) = self.by_column(&comment, next) {
                        self.put(block, None, comment);
                    }
                }
            }
        }
    }

    fn by_column(&self, comment: &Span, next: Option<usize>) -> Option<usize> {
        let column = self.column(comment.start);
        let fits = |id: &usize| self.drafts.get(*id).is_some_and(|draft| !draft.flow && draft.column <= column);
        let same = |id: usize| self.drafts.get(id).is_some_and(|draft| !draft.flow && draft.column == column);
        let behind = self.recent.iter().rev().find(|id| fits(id)).copied();
        let ahead = next.filter(|next| same(*next) && !self.ends_what_was_before(comment));
        ahead.or(behind).or(next).or(self.recent.first().copied()).or(self.root)
    }

    /// Says whether a comment stands right under what was before it, with a blank line after.
    fn ends_what_was_before(&self, comment: &Span) -> bool {
        let before = self.text.get(self.last_end..comment.start).unwrap_or_default();
        let after = self.text.get(comment.end..).unwrap_or_default();
        let after = after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n')).unwrap_or_default();
        let blank = after.split('\n').next().is_some_and(|line| line.trim().is_empty());
        before.matches('\n').count() <= 1 && blank
    }

    fn put(&mut self, block: usize, at: Option<usize>, span: Span) {
        let inner = span.start + 1..span.end;
        let text = self.text.get(inner.clone()).unwrap_or_default().trim_end_matches('\r');
        let inner = inner.start..inner.start + text.len();
        let ways = if is_sealed(text.trim_end().as_bytes()) { self.ways() } else { Vec::new() };
        let comment = Comment { text: Zeroizing::new(text.to_owned()), span: inner, ways };
        if let Some(draft) = self.drafts.get_mut(block) {
            let at = at.unwrap_or(draft.items.len()).min(draft.items.len());
            draft.items.insert(at, DraftItem::Comment(comment));
        }
    }

    /// Returns the ways to all collections around.
    fn ways(&self) -> Vec<Vec<String>> {
        let open = self.stack.iter().map(|(id, _)| *id);
        let around: BTreeSet<usize> =
            self.recent.iter().copied().chain(open).chain(self.drafts.len().checked_sub(1)).collect();
        around.into_iter().map(|id| self.way(id)).chain(std::iter::once(Vec::new())).collect()
    }

    fn way(&self, id: usize) -> Vec<String> {
        let mut way = Vec::new();
        let mut at = self.drafts.get(id);
        while let Some(draft) = at {
            way.extend(draft.key.clone());
            at = draft.parent.and_then(|parent| self.drafts.get(parent));
        }
        way.reverse();
        way
    }

    /// Ends a document; comments up to the mark of the next are its own.
    pub(super) fn end_document(&mut self) -> Result<(), SopsError> {
        let end = document_end(self.text, self.last_end.max(self.start));
        let comments = self.before(end);
        if self.root.is_none() {
            self.drafts.push(Draft {
                mark: Mark::Map,
                items: Vec::new(),
                span: end..end,
                flow: false,
                column: 0,
                parent: None,
                key: None,
                keys: BTreeSet::new(),
            });
            self.root = Some(self.drafts.len() - 1);
        }
        self.place(comments, None);
        let mut drafts: Vec<Option<Draft>> = std::mem::take(&mut self.drafts).into_iter().map(Some).collect();
        let root = self.root.take().map(|root| assemble(root, &mut drafts)).unwrap_or_default();
        self.documents.push(Document { root, span: self.start..end });
        self.stack.clear();
        self.recent.clear();
        self.last = Last::Nothing;
        self.last_end = self.last_end.max(end);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Tree, SopsError> {
        if self.documents.is_empty() {
            self.comments.sort_by(|a, b| b.start.cmp(&a.start));
            self.end_document()?;
        }
        Ok(Tree { documents: self.documents })
    }
}

/// Returns where a document ends of which nothing but comments follows `at`.
fn document_end(text: &str, at: usize) -> usize {
    let mut start = at;
    for line in text.get(at..).unwrap_or_default().split_inclusive('\n') {
        let first = start == 0 || text.as_bytes().get(start - 1) == Some(&b'\n');
        let mark = line.get(..3).is_some_and(|mark| mark == "---" || mark == "...");
        // The mark a document begins with is passed.
        if first && mark && start > at {
            return start;
        }
        start += line.len();
    }
    text.len()
}

/// Takes a collection out of the drafts. As deep as collections may nest.
fn assemble(id: usize, drafts: &mut Vec<Option<Draft>>) -> Block {
    let Some(draft) = drafts.get_mut(id).and_then(Option::take) else { return Block::default() };
    let mut node = |node: DraftNode| match node {
        DraftNode::Leaf(leaf) => Node::Leaf(leaf),
        DraftNode::Block(id) => {
            let map = drafts.get(id).and_then(Option::as_ref).is_some_and(|draft| draft.mark == Mark::Map);
            let block = assemble(id, drafts);
            if map { Node::Map(block) } else { Node::List(block) }
        }
    };
    let items = draft.items.into_iter().map(|item| match item {
        DraftItem::Comment(comment) => Item::Comment(comment),
        DraftItem::Pair(key, key_span, value) => Item::Pair(Pair { key, key_span, value: node(value) }),
        DraftItem::Element(value) => Item::Element(node(value)),
    });
    let items = items.collect();
    Block { items, span: draft.span, flow: draft.flow, column: draft.column }
}
