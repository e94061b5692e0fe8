//! What the engine needs from the outside, as traits. Implementations live in their own crates and never see each other.

mod blobs;
mod checks;
mod clock;
mod credential_backend;
mod evaluations;
mod experiments;
mod key_provider;
mod key_providers;
mod ledger;
mod resolver;
mod samples;
mod secret_source;
mod secret_sources;
mod target;
mod traffic;

pub use blobs::{BlobError, BlobReader, Blobs, StoredBlob};
pub use checks::{CheckOutcome, Checks};
pub use clock::Clock;
pub use credential_backend::{CredentialBackend, CredentialError, CredentialJob};
pub use evaluations::{EvaluationCount, Evaluations};
pub use experiments::{
    EventHash, ExperimentStore, ExperimentStoreError, Exposure, Gained, MetricEvent, MetricQuery, RunId, SumsQuery,
    Taken, UnitHash, UnitValue,
};
pub use key_provider::{DataKeyBytes, KeyContext, KeyError, KeyProvider};
pub use key_providers::KeyProviders;
pub use ledger::{EntryFilter, Ledger, LedgerError, LedgerHead, Snapshot};
pub use resolver::{ResolveError, Resolver};
pub use samples::{DELETED_AFTER, HOURS_AFTER, MINUTES_AFTER, Sample, SampleError, SampleWindow, Samples, span_end};
pub use secret_source::{PastVersion, SecretSource, SourceError};
pub use secret_sources::{Opening, SecretSources};
pub use target::{LogChunk, LogQuery, Target, TargetError};
pub use traffic::{Traffic, TrafficError};
