//! What is wrong with the secrets of a project, judged from facts that others gathered.
//!
//! Pure: nothing is decrypted, scanned or asked here, and no value is seen; values are told apart by keyed digests. Each finding
//! has a stable code and a fingerprint that stays as long as it is the same finding.

mod judge;

use std::{collections::BTreeMap, collections::BTreeSet, fmt, str::FromStr};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    ids::{Digest, EnvironmentName},
    project::Tier,
};

pub use judge::judge;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    /// Worth knowing.
    Low,
    /// To be mended soon.
    Medium,
    /// To be mended before the next release.
    High,
    /// To be mended now.
    Critical,
}

/// The word is no severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no severity: write low, medium, high or critical")]
pub struct UnknownSeverity(String);

/// Where a finding is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FindingPlace {
    /// The file, from the project's folder.
    pub path: String,
    /// From 1; 0 for the file as a whole.
    pub line: u32,
    /// From 1; 0 for the file as a whole.
    pub column: u32,
    /// The commit whose file it is, if it is no longer there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which kind.
    pub code: String,
    /// How bad.
    pub severity: FindingSeverity,
    /// The environments it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<EnvironmentName>,
    /// The secrets it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<FindingPlace>,
    /// What is wrong and why it matters.
    pub message: String,
    /// The line with everything secret masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// What to do.
    pub help: String,
    /// Names it as long as it is the same.
    pub fingerprint: String,
}

/// Everything known of the secrets of a project.
#[derive(Debug, Clone, Default)]
pub struct SecretFacts {
    /// The environments.
    pub environments: Vec<EnvironmentFacts>,
    /// The files of secrets, by path.
    pub files: BTreeMap<String, FileFacts>,
}

/// What is known of the secrets of an environment.
#[derive(Debug, Clone)]
pub struct EnvironmentFacts {
    /// Which.
    pub name: EnvironmentName,
    /// How much depends on it.
    pub tier: Tier,
    /// Its secrets, those without a value too.
    pub secrets: BTreeMap<String, OneSecret>,
    /// What encrypts the data keys of its store, as people know it, if it can be shared.
    pub key: Option<String>,
    /// The files of secrets that are part of it.
    pub files: BTreeSet<String>,
}

/// What is known of one secret of an environment.
#[derive(Debug, Clone, Default)]
pub struct OneSecret {
    /// The source of its value.
    pub from: Option<String>,
    /// The keyed digest of its value, where that is known and long enough to mean anything.
    pub digest: Option<String>,
    /// Why the value is easy to guess.
    pub weak: Option<String>,
    /// When it stops being valid.
    pub expires: Option<Timestamp>,
    /// Where it is declared.
    pub declared: Option<FindingPlace>,
}

/// What is known of a file of secrets.
#[derive(Debug, Clone, Default)]
pub struct FileFacts {
    /// Who can read it.
    pub recipients: BTreeSet<String>,
    /// Who should be able to, as `.sops.yaml` says; `None` where no rule is for it.
    pub expected: Option<BTreeSet<String>>,
    /// Whether its authentication code is there.
    pub has_mac: bool,
    /// Whether it is encrypted at all.
    pub encrypted: bool,
    /// What is wrong with what is in it: a wrong code, a value moved.
    pub broken: Option<String>,
}

impl FindingSeverity {
    /// Returns its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for FindingSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FindingSeverity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Low, Self::Medium, Self::High, Self::Critical];
        all.into_iter().find(|one| one.as_str() == text).ok_or_else(|| UnknownSeverity(text.to_owned()))
    }
}

impl Finding {
    /// Returns a finding of a kind. Its fingerprint is made of the kind and `identity`: what makes it the same finding.
    pub fn new(
        code: &str,
        severity: FindingSeverity,
        identity: &[&str],
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let mut bytes = Vec::new();
        for part in [code].iter().chain(identity) {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        let fingerprint = Digest::of(&bytes).hex().chars().take(16).collect();
        let (message, help) = (message.into(), help.into());
        Self {
            code: code.to_owned(),
            severity,
            environments: Vec::new(),
            secrets: Vec::new(),
            place: None,
            message,
            excerpt: None,
            help,
            fingerprint,
        }
    }

    /// Says where it is.
    #[must_use]
    pub fn at(mut self, place: Option<FindingPlace>) -> Self {
        self.place = place;
        self
    }

    /// Says which environments and secrets it is about.
    #[must_use]
    pub fn of(mut self, environments: &[&EnvironmentName], secrets: &[&str]) -> Self {
        self.environments = environments.iter().map(|name| (*name).clone()).collect();
        self.secrets = secrets.iter().map(|name| (*name).to_owned()).collect();
        self
    }
}

/// Puts findings in the order in which they should be mended: the worst first, then by place.
pub fn in_order(findings: &mut Vec<Finding>) {
    let key =
        |one: &Finding| (std::cmp::Reverse(one.severity), one.place.clone(), one.code.clone(), one.fingerprint.clone());
    findings.sort_by_cached_key(key);
    findings.dedup_by(|one, other| {
        one.fingerprint == other.fingerprint && one.place == other.place && one.code == other.code
    });
}

#[cfg(test)]
mod tests;
