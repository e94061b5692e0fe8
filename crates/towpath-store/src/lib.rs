//! Ledger, blobs and samples on SQLite and the file system.
//!
//! One folder holds everything: `ledger.db`, `samples.db`, `experiments.db` and `blobs/`. Nothing here knows what an entry means, and
//! nothing here decides who may write: one server at a time owns the folder.

mod blobs;
mod database;
mod experiments;
mod ledger;
mod samples;

pub use blobs::FileBlobs;
pub use database::OpenError;
pub use experiments::SqliteExperiments;
pub use ledger::SqliteStore;
pub use samples::SqliteSamples;
