//! What was copied where: keyed digests and revisions in the project's private folder. The key is elsewhere, and no value is here.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use towpath_core::{ids::EnvironmentName, secrets::Written};

use crate::{
    failure::{Exit, Failure},
    folder::{ProjectFolder, unreadable, unwritable},
};

/// What was copied of one environment, by target and secret.
pub(super) struct Record {
    path: PathBuf,
    kept: Kept,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    schema_version: u32,
    targets: BTreeMap<String, BTreeMap<String, Written>>,
}

impl Record {
    /// Reads what is remembered of an environment.
    pub(super) fn read(folder: &ProjectFolder, environment: &EnvironmentName) -> Result<Self, Failure> {
        let path = folder.data().join("sync").join(format!("{environment}.json"));
        let kept = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let message = format!("`{}` is damaged", path.display());
                let failure = Failure::new(Exit::Failed, "damaged", message).because(&error);
                failure.next("remove it: then everything is copied once more")
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept { schema_version: 1, ..Kept::default() },
            Err(error) => return Err(unreadable(&path, &error)),
        };
        Ok(Self { path, kept })
    }

    /// Returns what was copied to a target.
    pub(super) fn of(&self, target: &str) -> BTreeMap<String, Written> {
        self.kept.targets.get(target).cloned().unwrap_or_default()
    }

    pub(super) fn wrote(&mut self, target: &str, name: &str, written: Written) {
        self.kept.targets.entry(target.to_owned()).or_default().insert(name.to_owned(), written);
    }

    pub(super) fn removed(&mut self, target: &str, name: &str) {
        if let Some(all) = self.kept.targets.get_mut(target) {
            all.remove(name);
        }
    }

    /// Writes it in the place of the old one.
    pub(super) fn write(&self, folder: &ProjectFolder) -> Result<(), Failure> {
        let parent = self.path.parent().map_or_else(|| folder.data(), Path::to_owned);
        let fresh = self.path.with_extension(format!("{}.tmp", std::process::id()));
        let text = serde_json::to_vec_pretty(&self.kept).unwrap_or_default();
        let write = || -> io::Result<()> {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&parent)?;
            let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &self.path)
        };
        write().map_err(|error| {
            unwritable(&self.path, &error).kept("the secrets were copied; the next run copies them once more")
        })
    }
}
