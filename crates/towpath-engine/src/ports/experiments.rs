//! The experiment port: who was exposed to what and when, and what units did, kept outside the ledger.
//!
//! Units come in as keyed hashes only. Everything is kept once, however often it comes.

use async_trait::async_trait;
use jiff::Timestamp;
use towpath_core::{
    experiments::RunSums,
    ids::{EnvironmentName, ExperimentName},
    units::Millis,
};

/// A unit, such as a user: half of an HMAC under the key of the data folder. Without the key nobody can tell whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitHash(pub [u8; 16]);

/// The id of an event, as a keyed hash too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventHash(pub [u8; 16]);

/// One run of an experiment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId {
    /// Where.
    pub environment: EnvironmentName,
    /// Of which experiment.
    pub experiment: ExperimentName,
    /// Its number.
    pub run: u32,
}

/// A unit was exposed to a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// In which run.
    pub run: RunId,
    /// Who.
    pub unit: UnitHash,
    /// The place of the variant: 0 for the control.
    pub variant: u8,
    /// When.
    pub at: Timestamp,
}

/// A unit did something that is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricEvent {
    /// Where.
    pub environment: EnvironmentName,
    /// What.
    pub event: String,
    /// Who.
    pub unit: UnitHash,
    /// Which one: the same again is not counted again.
    pub id: EventHash,
    /// When.
    pub at: Timestamp,
    /// How much, if it says so.
    pub value: Option<f64>,
}

/// Something to keep.
#[derive(Debug, Clone, PartialEq)]
pub enum Gained {
    /// An exposure.
    Exposure(Exposure),
    /// An event.
    Event(MetricEvent),
}

/// What became of something to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is kept.
    New,
    /// It was kept before: nothing is counted twice.
    Known,
}

/// What to add up.
#[derive(Debug, Clone, PartialEq)]
pub struct SumsQuery {
    /// Of which run.
    pub run: RunId,
    /// How many variants it has.
    pub variants: usize,
    /// Exposures and events before this moment only.
    pub until: Timestamp,
    /// How long before its exposure the events of a unit are its covariate.
    pub window: Option<Millis>,
    /// What is measured.
    pub metrics: Vec<MetricQuery>,
}

/// What to add up for one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricQuery {
    /// The event.
    pub event: String,
    /// For a ratio the event of the denominator, whose values count.
    pub per: Option<String>,
    /// What a unit gets of its events.
    pub of: UnitValue,
    /// What an event is worth that says nothing.
    pub value: f64,
    /// The most that counts of one unit.
    pub cap: Option<f64>,
    /// How long after its exposure the events of a unit count.
    pub within: Option<Millis>,
}

/// What a unit gets of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitValue {
    /// 1 if there is any, else 0.
    Any,
    /// How many there are.
    Count,
    /// The sum of their values.
    Sum,
}

/// Why exposures and events could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentStoreError {
    /// No space is left; nothing was written.
    #[error("no space is left for exposures and events; nothing was written")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Anything else; nothing was written.
    #[error("the storage of exposures and events failed")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Durable storage of exposures and metric events.
///
/// A unit counts for a run from its earliest exposure on. One that was seen in two variants is mixed: it is in no sum.
#[async_trait]
pub trait ExperimentStore: Send + Sync {
    /// Keeps all of these in one durable transaction and says of each, in order, whether it is new. When it returns `Ok`,
    /// a power cut loses nothing of it. An exposure is known if it tells nothing new; an event if its unit, name and id are.
    async fn record(&self, gained: &[Gained]) -> Result<Vec<Taken>, ExperimentStoreError>;

    /// Adds up a run, all of it as it was at one moment.
    async fn sums(&self, query: &SumsQuery) -> Result<RunSums, ExperimentStoreError>;

    /// Deletes everything of a unit in an environment and says how many rows that were.
    async fn erase(&self, environment: &EnvironmentName, unit: &UnitHash) -> Result<u64, ExperimentStoreError>;

    /// Deletes everything of an environment.
    async fn forget(&self, environment: &EnvironmentName) -> Result<(), ExperimentStoreError>;

    /// Deletes events of an environment before a moment, and the exposures of runs.
    async fn prune(
        &self,
        environment: &EnvironmentName,
        events_before: Timestamp,
        runs: &[RunId],
    ) -> Result<u64, ExperimentStoreError>;
}
