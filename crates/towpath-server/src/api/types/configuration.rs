//! Resolved configuration: values with where they come from, comparisons, mistakes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Tier;

/// Everything that is decided in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigView {
    /// Which environment.
    pub environment: String,
    /// How much depends on it.
    pub tier: Tier,
    /// The release whose files these are; absent for those the project declares now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<u64>,
    /// The digest of the files.
    pub bundle: String,
    /// Every value, by key; those of secrets are masked.
    pub values: Vec<ConfigValue>,
    /// What is doubtful.
    pub warnings: Vec<DiagnosticView>,
}

/// One value and who decided it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigValue {
    /// The key, such as `services.web.replicas`.
    pub key: String,
    /// The value; absent where it was taken away; secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether the value is masked.
    pub secret: bool,
    /// The layer that decided it: the name of an environment, `base`, `project`, `live overlay` or `default`.
    pub layer: String,
    /// Where: `path:line:column`, or the event.
    pub place: String,
}

/// Values with everybody who said something about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainView {
    /// Which environment.
    pub environment: String,
    /// The release whose files these are; absent for those the project declares now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<u64>,
    /// One for each value at or under the key.
    pub items: Vec<ExplanationView>,
}

/// One value with everybody who said something about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplanationView {
    /// The key.
    pub key: String,
    /// The value that holds; absent where it was taken away; secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether the value is masked.
    pub secret: bool,
    /// The winner first, then whom it overruled, the nearest first.
    pub contributions: Vec<ContributionView>,
}

/// What one layer said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContributionView {
    /// The layer.
    pub layer: String,
    /// Where: `path:line:column`, or the event.
    pub place: String,
    /// What it said; absent where it took the value away; secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Who, for the live overlay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, for the live overlay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Why, for the live overlay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The files to check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidateConfig {
    /// Texts by path, such as `towpath.yaml` and `environments/production.yaml`.
    pub files: BTreeMap<String, String>,
    /// Only this environment; every one unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// What is wrong with files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Validated {
    /// Whether they can be used.
    pub valid: bool,
    /// The environments they declare.
    pub environments: Vec<String>,
    /// Everything that is wrong or doubtful, all at once.
    pub diagnostics: Vec<DiagnosticView>,
    /// Paths the configuration is not read from.
    pub ignored: Vec<String>,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosticView {
    /// The stable name of the kind of mistake, such as `config::unknown-key`.
    pub code: String,
    /// How bad it is: `error` or `warning`.
    pub severity: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The file, or the name of what else it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// From 1, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}
