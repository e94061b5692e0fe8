//! JSON: one object, read strictly, written in place.

use zeroize::Zeroizing;

use super::{
    SopsError, Value,
    layout::{Block as MetadataBlock, Field, Found, Layout, Patch},
    metadata::Meta,
    path::Path,
    tree::{Block, Item, Node, Pair, Setting, Span, Tree},
    value::float,
};

mod edit;
mod read;

pub(crate) use edit::{Members, set_member, unset_member};
pub(crate) use read::indented;

/// The key of the metadata.
pub(crate) const KEY: &str = "sops";

pub(crate) struct Json;

impl Layout for Json {
    fn read(&self, text: &[u8]) -> Result<Tree, SopsError> {
        read::read(text)
    }

    fn render(&self, value: &Value, _: Setting) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        written(value)
    }

    fn take_metadata(&self, text: &[u8], tree: &mut Tree) -> Result<Option<Found>, SopsError> {
        let Some(document) = tree.documents.first_mut() else { return Ok(None) };
        let Some((pair, cut)) = take_pair(&mut document.root) else { return Ok(None) };
        let Node::Map(block) = &pair.value else {
            return Err(super::error::syntax(text, pair.key_span.start, "`sops` should be an object"));
        };
        let fields = fields(block);
        let pieces = vec![pair.key_span.start..block.span.end];
        let blocks = vec![MetadataBlock { pieces, fields }];
        Ok(Some(Found { meta: Meta::of_block(block), at: pair.key_span.start, cuts: vec![cut], blocks }))
    }

    fn metadata(&self, meta: &Meta) -> Vec<u8> {
        let mut out = String::from("\"sops\": ");
        write_meta(meta, 1, &mut out);
        out.into_bytes()
    }

    fn attach(&self, text: &[u8], blocks: &[Vec<u8>]) -> Result<Vec<u8>, SopsError> {
        let tree = read::read(text)?;
        let (Some(document), Some(block)) = (tree.documents.first(), blocks.first()) else { return Ok(text.to_vec()) };
        Ok(attach_to(text, &document.root, block))
    }

    fn set(&self, text: &[u8], tree: &Tree, path: &Path, value: &Value) -> Result<Patch, SopsError> {
        let root = tree.documents.first().map(|document| &document.root);
        edit::set(text, root, path, value)
    }

    fn unset(&self, _: &[u8], tree: &Tree, path: &Path) -> Result<Patch, SopsError> {
        let root = tree.documents.first().map(|document| &document.root);
        edit::unset(root, path)
    }
}

/// Puts a member at the end of an object, laid out as its first.
pub(crate) fn attach_to(text: &[u8], root: &Block, member: &[u8]) -> Vec<u8> {
    let end = root.span.end.saturating_sub(1);
    let first = root.pairs().next().map(|pair| pair.key_span.start);
    let last = root.pairs().last().map(|pair| pair.value.span().end);
    let mut out = Vec::with_capacity(text.len() + member.len() + 8);
    match (first, last) {
        (Some(first), Some(last)) => {
            let gap = text.get(root.span.start + 1..first).unwrap_or_default();
            out.extend_from_slice(text.get(..last).unwrap_or_default());
            out.push(b',');
            out.extend_from_slice(if gap.iter().all(u8::is_ascii_whitespace) { gap } else { b" " });
            out.extend_from_slice(member);
            out.extend_from_slice(text.get(last..).unwrap_or_default());
        }
        _ => {
            out.extend_from_slice(text.get(..=root.span.start).unwrap_or_default());
            out.extend_from_slice(b"\n\t");
            out.extend_from_slice(member);
            out.push(b'\n');
            out.extend_from_slice(text.get(end..).unwrap_or_default());
        }
    }
    out
}

/// Takes the metadata out of an object; returns them and what to cut from the text.
pub(crate) fn take_pair(root: &mut Block) -> Option<(Pair, Span)> {
    let at = root.items.iter().position(|item| matches!(item, Item::Pair(pair) if pair.key == KEY))?;
    let end_of = |item: &Item| match item {
        Item::Pair(pair) => Some(pair.value.span().end),
        Item::Comment(_) | Item::Element(_) => None,
    };
    let before = root.items.iter().take(at).rev().find_map(end_of);
    let after = root.items.iter().skip(at + 1).find_map(|item| match item {
        Item::Pair(pair) => Some(pair.key_span.start),
        Item::Comment(_) | Item::Element(_) => None,
    });
    let Item::Pair(pair) = root.items.remove(at) else { return None };
    let end = pair.value.span().end;
    let cut = match (before, after) {
        (Some(before), _) => before..end,
        (None, Some(after)) => pair.key_span.start..after,
        (None, None) => root.span.start + 1..root.span.end.saturating_sub(1),
    };
    Some((pair, cut))
}

/// Returns the places of what changes with every encryption.
pub(crate) fn fields(block: &Block) -> Vec<(Field, Span, Setting)> {
    let field = |pair: &Pair| match &pair.value {
        Node::Leaf(leaf) => Some((Field::of_name(&pair.key)?, leaf.span.clone(), leaf.setting)),
        Node::Map(_) | Node::List(_) => None,
    };
    block.pairs().filter_map(field).collect()
}

/// Writes a value.
pub(crate) fn written(value: &Value) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let text = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) if !number.is_finite() => return Err("JSON has no infinite numbers"),
        Value::Float(number) => decimal(*number),
        Value::Time(time) => format!("\"{time}\""),
        Value::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| "its bytes are no text")?;
            return Ok(quoted(text));
        }
    };
    Ok(Zeroizing::new(text.into_bytes()))
}

/// Writes a number so that it is read as one that need not be whole.
pub(crate) fn decimal(number: f64) -> String {
    let text = float(number);
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// Writes a text in quotes.
pub(crate) fn quoted(text: &str) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 6 + 2));
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            // Line separators and the like: no reader of lines must take them for ends of lines.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
    out
}

fn write_meta(meta: &Meta, depth: usize, out: &mut String) {
    let line = |depth: usize| format!("\n{}", "\t".repeat(depth));
    match meta {
        Meta::Null => out.push_str("null"),
        Meta::Bool(value) => out.push_str(&value.to_string()),
        Meta::Number(number) => out.push_str(&number.to_string()),
        Meta::Text(text) => out.push_str(&String::from_utf8_lossy(&quoted(text))),
        Meta::List(items) if items.is_empty() => out.push_str("[]"),
        Meta::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Meta::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(&line(depth + 1));
                write_meta(item, depth + 1, out);
            }
            out.push_str(&line(depth));
            out.push(']');
        }
        Meta::Map(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(&line(depth + 1));
                out.push_str(&String::from_utf8_lossy(&quoted(key)));
                out.push_str(": ");
                write_meta(value, depth + 1, out);
            }
            out.push_str(&line(depth));
            out.push('}');
        }
    }
}
