//! What is asked of experiments.

use super::{ExperimentDefinition, Pinned, StopCause};
use crate::ids::{EnvironmentName, ExperimentName};

/// Something asked of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExperimentCommand {
    /// Where.
    pub environment: EnvironmentName,
    /// Of which.
    pub experiment: ExperimentName,
    /// What.
    pub change: ExperimentChange,
    /// Why.
    pub reason: Option<String>,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExperimentChange {
    /// Starts it.
    Start {
        /// As it is declared in what the environment runs.
        definition: Box<ExperimentDefinition>,
        /// As its flag is served.
        pinned: Pinned,
    },
    /// Writes down that its flag is no longer what it was. Asked by the control plane.
    Alter {
        /// Which run.
        run: u32,
        /// What is different.
        what: String,
    },
    /// Ends it without a decision.
    Stop {
        /// Which run; none means the one that runs.
        run: Option<u32>,
        /// What stops it.
        cause: StopCause,
    },
    /// Ends it with a decision.
    Decide {
        /// The variant that is chosen.
        variant: String,
        /// What keeps the numbers from saying anything.
        blocked: Option<String>,
        /// Whether that is no matter.
        force: bool,
        /// What is known.
        summary: Option<String>,
    },
}
