//! The grammar of references: what of a text stays and what is replaced.
//!
//! `${NAME}` with the operators of POSIX shells (section 2.6.2), `${secret:NAME}`, and paths such as
//! `${services.web.port}`. What a name means is not known here.

use crate::config::schema::variable::is_variable_name;

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    Text(&'t str),
    Reference(Reference<'t>),
}

/// What stands between `${` and `}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference<'t> {
    pub(super) target: Target<'t>,
    pub(super) otherwise: Option<Otherwise<'t>>,
}

/// What is referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'t> {
    /// A variable, or an entry of the same `env`.
    Name(&'t str),
    /// `secret:NAME`.
    Secret(&'t str),
    /// A path into the environment.
    Path(&'t str),
}

/// What an operator says about a value that is there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Otherwise<'t> {
    pub(super) kind: Kind,
    /// With `:`, an empty value counts as none.
    pub(super) empty_is_none: bool,
    /// What stands after the operator, its references not replaced.
    pub(super) text: &'t str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `-`: stands for a value that is not there.
    Default,
    /// `?`: the reason why there must be one.
    Message,
    /// `+`: stands for a value that is there.
    Alternative,
}

/// What is wrong with the way a reference is written.
pub(super) const FORM: &str =
    "a reference is `${NAME}`, `${secret:NAME}` or `${a.path}`, with `:-default`, `:?message` or `:+alternative`";
const OPEN: &str = "`${` is not closed by `}`";

/// Cuts a text into what stays and what is replaced.
pub(super) fn parts(text: &str) -> Result<Vec<Part<'_>>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        if let Some(tail) = after.strip_prefix('$') {
            parts.push(Part::Text("$"));
            rest = tail;
        } else if let Some(inner) = after.strip_prefix('{') {
            let end = closing(inner).ok_or(OPEN)?;
            let (inside, tail) = inner.split_at_checked(end).ok_or(OPEN)?;
            parts.push(Part::Reference(reference(inside)?));
            rest = tail.strip_prefix('}').unwrap_or(tail);
        } else {
            parts.push(Part::Text("$"));
            rest = after;
        }
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

fn reference(inside: &str) -> Result<Reference<'_>, &'static str> {
    let (target, rest) = target(inside).ok_or(FORM)?;
    let otherwise = if rest.is_empty() { None } else { Some(otherwise(rest).ok_or(FORM)?) };
    Ok(Reference { target, otherwise })
}

/// Reads what is referred to; the rest is an operator or nothing.
fn target(inside: &str) -> Option<(Target<'_>, &str)> {
    let word_end = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if let Some(after) = inside.strip_prefix("secret:") {
        let (name, rest) = after.split_at_checked(word_end(after))?;
        if is_variable_name(name) {
            return Some((Target::Secret(name), rest));
        }
    }
    // A dash belongs to a path (`services.my-app.port`), so that only `:-` gives a path a default.
    let end = path_end(inside);
    let (path, rest) = inside.split_at_checked(end)?;
    if path.contains(['.', '[']) {
        return Some((Target::Path(path), rest));
    }
    let (name, rest) = inside.split_at_checked(word_end(inside))?;
    is_variable_name(name).then_some((Target::Name(name), rest))
}

/// Returns where a path ends: at the first character that cannot be part of one, keys in quotes skipped.
fn path_end(text: &str) -> usize {
    let mut quoted = false;
    for (place, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '_' | '-' | '.' | '[' | ']' => {}
            c if c.is_alphanumeric() => {}
            _ => return place,
        }
    }
    text.len()
}

fn otherwise(rest: &str) -> Option<Otherwise<'_>> {
    let (empty_is_none, rest) = match rest.strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let kinds = [('-', Kind::Default), ('?', Kind::Message), ('+', Kind::Alternative)];
    let (kind, text) = kinds.into_iter().find_map(|(sign, kind)| Some((kind, rest.strip_prefix(sign)?)))?;
    Some(Otherwise { kind, empty_is_none, text })
}

/// Returns the place of the `}` that closes what is before the text, nested `${…}` skipped.
pub(crate) fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (place, c) in text.char_indices() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some(place),
            '}' => depth -= 1,
            _ => {}
        }
        // The second of `$$` opens nothing.
        before = if before == '$' && c == '$' { ' ' } else { c };
    }
    None
}
