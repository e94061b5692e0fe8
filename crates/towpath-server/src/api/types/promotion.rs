//! Promotions: asking for a release to enter an environment, and what stands in between.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Diff, ProblemKind, StepView, Tier};

/// Asks for a release to enter an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePromotion {
    /// Where to.
    pub environment: String,
    /// The number of the release.
    pub release: u64,
    /// Why, for people; kept in the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The name of the environment; needed where users are (tier production), unless it is a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Says what would be done, and does nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// The checksum of the plan that was shown by a dry run: another one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// What a promotion would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionPlan {
    /// Where to.
    pub environment: String,
    /// How much depends on it.
    pub tier: Tier,
    /// The checksum over everything that would be done. What is approved is this, and what is done must have it.
    pub plan: String,
    /// What changes.
    pub diff: Diff,
    /// `rolling`, `blue-green`, `canary` or `recreate`.
    pub strategy: String,
    /// What is done once all gates are open, in order.
    pub steps: Vec<StepView>,
    /// What must be open, and what opens it.
    pub gates: Vec<GateView>,
    /// What has to be given as `confirm`; absent where nothing has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Why it would be refused as things are; absent where it would not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalView>,
}

/// Why something would be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusalView {
    /// The stable name, such as `not_forward`.
    pub code: String,
    /// What sort of refusal it is.
    pub kind: ProblemKind,
    /// What was asked and why it is not done.
    pub message: String,
    /// Further lines.
    pub details: Vec<String>,
    /// What would make it possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How a promotion stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromotionState {
    /// It waits for its gates.
    Waiting,
    /// It became a deployment.
    Deployed,
    /// Somebody said no.
    Rejected,
    /// A newer request took its place.
    Superseded,
    /// It could not be carried out as approved.
    Failed,
}

/// A promotion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionView {
    /// Its number.
    pub number: u64,
    /// Where to.
    pub environment: String,
    /// How much depends on it; absent when it left the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The release.
    pub release: u64,
    /// What people call the release.
    pub version: String,
    /// How it stands.
    pub state: PromotionState,
    /// Why it is closed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The revision it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The request that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<u64>,
    /// The checksum over everything that would be done.
    pub plan: String,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who agreed, in order.
    pub approvals: Vec<ApprovalView>,
    /// The checklist.
    pub checklist: Vec<ChecklistItem>,
    /// What must be open, and what opens it; empty once it is closed.
    pub gates: Vec<GateView>,
    /// What changes; only where one promotion is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<Diff>,
    /// What is done once all gates are open; only where one promotion is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepView>,
}

/// One person's yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalView {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// One item of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChecklistItem {
    /// As the project words it.
    pub item: String,
    /// Who ticked it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
}

/// How a gate stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateView {
    /// `upstream`, `soak`, `approval`, `checklist`, `freeze`, `maintenance` or `rollout`.
    pub gate: String,
    /// Whether it lets through.
    pub open: bool,
    /// Why.
    pub why: String,
    /// What opens it, if it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<String>,
    /// When it opens by itself, if it does and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
}

/// Agrees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// The checksum that was shown: another one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Says no.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectRequest {
    /// What to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Ticks off an item of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    /// The item exactly as the project words it.
    pub item: String,
}
