//! The local target: instances as processes of this machine.
//!
//! Processes outlive the control plane. Each leads its own process group, writes straight into its log file, and is
//! written down in a state file; the next start finds it again by process number, start time and boot. Ending the
//! control plane therefore stops nothing: [`LocalTarget::stop_all`] does.
//!
//! Limits: memory and CPU are measured per process group and reported, not enforced. `RLIMIT_AS` counts reserved address
//! space, of which Go, Java, Node and sanitizers reserve far more than they use; cgroups need rights that we do not
//! assume. Processes that leave their group (`setsid`) are not seen any more.

mod artifacts;
mod environment;
mod holdings;
mod instance;
mod launch;
mod logs;
mod probes;
mod registry;
mod state;
mod usage;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use rustix::fs::{FlockOperation, flock};
use towpath_core::{
    instance::{InstanceId, InstanceSet, InstanceStatus, SetId},
    lifecycle::{Held, Holding},
    supervision::BackOff,
    units::Bytes,
};
use towpath_engine::ports::{Blobs, LogChunk, LogQuery, Target, TargetError};

use self::registry::Registry;
use crate::process;

/// Where and how a local target works.
pub struct LocalOptions {
    /// The folder for everything it keeps: `artifacts/`, `instances/`, `logs/`. Made if it is missing, with mode 0700.
    pub data_dir: PathBuf,
    /// The working directory of services without an artifact.
    pub default_directory: PathBuf,
    /// Where artifacts come from.
    pub blobs: Arc<dyn Blobs>,
    /// How long to wait before an instance is started again.
    pub back_off: BackOff,
    /// How much of each instance's log is kept. Up to a quarter more may be there for a moment.
    pub log_keep: Bytes,
    /// Time between measurements of CPU and memory, and between looks at the size of the logs.
    pub sample_every: Duration,
}

impl LocalOptions {
    /// Returns usual options.
    pub fn new(data_dir: PathBuf, default_directory: PathBuf, blobs: Arc<dyn Blobs>) -> Self {
        Self {
            data_dir,
            default_directory,
            blobs,
            back_off: BackOff::default(),
            log_keep: Bytes(64 << 20),
            sample_every: Duration::from_secs(5),
        }
    }
}

/// Why a local target could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has it.
    #[error("another towpath server runs instances from `{}`: stop it first", .0.display())]
    InUse(PathBuf),
    /// The folder cannot be used.
    #[error("cannot use `{}` for instances: it must be a folder that can be written to", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel does not tell what is needed.
    #[error("cannot tell one boot of this machine from another: is /proc there?")]
    Boot(#[source] io::Error),
}

/// Runs instances as local processes. Dropping it stops the supervision, not the instances.
pub struct LocalTarget {
    registry: Arc<Registry>,
    // Held as long as the target; the lock goes with it.
    _lock: fs::File,
}

impl LocalTarget {
    /// Opens the folder, and supervises again what still runs from it.
    ///
    /// Must be called within a Tokio runtime with time and IO.
    pub fn open(options: LocalOptions) -> Result<Self, OpenError> {
        process::boot_id().map_err(OpenError::Boot)?;
        let folder = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Folder { path, source }
        };
        for name in ["artifacts", "instances", "logs"] {
            let path = options.data_dir.join(name);
            make_private(&path).map_err(folder(&path))?;
        }
        let path = options.data_dir.join("target.lock");
        let lock = fs::File::create(&path).map_err(folder(&path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(OpenError::InUse(options.data_dir)),
            Err(error) => return Err(folder(&path)(error.into())),
        }
        let artifacts = options.data_dir.join("artifacts");
        artifacts::clean(&artifacts).map_err(folder(&artifacts))?;
        let records = state::load_all(&options.data_dir.join("instances"));
        let registry = Registry::new(options);
        for record in records {
            registry.resume(record);
        }
        tokio::spawn(usage::sample(Arc::downgrade(&registry), registry.sample_every, registry.closed()));
        Ok(Self { registry, _lock: lock })
    }

    /// Stops every instance, also those that nobody declared in this run, and returns when all are gone.
    pub async fn stop_all(&self) {
        let mut version = self.registry.version.subscribe();
        self.registry.remove_all();
        // An answer cannot be missed: the version is marked as seen before the instances are counted.
        loop {
            version.borrow_and_update();
            if self.registry.is_empty() || version.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for LocalTarget {
    fn drop(&mut self) {
        self.registry.close();
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[async_trait]
impl Target for LocalTarget {
    async fn scale(&self, set: &InstanceSet) -> Result<(), TargetError> {
        if set.replicas > 0 {
            launch::check(set)?;
        }
        self.registry.declare(set);
        Ok(())
    }

    async fn remove(&self, set: &SetId) -> Result<(), TargetError> {
        self.registry.remove(set);
        Ok(())
    }

    async fn observe(&self) -> Result<Vec<InstanceStatus>, TargetError> {
        Ok(self.registry.observe())
    }

    async fn logs(&self, instance: &InstanceId, query: LogQuery) -> Result<LogChunk, TargetError> {
        let path = logs::path(&self.registry.data_dir, instance);
        let (known, runs) = self.registry.known(instance);
        let read = tokio::task::spawn_blocking(move || logs::read(&path, query, !runs)).await;
        match read.map_err(|error| TargetError::Failed(Box::new(error)))? {
            Ok(chunk) => Ok(chunk),
            Err(error) if error.kind() == io::ErrorKind::NotFound && known => Ok(LogChunk::default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(TargetError::Unknown(instance.clone())),
            Err(error) => Err(TargetError::Failed(Box::new(error))),
        }
    }

    async fn holdings(&self) -> Result<Vec<Held>, TargetError> {
        let data = self.registry.data_dir.clone();
        let listed = tokio::task::spawn_blocking(move || holdings::list(&data)).await;
        let listed = listed.map_err(|error| TargetError::Failed(Box::new(error)))?;
        listed.map_err(|error| TargetError::Failed(Box::new(error)))
    }

    async fn discard(&self, what: &[Holding]) -> Result<(), TargetError> {
        // An instance is entered before its artifact is looked for: with this held, what nobody needs stays so.
        let _held = self.registry.artifacts.hold().await;
        let unneeded = what.iter().filter(|one| !self.registry.needs(one)).cloned().collect::<Vec<_>>();
        let data = self.registry.data_dir.clone();
        let deleted =
            tokio::task::spawn_blocking(move || unneeded.iter().try_for_each(|one| holdings::delete(&data, one)));
        let deleted = deleted.await.map_err(|error| TargetError::Failed(Box::new(error)))?;
        deleted.map_err(|error| TargetError::Failed(Box::new(error)))
    }

    async fn changed(&self) {
        let mut version = self.registry.version.subscribe();
        let seen = self.registry.observed.load(Ordering::SeqCst);
        let _ = version.wait_for(|version| *version != seen).await;
    }
}
