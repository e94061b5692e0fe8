//! Secrets of the server's own store. Values are only in what is sent to be set and in what a reader is answered.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::OverlayEffect;

/// The value of a secret. It is erased when it is dropped and shown by nothing but its JSON.
#[derive(Clone, Default, ToSchema)]
#[schema(value_type = String)]
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// Takes a value over.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// Shows the value to who must have it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Serialize for SecretValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

/// The secrets that the server keeps for an environment, never their values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretList {
    /// Where.
    pub environment: String,
    /// By name.
    pub secrets: Vec<SecretView>,
    /// How often the store has changed.
    pub revision: u64,
    /// The data keys that values are encrypted by; new ones by the last.
    pub data_keys: Vec<DataKeyView>,
}

/// One secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    /// What it is called.
    pub name: String,
    /// Where its value is: `store`.
    pub source: String,
    /// The version in force; absent if it has no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// How many versions have a value.
    pub versions: usize,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// Who wrote the version in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How the version in force came about: `given`, `generated`, `restored`, `imported`, `rotated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The version that what runs has, if it runs with one of the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<u32>,
}

/// One data key, never the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataKeyView {
    /// Its version.
    pub version: u32,
    /// What it is encrypted by.
    pub provider: String,
    /// When it was made.
    pub at: Timestamp,
    /// How many values that exist are encrypted by it.
    pub values: usize,
}

/// The versions of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretHistory {
    /// Where.
    pub environment: String,
    /// Which secret.
    pub name: String,
    /// The version in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Every version, the newest first.
    pub versions: Vec<SecretVersionView>,
    /// When its value was taken away, the last time first.
    pub unsets: Vec<SecretEventView>,
}

/// One version of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretVersionView {
    /// Its number.
    pub version: u32,
    /// When it was written.
    pub at: Timestamp,
    /// Who wrote it.
    pub by: String,
    /// How it came about: `given`, `generated`, `restored`, `imported`, `rotated`.
    pub origin: String,
    /// The version it has the value of, if it was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The version of the data key it is encrypted by.
    pub data_key: u32,
    /// Whether it is in force.
    pub current: bool,
    /// When its value was destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroyed: Option<SecretEventView>,
}

/// When something ended, who asked and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretEventView {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Gives a secret a value.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetSecret {
    /// The value: text without NUL, at most 65,536 bytes.
    pub value: SecretValue,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only records it; nothing is asked for.
    #[serde(default)]
    pub record_only: bool,
}

/// Asks to be shown the value of a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadSecret {
    /// Which version; the one in force if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Asks to be shown values of several secrets at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadSecrets {
    /// Which; all that have a value if there are none.
    #[serde(default)]
    pub names: Vec<String>,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The value of one secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretShown {
    /// Which.
    pub name: String,
    /// Which version.
    pub version: u32,
    /// The value.
    pub value: SecretValue,
}

/// Values of several secrets.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretsShown {
    /// Where.
    pub environment: String,
    /// By name.
    pub secrets: Vec<SecretShown>,
}

/// Gives a secret the value of an older version again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestoreSecret {
    /// The version with the value.
    pub version: u32,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only records it; nothing is asked for.
    #[serde(default)]
    pub record_only: bool,
}

/// Gives every secret of an environment the value again that was in force at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestoreSecrets {
    /// The moment.
    pub at: Timestamp,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only records it; nothing is asked for.
    #[serde(default)]
    pub record_only: bool,
    /// Says what would be done, and does nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Destroys values for good.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DestroySecret {
    /// Which versions.
    pub versions: Vec<u32>,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only records it; nothing is asked for.
    #[serde(default)]
    pub record_only: bool,
    /// The name of the environment; needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// What came of a change of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretChanged {
    /// Where.
    pub environment: String,
    /// Which.
    pub name: String,
    /// The version in force now; absent if it has no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// What it does to what runs.
    pub effect: OverlayEffect,
    /// The promotion that brings it into force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<u64>,
    /// Promotions that were closed, because they are no longer what was asked for.
    pub closed: Vec<u64>,
}

/// What came of going back to a point in time, or with `dryRun` what would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretsRestored {
    /// Where.
    pub environment: String,
    /// The moment.
    pub at: Timestamp,
    /// The secrets that have an older value again.
    pub restored: BTreeMap<String, RestoredView>,
    /// The others, and why.
    pub kept: BTreeMap<String, KeptWhy>,
    /// What it does to what runs; absent if nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<OverlayEffect>,
    /// The promotion that brings it into force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<u64>,
}

/// A secret that has an older value again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoredView {
    /// The version with the value.
    pub of: u32,
    /// The new version.
    pub version: u32,
}

/// Why a secret is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeptWhy {
    /// It has the value of that time already.
    Same,
    /// It had no value then; it is not taken away.
    NotThere,
    /// Its value of that time was destroyed.
    Destroyed,
}
