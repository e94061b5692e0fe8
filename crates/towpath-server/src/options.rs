//! What the server is told when it starts.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use towpath_core::{ids::EnvironmentName, project::Project};
use towpath_engine::{
    experiments::Experiments, flags::FlagSets, ports::Evaluations, rotation::Rotator, secrets::Secrets,
};

/// Reads projects from bundles, so that the server need not know how.
pub trait Projects: Send + Sync {
    /// Returns the policy that the bundle declares, or everything that is wrong with it.
    fn read(&self, bundle: &[u8]) -> Result<Project, Vec<Mistake>>;

    /// Returns the names of the variables that are secret in an environment; `None` where that cannot be told, and then
    /// no value of any variable is shown.
    fn secrets(&self, bundle: &[u8], environment: &EnvironmentName) -> Option<BTreeSet<String>>;
}

/// One mistake in the files of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub path: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// From 1.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// How the server serves.
#[derive(Clone)]
pub struct ServerOptions {
    /// Reads projects.
    pub projects: Arc<dyn Projects>,
    /// The store of secrets; without one nothing of them can be asked.
    pub secrets: Option<Arc<Secrets>>,
    /// What rotates them.
    pub rotator: Option<Arc<Rotator>>,
    /// The flags that environments serve.
    pub flags: Arc<FlagSets>,
    /// Where it is kept how often they were evaluated; without one that is not counted.
    pub evaluations: Option<Arc<dyn Evaluations>>,
    /// Experiments; without them nothing is counted.
    pub experiments: Option<Arc<Experiments>>,
    /// Names under which the server may be asked for beside the loopback ones: `name` or `name:port`.
    pub hosts: Vec<String>,
    /// Serves on an address that is not loopback. Nobody should without encryption in front.
    pub allow_remote: bool,
    /// The largest JSON body in bytes.
    pub max_json: usize,
    /// The largest blob in bytes.
    pub max_blob: u64,
    /// Connections at once beside those of [`Self::max_followers`]; more wait.
    pub max_connections: usize,
    /// Event streams at once; more are refused.
    pub max_streams: usize,
    /// Streams at once on which applications follow flags, each of which may have a connection of its own; more are refused.
    pub max_followers: usize,
    /// How long an answer may take to begin.
    pub request_timeout: Duration,
    /// How long a blob may take to arrive.
    pub upload_timeout: Duration,
    /// How long the head of a request may take to arrive; also how long a connection may idle.
    pub header_timeout: Duration,
    /// How long requests in flight may take when the server stops.
    pub drain: Duration,
    /// Time between two comments on an event stream where nothing happens.
    pub heartbeat: Duration,
}

impl ServerOptions {
    /// Returns the usual options.
    pub fn new(projects: Arc<dyn Projects>) -> Self {
        Self {
            projects,
            secrets: None,
            rotator: None,
            flags: Arc::default(),
            evaluations: None,
            experiments: None,
            hosts: Vec::new(),
            allow_remote: false,
            max_json: 1 << 20,
            max_blob: 1 << 30,
            max_connections: 512,
            max_streams: 128,
            max_followers: 16_384,
            request_timeout: Duration::from_secs(30),
            upload_timeout: Duration::from_mins(10),
            header_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(10),
            heartbeat: Duration::from_secs(15),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{path}")?;
            if let Some(line) = self.line {
                write!(f, ":{line}:{}", self.column.unwrap_or(1))?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}
