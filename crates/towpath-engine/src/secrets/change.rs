//! Setting, unsetting and destroying values.

use std::{collections::BTreeSet, sync::Arc};

use towpath_core::{
    command::Command,
    config::Live,
    decide::secrets as rules,
    ids::{Digest, EnvironmentName},
    refusal::{Refusal, RefusalCode},
    secrets::{
        SecretText, SecretVersion,
        store::{Mark, SecretOrigin, SecretStore, StoreChange, StoreCommand},
    },
    world::World,
};
use towpath_secrets::envelope::{SealError, SecretName};

use super::{Effect, MAX_SECRET, Principal, Secrets, SecretsError, TRIES, bring, promotions, store_of};
use crate::engine::Engine;

/// How a value is to be changed.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Why, in the words of who asks.
    pub reason: Option<String>,
    /// What it must be now: `Some(None)` that it has no value. Without it whatever is there is replaced.
    pub expected: Option<Option<SecretVersion>>,
    /// Only records it; nothing is asked for.
    pub record_only: bool,
}

/// What came of a change.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The version that is in force now.
    pub version: Option<SecretVersion>,
    /// What it does to what runs.
    pub effect: Effect,
    /// The promotion that brings it into force.
    pub promotion: Option<u64>,
    /// Promotions that were closed, because they are no longer what was asked for.
    pub closed: Vec<u64>,
    /// The world after it.
    pub world: Arc<World>,
}

impl Wish {
    pub(super) fn fits(&self, store: &SecretStore, name: &str) -> Result<(), SecretsError> {
        let found = store.current(name);
        match &self.expected {
            Some(expected) if *expected != found => Err(SecretsError::Changed { name: name.to_owned(), found }),
            Some(_) | None => Ok(()),
        }
    }
}

impl Secrets {
    /// Gives a secret a value: encrypts it, keeps it, writes it down and asks for what that changes in what runs.
    pub async fn set(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
        name: &str,
        value: &SecretText,
        origin: SecretOrigin,
        wish: &Wish,
    ) -> Result<Changed, SecretsError> {
        fit_for_a_process(name, value)?;
        let rotated = matches!(origin, SecretOrigin::Rotated { .. });
        let _one = self.changing.lock().await;
        let engine = self.engine()?;
        Self::may_set(&engine, who, environment, name, &origin, wish)?;
        for _ in 0..TRIES {
            let key = self.newest_key(who, environment).await?;
            let world = engine.world();
            let store = store_of(&world, environment);
            wish.fits(&store, name)?;
            self.verify(environment, &store).await?;
            let version = store.secrets.get(name).map_or(1, |secret| secret.next_version());
            let sealed = key.seal(SecretName { name, version }, value.expose().as_bytes(), self.entropy.as_ref());
            let sealed = match sealed {
                Err(SealError::Exhausted) => {
                    self.make_key(who, environment).await?;
                    continue;
                }
                other => other?,
            };
            let ciphertext = engine.ports().blobs.put(&sealed).await?;
            let mark = Self::mark(&store, &key, store.revision() + 1, &[(name, version, ciphertext)], &[]);
            let data_key = key.name().version;
            let (name, origin) = (name.to_owned(), origin.clone());
            let change = StoreChange::Write { name: name.clone(), version, ciphertext, data_key, origin };
            let mut live = world.live(environment).clone();
            // What is made for a rotation is in force once the rotation says so.
            if !rotated {
                live.secrets.insert(name, SecretVersion(version.to_string()));
            }
            match self.bring(&engine, &world, who, (environment, change, vec![mark]), &live, wish).await {
                Ok(changed) => {
                    self.stays(&engine, &[(ciphertext, sealed)]).await?;
                    return Ok(changed);
                }
                Err(error) => {
                    self.give_up(&engine, [ciphertext], &error).await;
                    if !error.is_stale() {
                        return Err(error);
                    }
                }
            }
        }
        Err(busy(environment))
    }

    /// Refuses what would be refused anyway, before a key is made or anything is encrypted.
    fn may_set(
        engine: &Engine,
        who: &Principal,
        environment: &EnvironmentName,
        name: &str,
        origin: &SecretOrigin,
        wish: &Wish,
    ) -> Result<(), SecretsError> {
        let world = engine.world();
        let store = store_of(&world, environment);
        let nothing = Digest::of(b"");
        let change = StoreChange::Write {
            name: name.to_owned(),
            version: store.secrets.get(name).map_or(1, |secret| secret.next_version()),
            ciphertext: nothing,
            data_key: store.newest_key().map_or(1, |(version, _)| version),
            origin: origin.clone(),
        };
        let mark = Mark { revision: store.revision() + 1, data_key: 1, mac: nothing };
        let command = StoreCommand {
            environment: environment.clone(),
            change,
            reason: wish.reason.clone(),
            marks: vec![Mark { data_key: store.newest_key().map_or(1, |(version, _)| version), ..mark }],
            configured: None,
        };
        match Self::would(engine, &world, who, &Command::ChangeSecrets(Box::new(command))) {
            // There is no key yet; everything else was judged before that.
            Err(error) if error.is_stale() => rules::checked_name(name).map_err(SecretsError::from),
            other => other,
        }
    }

    /// Gives no value for a secret any more; its versions stay and can be restored.
    pub async fn unset(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
        name: &str,
        wish: &Wish,
    ) -> Result<Changed, SecretsError> {
        let change = |_: &SecretStore| Ok((StoreChange::Unset { name: name.to_owned() }, Vec::new()));
        self.take_away(who, environment, name, wish, change).await
    }

    /// Erases values for good: the ciphertexts are erased, the ledger keeps the fact.
    pub async fn destroy(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
        name: &str,
        versions: &BTreeSet<u32>,
        wish: &Wish,
    ) -> Result<Changed, SecretsError> {
        let before = store_of(&self.engine()?.world(), environment);
        let change = |_: &SecretStore| {
            let gone = versions.iter().copied().collect();
            Ok((StoreChange::Destroy { name: name.to_owned(), versions: versions.clone() }, gone))
        };
        let changed = self.take_away(who, environment, name, wish, change).await?;
        let engine = self.engine()?;
        let ciphertext = |version: &u32| Some(before.secrets.get(name)?.versions.get(version)?.ciphertext);
        // What it is now, too: it may have been encrypted anew meanwhile.
        let after = store_of(&changed.world, environment);
        let now = |version: &u32| Some(after.secrets.get(name)?.versions.get(version)?.ciphertext);
        let blobs: BTreeSet<Digest> = versions.iter().flat_map(|it| [ciphertext(it), now(it)]).flatten().collect();
        for digest in blobs {
            // Here a failure counts: who destroys a value must know that it is gone.
            engine.ports().blobs.erase(&digest).await?;
        }
        Ok(changed)
    }

    async fn take_away(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
        name: &str,
        wish: &Wish,
        change: impl Fn(&SecretStore) -> Result<(StoreChange, Vec<u32>), SecretsError>,
    ) -> Result<Changed, SecretsError> {
        let _one = self.changing.lock().await;
        let engine = self.engine()?;
        for _ in 0..TRIES {
            let world = engine.world();
            let store = store_of(&world, environment);
            if store.data_keys.is_empty() {
                // Nothing was ever kept here: the rules say in which words.
                let unknown = rules::secret(environment, &store, name).map(drop);
                known_environment(&engine, &world, who, environment)?;
                unknown?;
            }
            wish.fits(&store, name)?;
            self.verify(environment, &store).await?;
            let key = self.newest_key(who, environment).await?;
            let (change, gone) = change(&store)?;
            let current = store.secrets.get(name).and_then(|secret| secret.current);
            let mut live = world.live(environment).clone();
            if matches!(change, StoreChange::Unset { .. }) || current.is_some_and(|current| gone.contains(&current)) {
                live.secrets.remove(name);
            }
            let gone: Vec<(&str, u32)> = gone.into_iter().map(|version| (name, version)).collect();
            let mark = Self::mark(&store, &key, store.revision() + 1, &[], &gone);
            match self.bring(&engine, &world, who, (environment, change, vec![mark]), &live, wish).await {
                Err(error) if error.is_stale() => {}
                other => return other,
            }
        }
        Err(busy(environment))
    }

    /// Hands in a change of values with what it leads to.
    pub(super) async fn bring(
        &self,
        engine: &Engine,
        world: &World,
        who: &Principal,
        (environment, change, marks): (&EnvironmentName, StoreChange, Vec<Mark>),
        live: &Live,
        wish: &Wish,
    ) -> Result<Changed, SecretsError> {
        let gives = matches!(change, StoreChange::Write { .. } | StoreChange::Restore { .. });
        let how = (wish.record_only, gives);
        let (configured, effect) = bring::configured(engine, world, environment, live, how).await?;
        let name = name_of(&change);
        let command = StoreCommand {
            environment: environment.clone(),
            change,
            reason: wish.reason.clone(),
            marks,
            configured: Some(configured),
        };
        let done = engine.submit(&who.name, Command::ChangeSecrets(Box::new(command)), &who.cause).await?;
        let (closed, promotion) = promotions(&done.events);
        let store = store_of(&done.world, environment);
        let version = name.and_then(|name| store.current(&name));
        Ok(Changed { version, effect, promotion, closed, world: done.world })
    }

    /// Erases what was encrypted for a change that did not come about. After a failed append nobody knows whether it did, so
    /// then it is left; collecting garbage finds it.
    pub(super) async fn give_up(&self, engine: &Engine, blobs: impl IntoIterator<Item = Digest>, error: &SecretsError) {
        if error.refusal().is_some() {
            self.erase(engine, blobs).await;
        }
    }
}

/// Returns the one secret that a change is about.
fn name_of(change: &StoreChange) -> Option<String> {
    match change {
        StoreChange::Write { name, .. } | StoreChange::Unset { name } | StoreChange::Destroy { name, .. } => {
            Some(name.clone())
        }
        StoreChange::Restore { secrets, .. } => secrets.first().map(|one| one.name.clone()),
        StoreChange::MakeDataKey(_)
        | StoreChange::Rewrap { .. }
        | StoreChange::RetireDataKey { .. }
        | StoreChange::Reseal { .. } => None,
    }
}

/// Refuses an environment that is not there before anything else is said of it.
pub(super) fn known_environment(
    engine: &Engine,
    world: &World,
    who: &Principal,
    environment: &EnvironmentName,
) -> Result<(), SecretsError> {
    let probe = Command::ReadSecrets { environment: environment.clone(), secrets: Vec::new(), reason: None };
    let asker = towpath_core::command::Asker { principal: who.name.clone(), now: engine.now() };
    match towpath_core::decide::decide(world, &probe, &asker) {
        Err(refusal)
            if matches!(refusal.code, RefusalCode::NotFound | RefusalCode::NoProject | RefusalCode::BeingDestroyed) =>
        {
            Err(refusal.into())
        }
        Err(_) | Ok(_) => Ok(()),
    }
}

pub(super) fn busy(environment: &EnvironmentName) -> SecretsError {
    Refusal::new(RefusalCode::Stale, format!("the secrets of {environment} change all the time"))
        .next("try again in a moment")
        .into()
}

/// Refuses what no process can be given, without repeating it.
fn fit_for_a_process(name: &str, value: &SecretText) -> Result<(), SecretsError> {
    rules::checked_name(name)?;
    if value.len() > MAX_SECRET {
        let message = format!("the value of `{name}` has more than {MAX_SECRET} bytes");
        return Err(Refusal::new(RefusalCode::Invalid, message).next("keep it in a file of the release").into());
    }
    if value.expose().contains('\0') {
        let message = format!("the value of `{name}` has a NUL character, which no process can be given");
        return Err(Refusal::new(RefusalCode::Invalid, message).next("encode it, for example as base64").into());
    }
    Ok(())
}
