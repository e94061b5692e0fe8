//! Which environment is meant: by flag, by process environment, or development.

use std::collections::BTreeMap;

use super::{diagnostic::Diagnostic, load::Loaded, nearest::suggestion, source::Label};
use crate::ids::EnvironmentName;

/// The variables that say which environment is meant, the strongest first.
pub const VARIABLES: [&str; 3] = ["TOWPATH_ENV", "ENVIRONMENT", "NODE_ENV"];

/// Short names of the usual environments, where these exist and nothing else has the name.
pub(crate) const USUAL_ALIASES: &[(&str, &str)] =
    &[("prod", "production"), ("stage", "staging"), ("dev", "development"), ("test", "testing")];

/// What is meant, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// The name or alias as given.
    pub name: String,
    /// What it came from.
    pub by: DetectedBy,
}

/// What said which environment is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetectedBy {
    /// `--env` or an argument.
    Flag,
    /// This variable of the process environment.
    Variable(&'static str),
    /// Nothing did.
    Default,
}

impl DetectedBy {
    /// Returns words for where a name came from that nobody typed with the command.
    fn said(self) -> String {
        match self {
            Self::Flag => String::new(),
            Self::Variable(variable) => format!(", which the variable `{variable}` of the process names"),
            Self::Default => ", which is meant where nothing names one".to_owned(),
        }
    }
}

/// Why a name means no environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no environment `{name}`{}: {help}", by.said())]
pub struct UnknownEnvironment {
    /// What was asked for.
    pub name: String,
    /// What the name came from.
    pub by: DetectedBy,
    /// The nearest name, or the known ones.
    pub help: String,
}

/// Returns which environment is meant: `--env`, `TOWPATH_ENV`, `ENVIRONMENT`, `NODE_ENV`, `development`.
/// Empty values count as absent. Whether the environment exists is for [`super::Loaded::find`] to say.
pub fn detect(flag: Option<&str>, process: &BTreeMap<String, String>) -> Detected {
    if let Some(name) = flag.filter(|name| !name.is_empty()) {
        return Detected { name: name.to_owned(), by: DetectedBy::Flag };
    }
    VARIABLES
        .into_iter()
        .find_map(|variable| {
            let name = process.get(variable).filter(|name| !name.is_empty())?;
            Some(Detected { name: name.clone(), by: DetectedBy::Variable(variable) })
        })
        .unwrap_or_else(|| Detected { name: "development".to_owned(), by: DetectedBy::Default })
}

impl Loaded {
    /// Returns the environment that was detected, or what is wrong with its name and where that came from.
    pub fn find_detected(&self, detected: &Detected) -> Result<EnvironmentName, UnknownEnvironment> {
        self.find(&detected.name).map_err(|error| UnknownEnvironment { by: detected.by, ..error })
    }
}

/// Returns the environment of this name or alias.
pub(crate) fn find<'a>(
    name: &str,
    known: impl Iterator<Item = &'a EnvironmentName> + Clone,
    aliases: &BTreeMap<String, EnvironmentName>,
) -> Result<EnvironmentName, UnknownEnvironment> {
    if let Some(found) = known.clone().find(|known| known.as_str() == name).or_else(|| aliases.get(name)) {
        return Ok(found.clone());
    }
    let words: Vec<&str> = known.map(EnvironmentName::as_str).collect();
    let all = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let near = super::nearest::nearest(name, words.iter().copied().chain(aliases.keys().map(String::as_str)));
    let help = match near {
        Some(near) => format!("did you mean `{near}`? known: {all}"),
        None => suggestion(name, words.iter().copied()),
    };
    Err(UnknownEnvironment { name: name.to_owned(), by: DetectedBy::Flag, help })
}

impl UnknownEnvironment {
    pub(crate) fn diagnostic(self, label: Label) -> Diagnostic {
        Diagnostic::error("config::reference", label, format!("there is no environment `{}`", self.name))
            .help(self.help)
    }
}

#[cfg(test)]
mod tests;
