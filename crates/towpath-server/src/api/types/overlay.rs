//! The live overlay: values laid over the files of an environment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PromotionPlan, PromotionView, Tier};

/// What is laid over the files of every release in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverlayView {
    /// Where.
    pub environment: String,
    /// In the order they were set; a later one wins where keys overlap.
    pub entries: Vec<OverlayEntryView>,
    /// Keys of which what runs says something else: recorded only, waiting to be promoted, or gone back from.
    pub pending: Vec<String>,
    /// The environment's file, where it is in the ledger only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// One value of the live overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverlayEntryView {
    /// The key, such as `services.web.replicas` or `variables.LOG_LEVEL`.
    pub key: String,
    /// The value: for a variable its text, else YAML; absent where the key is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The event that set it.
    pub event: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Sets values of the live overlay, all of them or none; keys that are not named stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetOverlay {
    /// The values, 1 to 200.
    pub values: Vec<OverlayValue>,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only records the values; nothing is asked for.
    #[serde(default)]
    pub record_only: bool,
    /// Says what would be done, and does nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// The name of the environment; needed where users are (tier production), unless it is a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// The checksum of the plan that was shown by a dry run: another one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// One value to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OverlayValue {
    /// The key; a declared variable may be named without `variables.`.
    pub key: String,
    /// The value: for a variable its text, else YAML; `null` takes the key away. Never a secret.
    pub value: Option<String>,
}

/// What a change of the live overlay does to what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverlayEffect {
    /// A promotion of the release that runs brings it into force, once its gates are open.
    Promotion,
    /// What runs would be the same, so nothing has to be done.
    Unchanged,
    /// Nothing runs there yet; the next release gets it.
    NothingRuns,
    /// It is recorded and nothing was asked for.
    RecordedOnly,
}

/// What came of a change of the live overlay, or with `dryRun` what would.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverlayChanged {
    /// What is laid over the files afterwards.
    pub overlay: OverlayView,
    /// The keys of which the overlay says something else than before.
    pub changed: Vec<String>,
    /// How much depends on the environment.
    pub tier: Tier,
    /// What it does to what runs.
    pub effect: OverlayEffect,
    /// The release that it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<u64>,
    /// What would be done (`dryRun`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<PromotionPlan>>,
    /// The promotion that brings it into force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Box<PromotionView>>,
    /// Promotions that were closed, because they are no longer what was asked for.
    pub closed: Vec<u64>,
    /// What is doubtful about the configuration afterwards.
    pub warnings: Vec<String>,
}

/// The live overlay of an environment at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverlaySummary {
    /// How many keys it has.
    pub keys: usize,
    /// Keys of which what runs says something else.
    pub pending: Vec<String>,
}
