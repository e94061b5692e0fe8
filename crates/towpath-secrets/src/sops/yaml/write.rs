//! Writing scalars and metadata as YAML.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::scalar::is_plain_text;
use crate::sops::{
    Value,
    json::{decimal, quoted},
    metadata::Meta,
    tree::Setting,
};

/// How far what is inside a block stands from it, as sops writes it.
const INDENT: usize = 4;

/// Writes a value to stand in a setting.
pub(super) fn scalar(value: &Value, setting: Setting) -> Zeroizing<Vec<u8>> {
    let text = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) if number.is_nan() => ".nan".to_owned(),
        Value::Float(f64::INFINITY) => ".inf".to_owned(),
        Value::Float(f64::NEG_INFINITY) => "-.inf".to_owned(),
        Value::Float(number) => decimal(*number),
        Value::Time(time) => time.clone(),
        Value::Text(bytes) => {
            return match std::str::from_utf8(bytes) {
                Ok(text) => text_scalar(text, setting),
                Err(_) => Zeroizing::new(format!("!!binary {}", STANDARD.encode(bytes.as_slice())).into_bytes()),
            };
        }
    };
    Zeroizing::new(text.into_bytes())
}

fn text_scalar(text: &str, setting: Setting) -> Zeroizing<Vec<u8>> {
    if is_plain(text, setting.flow) {
        return Zeroizing::new(text.as_bytes().to_vec());
    }
    if !setting.flow && setting.last && fits_literal(text) {
        return literal(text, setting.column + INDENT);
    }
    quoted(text)
}

/// Says whether a text can stand without quotes. Some that could are quoted all the same.
fn is_plain(text: &str, flow: bool) -> bool {
    let (Some(first), Some(last)) = (text.chars().next(), text.chars().last()) else { return false };
    (first.is_alphanumeric() || "_/+($^".contains(first))
        && !last.is_whitespace()
        && last != ':'
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(is_printable)
        && !(flow && text.contains([',', '[', ']', '{', '}', ':', '?']))
        && is_plain_text(text)
}

fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Says whether a text of several lines can be written line by line without an indicator of its indentation.
fn fits_literal(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n') | text.ends_with('\n')
        && !body.is_empty()
        && !body.starts_with([' ', '\n', '\t'])
        && !body.ends_with([' ', '\n', '\t'])
        && body.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
        // A line of blanks alone would lose them or become less deep than its block.
        && body.lines().all(|line| line.is_empty() || !line.trim().is_empty())
}

fn literal(text: &str, indent: usize) -> Zeroizing<Vec<u8>> {
    let (body, head) = match text.strip_suffix('\n') {
        Some(body) => (body, "|"),
        None => (text, "|-"),
    };
    let lines = body.split('\n').count();
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() + lines * (indent + 1) + 2));
    out.extend_from_slice(head.as_bytes());
    for line in body.split('\n') {
        out.push(b'\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(b' ', indent));
        }
        out.extend_from_slice(line.as_bytes());
    }
    out
}

/// Writes metadata under a key; `column` is theirs.
pub(super) fn meta(meta_: &Meta, column: usize, out: &mut String) {
    let pad = " ".repeat(column);
    match meta_ {
        Meta::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                out.push('\n');
                out.push_str(&pad);
                member(key, value, column, out);
            }
        }
        Meta::List(items) if !items.is_empty() => {
            for item in items {
                out.push('\n');
                out.push_str(&pad);
                out.push('-');
                element(item, column, out);
            }
        }
        leaf => {
            out.push(' ');
            out.push_str(&leaf_text(leaf, column.saturating_sub(INDENT)));
        }
    }
}

fn member(key: &str, value: &Meta, column: usize, out: &mut String) {
    let setting = Setting { flow: true, column, last: false };
    out.push_str(&String::from_utf8_lossy(&text_scalar(key, setting)));
    out.push(':');
    meta(value, column + INDENT, out);
}

/// Writes an item of a list; a map begins on the line of its dash.
fn element(item: &Meta, column: usize, out: &mut String) {
    match item {
        Meta::Map(entries) if !entries.is_empty() => {
            for (at, (key, value)) in entries.iter().enumerate() {
                if at == 0 {
                    out.push(' ');
                } else {
                    out.push('\n');
                    out.push_str(&" ".repeat(column + 2));
                }
                member(key, value, column + 2, out);
            }
        }
        other => meta(other, column + INDENT, out),
    }
}

fn leaf_text(leaf: &Meta, column: usize) -> String {
    match leaf {
        Meta::Null => "null".to_owned(),
        Meta::Bool(value) => value.to_string(),
        Meta::Number(number) => number.to_string(),
        Meta::Text(text) => {
            let setting = Setting { flow: false, column, last: true };
            String::from_utf8_lossy(&text_scalar(text, setting)).into_owned()
        }
        Meta::List(_) => "[]".to_owned(),
        Meta::Map(_) => "{}".to_owned(),
    }
}
