//! What people changed of the flags of an environment while they serve, as the world keeps it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FlagDocument, FlagKey, FlagPatch, FlagRecord, FlagRequest};
use crate::ids::FlagChangeNumber;

/// What a live change is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagTarget {
    /// A flag.
    Flag(FlagKey),
    /// A segment (`$evaluators`).
    Segment(String),
}

/// What lies over the files of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveFlags {
    /// The changes, by flag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub patches: BTreeMap<FlagKey, FlagPatch>,
    /// The segments, whole.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub segments: BTreeMap<String, Value>,
    /// How many changes took effect.
    #[serde(default)]
    pub changes: u64,
    /// The number that was given last, to a change or to a request.
    #[serde(default)]
    pub last: FlagChangeNumber,
    /// The latest changes, oldest first.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub records: VecDeque<Arc<FlagRecord>>,
    /// Changes that wait, and those that expired since the last was asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<FlagChangeNumber, Arc<FlagRequest>>,
}

impl LiveFlags {
    /// Returns a document with what lies over it. A change that does not fit (any more) is left out, and its flag stays as it is.
    #[must_use]
    pub fn over(&self, document: &FlagDocument) -> FlagDocument {
        let mut document = document.clone();
        for (key, patch) in &self.patches {
            if let Ok(flag) = patch.over(document.flags.get(key)) {
                document.flags.insert(key.clone(), flag);
            }
        }
        document.evaluators.extend(self.segments.clone());
        document
    }
}

/// Says whether it need not be written down.
pub fn is_unused(live: &Arc<LiveFlags>) -> bool {
    **live == LiveFlags::default()
}

impl std::fmt::Display for FlagTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(key) => key.fmt(f),
            Self::Segment(name) => write!(f, "segment {name}"),
        }
    }
}
