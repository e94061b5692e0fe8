//! Data keys: made, unwrapped, wrapped anew, retired; values encrypted anew by the newest.

use std::{collections::BTreeMap, sync::Arc};

use towpath_core::{
    command::Command,
    decide::decide,
    ids::{Digest, EnvironmentName},
    secrets::store::{MAX_AT_ONCE, Mark, NewDataKey, Resealed, SecretStore, StoreChange, StoreCommand},
    units::Millis,
    world::World,
};
use towpath_secrets::envelope::{Commitment, DataKey, KeyName, SecretName};

use super::{Principal, Secrets, SecretsError, TRIES, store_of};
use crate::{
    engine::Engine,
    ports::{KeyContext, KeyError, KeyProvider},
    writer::Done,
};

/// How far encrypting anew has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealing {
    /// Values that were encrypted anew now.
    pub done: usize,
    /// Values that are still encrypted by older keys.
    pub left: usize,
}

impl Secrets {
    /// Returns how long a data key of an environment is used for new values.
    pub async fn data_key_every(&self, environment: &EnvironmentName) -> Result<Millis, KeyError> {
        self.providers.data_key_every(environment).await
    }

    /// Returns what encrypts the data keys of an environment. An age identity is made for the first one only.
    async fn provider(
        &self,
        environment: &EnvironmentName,
        store: &SecretStore,
    ) -> Result<Arc<dyn KeyProvider>, KeyError> {
        let mut living = store.data_keys.values().filter(|key| key.retired_at.is_none());
        if living.any(|key| key.provider.starts_with("age ")) {
            self.providers.existing(environment).await
        } else {
            self.providers.of(environment).await
        }
    }

    /// Returns a data key, unwrapped; what was unwrapped lately is remembered.
    pub(super) async fn key(
        &self,
        environment: &EnvironmentName,
        store: &SecretStore,
        version: u32,
    ) -> Result<Arc<DataKey>, SecretsError> {
        let missing = || SecretsError::Tampered { environment: environment.clone() };
        let known = store.data_keys.get(&version).filter(|key| key.retired_at.is_none()).ok_or_else(missing)?;
        if let Some(key) = self.keyring.get(&known.wrapped) {
            return Ok(key);
        }
        let project = store.project.clone().ok_or_else(missing)?;
        let mut provider = self.provider(environment, store).await?;
        if provider.id() != known.provider
            && let Some(former) = self.providers.former(environment, &known.provider).await?
        {
            provider = former;
        }
        let wrapped = self.engine()?.ports().blobs.get(&known.wrapped).await?;
        let context = KeyContext { project: project.clone(), environment: environment.clone(), version };
        let bytes = match provider.unwrap(&wrapped, &context).await {
            Ok(bytes) => bytes,
            // Said in words that help: which key it was, and which is there now.
            Err(_) if provider.id() != known.provider => {
                return Err(SecretsError::OtherKey {
                    environment: environment.clone(),
                    version,
                    made_by: known.provider.clone(),
                    configured: provider.id(),
                });
            }
            Err(error) => return Err(error.into()),
        };
        let name = KeyName { project, environment: environment.to_string(), version };
        let commitment = Commitment(*known.commitment.as_bytes());
        let key = DataKey::unwrapped(name, bytes, &commitment, known.seals);
        let key =
            key.map_err(|source| SecretsError::NotThisKey { environment: environment.clone(), version, source })?;
        let key = Arc::new(key);
        self.keyring.keep(known.wrapped, &key);
        Ok(key)
    }

    /// Returns the key that new values are encrypted by, making the first one where there is none.
    pub(super) async fn newest_key(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
    ) -> Result<Arc<DataKey>, SecretsError> {
        let store = store_of(&self.engine()?.world(), environment);
        match store.newest_key() {
            Some((version, _)) => self.key(environment, &store, version).await,
            None => self.make_key(who, environment).await,
        }
    }

    /// Makes a data key, by which new values are encrypted from here on; older ones stay readable.
    pub async fn make_data_key(&self, who: &Principal, environment: &EnvironmentName) -> Result<u32, SecretsError> {
        let _one = self.changing.lock().await;
        Ok(self.make_key(who, environment).await?.name().version)
    }

    pub(super) async fn make_key(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
    ) -> Result<Arc<DataKey>, SecretsError> {
        let engine = self.engine()?;
        let provider = self.provider(environment, &store_of(&engine.world(), environment)).await?;
        for _ in 0..TRIES {
            let world = engine.world();
            let store = store_of(&world, environment);
            self.verify(environment, &store).await?;
            let version = store.data_keys.get_max().map_or(1, |(version, _)| version.saturating_add(1));
            let project = store.project.clone().or_else(|| world.project.as_ref().map(|it| it.name.to_string()));
            let project = project.unwrap_or_default();
            let name = KeyName { project: project.clone(), environment: environment.to_string(), version };
            let key = Arc::new(DataKey::make(name, self.entropy.as_ref())?);
            let context = KeyContext { project: project.clone(), environment: environment.clone(), version };
            let bytes = provider.wrap(key.expose(), &context).await?;
            // Whoever cannot read it again must not encrypt by it.
            let again = provider.unwrap(&bytes, &context).await?;
            let commitment = key.commitment();
            DataKey::unwrapped(key.name().clone(), again, &commitment, 0)
                .map_err(|source| SecretsError::NotThisKey { environment: environment.clone(), version, source })?;
            let wrapped = engine.ports().blobs.put(&bytes).await?;
            let new = NewDataKey {
                version,
                project,
                wrapped,
                provider: provider.id(),
                commitment: Digest::from_bytes(commitment.0),
            };
            let mark = Self::mark(&store, &key, store.revision() + 1, &[], &[]);
            match self.submit(who, environment, StoreChange::MakeDataKey(new), mark).await {
                Ok(_) => {
                    self.stays(&engine, &[(wrapped, bytes)]).await?;
                    self.keyring.keep(wrapped, &key);
                    return Ok(key);
                }
                Err(error) if error.is_stale() => self.erase(&engine, [wrapped]).await,
                Err(error) => return Err(error),
            }
        }
        Err(SecretsError::Stopping)
    }

    /// Has every data key in use encrypted anew by the newest key of its provider; says how many were.
    pub async fn rewrap(&self, who: &Principal, environment: &EnvironmentName) -> Result<usize, SecretsError> {
        let _one = self.changing.lock().await;
        let engine = self.engine()?;
        let provider = self.provider(environment, &store_of(&engine.world(), environment)).await?;
        let mut done = 0;
        let versions: Vec<u32> = store_of(&engine.world(), environment).data_keys.keys().copied().collect();
        for version in versions {
            let store = store_of(&engine.world(), environment);
            let Some(known) = store.data_keys.get(&version).filter(|key| key.retired_at.is_none()) else { continue };
            let context = KeyContext {
                project: store.project.clone().unwrap_or_default(),
                environment: environment.clone(),
                version,
            };
            // Unwrapped first: what is put in its place must be the same key.
            let key = self.key(environment, &store, version).await?;
            let old = engine.ports().blobs.get(&known.wrapped).await?;
            let bytes = if provider.id() == known.provider {
                provider.rewrap(&old, &context).await?
            } else {
                provider.wrap(key.expose(), &context).await?
            };
            let again = provider.unwrap(&bytes, &context).await?;
            DataKey::unwrapped(key.name().clone(), again, &key.commitment(), 0)
                .map_err(|source| SecretsError::NotThisKey { environment: environment.clone(), version, source })?;
            let wrapped = engine.ports().blobs.put(&bytes).await?;
            let marking = self.newest_key(who, environment).await?;
            let mark = Self::mark(&store, &marking, store.revision() + 1, &[], &[]);
            let change = StoreChange::Rewrap { version, wrapped, provider: provider.id() };
            self.submit(who, environment, change, mark).await?;
            self.stays(&engine, &[(wrapped, bytes)]).await?;
            self.keyring.keep(wrapped, &key);
            self.keyring.forget(&known.wrapped);
            self.erase(&engine, [known.wrapped]).await;
            done += 1;
        }
        Ok(done)
    }

    /// Encrypts at most `most` values anew by the newest data key; called until nothing is left. What was done stays done, so
    /// it can be stopped and begun again at any time.
    pub async fn reseal(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
        most: usize,
    ) -> Result<Resealing, SecretsError> {
        let _one = self.changing.lock().await;
        let engine = self.engine()?;
        let store = store_of(&engine.world(), environment);
        let Some((newest, _)) = store.newest_key() else { return Ok(Resealing::default()) };
        self.verify(environment, &store).await?;
        let key = self.key(environment, &store, newest).await?;
        let old = || store.living().filter(|(_, _, it)| it.data_key != newest);
        let left = old().count();
        let mut blobs = Vec::new();
        let mut replaced = Vec::new();
        let mut secrets = Vec::new();
        for (name, version, known) in old().take(most.min(MAX_AT_ONCE)) {
            let value = self.open(environment, &store, name, version).await?;
            let sealed = key.seal(SecretName { name, version }, &value, self.entropy.as_ref())?;
            let ciphertext = engine.ports().blobs.put(&sealed).await?;
            blobs.push((ciphertext, sealed));
            replaced.push(known.ciphertext);
            secrets.push(Resealed { name: name.to_owned(), version, ciphertext });
        }
        if secrets.is_empty() {
            return Ok(Resealing::default());
        }
        let put: Vec<(&str, u32, Digest)> =
            secrets.iter().map(|one| (one.name.as_str(), one.version, one.ciphertext)).collect();
        let mark = Self::mark(&store, &key, store.revision() + 1, &put, &[]);
        let done = secrets.len();
        self.submit(who, environment, StoreChange::Reseal { data_key: newest, secrets }, mark).await?;
        self.stays(&engine, &blobs).await?;
        self.erase(&engine, replaced).await;
        Ok(Resealing { done, left: left - done })
    }

    /// Gives up the data keys that nothing is encrypted by but the newest, and erases them; says which.
    pub async fn retire_data_keys(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
    ) -> Result<Vec<u32>, SecretsError> {
        let _one = self.changing.lock().await;
        let engine = self.engine()?;
        let mut retired = Vec::new();
        loop {
            let store = store_of(&engine.world(), environment);
            self.verify(environment, &store).await?;
            let Some((newest, _)) = store.newest_key() else { return Ok(retired) };
            let used = store.keys_in_use();
            let living = store.data_keys.iter().filter(|(_, key)| key.retired_at.is_none());
            let mut idle = living.filter(|(version, _)| **version != newest && !used.contains(version));
            let Some((version, known)) = idle.next() else { return Ok(retired) };
            let key = self.key(environment, &store, newest).await?;
            let mark = Self::mark(&store, &key, store.revision() + 1, &[], &[]);
            self.submit(who, environment, StoreChange::RetireDataKey { version: *version }, mark).await?;
            self.keyring.forget(&known.wrapped);
            self.erase(&engine, [known.wrapped]).await;
            retired.push(*version);
        }
    }

    /// Hands in a change that concerns no value in force.
    pub(super) async fn submit(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
        change: StoreChange,
        mark: Mark,
    ) -> Result<Done, SecretsError> {
        let command = StoreCommand {
            environment: environment.clone(),
            change,
            reason: None,
            marks: vec![mark],
            configured: None,
        };
        Ok(self.engine()?.submit(&who.name, Command::ChangeSecrets(Box::new(command)), &who.cause).await?)
    }

    /// Sees to it that blobs which are named now are there: somebody may have collected them before they were named.
    pub(super) async fn stays(&self, engine: &Engine, blobs: &[(Digest, Vec<u8>)]) -> Result<(), SecretsError> {
        for (digest, bytes) in blobs {
            if !engine.ports().blobs.keep(digest).await? {
                engine.ports().blobs.put(bytes).await?;
            }
        }
        Ok(())
    }

    /// Asks whether a command would be carried out, before anything is encrypted for it.
    pub(super) fn would(
        engine: &Engine,
        world: &World,
        who: &Principal,
        command: &Command,
    ) -> Result<(), SecretsError> {
        let asker = towpath_core::command::Asker { principal: who.name.clone(), now: engine.now() };
        super::allowed(decide(world, command, &asker))
    }

    /// Returns when the data keys in use were made, by version.
    pub fn data_keys(&self, environment: &EnvironmentName) -> Result<BTreeMap<u32, jiff::Timestamp>, SecretsError> {
        let store = store_of(&self.engine()?.world(), environment);
        let living = store.data_keys.iter().filter(|(_, key)| key.retired_at.is_none());
        Ok(living.map(|(version, key)| (*version, key.at)).collect())
    }
}
