//! The sample port: what is measured often and kept for a while, outside the ledger.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use towpath_core::{
    ids::{EnvironmentName, Revision},
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

impl SampleWindow {
    /// Says whether the sample belongs to the window.
    pub fn contains(&self, sample: &Sample) -> bool {
        sample.route == self.route && sample.revision == self.revision && sample.to > self.from && sample.to <= self.to
    }
}

/// Why samples could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the sample storage failed")]
pub struct SampleError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// After this long samples are merged into minutes.
pub const MINUTES_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// After this long samples are merged into hours.
pub const HOURS_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// After this long samples are deleted.
pub const DELETED_AFTER: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Returns the end of the minute or hour (`length` in seconds, which must not be 0) to which a sample that ends at `to`
/// belongs. Spans end at their last moment, as in [`SampleWindow`], so sums over whole spans do not change by merging.
pub fn span_end(to: Timestamp, length: i64) -> Timestamp {
    let whole = to.as_second() + i64::from(to.subsec_nanosecond() > 0);
    let end = whole.saturating_add(length - 1).div_euclid(length).saturating_mul(length);
    Timestamp::from_second(end).unwrap_or(to)
}

/// Storage of samples.
#[async_trait]
pub trait Samples: Send + Sync {
    /// Keeps samples. Losing the last second of them in a crash is allowed.
    async fn record(&self, samples: &[Sample]) -> Result<(), SampleError>;

    /// Adds up what falls in a window.
    async fn sum(&self, window: &SampleWindow) -> Result<Counts, SampleError>;

    /// Returns the samples of a window, oldest first, at the resolution they are kept in.
    async fn list(&self, window: &SampleWindow) -> Result<Vec<Sample>, SampleError>;

    /// Deletes every sample of an environment.
    async fn forget(&self, environment: &EnvironmentName) -> Result<(), SampleError>;

    /// Merges samples older than an hour into minutes, older than a day into hours, and deletes those older than
    /// 90 days, seen from `now`; only whole minutes and hours are merged. Sums over whole hours are unchanged by merging.
    async fn roll_up(&self, now: Timestamp) -> Result<(), SampleError>;
}
