//! Live changes of flags: asked for, waiting, in force; and how environments differ.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{ApprovalView, RefusalView, Tier};

/// One edit of a flag or segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FlagEditView {
    /// Switches a flag on or off.
    State {
        /// The flag.
        flag: String,
        /// Whether it is on.
        enabled: bool,
    },
    /// Gives a flag another default variant.
    Default {
        /// The flag.
        flag: String,
        /// The variant.
        variant: String,
    },
    /// Gives a variant to a part of everybody that no rule catches.
    Percentage {
        /// The flag.
        flag: String,
        /// The variant; where there are two, the one that is not the usual one unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variant: Option<String>,
        /// The part in percent with at most three decimals, as text: `0.5`.
        percent: String,
    },
    /// Gives a flag another targeting.
    Targeting {
        /// The flag.
        flag: String,
        /// The rule as flagd writes it; `null` or absent for none.
        #[serde(default)]
        targeting: Value,
    },
    /// Changes any properties of a flag, or makes one: each property that is named is replaced, `null` takes it away; in
    /// `variants`, `metadata` and `towpath` that holds for each member.
    Patch {
        /// The flag.
        flag: String,
        /// The properties.
        #[schema(value_type = Object)]
        patch: serde_json::Map<String, Value>,
    },
    /// Gives a segment another rule.
    Segment {
        /// The segment.
        segment: String,
        /// The rule.
        rule: Value,
    },
    /// Leaves a flag to the files again.
    ResetFlag {
        /// The flag.
        flag: String,
    },
    /// Leaves a segment to the files again.
    ResetSegment {
        /// The segment.
        segment: String,
    },
}

/// How a change of flags is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagChangeHow {
    /// Why, for people; kept in the ledger. Needed in production unless the environment's file says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Says what would be done, and does nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// The name of the environment; needed where users are (tier production), unless it is a dry run, waits for approvals,
    /// only switches off or takes a change back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// The checksum that a dry run showed; with another one nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// Changes flags, all edits or none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeFlags {
    /// The edits in their order, 1 to 200.
    pub edits: Vec<FlagEditView>,
    #[serde(flatten)]
    #[schema(inline)]
    pub how: FlagChangeHow,
}

/// Takes a change of flags back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UndoFlags {
    /// Which; the latest that was not taken back if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    #[serde(flatten)]
    #[schema(inline)]
    pub how: FlagChangeHow,
}

/// Makes flags what they are in another environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromoteFlags {
    /// The other environment.
    pub from: String,
    /// Flags and segments; all that differ if empty. Segments that a flag names come with it.
    #[serde(default)]
    pub keys: Vec<String>,
    #[serde(flatten)]
    #[schema(inline)]
    pub how: FlagChangeHow,
}

/// What a change of flags leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlagEffect {
    /// It is served.
    Changed,
    /// It waits for approvals.
    Waits,
    /// Everything is as asked already.
    Unchanged,
}

/// What came of a change of flags, or with `dryRun` what would.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagsChanged {
    /// Where.
    pub environment: String,
    /// How much depends on it.
    pub tier: Tier,
    /// What it leads to.
    pub effect: FlagEffect,
    /// Its number in the environment, unless it is a dry run or changed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The checksum of what is done to the flags as they are.
    pub plan: String,
    /// What changes, for people: a line for each property.
    pub lines: Vec<String>,
    /// What changes: left before, right after.
    pub differences: Vec<FlagDifferenceView>,
    /// The change that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
    /// Whether it has to be confirmed by the name of the environment.
    #[serde(default)]
    pub confirm: bool,
    /// Changes that wait and are outdated by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outdated: Vec<u64>,
    /// Why it would be refused (`dryRun`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalView>,
}

/// How a flag or segment differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagDifferenceView {
    /// The flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// The segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Where it is: `both`, `left`, `right`.
    pub presence: FlagPresence,
    /// What of it.
    pub properties: Vec<FlagPropertyView>,
    /// The same for people.
    pub lines: Vec<String>,
}

/// On which side a flag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlagPresence {
    /// On both.
    Both,
    /// Only on the left.
    Left,
    /// Only on the right.
    Right,
}

/// How a property differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlagPropertyView {
    /// Which: `state`, `variants.on`, `defaultVariant`, `targeting`, `metadata.team`, `towpath.owner`; of a segment `rule`.
    pub property: String,
    /// On the left; absent if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Value>,
    /// On the right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<Value>,
}

/// How the flags of two environments differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlagsDiff {
    /// The left one.
    pub from: String,
    /// The right one.
    pub to: String,
    /// What differs, flags first.
    pub differences: Vec<FlagDifferenceView>,
}

/// A change of flags that took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagChangeView {
    /// Its number in the environment.
    pub number: u64,
    /// When it took effect.
    pub at: Timestamp,
    /// Who asked.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What, for people.
    pub lines: Vec<String>,
    /// The flags and segments that it is about.
    pub targets: Vec<String>,
    /// Who agreed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalView>,
    /// The change that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
    /// The change that took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<u64>,
    /// The environment that flags were taken over from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The event in the ledger.
    pub event: u64,
}

/// The latest changes of flags of an environment, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlagLog {
    /// Where.
    pub environment: String,
    /// The changes; older ones are events of the kind `flags_changed`.
    pub changes: Vec<FlagChangeView>,
}

/// A change of flags that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagRequestView {
    /// Where.
    pub environment: String,
    /// Its number in the environment.
    pub number: u64,
    /// The checksum of what it does: what is approved is this.
    pub plan: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// Who asked.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it does, for people.
    pub lines: Vec<String>,
    /// Who agreed, as far as it counts.
    pub approvals: Vec<ApprovalView>,
    /// How many different people are asked for.
    pub required: u32,
    /// Which roles may approve; anybody in the project if empty.
    pub roles: Vec<String>,
    /// From when it cannot be approved any more.
    pub expires_at: Timestamp,
    /// Why it cannot be approved: what was shown does not hold any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outdated: Option<String>,
    /// The environment that flags are taken over from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// Changes of flags that wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlagRequests {
    /// The changes, oldest first.
    pub requests: Vec<FlagRequestView>,
}

/// Agrees to a change of flags that waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApproveFlags {
    /// The checksum that was shown; with another one nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Says no to a change of flags that waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RejectFlags {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What came of an approval or a rejection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagRequestAnswered {
    /// Where.
    pub environment: String,
    /// Which.
    pub number: u64,
    /// Whether the change is served now.
    pub in_force: bool,
    /// The change, if it waits still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<FlagRequestView>,
    /// What it does, for people.
    pub lines: Vec<String>,
}
