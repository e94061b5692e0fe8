//! Which value of a file is meant.

use std::fmt;

/// One step into a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The value of a key of a map.
    Key(String),
    /// An item of a list, counted from 0.
    Item(usize),
}

/// The way to a value. Shown as `database.hosts[0]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The steps, the outermost first.
    pub steps: Vec<Step>,
}

/// The text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no path: write `name`, `outer.inner`, `list[0]`, or as sops does `[\"outer\"][\"inner\"][0]`")]
pub struct PathError(String);

impl Path {
    /// Returns the path to a key at the top.
    pub fn of_key(key: impl Into<String>) -> Self {
        Self { steps: vec![Step::Key(key.into())] }
    }

    /// Reads `outer.inner[0]`, or `["outer"]["inner"][0]` as sops takes it.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let wrong = || PathError(text.to_owned());
        let mut steps = Vec::new();
        let mut rest = text;
        let mut first = true;
        while !rest.is_empty() || first {
            if let Some(inner) = rest.strip_prefix('[') {
                let (step, after) = bracket(inner).ok_or_else(wrong)?;
                steps.push(step);
                rest = after;
            } else {
                let name = if first { rest } else { rest.strip_prefix('.').ok_or_else(wrong)? };
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (key, after) = name.split_at(end);
                if key.is_empty() {
                    return Err(wrong());
                }
                steps.push(Step::Key(key.to_owned()));
                rest = after;
            }
            first = false;
        }
        Ok(Self { steps })
    }

    /// Returns the key at the top that the path begins with.
    pub fn root(&self) -> Option<&str> {
        match self.steps.first()? {
            Step::Key(key) => Some(key),
            Step::Item(_) => None,
        }
    }
}

/// Reads `"key"]…`, `'key']…` or `0]…`.
fn bracket(inner: &str) -> Option<(Step, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = inner.strip_prefix(quote) {
            let end = quoted.find(&format!("{quote}]"))?;
            let key = quoted.get(..end)?;
            return Some((Step::Key(key.to_owned()), quoted.get(end + 2..)?));
        }
    }
    let (index, after) = inner.split_once(']')?;
    Some((Step::Item(index.parse().ok()?), after))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                Step::Item(index) => write!(f, "[{index}]")?,
                Step::Key(key) if key.is_empty() || key.contains(['.', '[', ']', '"']) => write!(f, "[{key:?}]")?,
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
