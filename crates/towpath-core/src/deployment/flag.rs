//! The strategy that ships dark and then turns a flag on.

use serde::{Deserialize, Serialize};

use super::{AnalysisSpec, Strategy};
use crate::{
    flags::{FlagDefinition, FlagKey},
    units::{Millis, Percent},
};

/// Ships with a flag off and turns it on step by step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagStrategy {
    /// The flag.
    pub key: FlagKey,
    /// The variant that is new; everybody else gets the default one.
    pub variant: String,
    /// How the instances are replaced before.
    pub via: Via,
    /// The flag as the release defines it in the environment; `None` until a release is resolved.
    pub definition: Option<FlagDefinition>,
    /// In order.
    pub steps: Vec<FlagStep>,
}

/// How the instances are replaced before a flag goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// Instance by instance: one more than declared, never fewer.
    #[default]
    Rolling,
    /// The new is started beside the old, which is kept until the flag is where it should be: going back is at once.
    BlueGreen,
    /// The old is stopped, then the new started.
    Recreate,
}

/// One step of a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FlagStep {
    /// Gives the variant to this share of the users.
    Percent {
        /// The share.
        percent: Percent,
    },
    /// Waits; without a duration until a person goes on.
    Pause {
        /// How long.
        duration: Option<Millis>,
    },
    /// Judges what the flag does.
    Analysis(AnalysisSpec),
}

impl Via {
    /// Returns the word used in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::BlueGreen => "blue-green",
            Self::Recreate => "recreate",
        }
    }
}

impl Strategy {
    /// Returns what it does with a flag, if it does.
    pub fn flag(&self) -> Option<&FlagStrategy> {
        match self {
            Self::Flag(flag) => Some(flag),
            Self::Recreate | Self::Rolling { .. } | Self::BlueGreen { .. } | Self::Canary { .. } => None,
        }
    }
}
