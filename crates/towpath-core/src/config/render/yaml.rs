//! Strings that JSON and every version of YAML read alike.

use super::push_utf16;

/// How long a key of a YAML map may be without a `?` before it (YAML 1.2.2, section 7.4.2).
const LONGEST_SIMPLE_KEY: usize = 1000;

/// Returns a JSON string.
pub(super) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns a JSON string that is a double-quoted scalar of YAML too: characters that YAML counts as line breaks
/// or does not allow as they are (YAML 1.2.2, section 5.1) are escaped besides.
pub(in crate::config) fn quoted(text: &str) -> String {
    let json = json(text);
    let special =
        |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    if !json.contains(special) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if special(c) { push_utf16(c, &mut out) } else { out.push(c) }
    }
    out
}

/// Returns an entry of a map whose value is written already.
pub(in crate::config) fn entry(indent: &str, name: &str, value: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let word = plain && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) && !is_word(name);
    let key = if word { name.to_owned() } else { quoted(name) };
    if key.len() > LONGEST_SIMPLE_KEY {
        format!("{indent}? {key}\n{indent}: {value}")
    } else {
        format!("{indent}{key}: {value}")
    }
}

/// Says whether a YAML reader, of version 1.1 too, takes the word for something else than a text.
fn is_word(name: &str) -> bool {
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    words.contains(&name.to_ascii_lowercase().as_str())
}
