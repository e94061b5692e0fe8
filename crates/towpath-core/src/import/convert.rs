//! Small notations of other tools in ours: references, command lines, amounts, ports.

use serde_json::{Value, json};

use super::names::is_variable;
use crate::{
    config::closing,
    units::{Bytes, MilliCpu, Millis},
};

/// How a tool writes references to variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `${NAME}`, `${NAME:-default}`; everything else is text.
    Dotenv,
    /// As dotenv, and `$NAME`; `$$` is a `$`.
    Compose,
    /// `$(NAME)`; `$$(NAME)` is text.
    Kubernetes,
    /// `${NAME}` and `${NAME:default}`.
    Spring,
    /// Nothing refers.
    Literal,
}

/// Returns a text in Towpath's notation, or what it says that cannot be said so.
pub(super) fn references(text: &str, dialect: Dialect) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = match dialect {
            Dialect::Literal => literal(&mut out, after),
            Dialect::Kubernetes => kubernetes(&mut out, after),
            Dialect::Dotenv | Dialect::Compose | Dialect::Spring => braces(&mut out, after, dialect)?,
        };
    }
    out.push_str(rest);
    Ok(out)
}

fn literal<'t>(out: &mut String, after: &'t str) -> &'t str {
    out.push_str("$$");
    after
}

fn kubernetes<'t>(out: &mut String, after: &'t str) -> &'t str {
    if let Some(tail) = after.strip_prefix('$') {
        out.push_str("$$");
        return tail;
    }
    let inside = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
    match inside {
        Some((name, tail)) if is_variable(name).is_ok() || name == "PORT" => {
            out.extend(["${", name, "}"]);
            tail
        }
        Some(_) | None => literal(out, after),
    }
}

fn braces<'t>(out: &mut String, after: &'t str, dialect: Dialect) -> Result<&'t str, String> {
    if dialect == Dialect::Compose {
        if let Some(tail) = after.strip_prefix('$') {
            out.push_str("$$");
            return Ok(tail);
        }
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        if let Some((name, tail)) = after.split_at_checked(end).filter(|(name, _)| !name.is_empty())
            && !name.starts_with(|c: char| c.is_ascii_digit())
        {
            out.extend(["${", name, "}"]);
            return Ok(tail);
        }
    }
    let Some(inner) = after.strip_prefix('{') else { return Ok(literal(out, after)) };
    let Some(end) = closing(inner) else { return Ok(literal(out, after)) };
    let (inside, tail) = inner.split_at_checked(end).unwrap_or((inner, ""));
    out.push_str(&reference(inside, dialect)?);
    Ok(tail.strip_prefix('}').unwrap_or(tail))
}

fn reference(inside: &str, dialect: Dialect) -> Result<String, String> {
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    let (name, rest) = inside.split_at_checked(end).unwrap_or((inside, ""));
    if dialect == Dialect::Spring {
        let (name, default) = inside.split_once(':').map_or((inside, None), |(name, rest)| (name, Some(rest)));
        let name = super::spring::variable(name);
        return Ok(match default {
            Some(default) => format!("${{{name}:-{}}}", references(default, dialect)?),
            None => format!("${{{name}}}"),
        });
    }
    let cannot = || Err(format!("`${{{inside}}}` has no counterpart: write `${{NAME}}` or `${{NAME:-default}}`"));
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return cannot();
    }
    let default = rest.strip_prefix(":-").or_else(|| rest.strip_prefix('-'));
    match default {
        Some(default) => Ok(format!("${{{name}:-{}}}", references(default, dialect)?)),
        None if rest.is_empty() || rest.starts_with(":?") || rest.starts_with('?') => Ok(format!("${{{name}}}")),
        None => cannot(),
    }
}

/// Returns the names a text in Towpath's notation refers to, each with whether it has a default.
pub(super) fn referred(text: &str) -> Vec<(String, bool)> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(tail) = after.strip_prefix('$') {
            rest = tail;
        } else if let Some(inner) = after.strip_prefix('{') {
            let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
            if let Some((name, tail)) = inner.split_at_checked(end) {
                names.push((name.to_owned(), tail.starts_with(":-")));
            }
            // What is behind the name may be a default that refers on.
            rest = inner;
        } else {
            rest = after;
        }
    }
    names
}

/// Returns the text with every reference to this name that has no default given an empty one.
pub(super) fn with_empty_default(text: &str, name: &str) -> String {
    let plain = format!("${{{name}}}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('$') {
        let (before, from) = rest.split_at_checked(place).unwrap_or((rest, ""));
        out.push_str(before);
        if let Some(tail) = from.strip_prefix("$$") {
            out.push_str("$$");
            rest = tail;
        } else if let Some(tail) = from.strip_prefix(plain.as_str()) {
            out.extend(["${", name, ":-}"]);
            rest = tail;
        } else {
            out.push('$');
            rest = from.strip_prefix('$').unwrap_or_default();
        }
    }
    out + rest
}

/// Returns the text that has no references as a process would see it; `None` where it refers to something.
pub(super) fn plain(text: &str) -> Option<String> {
    referred(text).is_empty().then(|| text.replace("$$", "$"))
}

/// Cuts a line into words as a POSIX shell does, without replacing anything; `None` where a quote is not closed.
pub(super) fn shell_words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// Puts `${PORT}` in the place of a port that stands alone in a text.
pub(super) fn with_port(text: &str, ports: &[u16]) -> String {
    let mut out = text.to_owned();
    for port in ports {
        let port = port.to_string();
        let mut done = String::new();
        let mut rest = out.as_str();
        while let Some((before, after)) = rest.split_once(port.as_str()) {
            let alone = !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.')
                && !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
            done.push_str(before);
            done.push_str(if alone { "${PORT}" } else { &port });
            rest = after;
        }
        done.push_str(rest);
        out = done;
    }
    out
}

/// Returns a duration of Go or Compose (`1m30s`, `500ms`, `1.5s`) in ours.
pub(super) fn duration(text: &str) -> Option<String> {
    if let Ok(time) = text.parse::<Millis>() {
        return Some(time.to_string());
    }
    let (whole, unit) = text.split_once('.')?;
    let digits = unit.find(|c: char| !c.is_ascii_digit())?;
    let (fraction, unit) = unit.split_at_checked(digits)?;
    let scale = match unit {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let tenths: u64 = fraction.get(..1)?.parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    Some(Millis(whole.checked_mul(scale)?.checked_add(tenths * scale / 10)?).to_string())
}

/// Returns this many seconds.
pub(super) fn seconds(count: u32) -> String {
    Millis::from_secs(u64::from(count)).to_string()
}

/// Returns an amount of memory in ours. Compose counts `512m`, `512mb` and `1g` in powers of two, Kubernetes does not.
pub(super) fn memory(text: &str, compose: bool) -> Option<Value> {
    if compose {
        let lower = text.to_ascii_lowercase();
        let text = lower.strip_suffix('b').unwrap_or(&lower);
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(digits)?;
        let unit = match unit {
            "" => "",
            "k" => "Ki",
            "m" => "Mi",
            "g" => "Gi",
            _ => return None,
        };
        return format!("{number}{unit}").parse::<Bytes>().ok().map(|size| json!(size.to_string()));
    }
    text.parse::<Bytes>().ok().map(|size| json!(size.to_string()))
}

/// Returns an amount of CPU in ours.
pub(super) fn cpu(text: &str) -> Option<Value> {
    text.parse::<MilliCpu>().ok().map(|cpu| json!(cpu.to_string()))
}
