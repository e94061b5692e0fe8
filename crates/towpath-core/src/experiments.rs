//! Experiments: what is compared, who was exposed to what, and what may be concluded.
//!
//! Numbers come in as sums per variant; who was exposed when is kept by the store, not in the world.

mod allocation;
mod command;
mod definition;
mod fact;
mod fold;
mod judge;
mod read;
mod run;
pub mod statistics;
mod sums;

pub use allocation::{Arm, Pinned, Unfit, assignment, pin, spoils};
pub use command::{ExperimentChange, ExperimentCommand};
pub use definition::{
    Direction, ExperimentDefinition, ExposureRule, Method, Metric, MetricKind, MetricRole, SampleRatioRule,
};
pub use fact::{ExperimentAltered, ExperimentDecided, ExperimentStarted, ExperimentStopped, StopCause};
pub(crate) use fold::fold;
pub use judge::{blocked, judge, mismatch, observations, settings};
pub(crate) use read::unknown_flags;
pub use read::{DeclaredExperiments, ExperimentsFile, is_experiment_file, read_experiments};
pub use run::{Experiments, Run, RunState, is_unused};
pub use sums::{MetricSums, RunSums, VariantSums};
