//! Where secrets come from beside the server's store, opened with the keys and credentials of this process: of the command line
//! for whoever types, of the server for what it runs.

use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use towpath_adapters::{
    secret_file::SecretFile,
    sources::{CommandSource, EnvironmentSource, VaultSource, VersionKey},
    vault::{VaultClient, VaultError, VaultSettings},
};
use towpath_core::{
    ids::EnvironmentName,
    secrets::{KeySpec, SecretsSpec, SourceId, SourceSpec, VaultServer},
};
use towpath_engine::ports::{SecretSource, SourceError};

use crate::{
    commands::secrets::files::keyring::Keyring,
    failure::{Exit, Failure},
    server::files::random,
};

/// Returns a file of secrets that the keys of whoever runs this open.
pub(crate) fn file(path: &str, text: &str) -> SecretFile {
    with_keys(path, text, Keyring::gather())
}

/// Returns a file of secrets that the server opens: with the environment's own key, or with those of its process.
pub(crate) fn file_for(
    environment: &EnvironmentName,
    spec: &SecretsSpec,
    (data, root): (&Path, &Path),
    (path, text): (&str, &str),
) -> SecretFile {
    let mut keys = Keyring::gather();
    match &spec.key {
        KeySpec::Age { identity: Some(file) } => keys.add_age_file(&root.join(file), true),
        KeySpec::Age { identity: None } | KeySpec::Passphrase { .. } | KeySpec::VaultTransit { .. } => {
            keys.add_age_file(&data.join("keys").join(format!("{environment}.agekey")), false);
        }
    }
    // What an environment inherits is opened with the key of whom it belongs to.
    let owner = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if owner != environment.as_str() {
        keys.add_age_file(&data.join("keys").join(format!("{owner}.agekey")), false);
    }
    with_keys(path, text, keys)
}

fn with_keys(path: &str, text: &str, keys: Keyring) -> SecretFile {
    let hint = keys.hint();
    SecretFile::new(path, text, Arc::new(keys.identities), hint)
}

/// Opens sources that are neither files nor the store.
pub(crate) struct Opener {
    /// What paths and programs are relative to.
    root: PathBuf,
    /// What versions are named with where a source counts none.
    key: VersionKey,
    /// Who signed in stays so.
    clients: Mutex<Vec<(VaultServer, Arc<VaultClient>)>>,
}

impl Opener {
    /// Returns an opener for a project's folder.
    pub(crate) fn new(root: PathBuf, key: &[u8; 32]) -> Self {
        Self { root, key: VersionKey::new(key), clients: Mutex::default() }
    }

    /// Returns an opener for one command: what it calls versions means nothing afterwards.
    pub(crate) fn for_once(root: PathBuf) -> Result<Self, Failure> {
        Ok(Self::new(root, &random()?))
    }

    /// Opens a source.
    pub(crate) fn named(
        &self,
        environment: &EnvironmentName,
        source: &SourceSpec,
    ) -> Result<Arc<dyn SecretSource>, SourceError> {
        let unable = |id: &str| SourceError::Unable { source_id: SourceId(id.to_owned()), what: "be opened this way" };
        let key = self.key.clone();
        match source {
            SourceSpec::Files => Err(unable("file")),
            SourceSpec::Store => Err(unable("store")),
            SourceSpec::Vault { server, mount, path } => {
                let source_id = SourceId(format!("vault {mount}/{path}"));
                let client = self.client(server).map_err(|error| {
                    let reason = chain(&error);
                    if error.is_away() {
                        SourceError::Away { source_id, reason }
                    } else {
                        SourceError::Refused { source_id, reason }
                    }
                })?;
                Ok(Arc::new(VaultSource::new(client, mount, path)))
            }
            SourceSpec::Environment { prefix } => {
                Ok(Arc::new(EnvironmentSource::of_process(environment.clone(), prefix, key)))
            }
            SourceSpec::Command { command, timeout } => {
                let timeout = Duration::from_millis(timeout.0);
                // What is no text is no credential of a program either.
                let variables = std::env::vars_os()
                    .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
                let (command, root) = (command.clone(), self.root.clone());
                Ok(Arc::new(CommandSource::new(environment.clone(), command, timeout, root, variables.collect(), key)))
            }
        }
    }

    /// Returns a client of a Vault, signed in once.
    pub(crate) fn client(&self, server: &VaultServer) -> Result<Arc<VaultClient>, VaultError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(known, _)| known == server) {
            return Ok(Arc::clone(client));
        }
        let placed = VaultServer { ca: server.ca.as_ref().map(|file| self.root.join(file)), ..server.clone() };
        let settings = VaultSettings::resolve(&placed, &|name| std::env::var(name).ok())?;
        let client = Arc::new(VaultClient::new(settings)?);
        clients.push((server.clone(), Arc::clone(&client)));
        Ok(client)
    }
}

/// Returns what an error and everything under it say, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Waits for what a source says.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, "runtime", "cannot start").because(&error))?;
    Ok(runtime.block_on(work))
}
