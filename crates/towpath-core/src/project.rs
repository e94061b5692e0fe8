//! The project as promotion sees it: its people, the graph of its environments and what guards each.
//!
//! It is plain data read from `towpath.yaml` and `environments/*.yaml` by `config` and written into
//! the ledger, so that an old decision can be judged by the rules of its day. Values of variables and
//! how services run are not here: they belong to a release's bundle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{EnvironmentName, PrincipalName, ProjectName, Role},
    lifecycle::Housekeeping,
    secrets::rotation::RotationPolicy,
    units::Millis,
};

/// Everything about a project that decides who may bring what where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// What it is called.
    pub name: ProjectName,
    /// Who takes part, and as what.
    pub people: BTreeMap<PrincipalName, BTreeSet<Role>>,
    /// The environments of the pipeline and what guards each. `after` never forms a cycle.
    pub environments: BTreeMap<EnvironmentName, EnvironmentPolicy>,
    /// How long things are kept.
    #[serde(default, skip_serializing_if = "Housekeeping::is_usual")]
    pub housekeeping: Housekeeping,
    /// What is declared of the life of secrets, by variable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, RotationPolicy>,
}

/// Where an environment stands in the pipeline and what a release must pass to enter it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentPolicy {
    /// How much depends on it.
    pub tier: Tier,
    /// Where a release must have been deployed successfully before; empty for the first.
    pub after: Vec<EnvironmentName>,
    /// A new release that may enter does so by itself.
    pub automatic: bool,
    /// What must be open.
    pub gates: GatePolicy,
    /// What live changes of flags need; what is absent follows from the gates and the tier.
    #[serde(default, skip_serializing_if = "FlagPolicy::is_usual")]
    pub flags: FlagPolicy,
}

/// What live changes of flags need in an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagPolicy {
    /// Who must agree; without it whom the gates ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<FlagApprovals>,
    /// Whether it has to be said why; without it in production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<bool>,
    /// How long a change waits for approvals before it has to be asked for again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Millis>,
}

/// Who must agree to a live change of flags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagApprovals {
    /// Nobody.
    Nobody,
    /// These people.
    Of(ApprovalPolicy),
}

/// How much depends on an environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Where people try things.
    #[default]
    Development,
    /// Where machines and testers look for faults.
    Testing,
    /// Where a release is rehearsed.
    Staging,
    /// Where users are.
    Production,
}

/// The declared gates of an environment; what is absent is open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatePolicy {
    /// Who must agree.
    pub approvals: Option<ApprovalPolicy>,
    /// What must be ticked off, in order.
    pub checklist: Vec<String>,
    /// How long the release must have run in each environment before this one.
    pub soak: Option<Millis>,
    /// When nothing may enter.
    pub freeze: Vec<Window>,
    /// When something may enter; if there are none, always.
    pub maintenance: Vec<Window>,
}

/// Who must agree that a release enters. Nobody approves what they asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalPolicy {
    /// How many different people, from 1.
    pub required: u32,
    /// Having one of these roles lets a person approve; empty for anybody in the project.
    pub roles: BTreeSet<Role>,
    /// How long an approval holds.
    pub expires: Millis,
}

/// A stretch of time, once or again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Window {
    /// Opens by a calendar rule.
    Recurring {
        /// When it begins: the five fields of crontab(5), checked when the project was read.
        cron: String,
        /// How long it lasts.
        duration: Millis,
        /// The IANA name of the time zone `cron` is meant in, checked when the project was read.
        time_zone: String,
        /// Why, in words.
        reason: Option<String>,
    },
    /// Happens once.
    Absolute {
        /// The first moment inside.
        from: Timestamp,
        /// The first moment after it, later than `from`.
        to: Timestamp,
        /// Why, in words.
        reason: Option<String>,
    },
}

impl FlagPolicy {
    /// How long a change waits where nobody says so.
    pub const WAITS: Millis = Millis::from_secs(7 * 86_400);

    /// Says whether everything follows from gates and tier.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl EnvironmentPolicy {
    /// Returns who must agree to a live change of flags.
    pub fn flag_approvals(&self) -> Option<&ApprovalPolicy> {
        match &self.flags.approvals {
            Some(FlagApprovals::Nobody) => None,
            Some(FlagApprovals::Of(rule)) => Some(rule),
            None => self.gates.approvals.as_ref(),
        }
    }

    /// Says whether a live change of flags needs a reason.
    pub fn flags_need_reason(&self) -> bool {
        self.flags.reason.unwrap_or(self.tier == Tier::Production)
    }

    /// Returns how long a live change of flags waits for approvals.
    pub fn flag_changes_wait(&self) -> Millis {
        self.flags.waits.unwrap_or(FlagPolicy::WAITS)
    }
}

impl Window {
    /// Returns why the window exists, if its author said so.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Recurring { reason, .. } | Self::Absolute { reason, .. } => reason.as_deref(),
        }
    }
}

impl Tier {
    /// Every tier, the least important first.
    pub const ALL: [Self; 4] = [Self::Development, Self::Testing, Self::Staging, Self::Production];

    /// Returns the word used in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Testing => "testing",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
