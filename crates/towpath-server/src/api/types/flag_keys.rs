//! Keys with which applications evaluate flags, and how often flags were evaluated.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SecretValue;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum FlagKeyKind {
    /// Services keep it secret; it evaluates every flag.
    Server,
    /// Pages and apps carry it where anybody can read it; it evaluates only flags that are meant for them.
    Client,
}

/// Makes a key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MakeFlagKey {
    /// What it is called: lower-case letters, digits and `-`.
    pub name: String,
    /// What it may be used for.
    pub kind: FlagKeyKind,
    /// The pages that may use a key of clients, such as `https://shop.example.org`; none for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// How many requests a second it may make; without it as many as there is room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Why; needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Revokes a key.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeFlagKey {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A key that was made, with its text, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagKeyShown {
    /// Where.
    pub environment: String,
    /// What applications send as `Authorization: Bearer KEY` or `X-API-Key: KEY`.
    pub key: SecretValue,
    /// What is known of it.
    #[serde(flatten)]
    pub view: FlagKeyView,
}

/// What is known of a key: never its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagKeyView {
    /// What it is called.
    pub name: String,
    /// What it may be used for.
    pub kind: FlagKeyKind,
    /// The pages that may use it; none for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// How many requests a second it may make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub made_at: Timestamp,
    /// Who made it.
    pub made_by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it is let in now.
    pub valid: bool,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Who revoked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_reason: Option<String>,
}

/// The keys of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagKeyList {
    /// By name.
    pub keys: Vec<FlagKeyView>,
}

/// How often the flags of an environment were evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagEvaluations {
    /// Where.
    pub environment: String,
    /// Every flag that is served, also those that were never evaluated, and flags of before that were; by key.
    pub flags: Vec<FlagEvaluationsView>,
}

/// How often one flag was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagEvaluationsView {
    /// The flag.
    pub flag: String,
    /// Whether it is served now.
    pub served: bool,
    /// How often it was asked for alone, as services do.
    pub asked: u64,
    /// How often it was answered among all flags, as pages ask: says nothing about whether anybody uses this one.
    pub among_all: u64,
    /// When it was first evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// When it was last evaluated, to a few seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// What it yielded.
    pub results: Vec<EvaluationCountView>,
}

/// How often a flag yielded a variant for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvaluationCountView {
    /// The variant; absent where it yielded none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Why: a reason of OFREP, such as `TARGETING_MATCH`.
    pub reason: String,
    /// Whether it was asked for among all flags.
    pub among_all: bool,
    /// How often.
    pub count: u64,
    /// When last, to a few seconds.
    pub last: Timestamp,
}
