//! Where a rotation stands, as its events tell it.

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::{Credential, Generator};
use crate::{ids::PrincipalName, units::Millis};

/// How often a step is tried before it waits for a person.
pub const MAX_TRIES: u32 = 6;
/// Most rotations of one secret that are remembered after their end.
const KEPT: usize = 20;

/// The rotations of one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rotations {
    /// The rotation that is under way or was the last, by secret.
    pub latest: OrdMap<String, Arc<Rotation>>,
    /// Those before, oldest first.
    pub past: OrdMap<String, Arc<Vec<Rotation>>>,
    /// Versions that are not valid any more where they were used: nothing may run with them again.
    pub revoked: OrdMap<String, OrdSet<u32>>,
    /// The due date that somebody was last reminded of.
    pub reminded: OrdMap<String, Timestamp>,
}

/// One rotation of one secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Its number among those of the secret, from 1.
    pub number: u32,
    /// The version that was in force when it began.
    pub from: Option<u32>,
    /// What makes values valid, as it was declared then.
    pub credential: Credential,
    /// How the new value is made; without it a person brings it.
    pub generate: Option<Generator>,
    /// How long both values are valid after all have the new one.
    pub grace: Millis,
    /// When it began.
    pub started_at: Timestamp,
    /// Who began it.
    pub started_by: PrincipalName,
    /// Why.
    pub reason: Option<String>,
    /// Where it stands.
    pub phase: Phase,
    /// What went wrong since the last progress.
    pub trouble: Option<Trouble>,
}

/// Where a rotation stands. At most one value is being made valid or invalid at any moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Phase {
    /// The new value is not stored yet. The old one is in force.
    Creating,
    /// The new value is stored and is being made valid; nobody has it. The old one is in force.
    Staged {
        /// The new version.
        to: u32,
    },
    /// Both are valid; the new one is in force, and those who run with the old one are to get it.
    Dual {
        /// The new version.
        to: u32,
        /// Since when.
        since: Timestamp,
    },
    /// Nothing runs with the old one any more; it stays valid for the grace.
    Switched {
        /// The new version.
        to: u32,
        /// Since when.
        since: Timestamp,
    },
    /// The old one is being made invalid: there is no way back.
    Retiring {
        /// The new version.
        to: u32,
        /// Since when.
        since: Timestamp,
    },
    /// Given up: the old one is in force again, and the new one is made invalid once nothing runs with it.
    Aborting {
        /// The new version, if there was one.
        to: Option<u32>,
        /// Since when.
        since: Timestamp,
    },
    /// The new one alone is valid.
    Finished {
        /// The new version.
        to: u32,
        /// When.
        at: Timestamp,
    },
    /// The old one alone is valid.
    Aborted {
        /// When.
        at: Timestamp,
    },
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// How often the step was tried without success.
    pub tries: u32,
    /// What was said the last time; never a value.
    pub message: String,
    /// When.
    pub at: Timestamp,
    /// Whether trying again by itself helps nothing.
    pub hopeless: bool,
}

impl Trouble {
    /// Returns when the step is tried again; `None` if it waits for a person.
    pub fn again_at(&self) -> Option<Timestamp> {
        if self.hopeless || self.tries >= MAX_TRIES {
            return None;
        }
        let wait = Millis::from_secs(5 << self.tries.min(6));
        Some(crate::lifecycle::later(self.at, wait))
    }
}

impl Phase {
    /// Returns the new version, if there is one.
    pub fn new_version(self) -> Option<u32> {
        match self {
            Self::Staged { to }
            | Self::Dual { to, .. }
            | Self::Switched { to, .. }
            | Self::Retiring { to, .. }
            | Self::Finished { to, .. } => Some(to),
            Self::Aborting { to, .. } => to,
            Self::Creating | Self::Aborted { .. } => None,
        }
    }

    /// Returns the stable word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Staged { .. } => "staged",
            Self::Dual { .. } => "dual",
            Self::Switched { .. } => "switched",
            Self::Retiring { .. } => "retiring",
            Self::Aborting { .. } => "aborting",
            Self::Finished { .. } => "finished",
            Self::Aborted { .. } => "aborted",
        }
    }

    /// Says whether it is over.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Finished { .. } | Self::Aborted { .. })
    }
}

impl Rotation {
    /// Says whether it waits until a person brings a value, tries again or gives up.
    pub fn waits_for_a_person(&self) -> bool {
        let without = self.phase == Phase::Creating && self.generate.is_none();
        !self.phase.is_over() && (without || self.trouble.as_ref().is_some_and(|it| it.again_at().is_none()))
    }
}

impl Rotations {
    /// Returns the rotation of a secret that is under way.
    pub fn running(&self, name: &str) -> Option<&Arc<Rotation>> {
        self.latest.get(name).filter(|rotation| !rotation.phase.is_over())
    }

    /// Returns every rotation of a secret that is remembered, newest first.
    pub fn of(&self, name: &str) -> impl Iterator<Item = &Rotation> {
        let past = self.past.get(name).into_iter().flat_map(|past| past.iter().rev());
        self.latest.get(name).map(AsRef::as_ref).into_iter().chain(past)
    }

    /// Says whether a version is not valid any more.
    pub fn is_revoked(&self, name: &str, version: u32) -> bool {
        self.revoked.get(name).is_some_and(|versions| versions.contains(&version))
    }

    pub(super) fn begin(&mut self, name: &str, rotation: Rotation) {
        if let Some(before) = self.latest.insert(name.to_owned(), Arc::new(rotation)) {
            let past = Arc::make_mut(self.past.entry(name.to_owned()).or_default());
            past.push(before.as_ref().clone());
            let surplus = past.len().saturating_sub(KEPT);
            past.drain(..surplus);
        }
    }

    pub(super) fn change(&mut self, name: &str, number: u32, change: impl FnOnce(&mut Rotation)) {
        if let Some(rotation) = self.latest.get_mut(name).filter(|rotation| rotation.number == number) {
            change(Arc::make_mut(rotation));
        }
    }
}

/// Says whether there is nothing to write down.
pub(crate) fn is_unused(rotations: &Arc<Rotations>) -> bool {
    rotations.latest.is_empty() && rotations.reminded.is_empty()
}
