//! What lies in the target's folder beside what runs: listing it, and deleting what is not needed any more.
//!
//! Only files whose names say what they are; anything else in the folders is nobody's and is left.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use jiff::Timestamp;
use towpath_core::{
    ids::{Digest, Revision},
    instance::{InstanceId, SetId},
    lifecycle::{Held, Holding},
};

use super::{artifacts, logs, state};

/// Lists everything that is kept.
pub(super) fn list(data: &Path) -> io::Result<Vec<Held>> {
    let mut all = Vec::new();
    for file in entries(&data.join("instances"))? {
        let named = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
        if let Some(instance) = named.and_then(instance_of_state) {
            push(&mut all, data, &file, Holding::State { instance })?;
        }
    }
    for environment in entries(&data.join("logs"))? {
        for service in entries(&environment)? {
            for file in entries(&service)? {
                if let Some(instance) = instance_of_log(&environment, &service, &file) {
                    push(&mut all, data, &file, Holding::Log { instance })?;
                }
            }
        }
    }
    for folder in entries(&data.join("artifacts"))? {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Ok(tree) = format!("sha256:{name}").parse::<Digest>() {
            push(&mut all, data, &folder, Holding::Artifact { tree })?;
        }
    }
    all.sort_by(|a, b| a.what.cmp(&b.what));
    Ok(all)
}

/// Deletes something. What is not there is deleted already.
pub(super) fn delete(data: &Path, what: &Holding) -> io::Result<()> {
    match what {
        Holding::State { instance } => {
            let path = state::path(data, instance);
            let _ = gone(fs::remove_file(path.with_extension("tmp")));
            gone(fs::remove_file(path))
        }
        Holding::Log { instance } => {
            let path = logs::path(data, instance);
            gone(fs::remove_file(&path))?;
            // The folders of the service and of the environment go with their last file.
            for folder in path.ancestors().skip(1).take(2) {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
            Ok(())
        }
        Holding::Artifact { tree } => artifacts::remove(&data.join("artifacts"), *tree),
    }
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Reads `ENVIRONMENT_SERVICE_dN-INDEX`: no name has an underscore.
fn instance_of_state(stem: &str) -> Option<InstanceId> {
    let (environment, rest) = stem.split_once('_')?;
    let (service, rest) = rest.split_once('_')?;
    instance(environment, service, rest)
}

fn instance_of_log(environment: &Path, service: &Path, file: &Path) -> Option<InstanceId> {
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    instance(&name(environment)?, &name(service)?, name(file)?.strip_suffix(".log")?)
}

/// Reads `dN-INDEX`, exactly as it is written.
fn instance(environment: &str, service: &str, rest: &str) -> Option<InstanceId> {
    let (revision, index) = rest.split_once('-')?;
    let revision: Revision = revision.parse().ok()?;
    let set = SetId { environment: environment.parse().ok()?, service: service.parse().ok()?, revision };
    let id = InstanceId { set, index: index.parse().ok()? };
    (format!("{}-{}", id.set.revision, id.index) == rest).then_some(id)
}

fn push(all: &mut Vec<Held>, data: &Path, path: &Path, what: Holding) -> io::Result<()> {
    let (bytes, modified) = match measure(path) {
        Ok(measured) => measured,
        // It went while it was looked at.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let place = path.strip_prefix(data).unwrap_or(path).display().to_string();
    all.push(Held { what, place, bytes, modified: Timestamp::try_from(modified).map_err(io::Error::other)? });
    Ok(())
}

/// Returns how much room a file or folder takes, and when it was last written.
fn measure(path: &Path) -> io::Result<(u64, SystemTime)> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_dir() {
        // A log may have holes: what it takes is its blocks of stat(2), 512 bytes each, but not more than its length.
        return Ok((meta.blocks().saturating_mul(512).min(meta.len()), meta.modified()?));
    }
    let mut bytes = 0;
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let inner = entry.metadata()?;
            if inner.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += inner.len();
            }
        }
    }
    Ok((bytes, meta.modified()?))
}

#[cfg(test)]
mod tests;
