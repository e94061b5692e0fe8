//! A fast reader of the plain part of YAML and of JSON, which is what most files are made of.
//!
//! It reads block maps and lists, flow collections, and scalars on one line, and it reports nothing: a text that has
//! anything else in it (anchors, tags, block scalars, tabs, a key twice, a mistake, a limit reached) is left to the full
//! parser as a whole. What it does read must come out as the full parser would give it, places included.
// INVARIANT: whenever `read` returns a document, `build::events` returns an equal one without a mistake. Tests compare
// the two, and so does the fuzz target `yaml_readers`.

use std::sync::Arc;

use super::{Document, Entry, MAX_NODES, Node, NodeId, NodeKind, Scalar, ScalarKind, sorting, words::Words};
use crate::config::source::{SourceId, Span};

/// How deep is read; deeper texts are for the full parser, which knows the limit.
const DEEP: usize = 32;
/// The longest key in bytes; the full parser takes up to 1,024 characters.
const LONG_KEY: usize = 512;

/// There is something that is not read here.
struct Odd;

type Plain<T> = Result<T, Odd>;

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// The next byte.
    at: usize,
    /// Where its line begins.
    line: usize,
    /// The column of the first character of that line; `None` at the end of the text.
    indent: Option<usize>,
    offset: u32,
    depth: usize,
    keys: usize,
    nodes: Vec<Node>,
    /// Entries and items of the collections that are open, the innermost last: nobody knows how many there will be, and
    /// most are few.
    entries: Vec<Entry>,
    items: Vec<NodeId>,
    words: Words,
}

/// Reads a text, or leaves it to the full parser.
pub(super) fn read(source: SourceId, text: &str, offset: u32) -> Option<Document> {
    if !is_plain(text) {
        return None;
    }
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        line: 0,
        indent: None,
        offset,
        depth: 0,
        keys: 0,
        // A guess: a short line for each value.
        nodes: Vec::with_capacity(text.len() / 24 + 4),
        entries: Vec::new(),
        items: Vec::new(),
        words: Words::default(),
    };
    let root = reader.document().ok()?;
    Some(Document { source, nodes: reader.nodes, root })
}

/// Says whether no character of the text has a meaning of its own to YAML besides the printable ones of ASCII.
fn is_plain(text: &str) -> bool {
    let control = |byte: u8| byte < b' ' && byte != b'\n' || byte == 0x7f;
    let odd = |c: char| matches!(c, '\u{80}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{e000}'..='\u{ffff}' | '\u{e0000}'..='\u{10ffff}');
    !text.bytes().any(control) && (text.is_ascii() || !text.chars().any(odd))
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Plain<NodeId> {
        self.next_line();
        let indent = self.indent.ok_or(Odd)?;
        let root = if matches!(self.peek(), b'[' | b'{') {
            let node = self.flow(None)?;
            self.end_of_line()?;
            self.next_line();
            node
        } else {
            self.block(indent)?
        };
        if self.indent.is_some() || self.nodes.len() + self.keys > MAX_NODES { Err(Odd) } else { Ok(root) }
    }

    fn peek(&self) -> u8 {
        self.look(0)
    }

    /// Returns a byte further on; 0, which a plain text does not have, after the end.
    fn look(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn slice(&self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX).saturating_add(self.offset);
        Span { start: place(start), end: place(end) }
    }

    fn push(&mut self, kind: NodeKind, span: Span) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { kind, span, tag: None });
        id
    }

    fn spaces(&mut self) {
        while self.peek() == b' ' {
            self.at += 1;
        }
    }

    /// Goes on to the first character of the next line that has one, comments left out.
    fn next_line(&mut self) {
        loop {
            self.line = self.at;
            self.spaces();
            match self.peek() {
                b'\n' => self.at += 1,
                b'#' => self.skip_line(),
                0 => {
                    self.indent = None;
                    return;
                }
                _ => {
                    self.indent = Some(self.at - self.line);
                    return;
                }
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
    }

    /// Says whether nothing follows on this line; a comment counts as nothing after a blank.
    fn is_line_over(&mut self) -> bool {
        let before = self.at;
        self.spaces();
        match self.peek() {
            b'\n' | 0 => true,
            b'#' => self.at > before,
            _ => false,
        }
    }

    fn end_of_line(&mut self) -> Plain<()> {
        if !self.is_line_over() {
            return Err(Odd);
        }
        self.skip_line();
        Ok(())
    }

    fn is_dash(&self) -> bool {
        self.peek() == b'-' && matches!(self.look(1), b' ' | b'\n' | 0)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Plain<T>) -> Plain<T> {
        if self.depth >= DEEP {
            return Err(Odd);
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn block(&mut self, column: usize) -> Plain<NodeId> {
        let list = self.is_dash();
        self.deeper(|reader| if list { reader.list(column) } else { reader.map(column) })
    }

    /// Reads a block map whose first key is here; ends at the first line further left.
    fn map(&mut self, column: usize) -> Plain<NodeId> {
        let open = self.entries.len();
        loop {
            let (key, key_span) = self.block_key()?.ok_or(Odd)?;
            let value = self.value_of(column, key_span)?;
            self.entries.push(Entry { key, key_span, value });
            match self.indent {
                Some(indent) if indent == column => {}
                Some(indent) if indent > column => return Err(Odd),
                Some(_) | None => break,
            }
        }
        let span = self.entries.get(open).ok_or(Odd)?.key_span;
        self.close_map(open, span)
    }

    /// Makes a map of the entries since it was opened.
    fn close_map(&mut self, open: usize, span: Span) -> Plain<NodeId> {
        let mut entries: Vec<Entry> = self.entries.drain(open..).collect();
        // A key that is there twice is a mistake, and mistakes are not for here.
        if sorting::sort(&mut entries) { Ok(self.push(NodeKind::Map(entries), span)) } else { Err(Odd) }
    }

    /// Reads what follows `key:`, on this line or below.
    fn value_of(&mut self, column: usize, key_span: Span) -> Plain<NodeId> {
        if !self.is_line_over() {
            return self.on_this_line(column);
        }
        self.skip_line();
        self.next_line();
        let below = match self.indent {
            Some(indent) if indent > column => Some(self.block(indent)?),
            Some(indent) if indent == column && self.is_dash() => Some(self.block(indent)?),
            Some(_) | None => None,
        };
        let id = match below {
            Some(id) => id,
            None => self.push(NodeKind::Scalar(Scalar::NULL), key_span),
        };
        if let Some(node) = self.nodes.get_mut(id.0 as usize) {
            node.span = key_span;
        }
        Ok(id)
    }

    fn on_this_line(&mut self, column: usize) -> Plain<NodeId> {
        let id = match self.peek() {
            b'[' | b'{' => self.flow(Some(column))?,
            b'"' | b'\'' => self.quoted()?,
            _ => self.plain()?,
        };
        self.end_of_line()?;
        self.next_line();
        // A line further right would go on with the value.
        if self.indent.is_some_and(|indent| indent > column) { Err(Odd) } else { Ok(id) }
    }

    /// Reads a block list whose first dash is here.
    fn list(&mut self, column: usize) -> Plain<NodeId> {
        let open = self.items.len();
        loop {
            self.at += 1;
            let item = self.item(column)?;
            self.items.push(item);
            match self.indent {
                Some(indent) if indent == column && self.is_dash() => {}
                Some(indent) if indent > column => return Err(Odd),
                Some(_) | None => break,
            }
        }
        let first = self.items.get(open).and_then(|id| self.nodes.get(id.0 as usize)).ok_or(Odd)?;
        let span = first.span;
        Ok(self.close_list(open, span))
    }

    /// Makes a list of the items since it was opened.
    fn close_list(&mut self, open: usize, span: Span) -> NodeId {
        let items = self.items.drain(open..).collect();
        self.push(NodeKind::List(items), span)
    }

    fn item(&mut self, column: usize) -> Plain<NodeId> {
        if self.is_line_over() {
            self.skip_line();
            self.next_line();
            return match self.indent {
                Some(indent) if indent > column => self.block(indent),
                Some(_) | None => Err(Odd),
            };
        }
        let start = (self.at, self.keys);
        if self.block_key()?.is_none() {
            return self.on_this_line(column);
        }
        (self.at, self.keys) = start;
        let inner = self.at - self.line;
        self.deeper(|reader| reader.map(inner))
    }

    /// Reads a key and its colon, or nothing if there is no key here.
    fn block_key(&mut self) -> Plain<Option<(Arc<str>, Span)>> {
        let start = self.at;
        let Some(key) = self.key_text()? else { return Ok(None) };
        let end = self.at;
        if self.peek() != b':' || !matches!(self.look(1), b' ' | b'\n' | 0) {
            self.at = start;
            return Ok(None);
        }
        self.at += 1;
        self.keys += 1;
        Ok(Some((key, self.span(start, end))))
    }

    /// Reads a key without its colon.
    fn key_text(&mut self) -> Plain<Option<Arc<str>>> {
        let start = self.at;
        let key = if let quote @ (b'"' | b'\'') = self.peek() {
            self.quoted_text(quote)?
        } else {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
            if !letter(self.peek()) {
                return Ok(None);
            }
            while letter(self.peek()) || matches!(self.peek(), b'-' | b'.' | b'/') {
                self.at += 1;
            }
            let text = self.slice(start, self.at);
            self.words.get(if super::scalar::is_null(text) { "null" } else { text })
        };
        if self.at - start > LONG_KEY || &*key == "<<" { Err(Odd) } else { Ok(Some(key)) }
    }

    fn quoted(&mut self) -> Plain<NodeId> {
        let start = self.at;
        let text = self.quoted_text(self.peek())?;
        let span = self.span(start, self.at);
        Ok(self.push(NodeKind::Scalar(Scalar { kind: ScalarKind::Text, text: Some(text) }), span))
    }

    /// Reads a quoted text that ends on its line.
    fn quoted_text(&mut self, quote: u8) -> Plain<Arc<str>> {
        self.at += 1;
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let stop = |byte: &u8| *byte == quote || matches!(byte, b'\n' | b'\\');
        let length = rest.iter().position(stop).ok_or(Odd)?;
        self.at += length;
        match self.peek() {
            b'\\' if quote == b'"' => self.escaped(start),
            found if found == quote => {
                let text = self.words.get(self.slice(start, self.at));
                self.at += 1;
                // Two single quotes stand for one.
                if quote == b'\'' && self.peek() == quote { Err(Odd) } else { Ok(text) }
            }
            _ => Err(Odd),
        }
    }

    /// Reads on in a double-quoted text from its first escape.
    fn escaped(&mut self, start: usize) -> Plain<Arc<str>> {
        let mut out = self.slice(start, self.at).to_owned();
        loop {
            let from = self.at;
            while !matches!(self.peek(), b'"' | b'\\' | b'\n' | 0) {
                self.at += 1;
            }
            out.push_str(self.slice(from, self.at));
            match (self.peek(), self.look(1)) {
                (b'"', _) => break,
                (b'\\', b'n') => out.push('\n'),
                (b'\\', b't') => out.push('\t'),
                (b'\\', b'r') => out.push('\r'),
                (b'\\', quoted @ (b'"' | b'\\' | b'/')) => out.push(char::from(quoted)),
                _ => return Err(Odd),
            }
            self.at += 2;
        }
        self.at += 1;
        Ok(out.as_str().into())
    }

    /// Reads a plain scalar of a block, to the end of its line.
    fn plain(&mut self) -> Plain<NodeId> {
        let start = self.at;
        self.plain_start()?;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let mut before = b' ';
        let mut length = 0;
        for byte in rest {
            match byte {
                b'\n' => break,
                b'#' if before == b' ' => break,
                b' ' if before == b':' => return Err(Odd),
                _ => {}
            }
            before = *byte;
            length += 1;
        }
        let text = self.slice(start, start + length).trim_end_matches(' ');
        if text.ends_with(':') {
            return Err(Odd);
        }
        self.at = start + text.len();
        Ok(self.scalar(start))
    }

    /// Leaves what begins with an indicator alone (YAML 1.2.2, section 5.3); `-1` and `--all` are scalars.
    fn plain_start(&self) -> Plain<()> {
        let marker = self.slice(self.at, self.at + 3);
        let next = if self.look(1) == b'-' { self.look(2) } else { self.look(1) };
        let dash = self.peek() == b'-' && (next.is_ascii_alphanumeric() || next == b'.');
        if b"-?:,[]{}#&*!|>'\"%@`\n\0".contains(&self.peek()) && !dash || marker == "..." { Err(Odd) } else { Ok(()) }
    }

    /// Makes the scalar from `start` to here.
    fn scalar(&mut self, start: usize) -> NodeId {
        let text = self.slice(start, self.at);
        let kind = super::scalar::kind_of(text);
        let text = (kind != ScalarKind::Null).then(|| self.words.get(text));
        let span = self.span(start, self.at);
        self.push(NodeKind::Scalar(Scalar { kind, text }), span)
    }

    /// Reads a flow collection in a block of this column. Lines must go on further right than the block.
    fn flow(&mut self, column: Option<usize>) -> Plain<NodeId> {
        let start = self.at;
        let map = self.peek() == b'{';
        let close = if map { b'}' } else { b']' };
        self.at += 1;
        let (entries, items) = (self.entries.len(), self.items.len());
        self.flow_blank(column)?;
        while self.peek() != close || self.entries.len() + self.items.len() > entries + items {
            if map {
                let (key, key_span) = self.flow_key()?;
                self.flow_blank(column)?;
                let value = self.flow_value(column)?;
                self.entries.push(Entry { key, key_span, value });
            } else {
                let item = self.flow_value(column)?;
                self.items.push(item);
            }
            self.flow_blank(column)?;
            match self.peek() {
                b',' => self.at += 1,
                end if end == close => break,
                _ => return Err(Odd),
            }
            self.flow_blank(column)?;
        }
        self.at += 1;
        let span = self.span(start, self.at);
        if map { self.close_map(entries, span) } else { Ok(self.close_list(items, span)) }
    }

    fn flow_blank(&mut self, column: Option<usize>) -> Plain<()> {
        self.spaces();
        while self.peek() == b'\n' {
            self.at += 1;
            self.line = self.at;
            self.spaces();
            if self.peek() != b'\n' && column.is_some_and(|column| self.at - self.line <= column) {
                return Err(Odd);
            }
        }
        Ok(())
    }

    fn flow_key(&mut self) -> Plain<(Arc<str>, Span)> {
        let start = self.at;
        let quoted = matches!(self.peek(), b'"' | b'\'');
        let key = self.key_text()?.ok_or(Odd)?;
        let span = self.span(start, self.at);
        if self.peek() != b':' || !(quoted || matches!(self.look(1), b' ' | b'\n')) {
            return Err(Odd);
        }
        self.at += 1;
        self.keys += 1;
        Ok((key, span))
    }

    fn flow_value(&mut self, column: Option<usize>) -> Plain<NodeId> {
        match self.peek() {
            b'[' | b'{' => self.deeper(|reader| reader.flow(column)),
            b'"' | b'\'' => self.quoted(),
            _ => self.flow_plain(),
        }
    }

    fn flow_plain(&mut self) -> Plain<NodeId> {
        let start = self.at;
        self.plain_start()?;
        loop {
            match self.peek() {
                b',' | b'[' | b']' | b'{' | b'}' | b'\n' | 0 => break,
                b'#' => return Err(Odd),
                b':' if matches!(self.look(1), b' ' | b'\n' | b',' | b'[' | b']' | b'{' | b'}' | 0) => return Err(Odd),
                _ => self.at += 1,
            }
        }
        let after = self.at;
        self.at = start + self.slice(start, after).trim_end_matches(' ').len();
        let id = self.scalar(start);
        self.at = after;
        Ok(id)
    }
}

#[cfg(test)]
mod tests;
