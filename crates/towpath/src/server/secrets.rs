//! The server's store of secrets: what its data keys are encrypted by, and the store as a source for what runs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use towpath_adapters::{
    keys::{AgeKeyFile, Cost, PassphraseKey, VaultTransitKey},
    rotators::Rotators,
};
use towpath_core::{
    config::{Bundle, Inputs, load},
    ids::{EnvironmentName, PrincipalName},
    secrets::{
        KeySpec, SecretText, SecretsSpec, SourceId, SourceSpec, VaultAuth, VaultServer, rotation::DATA_KEY_EVERY,
    },
    units::Millis,
};
use towpath_engine::{
    ports::{KeyError, KeyProvider, KeyProviders, Opening, SecretSource, SecretSources, SourceError},
    rotation::Rotator,
    secrets::{Principal, Secrets},
};
use towpath_secrets::entropy::SystemEntropy;

use crate::sources::{self, Opener};

/// Finds what encrypts the data keys of an environment: what its files say, else an age identity of the environment's own in
/// the server's data folder.
struct ServerKeys {
    /// The server's data folder.
    data: PathBuf,
    /// The project's folder.
    root: PathBuf,
    /// The files of the project as the server was started with them.
    bundle: Bundle,
    /// What speaks with Vault.
    opener: Arc<Opener>,
    /// By variable: stretching a passphrase takes a while, and nobody changes the variables of a running process.
    passphrases: Mutex<BTreeMap<String, Arc<PassphraseKey>>>,
    /// By environment: the files stay as the server was started with them.
    specs: Mutex<BTreeMap<EnvironmentName, (KeySpec, Millis)>>,
}

#[async_trait]
impl KeyProviders for ServerKeys {
    async fn of(&self, environment: &EnvironmentName) -> Result<Arc<dyn KeyProvider>, KeyError> {
        self.provider(environment, AgeKeyFile::open_or_make)
    }

    async fn existing(&self, environment: &EnvironmentName) -> Result<Arc<dyn KeyProvider>, KeyError> {
        self.provider(environment, AgeKeyFile::open)
    }

    async fn data_key_every(&self, environment: &EnvironmentName) -> Result<Millis, KeyError> {
        Ok(self.spec(environment)?.1)
    }

    /// An identity is looked for in the environment's own file, a passphrase in the variable it was in, a key of Vault on the
    /// server that `VAULT_ADDR` names.
    async fn former(&self, environment: &EnvironmentName, id: &str) -> Result<Option<Arc<dyn KeyProvider>>, KeyError> {
        let found: Option<Arc<dyn KeyProvider>> = if id.starts_with("age ") {
            let file = self.own(environment);
            if file.exists() { Some(Arc::new(AgeKeyFile::open(&file)?)) } else { None }
        } else if let Some(variable) = id.strip_prefix("passphrase in ") {
            if std::env::var_os(variable).is_some() { Some(self.passphrase(variable)?) } else { None }
        } else {
            self.transit(id)
        };
        Ok(found.filter(|provider| provider.id() == id))
    }
}

impl ServerKeys {
    fn provider(
        &self,
        environment: &EnvironmentName,
        own: fn(&Path) -> Result<AgeKeyFile, KeyError>,
    ) -> Result<Arc<dyn KeyProvider>, KeyError> {
        match self.spec(environment)?.0 {
            KeySpec::Age { identity: None } => Ok(Arc::new(own(&self.own(environment))?)),
            KeySpec::Age { identity: Some(file) } => Ok(Arc::new(AgeKeyFile::open(&self.root.join(file))?)),
            KeySpec::Passphrase { variable } => Ok(self.passphrase(&variable)?),
            KeySpec::VaultTransit { server, mount, key } => {
                let client = self.opener.client(&server).map_err(|error| {
                    let provider = format!("vault-transit {mount}/{key}");
                    let reason = sources::chain(&error);
                    if error.is_away() {
                        KeyError::Away { provider, reason }
                    } else {
                        KeyError::Refused { provider, reason }
                    }
                })?;
                Ok(Arc::new(VaultTransitKey::new(client, &mount, &key)))
            }
        }
    }

    fn passphrase(&self, variable: &str) -> Result<Arc<PassphraseKey>, KeyError> {
        let mut known = self.passphrases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.get(variable) {
            return Ok(Arc::clone(key));
        }
        let passphrase = std::env::var(variable).map_err(|_| KeyError::Refused {
            provider: "passphrase".to_owned(),
            reason: format!("the variable `{variable}` of the server's process is not set: start it with that"),
        })?;
        let key = Arc::new(PassphraseKey::new(variable, SecretText::new(passphrase), Cost::RECOMMENDED)?);
        known.insert(variable.to_owned(), Arc::clone(&key));
        Ok(key)
    }

    /// Returns where the environment's own identity is.
    fn own(&self, environment: &EnvironmentName) -> PathBuf {
        self.data.join("keys").join(format!("{environment}.agekey"))
    }

    /// Returns a transit key by its name, if the process's own variables name the Vault it is in.
    fn transit(&self, id: &str) -> Option<Arc<dyn KeyProvider>> {
        let auth = VaultAuth::Token { variable: "VAULT_TOKEN".to_owned() };
        let server = VaultServer { address: None, namespace: None, ca: None, auth };
        let client = self.opener.client(&server).ok()?;
        let place = id.strip_prefix("vault-transit ")?.strip_prefix(client.address())?.strip_prefix('/')?;
        let place = match client.namespace() {
            Some(namespace) => place.strip_prefix(namespace)?.strip_prefix('/')?,
            None => place,
        };
        let (mount, key) = place.rsplit_once('/')?;
        Some(Arc::new(VaultTransitKey::new(client, mount, key)))
    }

    /// Returns what the files say of an environment's key, and how long a data key is used.
    fn spec(&self, environment: &EnvironmentName) -> Result<(KeySpec, Millis), KeyError> {
        let mut known = self.specs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spec) = known.get(environment) {
            return Ok(spec.clone());
        }
        let loaded = load(&self.bundle.to_sources());
        let spec = match loaded.resolve(environment.as_str(), &Inputs::default()).environment {
            Some(resolved) => (resolved.secret_spec.key, resolved.secret_spec.data_key_every),
            // Another key than the declared one must not take its place by mistake.
            None if loaded.environments().any(|name| name == environment) => {
                return Err(KeyError::Refused {
                    provider: format!("the key of {environment}"),
                    reason: format!("its files have mistakes: towpath env validate {environment}, then start anew"),
                });
            }
            // What is in no file is a preview, which says nothing of keys.
            None => (KeySpec::Age { identity: None }, DATA_KEY_EVERY),
        };
        known.insert(environment.clone(), spec.clone());
        Ok(spec)
    }
}

/// Opens the sources of secrets that this server has.
pub(super) struct ServerSources {
    /// The store.
    secrets: Arc<Secrets>,
    /// The server's data folder.
    data: PathBuf,
    /// The project's folder.
    root: PathBuf,
    /// What opens those that are neither.
    opener: Arc<Opener>,
}

#[async_trait]
impl SecretSources for ServerSources {
    async fn open(
        &self,
        environment: &EnvironmentName,
        spec: &SecretsSpec,
        what: Opening<'_>,
    ) -> Result<Arc<dyn SecretSource>, SourceError> {
        match what {
            Opening::Named(SourceSpec::Store) => {
                let who = Principal { name: PrincipalName::control_plane(), cause: "control loop".to_owned() };
                Ok(Arc::new(self.secrets.source(environment, who, None)))
            }
            Opening::File { path, text } => {
                let (data, root) = (self.data.clone(), self.root.clone());
                let (environment, spec) = (environment.clone(), spec.clone());
                let (path, text) = (path.to_owned(), text.to_owned());
                let away = SourceId(format!("file {path}"));
                // A key may come from a command, which takes its time.
                let file = tokio::task::spawn_blocking(move || {
                    sources::file_for(&environment, &spec, (&data, &root), (&path, &text))
                });
                let stopping = |_| SourceError::Away { source_id: away, reason: "the server is stopping".to_owned() };
                Ok(Arc::new(file.await.map_err(stopping)?))
            }
            Opening::Named(other) => self.opener.named(environment, other),
        }
    }
}

/// Returns the store, not yet attached to a control plane, and what opens every source of secrets.
pub(super) fn open(
    data: &Path,
    root: &Path,
    bundle: &Bundle,
    versions: &[u8; 32],
) -> (Arc<Secrets>, Arc<ServerSources>) {
    let (data, root) = (data.to_owned(), root.to_owned());
    let opener = Arc::new(Opener::new(root.clone(), versions));
    let keys = ServerKeys {
        data: data.clone(),
        root: root.clone(),
        bundle: bundle.clone(),
        opener: Arc::clone(&opener),
        passphrases: Mutex::default(),
        specs: Mutex::default(),
    };
    let secrets = Secrets::new(Arc::new(keys), Arc::new(SystemEntropy));
    let sources = Arc::new(ServerSources { secrets: Arc::clone(&secrets), data, root, opener });
    (secrets, sources)
}

/// Returns what rotates the secrets of a store.
pub(super) fn rotator(secrets: &Arc<Secrets>) -> Arc<Rotator> {
    Rotator::new(Arc::clone(secrets), Arc::new(Rotators::of_process()), Arc::new(SystemEntropy))
}
