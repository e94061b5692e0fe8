//! Whether a value is what its variable was declared to be.

use std::collections::BTreeMap;

use regex::Regex;

use super::{
    diagnostic::Diagnostic,
    nearest::suggestion,
    schema::{
        project::DeclaredVariable,
        variable::{Bound, Declaration, VariableType},
    },
    value::{Data, Value},
    yaml::{ScalarKind, shorten},
};
use crate::units::{Bytes, Millis};

/// The declarations with their patterns compiled.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) variables: BTreeMap<String, DeclaredVariable>,
    patterns: BTreeMap<String, Regex>,
}

impl Declared {
    /// Compiles patterns and checks bounds.
    pub(crate) fn new(variables: BTreeMap<String, DeclaredVariable>, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut patterns = BTreeMap::new();
        for (name, declared) in &variables {
            let Some(declaration) = &declared.declaration else { continue };
            for bound in [&declaration.min, &declaration.max].into_iter().flatten() {
                check_bound(name, bound, declaration.r#type, diagnostics);
            }
            let Some(pattern) = &declaration.pattern else { continue };
            match Regex::new(&format!("^(?:{})$", pattern.value)) {
                Ok(regex) => {
                    patterns.insert(name.clone(), regex);
                }
                Err(error) => {
                    let error = error.to_string();
                    let why = error.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
                    let message = format!("`variables.{name}.pattern` is not a regular expression: {why}");
                    diagnostics.push(Diagnostic::error("config::value", pattern.label, message));
                }
            }
        }
        Self { variables, patterns }
    }

    pub(crate) fn declaration(&self, name: &str) -> Option<&Declaration> {
        self.variables.get(name).and_then(|declared| declared.declaration.as_ref())
    }

    pub(crate) fn is_secret(&self, name: &str) -> bool {
        self.declaration(name).is_some_and(|declaration| declaration.secret)
    }

    /// Checks a text that references were resolved in; says why it is wrong.
    pub(crate) fn check(&self, name: &str, text: &str) -> Result<(), String> {
        let Some(declaration) = self.declaration(name) else { return Ok(()) };
        let shown = if declaration.secret { "the value".to_owned() } else { format!("`{}`", shorten(text)) };
        check_type(declaration, text).map_err(|what| format!("{shown} is not {what}"))?;
        if self.patterns.get(name).is_some_and(|pattern| !pattern.is_match(text)) {
            let pattern = declaration.pattern.as_ref().map_or("", |pattern| pattern.value.as_str());
            return Err(format!("{shown} does not match `{pattern}`"));
        }
        check_range(declaration, text).map_err(|why| format!("{shown} {why}"))
    }
}

/// Returns the text of a variable's value as a process would see it, or what it must be.
pub(crate) fn text_of(value: &Value, declaration: Option<&Declaration>) -> Result<String, &'static str> {
    let json = declaration.is_none_or(|declaration| declaration.r#type == VariableType::Json);
    match &value.data {
        Data::Scalar(scalar) if scalar.kind == ScalarKind::Bool => Ok(scalar.text().to_ascii_lowercase()),
        Data::Scalar(scalar) => Ok(scalar.text().to_owned()),
        Data::List(_) | Data::Map(_) if json => Ok(value.to_json().to_string()),
        Data::Removed | Data::List(_) | Data::Map(_) => Err("a text, a number or a truth value"),
    }
}

fn check_type(declaration: &Declaration, text: &str) -> Result<(), String> {
    let sound = |sound: bool, what: &str| if sound { Ok(()) } else { Err(what.to_owned()) };
    match declaration.r#type {
        VariableType::String => Ok(()),
        VariableType::Int => sound(text.parse::<i64>().is_ok(), "a whole number"),
        VariableType::Float => sound(text.parse::<f64>().is_ok_and(f64::is_finite), "a number"),
        VariableType::Bool => sound(matches!(text, "true" | "false"), "`true` or `false`"),
        VariableType::Url => sound(is_url(text), "a URL such as `https://example.org`"),
        VariableType::Email => sound(is_email(text), "an e-mail address"),
        VariableType::Duration => sound(text.parse::<Millis>().is_ok(), "a duration such as `30s` or `1h30m`"),
        VariableType::Bytes => sound(text.parse::<Bytes>().is_ok(), "a size such as `512Mi`"),
        VariableType::Port => sound(text.parse::<u16>().is_ok_and(|port| port > 0), "a port from 1 to 65535"),
        VariableType::Json => sound(serde_json::from_str::<serde_json::Value>(text).is_ok(), "JSON"),
        VariableType::Enum => {
            let known = declaration.values.iter().map(String::as_str);
            let found = declaration.values.iter().any(|value| value == text);
            if found { Ok(()) } else { Err(format!("one of its values ({})", suggestion(text, known))) }
        }
    }
}

/// Returns what `min` and `max` compare.
#[expect(clippy::cast_precision_loss, reason = "bounds are compared, not counted")]
fn measure(kind: VariableType, text: &str) -> Option<f64> {
    match kind {
        VariableType::Int | VariableType::Float | VariableType::Port => text.parse().ok(),
        VariableType::Duration => text.parse::<Millis>().ok().map(|time| time.0 as f64),
        VariableType::Bytes => text.parse::<Bytes>().ok().map(|size| size.0 as f64),
        VariableType::String | VariableType::Url | VariableType::Email => Some(text.chars().count() as f64),
        VariableType::Bool | VariableType::Enum | VariableType::Json => None,
    }
}

/// Returns a bound as the type counts; lengths are whole numbers.
fn bound(bound: &Bound, kind: VariableType) -> Option<f64> {
    let text = bound.0.value.text();
    match kind {
        VariableType::String | VariableType::Url | VariableType::Email => measure(VariableType::Int, text),
        VariableType::Int
        | VariableType::Float
        | VariableType::Port
        | VariableType::Duration
        | VariableType::Bytes
        | VariableType::Bool
        | VariableType::Enum
        | VariableType::Json => measure(kind, text),
    }
}

fn check_bound(name: &str, limit: &Bound, kind: VariableType, diagnostics: &mut Vec<Diagnostic>) {
    if bound(limit, kind).is_none() {
        let text = limit.0.value.text();
        let message = format!("`{text}` cannot bound `variables.{name}`, which is of type `{}`", kind.as_str());
        diagnostics.push(Diagnostic::error("config::value", limit.0.label, message));
    }
}

fn check_range(declaration: &Declaration, text: &str) -> Result<(), String> {
    let Some(size) = measure(declaration.r#type, text) else { return Ok(()) };
    let limit = |limit: &Option<Bound>| {
        limit
            .as_ref()
            .and_then(|limit| bound(limit, declaration.r#type).map(|size| (size, limit.0.value.text().to_owned())))
    };
    let length = matches!(declaration.r#type, VariableType::String | VariableType::Url | VariableType::Email);
    if let Some((_, min)) = limit(&declaration.min).filter(|(min, _)| size < *min) {
        return Err(if length { format!("is shorter than {min} characters") } else { format!("is below {min}") });
    }
    if let Some((_, max)) = limit(&declaration.max).filter(|(max, _)| size > *max) {
        return Err(if length { format!("is longer than {max} characters") } else { format!("is above {max}") });
    }
    Ok(())
}

/// Says whether the text is a URL with scheme and host (RFC 3986, without checking more than people mistype).
pub(crate) fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme_sound = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit('@').next().unwrap_or("");
    scheme_sound
        && (!host.is_empty() || scheme == "file")
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let labels = domain.split('.').all(|label| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || !b.is_ascii())
    });
    !local.is_empty() && labels && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}
