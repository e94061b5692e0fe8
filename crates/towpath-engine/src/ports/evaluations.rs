//! The port of evaluation counts: how often a flag yielded what, and when last. Not events: they are many, and losing the last
//! seconds of them in a crash is allowed.

use async_trait::async_trait;
use jiff::Timestamp;
use towpath_core::{flags::FlagKey, ids::EnvironmentName};

use super::SampleError;

/// How often a flag yielded a variant for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationCount {
    /// The flag.
    pub flag: FlagKey,
    /// The variant; `None` where it yielded none.
    pub variant: Option<String>,
    /// Why: a reason of OFREP, such as `TARGETING_MATCH`.
    pub reason: String,
    /// Whether it was asked for among all flags, as pages do, which says nothing about whether anybody uses this one.
    pub bulk: bool,
    /// How often.
    pub count: u64,
    /// When first, to a few seconds.
    pub first: Timestamp,
    /// When last, to a few seconds.
    pub last: Timestamp,
}

/// Storage of evaluation counts.
#[async_trait]
pub trait Evaluations: Send + Sync {
    /// Adds to what is counted.
    async fn add(&self, environment: &EnvironmentName, counts: &[EvaluationCount]) -> Result<(), SampleError>;

    /// Returns what was counted in an environment, by flag, variant and reason.
    async fn list(&self, environment: &EnvironmentName) -> Result<Vec<EvaluationCount>, SampleError>;

    /// Deletes what was last seen before a moment, in every environment.
    async fn forget_before(&self, moment: Timestamp) -> Result<(), SampleError>;

    /// Deletes everything of an environment.
    async fn forget(&self, environment: &EnvironmentName) -> Result<(), SampleError>;
}
