//! What the engine needs from the outside, as traits. Implementations live in their own crates and never see each other.

mod blobs;
mod clock;
mod ledger;
mod samples;
mod target;
mod traffic;

pub use blobs::{BlobError, BlobReader, Blobs};
pub use clock::Clock;
pub use ledger::{EntryFilter, Ledger, LedgerError, LedgerHead, Snapshot};
pub use samples::{DELETED_AFTER, HOURS_AFTER, MINUTES_AFTER, Sample, SampleError, SampleWindow, Samples, span_end};
pub use target::{LogChunk, LogQuery, Target, TargetError};
pub use traffic::{Traffic, TrafficError};
