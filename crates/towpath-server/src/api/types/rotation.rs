//! Rotations of secrets: where they stand, what they wait for, what is due. Values are only in what is sent to be rotated in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SecretValue;

/// Asks for a rotation.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateSecret {
    /// The new value; without it one is made as the variable declares, or as `generate` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<SecretValue>,
    /// How the value is made: `password`, `token`, `hex`, `base64` or `uuid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<String>,
    /// Why; needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Gives a rotation up, or has it tried again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeRotation {
    /// Why; needed to give up where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where a rotation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotationView {
    /// Where.
    pub environment: String,
    /// Of which secret.
    pub name: String,
    /// Its number among those of the secret.
    pub number: u32,
    /// `creating`, `staged`, `dual`, `switched`, `retiring`, `aborting`, `finished` or `aborted`.
    pub phase: String,
    /// The version in force when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u32>,
    /// The new version, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u32>,
    /// What makes values valid: `value`, `postgres` or `command`.
    pub credential: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Who began it.
    pub started_by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it waits for, in words; absent if it is over or goes on by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
    /// Whether only a person can make it go on.
    pub needs_person: bool,
    /// Whether it is over.
    pub over: bool,
}

/// Rotations of an environment: of each secret the last one, or all that are remembered of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotationList {
    /// By secret, the newest first.
    pub rotations: Vec<RotationView>,
}

/// A secret with a due date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DueSecretView {
    /// Where.
    pub environment: String,
    /// Which.
    pub name: String,
    /// The version in force.
    pub version: u32,
    /// When that was written.
    pub written_at: Timestamp,
    /// When it is due.
    pub due: Timestamp,
    /// Whether that is over.
    pub overdue: bool,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether it rotates by itself.
    pub automatic: bool,
    /// Whether a rotation is under way.
    pub rotating: bool,
}

/// Secrets with due dates, the most urgent first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DueSecrets {
    /// The secrets.
    pub secrets: Vec<DueSecretView>,
}

/// A data key was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataKeyRotated {
    /// Where.
    pub environment: String,
    /// Its version.
    pub version: u32,
    /// How many values are to be encrypted by it yet, which happens by itself.
    pub left: usize,
}
