//! Kubernetes objects. Nothing is applied here, and which cluster it is for is the caller's business.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Format, RenderError, Rendered, yaml};

/// How many bytes the values of one object may have (`MaxSecretSize`; the same holds for a `ConfigMap`).
const LARGEST: usize = 1024 * 1024;

/// What the variables are part of, in a format that describes an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// The name.
    pub name: String,
    /// The namespace, if the object says it.
    pub namespace: Option<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}

/// Why there can be no such object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// Kubernetes does not take the name.
    #[error(
        "`{0}` cannot be the name of an object: use lower-case letters, digits, `-` and `.`, at most 253 characters"
    )]
    Name(String),
    /// Kubernetes does not take the namespace.
    #[error("`{0}` cannot be a namespace: use lower-case letters, digits and `-`, at most 63 characters")]
    Namespace(String),
    /// Kubernetes does not take the label.
    #[error(
        "`{0}` cannot be a label: name and value are at most 63 letters, digits, `-`, `_` and `.`, \
         and the name may follow a domain and `/`"
    )]
    Label(String),
}

impl Object {
    /// Says what Kubernetes would not take.
    pub fn check(&self) -> Result<(), ObjectError> {
        if !is_subdomain(&self.name) {
            return Err(ObjectError::Name(self.name.clone()));
        }
        if let Some(namespace) = self.namespace.as_ref().filter(|namespace| !is_domain_label(namespace)) {
            return Err(ObjectError::Namespace(namespace.clone()));
        }
        match self.labels.iter().find(|(name, value)| !is_label(name, value)) {
            Some((name, value)) => Err(ObjectError::Label(format!("{name}={value}"))),
            None => Ok(()),
        }
    }

    /// Returns everything before the values.
    pub(super) fn head(&self, kind: &str, empty: bool) -> String {
        let mut head = format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {}\n", yaml::quoted(&self.name));
        if let Some(namespace) = &self.namespace {
            line(&mut head, format_args!("  namespace: {}", yaml::quoted(namespace)));
        }
        if !self.labels.is_empty() {
            head.push_str("  labels:\n");
            for (name, value) in &self.labels {
                line(&mut head, format_args!("    {}: {}", yaml::quoted(name), yaml::quoted(value)));
            }
        }
        if kind == "Secret" {
            head.push_str("type: Opaque\n");
        }
        head.push_str(if empty { "data: {}\n" } else { "data:\n" });
        head
    }
}

fn line(text: &mut String, what: fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{what}");
}

/// Returns a value as a `Secret` holds it.
pub(super) fn encoded(value: &str) -> String {
    // Quoted, because base64 can look like a number.
    format!("\"{}\"", STANDARD.encode(value))
}

/// Says whether the values fit into one object.
pub(super) fn check_size(format: Format, variables: &BTreeMap<String, Rendered>) -> Result<(), RenderError> {
    let bytes = variables.values().map(|variable| variable.value.len()).sum();
    if format.has_object() && bytes > LARGEST {
        return Err(RenderError::Size { bytes, limit: LARGEST });
    }
    Ok(())
}

/// Says whether Kubernetes takes a name as a key of `data` (`IsConfigMapKey`).
pub(super) fn is_key(name: &str) -> bool {
    (1..=253).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !matches!(name, "." | "..")
        && !name.starts_with("..")
}

/// RFC 1123, section 2.1.
fn is_domain_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| inner(b) || b == b'-')
        && text.bytes().next().is_some_and(inner)
        && text.bytes().next_back().is_some_and(inner)
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|part| part.len() <= 253 && is_subdomain_part(part))
}

/// Unlike a label of a domain name, a part of an object's name may be longer than 63 characters.
fn is_subdomain_part(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.bytes().all(|b| inner(b) || b == b'-')
        && text.bytes().next().is_some_and(inner)
        && text.bytes().next_back().is_some_and(inner)
}

fn is_label(name: &str, value: &str) -> bool {
    let word = |text: &str| {
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
        text.len() <= 63
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            && edge(text.bytes().next())
            && edge(text.bytes().next_back())
    };
    let (domain, name) = name.split_once('/').map_or((None, name), |(domain, name)| (Some(domain), name));
    domain.is_none_or(is_subdomain) && word(name) && (value.is_empty() || word(value))
}
