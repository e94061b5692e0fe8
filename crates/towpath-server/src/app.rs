//! What every handler shares.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{io::AsyncReadExt as _, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use towpath_core::{command::Command, ids::Digest, ledger::Hash};
use towpath_engine::{Done, Engine, ports::BlobError};

use crate::{
    access::{Access, Hosts},
    applications::Applications,
    extract::Caller,
    follow::Followers,
    idempotency::Idempotency,
    ofrep::{Counts, Evaluating, Places},
    options::ServerOptions,
    problem::ApiError,
};

/// The longest bundle, manifest of an artifact and environment of a service that are read, in bytes.
pub(crate) const MAX_BUNDLE: u64 = 16 << 20;
pub(crate) const MAX_MANIFEST: u64 = 32 << 20;
pub(crate) const MAX_ENVIRONMENT: u64 = 4 << 20;

/// What every handler shares.
pub(crate) struct App {
    pub(crate) engine: Arc<Engine>,
    pub(crate) access: Access,
    pub(crate) options: ServerOptions,
    pub(crate) hosts: Hosts,
    pub(crate) idempotency: Idempotency,
    /// The keys of applications.
    pub(crate) applications: Applications,
    /// What environments serve, made ready to answer with.
    pub(crate) evaluating: Evaluating,
    /// How often what was evaluated.
    pub(crate) counts: Counts,
    /// Places for large contexts.
    pub(crate) places: Places,
    /// Room for what applications report, in KiB.
    pub(crate) reports: Semaphore,
    /// Ends event streams when the server stops.
    pub(crate) stopping: CancellationToken,
    /// One for each event stream that may be open.
    pub(crate) streams: Arc<Semaphore>,
    /// Who follows the flags of environments.
    pub(crate) followers: Followers,
    /// The leaf hashes of the ledger as far as proofs needed them; also keeps proofs from being made all at once.
    pub(crate) leaves: tokio::sync::Mutex<Vec<Hash>>,
    boot: u32,
    requests: AtomicU64,
}

pub(crate) type Shared = Arc<App>;

impl App {
    pub(crate) fn new(
        engine: Arc<Engine>,
        access: Access,
        options: ServerOptions,
        port: u16,
        stopping: CancellationToken,
    ) -> Shared {
        let hosts = Hosts::new(port, &options.hosts);
        let streams = Arc::new(Semaphore::new(options.max_streams));
        let followers = Followers::new(options.max_followers);
        // Tells the requests of this run from those of others, which counted from 1 too.
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let boot = engine.now().as_microsecond().unsigned_abs() as u32;
        Arc::new(Self {
            engine,
            access,
            counts: Counts::new(options.evaluations.clone()),
            options,
            hosts,
            idempotency: Idempotency::default(),
            applications: Applications::new(),
            evaluating: Evaluating::new(),
            places: Places::default(),
            reports: Semaphore::new(crate::api::experiments::reports::ROOM),
            stopping,
            streams,
            followers,
            leaves: tokio::sync::Mutex::default(),
            boot,
            requests: AtomicU64::new(0),
        })
    }

    pub(crate) fn next_request(&self) -> String {
        format!("req-{:08x}-{}", self.boot, self.requests.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Returns a whole blob, verified, unless it is longer than something of its kind ever is.
    pub(crate) async fn short_blob(&self, digest: &Digest, most: u64) -> Result<Vec<u8>, ApiError> {
        let reader = self.engine.ports().blobs.open(digest).await?;
        let mut bytes = Vec::new();
        reader.take(most.saturating_add(1)).read_to_end(&mut bytes).await.map_err(BlobError::Storage)?;
        if bytes.len() as u64 > most {
            return Err(ApiError::invalid(
                "blob_too_large",
                format!("blob {digest} is too large for what it is named as"),
            ));
        }
        if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(BlobError::Damaged(*digest).into()) }
    }

    /// How many requests came so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Hands a command to the engine.
    pub(crate) async fn submit(&self, caller: &Caller, command: Command) -> Result<Done, ApiError> {
        Ok(self.engine.submit(&caller.principal, command, &caller.request).await?)
    }
}
