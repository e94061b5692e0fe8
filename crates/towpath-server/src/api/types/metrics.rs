//! DORA metrics with the definitions they were computed by.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The four metrics over a span of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Dora {
    /// Beginning of the span.
    pub from: Timestamp,
    /// End of the span, exclusive.
    pub to: Timestamp,
    /// Length of the span in days.
    pub days: u32,
    /// By environment, from the least to the most production-like.
    pub environments: Vec<DoraEnvironment>,
}

/// The four metrics of one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DoraEnvironment {
    /// Where.
    pub environment: String,
    /// How often something new is brought in.
    pub deployment_frequency: DeploymentFrequency,
    /// How long a change takes to get there.
    pub lead_time: Durations,
    /// How often that goes wrong.
    pub change_failure_rate: ChangeFailureRate,
    /// How long it then takes until it is good again.
    pub time_to_restore: Durations,
}

/// How often something new is brought in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentFrequency {
    /// Deployments that completed in the span.
    pub deployments: u64,
    /// The same for each day of the span.
    pub per_day: f64,
    /// What was counted.
    pub definition: String,
}

/// Durations, summed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// How many were measured.
    pub count: u64,
    /// The median in milliseconds; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_ms: Option<u64>,
    /// The 90th percentile in milliseconds; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_ms: Option<u64>,
    /// What was measured.
    pub definition: String,
}

/// How often a deployment goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeFailureRate {
    /// Deployments that failed or were rolled back later.
    pub failed: u64,
    /// Deployments that were started in the span.
    pub started: u64,
    /// The share in percent; absent where nothing was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// What was counted.
    pub definition: String,
}
