//! What happens to flags while they serve, as it is written into the ledger.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    flags::{FlagKey, FlagPatch, FlagTarget},
    ids::{Digest, EnvironmentName, FlagChangeNumber, ScheduleNumber},
};

/// What lies over the files of one flag or segment after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagChange {
    /// Of what.
    pub target: FlagTarget,
    /// For a flag its whole [`FlagPatch`], for a segment its rule; `None` leaves it to the files again.
    #[serde(default)]
    pub live: Option<Value>,
}

/// Flags or segments of an environment serve something else from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagsChanged {
    /// Its number in the environment.
    pub number: FlagChangeNumber,
    /// What, all of it at once; each target once.
    pub changes: Vec<FlagChange>,
    /// The same for people: one line for each property.
    #[serde(default)]
    pub words: Vec<String>,
    /// Why, in the words of who asked.
    #[serde(default)]
    pub reason: Option<String>,
    /// The change that it takes back.
    #[serde(default)]
    pub undoes: Option<FlagChangeNumber>,
    /// The environment that flags were taken over from.
    #[serde(default)]
    pub from: Option<EnvironmentName>,
    /// The schedule that it was done by.
    #[serde(default)]
    pub schedule: Option<ScheduleNumber>,
}

/// A change waits until enough people agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagChangeRequested {
    /// What would be.
    #[serde(flatten)]
    pub change: FlagsChanged,
    /// The checksum of what it does to the flags as they are: what is approved is this.
    pub plan: Digest,
    /// From when it cannot be approved any more.
    pub expires_at: Timestamp,
}

/// Somebody agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagChangeApproved {
    /// To which.
    pub number: FlagChangeNumber,
    /// The checksum they saw.
    pub plan: Digest,
    /// What they said.
    #[serde(default)]
    pub comment: Option<String>,
}

/// Somebody said no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagChangeRejected {
    /// To which.
    pub number: FlagChangeNumber,
    /// What they said.
    #[serde(default)]
    pub comment: Option<String>,
}

impl FlagChange {
    /// Returns the change of a flag.
    pub fn of_flag(key: FlagKey, patch: Option<FlagPatch>) -> Self {
        let live = patch.filter(|patch| !patch.0.is_empty()).map(|patch| Value::Object(patch.0));
        Self { target: FlagTarget::Flag(key), live }
    }

    /// Returns the change of a segment.
    pub fn of_segment(name: String, rule: Option<Value>) -> Self {
        Self { target: FlagTarget::Segment(name), live: rule }
    }
}
