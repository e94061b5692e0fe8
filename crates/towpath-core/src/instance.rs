//! Instances: what a target is told to run and what it says of it.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    deployment::ServiceSpec,
    ids::{EnvironmentName, Revision, ServiceName},
    units::Bytes,
};

/// The service of a revision in an environment: what is scaled together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SetId {
    /// Where.
    pub environment: EnvironmentName,
    /// What.
    pub service: ServiceName,
    /// Which revision of it.
    pub revision: Revision,
}

/// One instance of a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceId {
    /// The set.
    pub set: SetId,
    /// From 0; a set of n instances has 0 to n − 1.
    pub index: u32,
}

/// What a target must keep running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSet {
    /// Which set.
    pub id: SetId,
    /// How many instances; the ones with the highest index go first.
    pub replicas: u32,
    /// How each runs.
    pub spec: ServiceSpec,
    /// The resolved environment of each instance. May hold secrets: never logged.
    pub environment: Environment,
}

/// Environment variables of a process. `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<String, String>);

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum InstancePhase {
    /// Started, its start-up or readiness probe has not succeeded yet.
    Starting,
    /// Its readiness probe succeeds: it may get traffic.
    Ready,
    /// It was ready and its readiness probe fails now.
    Unready,
    /// It exited or failed its liveness probe and is started again at this time.
    BackOff {
        /// When.
        until: Timestamp,
    },
    /// It exited too often in a row; still tried again at this time.
    CrashLoop {
        /// When.
        until: Timestamp,
    },
    /// It was told to stop and has not yet.
    Stopping,
}

/// What a target says of one instance. An instance that is gone is not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// Which.
    pub id: InstanceId,
    /// Where in its life.
    pub phase: InstancePhase,
    /// Where it serves.
    pub address: Option<SocketAddr>,
    /// The process, for local targets.
    pub pid: Option<u32>,
    /// When the running process was started.
    pub started_at: Option<Timestamp>,
    /// How often it was started again.
    pub restarts: u32,
    /// Why it last ended or is not ready, in words (`exited with status 1`, `GET /health answered 503`).
    pub message: Option<String>,
    /// What it uses.
    pub usage: Option<Usage>,
}

/// What an instance uses of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU over the last interval, in thousandths of a core.
    pub cpu_milli: u32,
    /// Resident memory.
    pub memory: Bytes,
}

impl InstanceStatus {
    /// Says whether it may get traffic.
    pub fn is_ready(&self) -> bool {
        self.phase == InstancePhase::Ready && self.address.is_some()
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.environment, self.service, self.revision)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.set, self.index)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
