//! Builders, fakes of every port and the simulation. Used by tests only.

pub mod conformance;
pub mod console_blocks;
pub mod doubles;
pub mod history;
mod memory_blobs;
mod memory_evaluations;
mod memory_experiments;
mod memory_keys;
mod memory_ledger;
mod memory_samples;
mod memory_source;
mod one_key_provider;
pub mod postgres;
pub mod sim;
pub mod tools;
pub mod vault;

pub use memory_blobs::MemoryBlobs;
pub use memory_evaluations::MemoryEvaluations;
pub use memory_experiments::MemoryExperiments;
pub use memory_keys::{KeyFault, MemoryKeys};
pub use memory_ledger::{LedgerFault, MemoryLedger};
pub use memory_samples::MemorySamples;
pub use memory_source::MemorySource;
pub use one_key_provider::OneKeyProvider;
