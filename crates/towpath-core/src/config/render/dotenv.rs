//! `.env` files. There is no standard: each reader has rules of its own, and only some values can be
//! written so that all of them read the same.
//!
//! The rules are those of python-dotenv 1 (`dotenv/parser.py`, `variables.py`), npm's dotenv 16 to 18 (the
//! regular expression `LINE` and what follows it) and compose-go 2 (`dotenv/parser.go`, `template.go`).

use super::{escaped, is_bare};

/// Returns what all three readers take for this value, if there is anything.
pub(super) fn common(value: &str) -> Option<String> {
    // python-dotenv replaces `${…}` in whatever quotes it stands; the others have no escape that it knows.
    if value.split_once("${").is_some_and(|(_, rest)| rest.contains('}')) {
        return None;
    }
    if is_bare(value) {
        return Some(value.to_owned());
    }
    // In single quotes python-dotenv alone reads `\\` as one backslash, and for all a last `\` escapes the quote.
    if !value.contains(['\'', '\r']) && !value.contains("\\\\") && !value.ends_with('\\') {
        return Some(format!("'{value}'"));
    }
    // In double quotes npm's dotenv knows no escapes but line breaks, and Compose replaces `$`.
    if !value.contains(['"', '\\', '$']) {
        return Some(double(value));
    }
    (is_plain_line(value) && !value.contains('$')).then(|| value.to_owned())
}

/// Returns what python-dotenv takes for this value: any can be written.
pub(super) fn python(value: &str) -> String {
    if is_bare(value) {
        return value.to_owned();
    }
    let mut text = escaped(value, |c, out| {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            _ => return false,
        }
        true
    });
    // A reference to nothing whose default is `$` stands for a `$` that begins no reference.
    if text.contains("${") {
        text = text.replace("${", "${:-$}{");
    }
    // It takes `\\"` for an escaped quote, so an empty reference keeps a last backslash from the quote.
    if value.ends_with('\\') {
        text.insert_str(text.len() - 1, "${:-}");
    }
    text
}

/// Returns what npm's dotenv takes for this value, if there is anything: it has four ways to quote and no escapes.
pub(super) fn node(value: &str) -> Option<String> {
    if is_bare(value) {
        return Some(value.to_owned());
    }
    let open = value.ends_with('\\');
    if !open && !value.contains('\r') {
        if let Some(quote) = ['\'', '`'].into_iter().find(|quote| !value.contains(*quote)) {
            return Some(format!("{quote}{value}{quote}"));
        }
    }
    if !open && !value.contains('"') && !value.contains("\\n") && !value.contains("\\r") {
        return Some(double(value));
    }
    is_plain_line(value).then(|| value.to_owned())
}

/// Returns what Docker Compose takes for this value: any can be written.
pub(super) fn compose(value: &str) -> String {
    if is_bare(value) {
        return value.to_owned();
    }
    if !value.contains(['\'', '\\', '\r']) {
        return format!("'{value}'");
    }
    escaped(value, |c, out| {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '$' => out.push_str("\\$"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            _ => return false,
        }
        true
    })
}

/// Writes line breaks as escapes and everything else as it is.
fn double(value: &str) -> String {
    escaped(value, |c, out| {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            _ => return false,
        }
        true
    })
}

/// Says whether a value can follow the `=` without quotes: nothing in it begins a comment, ends the line for
/// anybody, opens a quote or is trimmed. U+FEFF is a blank for JavaScript, U+001C to U+001F are for Python.
fn is_plain_line(value: &str) -> bool {
    let trimmed = |c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}' | '\u{feff}');
    let ends = |c: char| matches!(c, '\n' | '\r' | '#' | '\u{2028}' | '\u{2029}');
    let mut chars = value.chars();
    chars.next().is_some_and(|first| !trimmed(first) && !matches!(first, '\'' | '"' | '`'))
        && !chars.next_back().is_some_and(trimmed)
        && !value.contains(ends)
}
