//! Reading JSON (RFC 8259) with the place of every value. Keys must not repeat.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::sops::{
    SopsError, Value,
    error::syntax,
    layout::utf8,
    tree::{Block, Document, Item, Leaf, MAX_DEPTH, MAX_NODES, Node, Pair, Setting, Tree},
};

/// Values of JSON can stand anywhere alike.
const ANYWHERE: Setting = Setting { flow: true, column: 0, last: false };

/// Reads a text that is one object.
pub(crate) fn read(text: &[u8]) -> Result<Tree, SopsError> {
    let mut reader = Reader { text: utf8(text)?, at: 0, depth: 0, nodes: 0 };
    reader.space();
    if reader.peek() != Some(b'{') {
        return Err(reader.wrong("sops takes an object at the top, `{…}`; put what is here under a key"));
    }
    let Node::Map(root) = reader.value()? else { return Err(reader.wrong("an object is expected")) };
    reader.space();
    if reader.peek().is_some() {
        return Err(reader.wrong("something follows the object"));
    }
    Ok(Tree { documents: vec![Document { root, span: 0..text.len() }] })
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    nodes: usize,
}

impl Reader<'_> {
    fn wrong(&self, what: &str) -> SopsError {
        syntax(self.text.as_bytes(), self.at, what)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<Node, SopsError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.wrong("there are too many values"));
        }
        let start = self.at;
        let value = match self.peek() {
            Some(b'{' | b'[') => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(self.wrong("this is nested too deeply"));
                }
                let node = if self.peek() == Some(b'{') { self.object()? } else { self.array()? };
                self.depth -= 1;
                return Ok(node);
            }
            Some(b'"') => Value::Text(Zeroizing::new(std::mem::take(&mut *self.string()?).into_bytes())),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node::Leaf(Leaf { value, span: start..self.at, setting: ANYWHERE }))
    }

    fn word(&mut self) -> Result<Value, SopsError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.wrong("a value is expected here"))
    }

    fn object(&mut self) -> Result<Node, SopsError> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        let mut known = BTreeSet::new();
        self.space();
        while !self.skip(b'}') {
            if !items.is_empty() {
                if !self.skip(b',') {
                    return Err(self.wrong("`,` or `}` is expected here"));
                }
                self.space();
            }
            let key_start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key in quotes is expected here"));
            }
            let key = std::mem::take(&mut *self.string()?);
            let key_span = key_start..self.at;
            if !known.insert(key.clone()) {
                self.at = key_start;
                return Err(self.wrong(&format!("`{key}` is there twice; keep one of the two")));
            }
            self.space();
            if !self.skip(b':') {
                return Err(self.wrong("`:` is expected here"));
            }
            self.space();
            let value = self.value()?;
            items.push(Item::Pair(Pair { key, key_span, value }));
            self.space();
        }
        Ok(Node::Map(Block { items, span: start..self.at, flow: true, column: 0 }))
    }

    fn array(&mut self) -> Result<Node, SopsError> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        while !self.skip(b']') {
            if !items.is_empty() {
                if !self.skip(b',') {
                    return Err(self.wrong("`,` or `]` is expected here"));
                }
                self.space();
            }
            items.push(Item::Element(self.value()?));
            self.space();
        }
        Ok(Node::List(Block { items, span: start..self.at, flow: true, column: 0 }))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Value, SopsError> {
        let start = self.at;
        self.skip(b'-');
        let zero = self.peek() == Some(b'0');
        let mut fine = match self.digits() {
            0 => false,
            1 => true,
            _ => !zero,
        };
        if self.skip(b'.') {
            fine &= self.digits() > 0;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _ = self.skip(b'+') || self.skip(b'-');
            fine &= self.digits() > 0;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let number = text.parse::<f64>().ok().filter(|number| fine && number.is_finite());
        match (text.parse(), number) {
            (Ok(number), Some(_)) => Ok(Value::Int(number)),
            (Err(_), Some(number)) => Ok(Value::Float(number)),
            (_, None) => {
                self.at = start;
                Err(self.wrong("this is no number of JSON, or one too large"))
            }
        }
    }

    fn string(&mut self) -> Result<Zeroizing<String>, SopsError> {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        // Its largest size at once: growing would leave copies behind that nobody erases.
        let length = rest.bytes().take_while(|byte| *byte != b'"').count();
        let mut out = Zeroizing::new(String::with_capacity(length + 16));
        let mut chars = rest.char_indices();
        let base = self.at + 1;
        while let Some((at, c)) = chars.next() {
            self.at = base + at;
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(out);
                }
                '\\' => {
                    let used = self.escape(&mut out)?;
                    for _ in 0..used {
                        chars.next();
                    }
                }
                c if c < ' ' => return Err(self.wrong("a control character must be written as `\\u…` here")),
                c => out.push(c),
            }
        }
        Err(self.wrong("this text has no closing quote"))
    }

    /// Reads what follows a backslash at the present place; returns how many characters it had.
    fn escape(&self, out: &mut String) -> Result<usize, SopsError> {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let simple = match rest.bytes().next() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = unit(rest.get(1..5)).ok_or_else(|| self.wrong("`\\u` takes four hexadecimal digits"))?;
                let low = rest.get(5..7).filter(|next| *next == "\\u").and_then(|_| unit(rest.get(7..11)));
                let pair = low.and_then(|low| char::decode_utf16([high, low]).next()?.ok()).filter(|c| *c > '\u{ffff}');
                out.push(pair.or_else(|| char::from_u32(u32::from(high))).unwrap_or(char::REPLACEMENT_CHARACTER));
                return Ok(if pair.is_some() { 11 } else { 5 });
            }
            _ => return Err(self.wrong("there is no such escape in JSON")),
        };
        out.push(simple);
        Ok(1)
    }
}

fn unit(digits: Option<&str>) -> Option<u16> {
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

/// Returns a text laid out as sops does: a tab for each level. Values stay as they are written.
pub(crate) fn indented(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, SopsError> {
    read(text)?;
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 16));
    let mut depth = 0_usize;
    let mut bytes = text.iter().copied().filter({
        let (mut inside, mut escaped) = (false, false);
        move |byte| {
            let kept = inside || !byte.is_ascii_whitespace();
            match (*byte, escaped) {
                (b'"', false) => inside = !inside,
                (b'\\', false) if inside => {
                    escaped = true;
                    return kept;
                }
                _ => {}
            }
            escaped = false;
            kept
        }
    });
    let (mut inside, mut escaped, mut opened) = (false, false, false);
    for byte in &mut bytes {
        if inside {
            out.push(byte);
            inside = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        let closes = matches!(byte, b'}' | b']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        // An empty list or map stays on its line.
        if opened != closes {
            line(&mut out, depth);
        }
        opened = matches!(byte, b'{' | b'[');
        depth += usize::from(opened);
        out.push(byte);
        match byte {
            b',' => line(&mut out, depth),
            b':' => out.push(b' '),
            b'"' => inside = true,
            _ => {}
        }
    }
    out.push(b'\n');
    Ok(out)
}

fn line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b'\t', depth));
}
