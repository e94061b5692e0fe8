//! Schedules and ramps of flags.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApprovalView;

/// What a flag is to be made at a time: exactly one of its members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduledSetView {
    /// Switched on or off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    /// Given another default variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// A variant for a part of everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentage: Option<ScheduledPercentage>,
}

/// A variant for a part of everybody that no rule catches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduledPercentage {
    /// Which variant; absent for the one that a flag with two is turned on by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The part, 0 to 100 with at most three decimals, such as `"2.5"`.
    pub percent: String,
}

/// Schedules one change of a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleFlag {
    /// The flag.
    pub key: String,
    /// When: RFC 3339, or without an offset as the clock of `timeZone` shows it.
    pub at: String,
    /// The time zone of `at`, such as `Europe/Berlin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// What it is made then.
    pub set: ScheduledSetView,
    /// Why; needed where the policy asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The name of the environment, where users are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// Schedules growing parts of everybody for a variant of a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RampFlag {
    /// The flag.
    pub key: String,
    /// The variant.
    pub variant: String,
    /// The parts in order, such as `["1", "5", "25", "100"]`.
    pub steps: Vec<String>,
    /// The time from one to the next.
    pub every_ms: u64,
    /// When the first is: RFC 3339, or without an offset as the clock of `timeZone` shows it. At once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The time zone of `start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Why; needed where the policy asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The name of the environment, where users are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// What somebody says of a schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerSchedule {
    /// In their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a schedule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlagScheduleState {
    /// Others have to agree first.
    Waiting,
    /// Nobody agreed in time.
    Expired,
    /// Its next step is done when its time has come.
    Open,
    /// All of it is done.
    Done,
    /// It was taken back, or somebody changed the flag otherwise.
    Cancelled,
    /// A step could not be done.
    Failed,
}

/// One step of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagScheduleStep {
    /// When.
    pub at: Timestamp,
    /// What, in words.
    pub text: String,
    /// Whether it is done or was passed over.
    pub done: bool,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagScheduleView {
    /// Where.
    pub environment: String,
    /// Its number in the environment.
    pub number: u64,
    /// The flag.
    pub key: String,
    /// How it stands.
    pub state: FlagScheduleState,
    /// Its steps, in order.
    pub steps: Vec<FlagScheduleStep>,
    /// When the next step is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// Who asked.
    pub by: String,
    /// When.
    pub asked_at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who agreed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalView>,
    /// Until when others can agree, where they have to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve_until: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it ended before it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Schedules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagScheduleList {
    /// Those that are not over and the last that are, the newest first.
    pub schedules: Vec<FlagScheduleView>,
}
