//! Where texts use flags: literals that are keys, and calls of `OpenFeature` with keys that no flag has.
//!
//! Whatever the language, a key stands in quotes. What a program computes is not found.

use std::collections::BTreeSet;

/// The longest literal that can be a key.
const LONGEST: usize = 256;
/// How much before a literal is looked at for the call that it is an argument of.
const BEFORE: usize = 120;

/// A key in a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    pub(super) key: String,
    /// From 1.
    pub(super) line: u32,
    /// From 1, in characters, of the key's first character.
    pub(super) column: u32,
}

/// Returns where a text has one of these keys in quotes, and where it asks for a flag by a literal that is none of them.
pub(super) fn uses(text: &str, keys: &BTreeSet<&str>) -> Vec<Use> {
    let asks = is_about_flags(text);
    let mut found = Vec::new();
    let mut start = 0;
    for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
        for (at, quote) in line.char_indices().filter(|(_, c)| matches!(c, '"' | '\'' | '`')) {
            let inside = line.get(at + 1..).unwrap_or_default();
            let Some(end) = inside.find(quote).filter(|end| (1..=LONGEST).contains(end)) else { continue };
            let literal = inside.get(..end).unwrap_or_default();
            if keys.contains(literal) || asks && is_key(literal) && is_asked(text, start + at) {
                let column = line.get(..=at).map_or(0, |before| before.chars().count()) + 1;
                let column = u32::try_from(column).unwrap_or(u32::MAX);
                found.push(Use { key: literal.to_owned(), line: number, column });
            }
        }
        start += line.len();
    }
    found
}

/// Says whether a text has to do with flags at all, so that other functions with usual names are not taken for theirs.
fn is_about_flags(text: &str) -> bool {
    let has = |word: &str| text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    ["openfeature", "open-feature", "open_feature"].iter().any(|word| has(word))
}

/// Says whether a literal could be the key of a flag rather than a sentence.
fn is_key(literal: &str) -> bool {
    !literal.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '{' | '}' | '$' | '<' | '\\'))
}

/// Says whether a quote begins the key of a call such as `get_boolean_value("key"` or `BooleanValue(ctx, "key"`.
fn is_asked(text: &str, quote: usize) -> bool {
    let from = text.floor_char_boundary(quote.saturating_sub(BEFORE));
    let before = text.get(from..quote).unwrap_or_default();
    let Some((call, arguments)) = before.rsplit_once('(') else { return false };
    // Go hands over a context first.
    let first = arguments.trim();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let only_a_context =
        first.strip_suffix(',').is_some_and(|context| !context.is_empty() && context.chars().all(plain));
    if !first.is_empty() && !only_a_context {
        return false;
    }
    let call = call.trim_end();
    let call = if call.ends_with('>') { call.rsplit_once('<').map_or(call, |(name, _)| name) } else { call };
    let name: String = call.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    is_evaluation(&name.chars().rev().filter(|c| *c != '_').flat_map(char::to_lowercase).collect::<String>())
}

/// Says whether a function evaluates flags in one of the SDKs: `getBooleanValue`, `get_string_details`, `useFlag`, `IntValue`…
fn is_evaluation(name: &str) -> bool {
    const TYPES: [&str; 9] = ["boolean", "bool", "string", "number", "integer", "int", "float", "double", "object"];
    const ENDS: [&str; 9] = [
        "value",
        "valueasync",
        "details",
        "detailsasync",
        "valuedetails",
        "flagvalue",
        "flagdetails",
        "evaluation",
        "flag",
    ];
    if ["useflag", "usesuspenseflag", "featureflag", "booleanfeatureflag"].contains(&name) {
        return true;
    }
    let name =
        ["get", "usesuspense", "use", "resolve"].iter().find_map(|start| name.strip_prefix(start)).unwrap_or(name);
    TYPES.iter().any(|kind| name.strip_prefix(kind).is_some_and(|end| ENDS.contains(&end)))
}

#[cfg(test)]
mod tests;
