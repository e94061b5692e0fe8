//! Giving secrets values again that they had before: one to a version, or a whole environment to a point in time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use towpath_core::{
    decide::secrets as rules,
    ids::{Digest, EnvironmentName},
    secrets::{
        SecretVersion,
        store::{Restoration, SecretStore, StoreChange},
    },
};
use towpath_secrets::envelope::SecretName;

use super::{
    Changed, Effect, Principal, Secrets, SecretsError, TRIES, Wish,
    change::{busy, known_environment},
    store_of,
};

/// Why a secret is left as it is when an environment goes back to a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It has the value of that time already.
    Same,
    /// It had no value then; it is not taken away.
    NotThere,
    /// Its value of that time was destroyed.
    Destroyed,
}

/// What came of going back to a point in time.
#[derive(Debug, Clone)]
pub struct PointInTime {
    /// The secrets that have an older value again: the version with it, and the new version.
    pub restored: BTreeMap<String, (u32, u32)>,
    /// The others, and why.
    pub kept: BTreeMap<String, Kept>,
    /// What it does to what runs.
    pub changed: Option<Changed>,
}

impl Secrets {
    /// Gives a secret the value of one of its versions again, as a new version.
    pub async fn restore(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
        name: &str,
        of: u32,
        wish: &Wish,
    ) -> Result<Changed, SecretsError> {
        let _one = self.changing.lock().await;
        let engine = self.engine()?;
        known_environment(&engine, &engine.world(), who, environment)?;
        let store = store_of(&engine.world(), environment);
        let secret = rules::secret(environment, &store, name)?;
        rules::living(environment, name, secret, of)?;
        wish.fits(&store, name)?;
        if Self::means_the_same(&store, name, of) {
            let version = store.current(name);
            let world = engine.world();
            return Ok(Changed { version, effect: Effect::Unchanged, promotion: None, closed: Vec::new(), world });
        }
        let wanted = BTreeMap::from([(name.to_owned(), of)]);
        self.again(who, environment, &wanted, wish).await.map(|(_, changed)| changed)
    }

    /// Gives every secret the value again that was in force at a moment. Secrets that came later are left as they are, so that
    /// nothing that runs loses one; what was destroyed since cannot come back.
    pub async fn restore_to(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
        moment: Timestamp,
        wish: &Wish,
        dry_run: bool,
    ) -> Result<PointInTime, SecretsError> {
        let _one = self.changing.lock().await;
        let engine = self.engine()?;
        known_environment(&engine, &engine.world(), who, environment)?;
        let store = store_of(&engine.world(), environment);
        let mut wanted = BTreeMap::new();
        let mut kept = BTreeMap::new();
        for (name, secret) in &store.secrets {
            match secret.at(moment) {
                None if secret.current.is_none() => {}
                None => drop(kept.insert(name.clone(), Kept::NotThere)),
                Some(then) if Self::means_the_same(&store, name, then) => {
                    kept.insert(name.clone(), Kept::Same);
                }
                Some(then) if secret.living(then).is_none() => drop(kept.insert(name.clone(), Kept::Destroyed)),
                Some(then) => drop(wanted.insert(name.clone(), then)),
            }
        }
        if dry_run || wanted.is_empty() {
            let next = |name: &String| store.secrets.get(name).map_or(1, |secret| secret.next_version());
            let restored = wanted.iter().map(|(name, of)| (name.clone(), (*of, next(name)))).collect();
            return Ok(PointInTime { restored, kept, changed: None });
        }
        let (restored, changed) = self.again(who, environment, &wanted, wish).await?;
        Ok(PointInTime { restored, kept, changed: Some(changed) })
    }

    /// Says whether the version in force is this one, or was restored from it and not changed since.
    fn means_the_same(store: &SecretStore, name: &str, of: u32) -> bool {
        use towpath_core::secrets::store::SecretOrigin;
        let Some(secret) = store.secrets.get(name) else { return false };
        let mut version = secret.current;
        // Bounded by the number of versions: each was restored from an older one.
        while let Some(number) = version {
            if number == of {
                return true;
            }
            version = match secret.versions.get(&number).map(|it| &it.origin) {
                Some(SecretOrigin::Restored { of }) if *of < number => Some(*of),
                _ => None,
            };
        }
        false
    }

    async fn again(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
        wanted: &BTreeMap<String, u32>,
        wish: &Wish,
    ) -> Result<(BTreeMap<String, (u32, u32)>, Changed), SecretsError> {
        let engine = self.engine()?;
        for _ in 0..TRIES {
            let key = self.newest_key(who, environment).await?;
            let world = engine.world();
            let store = store_of(&world, environment);
            self.verify(environment, &store).await?;
            let mut live = world.live(environment).clone();
            let mut blobs: Vec<(Digest, Vec<u8>)> = Vec::new();
            let mut secrets: Vec<Restoration> = Vec::new();
            let mut marks = Vec::new();
            for (name, of) in wanted {
                let secret = rules::secret(environment, &store, name)?;
                let version = secret.next_version();
                let value = self.open(environment, &store, name, *of).await?;
                let sealed = key.seal(SecretName { name, version }, &value, self.entropy.as_ref())?;
                let ciphertext = engine.ports().blobs.put(&sealed).await?;
                blobs.push((ciphertext, sealed));
                secrets.push(Restoration { name: name.clone(), version, of: *of, ciphertext });
                live.secrets.insert(name.clone(), SecretVersion(version.to_string()));
                let put: Vec<(&str, u32, Digest)> =
                    secrets.iter().map(|one| (one.name.as_str(), one.version, one.ciphertext)).collect();
                marks.push(Self::mark(&store, &key, store.revision() + put.len() as u64, &put, &[]));
            }
            let restored = secrets.iter().map(|one| (one.name.clone(), (one.of, one.version))).collect();
            let change = StoreChange::Restore { secrets, data_key: key.name().version };
            match self.bring(&engine, &world, who, (environment, change, marks), &live, wish).await {
                Ok(changed) => {
                    self.stays(&engine, &blobs).await?;
                    return Ok((restored, changed));
                }
                Err(error) => {
                    let given: Vec<Digest> = blobs.into_iter().map(|(digest, _)| digest).collect();
                    self.give_up(&engine, given, &error).await;
                    if !error.is_stale() {
                        return Err(error);
                    }
                }
            }
        }
        Err(busy(environment))
    }
}
