//! Patterns of keys: `services.*.replicas`, `variables.LOG_*`, `verification[*].name`.

use std::{fmt, str::FromStr};

use crate::config::value::{Path, Segment};

/// Keys that look alike, and everything under them. A `*` stands for any text within one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A key; `*` stands for any text.
    Key(String),
    /// A key as it is written.
    Literal(String),
    /// A place in a list; any, without a number.
    Index(Option<usize>),
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a pattern of keys such as `services.*.replicas`, `variables.LOG_*` or `verification[*].name`")]
pub struct PatternError(pub String);

impl KeyPattern {
    /// Says whether a key is one of these, or under one.
    pub fn matches(&self, path: &Path) -> bool {
        let segments = path.segments();
        segments.len() >= self.steps.len()
            && self.steps.iter().zip(segments).all(|(step, segment)| step.matches(segment))
    }
}

impl Step {
    fn matches(&self, segment: &Segment) -> bool {
        match (self, segment) {
            (Self::Key(pattern), Segment::Key(key)) => glob(pattern.as_bytes(), key.as_bytes()),
            (Self::Literal(text), Segment::Key(key)) => text == key,
            (Self::Index(wanted), Segment::Index(index)) => wanted.is_none_or(|wanted| wanted == *index),
            (Self::Key(_) | Self::Literal(_), Segment::Index(_)) | (Self::Index(_), Segment::Key(_)) => false,
        }
    }

    /// Reads one step and returns it with the rest of the text.
    fn read(text: &str) -> Option<(Self, &str)> {
        if let Some(rest) = text.strip_prefix('[') {
            let (index, rest) = rest.split_once(']')?;
            let index = if index == "*" { None } else { Some(index.parse().ok()?) };
            return Some((Self::Index(index), rest));
        }
        if let Some(rest) = text.strip_prefix('"') {
            let (key, rest) = rest.split_once('"')?;
            return Some((Self::Literal(key.to_owned()), rest));
        }
        let (key, rest) = text.split_at(text.find(['.', '[', '"']).unwrap_or(text.len()));
        (!key.is_empty()).then(|| (Self::Key(key.to_owned()), rest))
    }
}

/// Says whether a text fits a pattern. Takes time proportional to the product of their lengths at worst: after a
/// mismatch only the last `*` takes one more.
pub(super) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == text.get(t) {
            p += 1;
            t += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|b| *b == b'*'))
}

impl FromStr for KeyPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError(text.to_owned());
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let (step, tail) = Step::read(rest).ok_or_else(wrong)?;
            steps.push(step);
            rest = match tail.strip_prefix('.') {
                Some(after) => after,
                None if tail.is_empty() => return Ok(Self { text: text.to_owned(), steps }),
                None if tail.starts_with('[') => tail,
                None => return Err(wrong()),
            };
        }
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
