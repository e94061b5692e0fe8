//! The sample port: what is measured often and kept for a while, outside the ledger.

use async_trait::async_trait;
use jiff::Timestamp;
use towpath_core::{
    ids::Revision,
    traffic::{Counts, RouteId},
};

/// What a revision of a service did in a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Which service of which environment.
    pub route: RouteId,
    /// Which revision.
    pub revision: Revision,
    /// Beginning of the span.
    pub from: Timestamp,
    /// End of the span, exclusive.
    pub to: Timestamp,
    /// What it did.
    pub counts: Counts,
}

/// Which samples to add up: those that end in `(from, to]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleWindow {
    /// Which service of which environment.
    pub route: RouteId,
    /// Which revision.
    pub revision: Revision,
    /// Beginning, exclusive.
    pub from: Timestamp,
    /// End, inclusive.
    pub to: Timestamp,
}

/// Why samples could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the sample storage failed")]
pub struct SampleError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Storage of samples.
#[async_trait]
pub trait Samples: Send + Sync {
    /// Keeps samples. Losing the last second of them in a crash is allowed.
    async fn record(&self, samples: &[Sample]) -> Result<(), SampleError>;

    /// Adds up what falls in a window.
    async fn sum(&self, window: &SampleWindow) -> Result<Counts, SampleError>;

    /// Returns the samples of a window, oldest first, at the resolution they are kept in.
    async fn list(&self, window: &SampleWindow) -> Result<Vec<Sample>, SampleError>;

    /// Merges samples older than an hour into minutes, older than a day into hours, and deletes those older than
    /// 90 days, seen from `now`. Sums over whole hours are unchanged by merging.
    async fn roll_up(&self, now: Timestamp) -> Result<(), SampleError>;
}
