//! Experiments: what is compared, where they stand, what was counted and what that says, and what applications report.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// An experiment of an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentView {
    /// Where.
    pub environment: String,
    /// What it is called.
    pub name: String,
    /// `draft`, `running`, `stopped` or `decided`.
    pub state: String,
    /// The number of its last run; absent if it never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// The flag whose variants are compared.
    pub flag: String,
    /// What is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothesis: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The control and then the treatments, with their shares where they are known.
    pub variants: Vec<ExperimentVariant>,
    /// Why it cannot be started as things are; only of a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Who began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When and how its flag became something else while it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altered: Option<AlteredView>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<ExperimentEnd>,
    /// Everything that was declared, as it was frozen when it began.
    #[schema(value_type = Object)]
    pub definition: Value,
}

/// A variant of an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentVariant {
    /// Its name.
    pub variant: String,
    /// Its share in relation to those of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// How the flag of a running experiment became something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlteredView {
    /// When that was seen.
    pub at: Timestamp,
    /// What is different.
    pub what: String,
}

/// How an experiment ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentEnd {
    /// When.
    pub at: Timestamp,
    /// Who ended it.
    pub by: String,
    /// What stopped it, in words; absent if it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The guardrail that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrail: Option<String>,
    /// The variant that was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// What was known then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Why, in the words of who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The experiments of an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentList {
    /// By name: those that are declared in what runs, and those that ever ran.
    pub experiments: Vec<ExperimentView>,
}

/// What was counted, and what that says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentResults {
    /// The experiment.
    pub experiment: ExperimentView,
    /// When it was looked at.
    pub at: Timestamp,
    /// Why nothing may be concluded, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// Units that were seen in several variants, and are left out.
    pub mixed: u64,
    /// Evaluations that were not counted since the server started, because more came than could be written.
    pub dropped: u64,
    /// The verdict, the split, and every metric with its estimates and intervals.
    #[schema(value_type = Object)]
    pub analysis: Value,
    /// How it is judged.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// The sums it was computed from: nothing of a single unit.
    #[schema(value_type = Object)]
    pub observations: Value,
}

/// Starts or stops an experiment.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeExperiment {
    /// Why; needed to start where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Ends an experiment with a decision.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DecideExperiment {
    /// The variant that is chosen.
    pub variant: String,
    /// Decides though nothing may be concluded from the numbers.
    #[serde(default)]
    pub force: bool,
    /// Why; needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Deletes everything that was counted of a unit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EraseUnit {
    /// The unit, as it was evaluated with.
    pub unit: String,
}

/// What was deleted of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnitErased {
    /// Where.
    pub environment: String,
    /// How many exposures and events.
    pub erased: u64,
}

/// An exposure as an application reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExposureReport {
    /// The experiment; or instead its flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The flag: every experiment on it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// The variant that was shown.
    pub variant: String,
    /// To whom: the text that the flag was evaluated with. Only a keyed hash of it is kept.
    pub unit: String,
    /// When; without it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// A metric event as an application reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricEventReport {
    /// A text that names this event among those of the unit: sent again, it is not counted again.
    pub id: String,
    /// What happened.
    pub event: String,
    /// Who did it: the same text as in the exposure. Only a keyed hash of it is kept.
    pub unit: String,
    /// How much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// When; without it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What became of what was reported. Everything that is accepted is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reported {
    /// How many are new.
    pub accepted: usize,
    /// How many were known: nothing is counted twice.
    pub duplicate: usize,
    /// How many are not kept, by reason.
    pub refused: BTreeMap<String, usize>,
    /// Each item, in order.
    pub items: Vec<ReportedItem>,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedItem {
    /// `accepted`, `duplicate` or `refused`.
    pub status: ItemStatus,
    /// The stable name of the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The reason in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// It is kept and counts.
    Accepted,
    /// It was kept before.
    Duplicate,
    /// It is not kept.
    Refused,
}
