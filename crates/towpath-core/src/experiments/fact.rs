//! What happens to an experiment, as it is written into the ledger: sums and names, never a unit.

use serde::{Deserialize, Serialize};

use super::{ExperimentDefinition, Pinned};
use crate::ids::ExperimentName;

/// An experiment began. What it compares is frozen here: later changes of the files do not change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentStarted {
    /// Which.
    pub experiment: ExperimentName,
    /// How many times it was started here, this one included.
    pub run: u32,
    /// What it compares and how it is judged.
    pub definition: Box<ExperimentDefinition>,
    /// How the flag was served.
    pub pinned: Pinned,
    /// Why, in the words of who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The flag of a running experiment is no longer what it was when it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentAltered {
    /// Which.
    pub experiment: ExperimentName,
    /// Which run.
    pub run: u32,
    /// What is different.
    pub what: String,
}

/// An experiment ended without a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentStopped {
    /// Which.
    pub experiment: ExperimentName,
    /// Which run.
    pub run: u32,
    /// What stopped it.
    pub cause: StopCause,
    /// Why, in the words of who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An experiment ended with a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentDecided {
    /// Which.
    pub experiment: ExperimentName,
    /// Which run.
    pub run: u32,
    /// The variant that was chosen.
    pub variant: String,
    /// What was known then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Why, in the words of who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What stopped an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// Somebody.
    Person,
    /// A guardrail.
    Guardrail {
        /// The metric.
        metric: String,
        /// The variant in which it got worse.
        variant: String,
        /// By how much.
        evidence: String,
    },
    /// Variants got shares of units other than they should.
    SampleRatio {
        /// By how much.
        evidence: String,
    },
}

impl StopCause {
    /// Returns it in words.
    pub fn words(&self) -> String {
        match self {
            Self::Person => "stopped by hand".to_owned(),
            Self::Guardrail { metric, variant, evidence } => {
                format!("the guardrail `{metric}` got worse in `{variant}`: {evidence}")
            }
            Self::SampleRatio { evidence } => format!("the shares of units are not what they should be: {evidence}"),
        }
    }
}
