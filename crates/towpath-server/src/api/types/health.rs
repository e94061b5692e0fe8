//! Whether the control plane is alive and ready.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the control plane is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Whether everything asked for is well.
    pub status: HealthStatus,
    /// What was looked at.
    pub checks: Vec<HealthCheck>,
}

/// Well or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Well.
    Pass,
    /// Not well.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthCheck {
    /// What: `process`, `ledger`, `target`, `traffic`.
    pub name: String,
    /// How it is.
    pub status: HealthStatus,
    /// What was seen.
    pub message: String,
}
