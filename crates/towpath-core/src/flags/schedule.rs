//! Schedules: changes of a flag at a time, and ramps that change it step by step over a time.
//!
//! What was scheduled is a fact in the world, `due` says what is to be done now, and the engine does it as the control plane.
//! Times are moments; [`moment`] makes them of what people write.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ChangeFlags, FlagEdit, FlagKey, FlagState, Percent};
use crate::{
    ids::{EnvironmentName, PrincipalName, ScheduleNumber},
    promotion::Approval,
    world::World,
};

mod fold;
mod moment;

pub use moment::{MomentError, moment};

/// Most steps of one ramp.
pub const MAX_STEPS: usize = 100;
/// Most schedules of one environment that are not over.
pub const MAX_OPEN: usize = 200;
/// How many schedules that are over are remembered.
const KEPT: usize = 50;

/// What a flag is made at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ScheduledSet {
    /// Switched on.
    On,
    /// Switched off.
    Off,
    /// Given another default variant.
    Variant {
        /// Which.
        variant: String,
    },
    /// A variant is given to a part of everybody that no rule catches.
    Percentage {
        /// Which; `None` for the one that a flag with two is turned on by.
        variant: Option<String>,
        /// The part.
        percent: Percent,
    },
}

/// One step of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledStep {
    /// When.
    pub at: Timestamp,
    /// What.
    pub set: ScheduledSet,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagScheduled {
    /// Its number in the environment.
    pub number: ScheduleNumber,
    /// The flag.
    pub key: FlagKey,
    /// In the order of their times, at least one.
    pub steps: Vec<ScheduledStep>,
    /// Why, in the words of who asked.
    #[serde(default)]
    pub reason: Option<String>,
    /// Where others have to agree: until when they can.
    #[serde(default)]
    pub approve_until: Option<Timestamp>,
}

/// Somebody agreed to a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagScheduleApproved {
    /// To which.
    pub number: ScheduleNumber,
    /// Whether that was enough.
    pub open: bool,
    /// What they said.
    #[serde(default)]
    pub comment: Option<String>,
}

/// A step of a schedule was done; the change itself is an event of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagScheduleFired {
    /// Of which.
    pub number: ScheduleNumber,
    /// The index of the step; those before it that were not done are passed over.
    pub step: usize,
}

/// A step of a schedule could not be done; the schedule is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagScheduleFailed {
    /// Which.
    pub number: ScheduleNumber,
    /// The index of the step.
    pub step: usize,
    /// Why.
    pub reason: String,
}

/// Somebody took a schedule back, or said no to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagScheduleCancelled {
    /// Which.
    pub number: ScheduleNumber,
    /// Why, in the words of who asked.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A schedule as the world knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagSchedule {
    /// What was asked for.
    pub asked: FlagScheduled,
    /// Who asked.
    pub by: PrincipalName,
    /// When.
    pub at: Timestamp,
    /// Who agreed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// How many steps are done or passed over.
    pub done: usize,
    /// How it stands.
    pub state: ScheduleState,
}

/// How a schedule stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ScheduleState {
    /// Others have to agree first.
    Waiting,
    /// Its next step is done when its time has come.
    Open,
    /// All of it is done.
    Done {
        /// Since when.
        at: Timestamp,
    },
    /// It was taken back, or somebody changed the flag otherwise.
    Cancelled {
        /// When.
        at: Timestamp,
        /// Who.
        by: PrincipalName,
        /// Why.
        why: String,
    },
    /// A step could not be done.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
}

/// The schedules of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagSchedules {
    /// The number that was given last.
    pub last: ScheduleNumber,
    /// Those that are not over, and the last that are.
    pub all: BTreeMap<ScheduleNumber, Arc<FlagSchedule>>,
}

/// What can be asked of schedules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleCommand {
    /// Schedules changes. That the flag can be changed so now was found before.
    Add {
        /// Where.
        environment: EnvironmentName,
        /// The flag.
        key: FlagKey,
        /// In any order.
        steps: Vec<ScheduledStep>,
        /// Why.
        reason: Option<String>,
    },
    /// Agrees.
    Approve {
        /// Where.
        environment: EnvironmentName,
        /// Which.
        number: ScheduleNumber,
        /// What they say.
        comment: Option<String>,
    },
    /// Takes back, or says no.
    Cancel {
        /// Where.
        environment: EnvironmentName,
        /// Which.
        number: ScheduleNumber,
        /// Why.
        reason: Option<String>,
    },
    /// Does a step that is due. Asked by the control plane.
    Fire {
        /// Where.
        environment: EnvironmentName,
        /// Which.
        number: ScheduleNumber,
        /// The index of the step.
        step: usize,
        /// The change that it comes to, or why it cannot be made.
        change: Result<Box<ChangeFlags>, String>,
    },
}

/// A step that is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleDue {
    /// Where.
    pub environment: EnvironmentName,
    /// Which schedule.
    pub number: ScheduleNumber,
    /// The index of the step.
    pub step: usize,
    /// What is asked for.
    pub edit: FlagEdit,
}

/// Returns what is due, the oldest first. Where several steps of one schedule are, because nobody was there to do them, only the
/// last of them is done.
pub fn due(world: &World, now: Timestamp) -> Vec<ScheduleDue> {
    let mut found = Vec::new();
    for (environment, state) in world.environments.iter().filter(|(_, state)| state.destroying.is_none()) {
        for (number, schedule) in &state.schedules.all {
            if let Some((step, at, set)) = schedule.due(now) {
                let edit = set.edit(&schedule.asked.key);
                let due = ScheduleDue { environment: environment.clone(), number: *number, step, edit };
                found.push((at, due));
            }
        }
    }
    found.sort_by_key(|(at, due)| (*at, due.number));
    found.into_iter().map(|(_, due)| due).collect()
}

impl FlagSchedule {
    /// Says whether nothing more comes of it.
    pub fn is_over(&self) -> bool {
        !matches!(self.state, ScheduleState::Waiting | ScheduleState::Open)
    }

    /// Says whether it goes by several steps.
    pub fn is_ramp(&self) -> bool {
        self.asked.steps.len() > 1
    }

    /// Returns the next step.
    pub fn next(&self) -> Option<&ScheduledStep> {
        self.asked.steps.get(self.done).filter(|_| !self.is_over())
    }

    fn due(&self, now: Timestamp) -> Option<(usize, Timestamp, &ScheduledSet)> {
        if self.state != ScheduleState::Open {
            return None;
        }
        let steps = self.asked.steps.iter().enumerate().skip(self.done);
        steps.take_while(|(_, step)| step.at <= now).last().map(|(index, step)| (index, step.at, &step.set))
    }

    /// Moves a ramp that was to begin before to begin now, with the same time between its steps.
    fn begin_at(&mut self, now: Timestamp) {
        let Some(first) = self.asked.steps.first().map(|step| step.at).filter(|first| *first < now) else { return };
        let late = now.duration_since(first);
        for step in &mut self.asked.steps {
            step.at = step.at.checked_add(late).unwrap_or(Timestamp::MAX);
        }
    }

    /// Says whether everything that is left of it only switches the flag off.
    pub(crate) fn only_switches_off(&self) -> bool {
        self.asked.steps.iter().skip(self.done).all(|step| step.set == ScheduledSet::Off)
    }
}

impl ScheduledSet {
    /// Returns the edit of the flag.
    pub fn edit(&self, key: &FlagKey) -> FlagEdit {
        let key = key.clone();
        match self {
            Self::On => FlagEdit::State(key, FlagState::Enabled),
            Self::Off => FlagEdit::State(key, FlagState::Disabled),
            Self::Variant { variant } => FlagEdit::Default(key, variant.clone()),
            Self::Percentage { variant, percent } => FlagEdit::Percentage(key, variant.clone(), *percent),
        }
    }

    /// Returns the property of the flag that it changes.
    pub(crate) const fn property(&self) -> &'static str {
        match self {
            Self::On | Self::Off => "state",
            Self::Variant { .. } => "defaultVariant",
            Self::Percentage { .. } => "targeting",
        }
    }
}

impl fmt::Display for ScheduledSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On => f.write_str("on"),
            Self::Off => f.write_str("off"),
            Self::Variant { variant } => write!(f, "variant {variant}"),
            Self::Percentage { variant: Some(variant), percent } => write!(f, "{variant} for {percent}%"),
            Self::Percentage { variant: None, percent } => write!(f, "{percent}%"),
        }
    }
}

/// Says whether it need not be written down.
pub fn no_schedules(schedules: &Arc<FlagSchedules>) -> bool {
    **schedules == FlagSchedules::default()
}

#[cfg(test)]
mod tests;
