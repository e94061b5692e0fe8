//! Where a value comes from: its winner and everybody it overruled.

use jiff::Timestamp;
use serde::Serialize;

mod aliases;

use aliases::Aliases;

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
    /// The text as it was written, where references in it were replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// What went into the text, in the order of the keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// The winner first, then whom it overruled, the nearest first.
    pub contributions: Vec<Contribution>,
}

/// What a reference put into a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The key of what was referred to.
    pub key: String,
    /// Its value, masked if anything secret is in it.
    pub value: String,
    /// Where it was set; `None` for what is computed.
    pub place: Option<String>,
}

/// What one layer said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contribution {
    /// The layer: `production`, `base`, `project`, `live overlay`, `process environment`, `flag`, `default`.
    pub layer: String,
    /// Where: `path:line:column`, or what else it came from.
    pub place: String,
    /// The key it spoke of, where that is a whole that the explained key is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole: Option<String>,
    /// Where the alias or the map with the merge key stands that brought a value written at `place`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
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
        let given: Path = key.parse()?;
        let mut variable = Path::of_keys(["variables"]);
        given.segments().iter().for_each(|segment| variable.push(segment.clone()));
        let found = [&given, &variable].into_iter().find_map(|path| Some((path, self.values.at(path)?)));
        let Some((path, value)) = found else {
            let mut taken = [&given, &variable].into_iter().filter_map(|path| self.taken_with_its_whole(path));
            let unknown = || ExplainError::Unknown { key: key.to_owned(), near: self.nearest_key(key) };
            return taken.next().map(|taken| vec![taken]).ok_or_else(unknown);
        };
        let mut aliases = Aliases::default();
        let mut explanations = Vec::new();
        value.leaves(&mut |below, leaf| {
            let mut full = path.clone();
            for segment in below.segments() {
                full.push(segment.clone());
            }
            explanations.push(self.explain_leaf(&full, leaf, &mut aliases));
        });
        Ok(explanations)
    }

    /// Explains every leaf.
    pub fn explain_all(&self) -> Vec<Explanation> {
        let mut aliases = Aliases::default();
        let mut explanations = Vec::new();
        self.values.leaves(&mut |path, leaf| explanations.push(self.explain_leaf(path, leaf, &mut aliases)));
        explanations
    }

    /// Explains a key that is not there because what is around it was taken away or replaced.
    fn taken_with_its_whole(&self, path: &Path) -> Option<Explanation> {
        let mut aliases = Aliases::default();
        for depth in (1..path.segments().len()).rev() {
            let (above, below) = path.segments().split_at_checked(depth)?;
            let (above, below) = (Path::of(above), Path::of(below));
            let Some(now) = self.values.at(&above) else { continue };
            let said: Vec<&Value> = now.shadowed.iter().filter_map(|before| before.at(&below)).collect();
            if said.is_empty() {
                continue;
            }
            let mut contributions = vec![self.contribution(&above, now, Some(path), &mut aliases)];
            for value in said.into_iter().flat_map(|value| std::iter::once(value).chain(&value.shadowed)) {
                contributions.push(self.contribution(path, value, None, &mut aliases));
            }
            let secret = variable_of(path).is_some_and(|name| self.secrets.contains(name));
            let key = path.to_string();
            let (written, references) = (None, Vec::new());
            return Some(Explanation { key, value: None, secret, written, references, contributions });
        }
        None
    }

    fn nearest_key(&self, key: &str) -> Option<String> {
        let mut keys = Vec::new();
        self.values.leaves(&mut |path, _| keys.push(path.to_string()));
        let short = keys.iter().filter_map(|key| key.strip_prefix("variables."));
        nearest(key, keys.iter().map(String::as_str).chain(short)).map(str::to_owned)
    }

    fn explain_leaf(&self, path: &Path, leaf: &Value, aliases: &mut Aliases) -> Explanation {
        let variable = variable_of(path);
        let resolved = variable.and_then(|name| self.variables.get(name)).filter(|_| path.segments().len() == 2);
        let secret = variable.is_some_and(|name| self.secrets.contains(name));
        let key = path.to_string();
        let replacement = self.replacements.get(&key);
        let value = match (resolved, replacement) {
            _ if leaf.is_removed() => None,
            (Some(resolved), _) => Some(resolved.shown().to_owned()),
            (None, Some(replacement)) => Some(replacement.text.as_deref().unwrap_or(MASK).to_owned()),
            (None, None) => self.shown(path, leaf),
        };
        let written = replacement.and_then(|_| self.shown(path, leaf));
        let references =
            replacement.into_iter().flat_map(|replacement| &replacement.used).map(|(key, used)| Reference {
                key: key.clone(),
                value: used.text.as_deref().unwrap_or(MASK).to_owned(),
                place: used.place.map(|place| self.sources.place(place)),
            });
        let mut contributions = Vec::new();
        for said in std::iter::once(leaf).chain(&leaf.shadowed) {
            contributions.push(self.contribution(path, said, None, aliases));
        }
        for depth in (1..path.segments().len()).rev() {
            self.wholes(path, depth, aliases, &mut contributions);
        }
        Explanation { references: references.collect(), key, value, secret, written, contributions }
    }

    /// Adds what was said of a map or list around a leaf before another took its place, as far as the leaf is concerned.
    fn wholes(&self, path: &Path, depth: usize, aliases: &mut Aliases, contributions: &mut Vec<Contribution>) {
        let (above, below) = path.segments().split_at_checked(depth).unwrap_or_default();
        let above = Path::of(above);
        for replaced in self.values.at(&above).into_iter().flat_map(|value| &value.shadowed) {
            let mut at = (above.clone(), replaced);
            let mut through = below.iter();
            // Into maps by key; a list is shown whole, as its items had other numbers.
            while let (Some(map), Some(segment)) = (at.1.as_map(), through.next()) {
                let Segment::Key(key) = segment else { break };
                let Some(member) = map.get(key) else { break };
                at.0.push(segment.clone());
                at.1 = &member.value;
            }
            let whole = at.0 != *path;
            if whole && at.1.as_map().is_some_and(|map| !map.is_empty()) {
                // A map that had nothing at this key said nothing about it.
                continue;
            }
            for said in std::iter::once(at.1).chain(at.1.shadowed.iter().filter(|_| !whole)) {
                contributions.push(self.contribution(&at.0, said, Some(path).filter(|_| whole), aliases));
            }
        }
    }

    fn contribution(&self, key: &Path, value: &Value, of: Option<&Path>, aliases: &mut Aliases) -> Contribution {
        let origin = match self.sources.get(value.origin.source).map(|source| source.kind()) {
            Some(SourceKind::Overlay(origin)) => Some(origin),
            Some(
                SourceKind::File | SourceKind::Default | SourceKind::Secret | SourceKind::Process | SourceKind::Flag,
            )
            | None => None,
        };
        let alias = aliases.via(&self.sources, &self.values, key.segments(), value.origin);
        Contribution {
            layer: self.layer(value.origin),
            place: self.sources.place(value.origin),
            whole: of.map(|_| key.to_string()),
            alias: alias.map(|alias| self.sources.place(alias)),
            value: self.shown(key, value),
            by: origin.map(|origin| origin.principal.to_string()),
            at: origin.map(|origin| origin.at),
            reason: origin.and_then(|origin| origin.reason.clone()),
        }
    }

    /// Returns a value in one line with everything secret in it masked, `None` for one that was taken away.
    fn shown(&self, path: &Path, value: &Value) -> Option<String> {
        if variable_of(path).is_some_and(|name| self.secrets.contains(name)) {
            return shown(value, true);
        }
        let variables = [Segment::Key("variables".to_owned())];
        let Some(map) = value.as_map().filter(|_| path.segments() == variables) else { return shown(value, false) };
        let members = map.iter().filter(|(_, member)| !member.value.is_removed()).map(|(name, member)| {
            let secret = self.secrets.contains(name.as_ref());
            (name.to_string(), if secret { MASK.into() } else { member.value.to_json() })
        });
        Some(serde_json::Value::Object(members.collect()).to_string())
    }

    fn layer(&self, label: Label) -> String {
        let Some(source) = self.sources.get(label.source) else { return "default".to_owned() };
        match source.kind() {
            SourceKind::File if source::secret_stem(source.name()).is_some() => "secret file".to_owned(),
            SourceKind::File => match source::environment_stem(source.name()) {
                Some(BASE) => BASE.to_owned(),
                Some(stem) => stem.to_owned(),
                None => "project".to_owned(),
            },
            SourceKind::Default => "default".to_owned(),
            SourceKind::Secret => "secret".to_owned(),
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
