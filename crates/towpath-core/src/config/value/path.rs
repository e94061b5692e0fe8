//! Paths into the tree as people write them: `services.web.command[0]`.

use std::{fmt, str::FromStr};

/// The way from the root of the tree to a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Segment>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// Into a map.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

/// Why a path could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key such as `services.web.replicas`, `verification[0].name` or `services.web.env.\"a.b\"`")]
pub struct PathError(pub String);

impl Path {
    /// Returns the steps, the outermost first.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    pub(crate) fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    pub(crate) fn of(segments: &[Segment]) -> Self {
        Self(segments.to_vec())
    }

    /// Returns the path of these keys.
    pub fn of_keys<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self(keys.into_iter().map(|key| Segment::Key(key.to_owned())).collect())
    }

    /// Returns the keys, or `None` if a step goes into a list.
    pub(crate) fn keys(&self) -> Option<Vec<String>> {
        self.0
            .iter()
            .map(|segment| match segment {
                Segment::Key(key) => Some(key.clone()),
                Segment::Index(_) => None,
            })
            .collect()
    }
}

/// Reads one step and returns it with the rest of the text.
fn step(text: &str) -> Option<(Segment, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (index, rest) = rest.split_once(']')?;
        return Some((Segment::Index(index.parse().ok()?), rest));
    }
    if let Some(rest) = text.strip_prefix('"') {
        let (key, rest) = rest.split_once('"')?;
        return Some((Segment::Key(key.to_owned()), rest));
    }
    let end = text.find(['.', '[', '"']).unwrap_or(text.len());
    let (key, rest) = text.split_at_checked(end)?;
    (!key.is_empty()).then(|| (Segment::Key(key.to_owned()), rest))
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let wrong = || PathError(text.to_owned());
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (segment, tail) = step(rest).ok_or_else(wrong)?;
            segments.push(segment);
            rest = match tail.strip_prefix('.') {
                Some(after) => after,
                None if tail.is_empty() => return Ok(Self(segments)),
                None if tail.starts_with('[') => tail,
                None => return Err(wrong()),
            };
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    if place > 0 {
                        f.write_str(".")?;
                    }
                    if key.is_empty() || key.contains(['.', '[']) {
                        write!(f, "\"{key}\"")?;
                    } else {
                        f.write_str(key)?;
                    }
                }
            }
        }
        Ok(())
    }
}
