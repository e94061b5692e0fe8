//! What a target keeps on its disk beside what runs.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{Digest, EnvironmentName, Revision},
    instance::InstanceId,
};

/// Something that a target keeps on its disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Holding {
    /// The log of an instance.
    Log {
        /// Whose.
        instance: InstanceId,
    },
    /// What the next control plane must know of an instance.
    State {
        /// Whose.
        instance: InstanceId,
    },
    /// The files of an artifact, written out.
    Artifact {
        /// The digest of its tree.
        tree: Digest,
    },
}

/// A [`Holding`] with where and how much it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What.
    pub what: Holding,
    /// Where, for people.
    pub place: String,
    /// How much room it takes.
    pub bytes: u64,
    /// When it was last written.
    pub modified: Timestamp,
}

impl Holding {
    /// Returns the environment and revision it belongs to, if it belongs to one.
    pub fn owner(&self) -> Option<(&EnvironmentName, Revision)> {
        match self {
            Self::Log { instance } | Self::State { instance } => {
                Some((&instance.set.environment, instance.set.revision))
            }
            Self::Artifact { .. } => None,
        }
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log { instance } => write!(f, "log of {instance}"),
            Self::State { instance } => write!(f, "state of {instance}"),
            Self::Artifact { tree } => write!(f, "files of artifact {}", tree.short()),
        }
    }
}
