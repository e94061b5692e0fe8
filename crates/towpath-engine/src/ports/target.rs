//! The target port: where instances run.

use async_trait::async_trait;
use towpath_core::{
    instance::{InstanceId, InstanceSet, InstanceStatus, SetId},
    lifecycle::{Held, Holding},
};

/// Why a target could not do or say something.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// An instance could not be prepared or started for a reason the user can mend.
    #[error("cannot start `{set}`: {reason}")]
    CannotStart {
        /// Which set.
        set: SetId,
        /// What is wrong and what to do.
        reason: String,
        /// The cause underneath, if there is one.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// There is no such instance, and no log of it.
    #[error("there is no instance `{0}`")]
    Unknown(InstanceId),
    /// The target failed otherwise.
    #[error("the target failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Which part of an instance's log to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogQuery {
    /// Byte position to read from, as an earlier chunk gave it; `None` starts `tail_lines` before the end.
    pub from: Option<u64>,
    /// Lines before the end, where `from` is `None`.
    pub tail_lines: usize,
    /// Most bytes to return.
    pub max_bytes: usize,
}

/// A part of an instance's log: whole lines, standard output and error interleaved as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogChunk {
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Where to go on reading. Positions survive rotation; when the position has been rotated away, reading goes on
    /// at the oldest byte that is kept.
    pub next: u64,
}

/// Where instances run: local processes, Kubernetes.
///
/// Level-triggered: the same call again changes nothing, and after a restart of the control plane the target still
/// knows (or finds again) what runs.
#[async_trait]
pub trait Target: Send + Sync {
    /// Makes this the declared state of one set: starts what is missing, stops what is too much (highest index first,
    /// SIGTERM, grace, SIGKILL). Returns when the order is accepted, not when it is done. A set scaled to 0 and stopped is forgotten.
    async fn scale(&self, set: &InstanceSet) -> Result<(), TargetError>;

    /// Stops every instance of a set and forgets it.
    async fn remove(&self, set: &SetId) -> Result<(), TargetError>;

    /// Returns every instance that exists, of every set, including ones that are stopping.
    async fn observe(&self) -> Result<Vec<InstanceStatus>, TargetError>;

    /// Reads the log of an instance, also after it has ended.
    async fn logs(&self, instance: &InstanceId, query: LogQuery) -> Result<LogChunk, TargetError>;

    /// Lists what it keeps on its disk beside what runs: logs, states of instances, unpacked artifacts. A target without a disk
    /// of its own keeps nothing.
    async fn holdings(&self) -> Result<Vec<Held>, TargetError> {
        Ok(Vec::new())
    }

    /// Deletes some of what it keeps. What an instance that exists or is declared needs is left; what is not there is
    /// deleted already.
    async fn discard(&self, _: &[Holding]) -> Result<(), TargetError> {
        Ok(())
    }

    /// Waits until an observation would differ from the last one returned, so that the loop need not poll.
    async fn changed(&self);
}
