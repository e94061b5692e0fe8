//! Where secrets come from beside the server's store, opened with the keys and credentials of this process: of the command line
//! for whoever types, of the server for what it runs.

use std::{path::Path, sync::Arc};

use towpath_adapters::secret_file::SecretFile;
use towpath_core::ids::EnvironmentName;
use towpath_core::secrets::{KeySpec, SecretsSpec, SourceId, SourceSpec};
use towpath_engine::ports::{SecretSource, SourceError};

use crate::failure::{Exit, Failure};

mod keys;

use keys::Gathered;

/// Returns a file of secrets that the keys of whoever runs this open.
pub(crate) fn file(path: &str, text: &str) -> SecretFile {
    with_keys(path, text, Gathered::usual())
}

/// Returns a file of secrets that the server opens: with the environment's own key, or with those of its process.
pub(crate) fn file_for(
    environment: &EnvironmentName,
    spec: &SecretsSpec,
    (data, root): (&Path, &Path),
    (path, text): (&str, &str),
) -> SecretFile {
    let mut keys = Gathered::usual();
    keys.file(&match &spec.key {
        KeySpec::Age { identity: Some(file) } => root.join(file),
        KeySpec::Age { identity: None } | KeySpec::Passphrase { .. } | KeySpec::VaultTransit { .. } => {
            data.join("keys").join(format!("{environment}.agekey"))
        }
    });
    with_keys(path, text, keys)
}

fn with_keys(path: &str, text: &str, keys: Gathered) -> SecretFile {
    let hint = keys.hint();
    SecretFile::new(path, text, Arc::new(keys.identities), hint)
}

/// Returns a source that is neither a file nor the store.
pub(crate) fn named(environment: &EnvironmentName, source: &SourceSpec) -> Result<Arc<dyn SecretSource>, SourceError> {
    let _ = environment;
    let unable = |id: &str| SourceError::Unable { source_id: SourceId(id.to_owned()), what: "be opened here" };
    Err(match source {
        SourceSpec::Files => unable("file"),
        SourceSpec::Store => unable("store"),
        SourceSpec::Vault { .. } => unable("vault"),
        SourceSpec::Environment { .. } => unable("environment"),
        SourceSpec::Command { .. } => unable("command"),
    })
}

/// Waits for what a source says.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, "runtime", "cannot start").because(&error))?;
    Ok(runtime.block_on(work))
}
