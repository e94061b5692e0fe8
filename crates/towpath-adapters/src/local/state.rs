//! State files: what the next control plane must know of an instance to take it up again.
//!
//! They are not flushed to the disk: they matter after the death of the server, and a machine that lost its power runs
//! none of the processes they tell of.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use towpath_core::{deployment::ServiceSpec, ids::Digest, instance::InstanceId, supervision::Remembered};

use crate::process::Identity;

/// What is known of one instance. Values of its environment are not here: they may be secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: InstanceId,
    pub(super) spec: ServiceSpec,
    /// The port of the process that runs or is being started.
    pub(super) port: Option<u16>,
    /// The process. With a port and without a process, one may have been started and not written down.
    pub(super) process: Option<Identity>,
    pub(super) remembered: Remembered,
    pub(super) message: Option<String>,
}

/// Returns the digest of what in a specification a process depends on: not how many there are, nor how traffic gets to them.
pub(super) fn spec_digest(spec: &ServiceSpec) -> Digest {
    let ServiceSpec { artifact, command, environment, probes, stop_grace, .. } = spec;
    Digest::of(&serde_json::to_vec(&(artifact, command, environment, probes, stop_grace)).unwrap_or_default())
}

/// Returns where the state of an instance is kept.
pub(super) fn path(data_dir: &Path, id: &InstanceId) -> PathBuf {
    let set = &id.set;
    data_dir.join("instances").join(format!("{}_{}_{}-{}.json", set.environment, set.service, set.revision, id.index))
}

/// Writes a state file; whoever reads it sees the old or the new.
pub(super) fn save(data_dir: &Path, record: &Record) -> io::Result<()> {
    let path = path(data_dir, &record.id);
    let temporary = path.with_extension("tmp");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    fs::rename(&temporary, &path)
}

/// Deletes a state file.
pub(super) fn delete(data_dir: &Path, id: &InstanceId) -> io::Result<()> {
    match fs::remove_file(path(data_dir, id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Reads every state file. One that cannot be read is told of and left where it is.
pub(super) fn load_all(folder: &Path) -> Vec<Record> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| {
            let record = fs::read(&path).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
            record
                .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "cannot read an instance's state"))
                .ok()
        })
        .collect()
}
