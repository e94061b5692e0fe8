//! Lines `NAME=value`, as sops reads them: no quotes, no `export`, `\n` for the end of a line.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::{
    SopsError, Value,
    error::syntax,
    json::decimal,
    layout::{Block as MetadataBlock, Field, Found, Layout, Patch, utf8},
    metadata::{Meta, flatten, unflatten},
    path::{Path, Step},
    tree::{Block, Comment, Document, Item, Leaf, MAX_NODES, Node, Pair, Setting, Span, Tree},
};

/// What names of metadata begin with.
const PREFIX: &str = "sops_";
const LINE: Setting = Setting { flow: false, column: 0, last: true };

pub(crate) struct Dotenv;

impl Layout for Dotenv {
    fn read(&self, text: &[u8]) -> Result<Tree, SopsError> {
        let mut root = Block { span: 0..text.len(), ..Block::default() };
        let mut known = BTreeSet::new();
        for span in lines(text) {
            let line = text.get(span.clone()).unwrap_or_default();
            let Some(first) = line.first() else { continue };
            if root.items.len() >= MAX_NODES {
                return Err(syntax(text, span.start, "there are too many lines"));
            }
            if *first == b'#' {
                let inner = span.start + 1..span.end;
                let comment = std::str::from_utf8(line.get(1..).unwrap_or_default());
                let comment = comment.map_err(|_| syntax(text, span.start, "this comment is not UTF-8"))?;
                let comment = Zeroizing::new(comment.to_owned());
                root.items.push(Item::Comment(Comment { text: comment, span: inner, ways: Vec::new() }));
                continue;
            }
            let pair = pair(text, line, &span)?;
            if !known.insert(pair.key.clone()) {
                let what = format!("`{}` is there twice; keep one of the two", pair.key.trim());
                return Err(syntax(text, span.start, what));
            }
            root.items.push(Item::Pair(pair));
        }
        Ok(Tree { documents: vec![Document { root, span: 0..text.len() }] })
    }

    fn render(&self, value: &Value, _: Setting) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        Ok(match value {
            Value::Null => Zeroizing::default(),
            Value::Bool(value) => Zeroizing::new(value.to_string().into_bytes()),
            Value::Float(number) => Zeroizing::new(decimal(*number).into_bytes()),
            Value::Int(_) | Value::Time(_) => Zeroizing::new(value.plain().into_owned()),
            Value::Text(bytes) => escaped(bytes),
        })
    }

    fn render_comment(&self, text: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text.replace('\n', "\n#").into_bytes())
    }

    fn take_metadata(&self, text: &[u8], tree: &mut Tree) -> Result<Option<Found>, SopsError> {
        let Some(document) = tree.documents.first_mut() else { return Ok(None) };
        let (found, kept) = document
            .root
            .items
            .drain(..)
            .partition(|item| matches!(item, Item::Pair(pair) if pair.key.starts_with(PREFIX)));
        document.root.items = kept;
        let found: Vec<Item> = found;
        let pairs: Vec<&Pair> = found.iter().filter_map(as_pair).collect();
        let Some(first) = pairs.first() else { return Ok(None) };
        let at = first.key_span.start;
        let texts: Vec<(String, String)> = pairs.iter().map(|pair| entry(pair)).collect();
        let meta = unflatten(texts.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .map_err(|what| SopsError::Metadata { at: super::Position::of(text, at), what })?;
        let mut block = MetadataBlock::default();
        for pair in pairs {
            let value = pair.value.span();
            // The end of the line belongs to it.
            let end = (value.end + 1).min(text.len());
            block.pieces.push(pair.key_span.start..end);
            if let Some(field) = pair.key.strip_prefix(PREFIX).and_then(Field::of_name) {
                block.fields.push((field, value, LINE));
            }
        }
        Ok(Some(Found { meta, at, cuts: block.pieces.clone(), blocks: vec![block] }))
    }

    fn metadata(&self, meta: &Meta) -> Vec<u8> {
        let line = |(name, value): (String, String)| format!("{PREFIX}{name}={}\n", value.replace('\n', "\\n"));
        flatten(meta).into_iter().map(line).collect::<String>().into_bytes()
    }

    fn attach(&self, text: &[u8], blocks: &[Vec<u8>]) -> Result<Vec<u8>, SopsError> {
        let mut out = text.to_vec();
        if out.last().is_some_and(|last| *last != b'\n') {
            out.push(b'\n');
        }
        out.extend_from_slice(blocks.first().map(Vec::as_slice).unwrap_or_default());
        Ok(out)
    }

    fn set(&self, text: &[u8], tree: &Tree, path: &Path, value: &Value) -> Result<Patch, SopsError> {
        let key = key(path)?;
        let unfit = |what| SopsError::Unfit { path: path.to_string(), format: super::Format::Dotenv, what };
        if let Value::Text(bytes) = value
            && bytes.windows(2).any(|two| two == b"\\n")
        {
            return Err(unfit("a backslash before `n` is read as the end of a line; use YAML or JSON for such values"));
        }
        let new = self.render(value, LINE).map_err(unfit)?;
        if let Some(node) = tree.documents.first().and_then(|document| document.root.get(key)) {
            return Ok((node.span(), new));
        }
        if key.is_empty() || key.starts_with('#') || key.contains(['=', '\n']) || key.starts_with(PREFIX) {
            let what = "a name here is not empty, has no `=` and begins neither with `#` nor with `sops_`";
            return Err(SopsError::Path { path: path.to_string(), what });
        }
        let end = text.len();
        let start = if text.last().is_some_and(|last| *last != b'\n') { "\n" } else { "" };
        let mut line = Zeroizing::new(format!("{start}{key}=").into_bytes());
        line.extend_from_slice(&new);
        line.push(b'\n');
        Ok((end..end, line))
    }

    fn unset(&self, text: &[u8], tree: &Tree, path: &Path) -> Result<Patch, SopsError> {
        let none = || SopsError::NoSuchPath(path.to_string());
        let root = tree.documents.first().map(|document| &document.root).ok_or_else(none)?;
        let key = key(path)?;
        let pair = root.pairs().find(|pair| pair.key == key).ok_or_else(none)?;
        let end = (pair.value.span().end + 1).min(text.len());
        Ok((pair.key_span.start..end, Zeroizing::default()))
    }
}

fn as_pair(item: &Item) -> Option<&Pair> {
    match item {
        Item::Pair(pair) => Some(pair),
        Item::Comment(_) | Item::Element(_) => None,
    }
}

fn entry(pair: &Pair) -> (String, String) {
    let value = match &pair.value {
        Node::Leaf(leaf) => String::from_utf8_lossy(&leaf.value.plain()).into_owned(),
        Node::Map(_) | Node::List(_) => String::new(),
    };
    (pair.key.strip_prefix(PREFIX).unwrap_or_default().to_owned(), value)
}

fn key(path: &Path) -> Result<&str, SopsError> {
    match path.steps.as_slice() {
        [Step::Key(key)] => Ok(key),
        _ => Err(SopsError::Path { path: path.to_string(), what: "there is no nesting in dotenv files" }),
    }
}

/// Returns the places of the lines of a text, without their ends.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = Span> + '_ {
    let mut at = 0;
    text.split(|byte| *byte == b'\n').map(move |line| {
        let start = at;
        at += line.len() + 1;
        start..start + line.len()
    })
}

fn pair(text: &[u8], line: &[u8], span: &Span) -> Result<Pair, SopsError> {
    let wrong = || syntax(text, span.start, "a line must be `NAME=value`, a comment beginning with `#`, or empty");
    let equals = line.iter().position(|byte| *byte == b'=').ok_or_else(wrong)?;
    let key_span = span.start..span.start + equals;
    let key = utf8(line.get(..equals).unwrap_or_default()).map_err(|_| wrong())?.to_owned();
    let raw = line.get(equals + 1..).unwrap_or_default();
    let value = Value::Text(unescaped(raw));
    let leaf = Leaf { value, span: key_span.end + 1..span.end, setting: LINE };
    Ok(Pair { key, key_span, value: Node::Leaf(leaf) })
}

/// Makes ends of lines of `\n`.
pub(crate) fn unescaped(raw: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(raw.len()));
    let mut rest = raw;
    while let Some((first, more)) = rest.split_first() {
        let end = *first == b'\\' && more.first() == Some(&b'n');
        out.push(if end { b'\n' } else { *first });
        rest = more.get(usize::from(end)..).unwrap_or_default();
    }
    out
}

/// Makes `\n` of ends of lines.
pub(crate) fn escaped(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len() * 2));
    for byte in bytes {
        if *byte == b'\n' {
            out.extend_from_slice(b"\\n");
        } else {
            out.push(*byte);
        }
    }
    out
}
