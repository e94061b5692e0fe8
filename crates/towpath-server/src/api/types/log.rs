//! Logs of instances.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Parts of the logs of instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Logs {
    /// One part for each instance, by service and index.
    pub chunks: Vec<LogChunk>,
}

/// A part of the log of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogChunk {
    /// The service.
    pub service: String,
    /// The revision whose instance it is.
    pub revision: u64,
    /// The index of the instance.
    pub index: u32,
    /// Whole lines, standard output and error as they were written.
    pub text: String,
    /// What to give as `from` to go on reading.
    pub next: u64,
}
