//! What a revision runs and how it is brought in: services, probes, strategy, checks.
//!
//! Values of environment variables are not here but in a blob named by digest, because
//! the specification is written into the ledger, which is never erased.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::{Deserialize, Serialize};

use super::FlagStrategy;
use crate::{
    ids::{Digest, ServiceName},
    secrets::SecretPin,
    units::{Bytes, MilliCpu, Millis, Percent},
};

/// Everything that one revision of an environment is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentSpec {
    /// What runs, by service.
    pub services: BTreeMap<ServiceName, ServiceSpec>,
    /// How traffic gets to it.
    pub strategy: Strategy,
    /// How long a rollout may go without progress before it fails, pauses not counted.
    pub progress_deadline: Millis,
    /// What is checked before the revision counts as good.
    pub verification: Vec<Check>,
    /// What happens when it fails, where the environment says so; without it a failed rollout goes back by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackPolicy>,
    /// The secrets it runs with: where the value of each comes from, and which it is. The environments of the services have
    /// places for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretPin>,
}

/// Whether and how a rollout that failed goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackPolicy {
    /// Whether anybody can go back to an earlier revision.
    pub enabled: bool,
    /// Whether it goes back by itself; if not, it waits for a person.
    pub automatic: bool,
    /// How long going back waits for the good revision to be whole again; then what is there of it must do.
    pub timeout: Millis,
}

impl DeploymentSpec {
    /// Says whether a rollout that failed goes back without being told to.
    pub fn goes_back_by_itself(&self) -> bool {
        self.rollback.is_none_or(|policy| policy.enabled && policy.automatic)
    }
}

/// How one service runs in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// The artifact tree that is the working directory, if the service has one.
    pub artifact: Option<Digest>,
    /// Program and arguments; `${NAME}` is replaced from the environment of the instance (`${PORT}` too).
    /// Empty for a service that only has an image.
    pub command: Vec<String>,
    /// The container image, used by the Kubernetes target.
    pub image: Option<String>,
    /// The blob with the resolved environment: canonical JSON, an object of strings.
    pub environment: Digest,
    /// How many instances.
    pub replicas: u32,
    /// Where the proxy listens for this service; without one it takes a free port.
    pub listen: Option<SocketAddr>,
    /// Where the proxy shows the new revision before it is promoted (blue-green).
    pub preview: Option<SocketAddr>,
    /// When an instance is up, may get traffic, must be restarted.
    pub probes: Probes,
    /// Limits, where the target can enforce or report them.
    pub resources: Resources,
    /// How long an instance may take from SIGTERM until SIGKILL.
    pub stop_grace: Millis,
    /// How long requests in flight may take after an instance left the routing.
    pub drain: Millis,
}

/// The three probes of an instance, in the sense of Kubernetes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probes {
    /// Holds the other two back until it has succeeded once.
    pub startup: Option<Probe>,
    /// While it fails the instance gets no traffic. Without one, an open port is enough.
    pub readiness: Option<Probe>,
    /// When it fails the instance is restarted.
    pub liveness: Option<Probe>,
}

/// One probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What is asked.
    pub action: ProbeAction,
    /// Time before the first attempt.
    pub initial_delay: Millis,
    /// Time between attempts.
    pub period: Millis,
    /// Time after which an attempt has failed.
    pub timeout: Millis,
    /// Failures in a row that make it failing, from 1.
    pub failure_threshold: u32,
    /// Successes in a row that make it succeeding, from 1.
    pub success_threshold: u32,
}

/// What a probe asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ProbeAction {
    /// GET on the instance's port; 200 to 399 is success.
    Http {
        /// The path, beginning with `/`.
        path: String,
        /// Extra request headers.
        headers: BTreeMap<String, String>,
    },
    /// A connection to the instance's port.
    Tcp,
    /// A command in the instance's directory and environment; status 0 is success.
    Command {
        /// Program and arguments.
        command: Vec<String>,
    },
}

/// Limits of one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// CPU.
    pub cpu: Option<MilliCpu>,
    /// Resident memory.
    pub memory: Option<Bytes>,
}

/// How a revision takes over from the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Strategy {
    /// The old is stopped, then the new started; requests wait in the proxy meanwhile.
    Recreate,
    /// Instance by instance.
    Rolling {
        /// How many instances more than declared may run.
        max_surge: u32,
        /// How many instances fewer than declared may be ready.
        max_unavailable: u32,
    },
    /// The new is started beside the old and traffic switched at once.
    BlueGreen {
        /// Promotes by itself after this time in preview; `None` waits for a person.
        auto_promote_after: Option<Millis>,
        /// Judged after the switch, if given.
        analysis: Option<AnalysisSpec>,
        /// How long the old is kept running after the switch.
        keep_old: Millis,
    },
    /// A growing share of the traffic.
    Canary {
        /// In order; a last step of 100 % is implied.
        steps: Vec<CanaryStep>,
    },
    /// The new takes everything over with a flag off; then the flag goes on for a growing share of the users.
    Flag(Box<FlagStrategy>),
}

/// One step of a canary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CanaryStep {
    /// Sends this share of the traffic to the new revision.
    Weight {
        /// The share.
        percent: Percent,
    },
    /// Waits; without a duration until a person goes on.
    Pause {
        /// How long.
        duration: Option<Millis>,
    },
    /// Judges the new revision.
    Analysis(AnalysisSpec),
}

/// How the metrics of the proxy decide whether a rollout goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalysisSpec {
    /// Time between measurements; each judges what happened since the one before.
    pub interval: Millis,
    /// How many measurements must be made.
    pub count: u32,
    /// Measurements that may fail; one more fails the analysis.
    pub failure_limit: u32,
    /// Measurements that may be inconclusive; one more makes the analysis inconclusive, which pauses the rollout.
    pub inconclusive_limit: u32,
    /// Requests below which a measurement is inconclusive.
    pub min_requests: u64,
    /// Highest share of failed requests, in hundredths of a percent (100 = 1 %).
    pub max_error_rate_bp: Option<u32>,
    /// Highest 95th percentile of latency.
    pub max_p95: Option<Millis>,
}

/// One check of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What people call it.
    pub name: String,
    /// What it does.
    pub action: CheckAction,
    /// Time after which it has failed.
    pub timeout: Millis,
    /// How often it is tried again before it has failed.
    pub retries: u32,
}

/// What a check does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CheckAction {
    /// Requests a path from the new revision of a service.
    Http {
        /// Which service.
        service: ServiceName,
        /// The path, beginning with `/`.
        path: String,
        /// The expected status.
        status: u16,
        /// Text that the body must contain.
        contains: Option<String>,
    },
    /// Runs a command with `TOWPATH_URL_<SERVICE>` set; status 0 is success.
    Command {
        /// Program and arguments.
        command: Vec<String>,
    },
}
