//! What a path asks for.

use std::borrow::Cow;

const EVALUATE: &str = "v1/evaluate/flags";

/// A path of OFREP, with the environment before it if it names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route<'p> {
    pub(super) environment: Option<&'p str>,
    pub(super) target: Target<'p>,
}

/// What is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target<'p> {
    /// One flag. Its key may have a `/` in it, escaped or not.
    One(Cow<'p, str>),
    /// Every flag.
    All,
    /// Nothing that OFREP knows.
    Unknown,
}

impl<'p> Route<'p> {
    /// Reads a path; `None` if it does not belong to OFREP.
    pub(super) fn of(path: &'p str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix("/ofrep/") {
            return Some(Self { environment: None, target: Target::of(rest) });
        }
        let (environment, rest) = path.strip_prefix("/environments/")?.split_once('/')?;
        Some(Self { environment: Some(environment), target: Target::of(rest.strip_prefix("ofrep/")?) })
    }
}

impl<'p> Target<'p> {
    fn of(rest: &'p str) -> Self {
        match rest.strip_prefix(EVALUATE) {
            Some("" | "/") => Self::All,
            Some(rest) => rest.strip_prefix('/').map_or(Self::Unknown, |key| Self::One(unescaped(key))),
            None => Self::Unknown,
        }
    }

    /// Returns the key of the flag, if one is asked for.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::One(key) => Some(key),
            Self::All | Self::Unknown => None,
        }
    }
}

/// Resolves `%2F` and the like (RFC 3986 section 2.1); what is no escape stays as it is.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests;
