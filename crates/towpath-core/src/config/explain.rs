//! Where a value comes from: its winner and everybody it overruled.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    nearest::nearest,
    resolved::{MASK, ResolvedEnvironment},
    source::{self, BASE, Label, SourceKind},
    value::{Data, Path, Segment, Value},
};

/// One leaf with everybody who said something about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The key, such as `services.web.replicas`.
    pub key: String,
    /// The value that holds, `None` if it was taken away; references are replaced, secrets masked.
    pub value: Option<String>,
    /// Whether the value is masked.
    pub secret: bool,
    /// The winner first, then whom it overruled, the nearest first.
    pub contributions: Vec<Contribution>,
}

/// What one layer said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contribution {
    /// The layer: `production`, `base`, `project`, `live overlay`, `process environment`, `flag`, `default`.
    pub layer: String,
    /// Where: `path:line:column`, or what else it came from.
    pub place: String,
    /// What it said, `None` if it took the value away; secrets masked.
    pub value: Option<String>,
    /// Who, for the live overlay.
    pub by: Option<String>,
    /// When, for the live overlay.
    pub at: Option<Timestamp>,
    /// Why, for the live overlay.
    pub reason: Option<String>,
}

/// Why nothing can be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// The key cannot be read.
    #[error(transparent)]
    Path(#[from] super::value::PathError),
    /// Nobody set it.
    #[error("nothing sets `{key}`{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        key: String,
        /// What may have been meant.
        near: Option<String>,
    },
}

impl ResolvedEnvironment {
    /// Explains every leaf at or under a key; a variable may be named without `variables.`.
    pub fn explain(&self, key: &str) -> Result<Vec<Explanation>, ExplainError> {
        let path: Path = key.parse()?;
        let variable = Path::of_keys(["variables", key]);
        let found = self.values.at(&path).map(|value| (path, value));
        let found = found.or_else(|| self.values.at(&variable).map(|value| (variable, value)));
        let Some((path, value)) = found else {
            return Err(ExplainError::Unknown { key: key.to_owned(), near: self.nearest_key(key) });
        };
        let mut explanations = Vec::new();
        value.leaves(&mut |below, leaf| {
            let mut full = path.clone();
            for segment in below.segments() {
                full.push(segment.clone());
            }
            explanations.push(self.explain_leaf(&full, leaf));
        });
        Ok(explanations)
    }

    /// Explains every leaf.
    pub fn explain_all(&self) -> Vec<Explanation> {
        let mut explanations = Vec::new();
        self.values.leaves(&mut |path, leaf| explanations.push(self.explain_leaf(path, leaf)));
        explanations
    }

    fn nearest_key(&self, key: &str) -> Option<String> {
        let mut keys = Vec::new();
        self.values.leaves(&mut |path, _| keys.push(path.to_string()));
        let short = keys.iter().filter_map(|key| key.strip_prefix("variables."));
        nearest(key, keys.iter().map(String::as_str).chain(short)).map(str::to_owned)
    }

    fn explain_leaf(&self, path: &Path, leaf: &Value) -> Explanation {
        let variable = variable_of(path);
        let resolved = variable.and_then(|name| self.variables.get(name));
        let secret = variable.is_some_and(|name| self.secrets.contains(name));
        let value = match resolved {
            Some(resolved) => Some(resolved.shown().to_owned()),
            None => shown(leaf, secret),
        };
        let mut contributions = vec![self.contribution(leaf, secret)];
        contributions.extend(leaf.shadowed.iter().map(|value| self.contribution(value, secret)));
        // A list or map as a whole may have taken the place of another.
        for depth in (1..path.segments().len()).rev() {
            let above = Path::of(path.segments().get(..depth).unwrap_or_default());
            let replaced = self.values.at(&above).into_iter().flat_map(|value| &value.shadowed);
            contributions.extend(replaced.map(|value| self.contribution(value, secret)));
        }
        Explanation { key: path.to_string(), value, secret, contributions }
    }

    fn contribution(&self, value: &Value, secret: bool) -> Contribution {
        let origin = match self.sources.get(value.origin.source).map(|source| source.kind()) {
            Some(SourceKind::Overlay(origin)) => Some(origin),
            Some(SourceKind::File | SourceKind::Default | SourceKind::Process | SourceKind::Flag) | None => None,
        };
        Contribution {
            layer: self.layer(value.origin),
            place: self.sources.place(value.origin),
            value: shown(value, secret),
            by: origin.map(|origin| origin.principal.to_string()),
            at: origin.map(|origin| origin.at),
            reason: origin.and_then(|origin| origin.reason.clone()),
        }
    }

    fn layer(&self, label: Label) -> String {
        let Some(source) = self.sources.get(label.source) else { return "default".to_owned() };
        match source.kind() {
            SourceKind::File => match source::environment_stem(source.name()) {
                Some(BASE) => BASE.to_owned(),
                Some(stem) => stem.to_owned(),
                None => "project".to_owned(),
            },
            SourceKind::Default => "default".to_owned(),
            SourceKind::Overlay(_) => "live overlay".to_owned(),
            SourceKind::Process => "process environment".to_owned(),
            SourceKind::Flag => "flag".to_owned(),
        }
    }
}

/// Returns the variable a path is of.
pub(crate) fn variable_of(path: &Path) -> Option<&str> {
    match path.segments() {
        [Segment::Key(section), Segment::Key(name), ..] if section == "variables" => Some(name),
        _ => None,
    }
}

/// Returns a value in one line, `None` for one that was taken away.
pub(crate) fn shown(value: &Value, secret: bool) -> Option<String> {
    match &value.data {
        Data::Removed => None,
        _ if secret => Some(MASK.to_owned()),
        Data::Scalar(scalar) => Some(scalar.text().to_owned()),
        Data::List(_) | Data::Map(_) => Some(value.to_json().to_string()),
    }
}
