//! Folding what happened into a store. Total: replay runs it on every event, so it neither fails nor acts.
//!
//! `World::apply` matches every kind of event and hands over those about the store; the wildcards stand for the rest.
#![expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match over events is in `World::apply`")]

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    DataKey, DataKeyMade, Destroyed, SecretDestroyed, SecretOrigin, SecretStore, SecretUnset, SecretsResealed,
    StoredSecret, StoredVersion, Unset,
};
use crate::{
    event::{Event, Fact},
    ids::Digest,
};

/// A version as its event tells it.
struct Added<'a> {
    name: &'a str,
    number: u32,
    ciphertext: Digest,
    data_key: u32,
    origin: SecretOrigin,
    reason: Option<&'a String>,
}

impl SecretStore {
    /// Folds one event; what is not about secrets changes nothing.
    pub(crate) fn fold(&mut self, event: &Event) {
        let mark = match &event.fact {
            Fact::DataKeyMade(made) => {
                self.make(event, made);
                made.mark
            }
            Fact::DataKeyRewrapped(again) => {
                if let Some(key) = self.data_keys.get_mut(&again.version) {
                    key.wrapped = again.wrapped;
                    key.provider.clone_from(&again.provider);
                    key.rewrapped_at = Some(event.at);
                }
                again.mark
            }
            Fact::DataKeyRetired(retired) => {
                if let Some(key) = self.data_keys.get_mut(&retired.version) {
                    key.retired_at = Some(event.at);
                }
                retired.mark
            }
            Fact::SecretsResealed(resealed) => {
                self.reseal(resealed);
                resealed.mark
            }
            Fact::SecretWritten(written) => {
                let added = Added {
                    name: &written.name,
                    number: written.version,
                    ciphertext: written.ciphertext,
                    data_key: written.data_key,
                    origin: written.origin.clone(),
                    reason: written.reason.as_ref(),
                };
                self.add(event, added);
                written.mark
            }
            Fact::SecretRestored(restored) => {
                let added = Added {
                    name: &restored.name,
                    number: restored.version,
                    ciphertext: restored.ciphertext,
                    data_key: restored.data_key,
                    origin: SecretOrigin::Restored { of: restored.of },
                    reason: restored.reason.as_ref(),
                };
                self.add(event, added);
                restored.mark
            }
            Fact::SecretUnset(unset) => {
                self.unset(event, unset);
                unset.mark
            }
            Fact::SecretDestroyed(destroyed) => {
                self.destroy(event, destroyed);
                destroyed.mark
            }
            _ => return,
        };
        self.mark = Some(mark);
    }

    fn make(&mut self, event: &Event, made: &DataKeyMade) {
        self.project.get_or_insert_with(|| made.project.clone());
        let key = DataKey {
            wrapped: made.wrapped,
            provider: made.provider.clone(),
            commitment: made.commitment,
            at: event.at,
            by: event.principal.clone(),
            rewrapped_at: None,
            seals: 0,
            retired_at: None,
        };
        self.data_keys.insert(made.version, key);
    }

    fn add(&mut self, event: &Event, added: Added<'_>) {
        self.count(added.data_key, 1);
        let version = StoredVersion {
            ciphertext: added.ciphertext,
            data_key: added.data_key,
            at: event.at,
            by: event.principal.clone(),
            origin: added.origin,
            reason: added.reason.cloned(),
            destroyed: None,
        };
        let in_force = !matches!(version.origin, SecretOrigin::Rotated { .. });
        self.change(added.name, event.at, |secret| {
            secret.versions.insert(added.number, version);
            if in_force {
                secret.current = Some(added.number);
            }
        });
    }

    /// Puts a version in force that is there, as a rotation says.
    pub(crate) fn put_in_force(&mut self, name: &str, version: Option<u32>, at: Timestamp) {
        self.change(name, at, |secret| secret.current = version.filter(|it| secret.living(*it).is_some()));
    }

    fn unset(&mut self, event: &Event, unset: &SecretUnset) {
        self.change(&unset.name, event.at, |secret| {
            let was = secret.current.take();
            secret.unsets.push(Unset { at: event.at, by: event.principal.clone(), was, reason: unset.reason.clone() });
        });
    }

    fn destroy(&mut self, event: &Event, destroyed: &SecretDestroyed) {
        let end = Destroyed { at: event.at, by: event.principal.clone(), reason: destroyed.reason.clone() };
        self.change(&destroyed.name, event.at, |secret| {
            for version in &destroyed.versions {
                if let Some(version) = secret.versions.get_mut(version) {
                    version.destroyed.get_or_insert_with(|| end.clone());
                }
            }
            secret.current = secret.current.filter(|current| !destroyed.versions.contains(current));
        });
    }

    fn reseal(&mut self, resealed: &SecretsResealed) {
        for one in &resealed.secrets {
            let secret = self.secrets.get_mut(&one.name).map(Arc::make_mut);
            if let Some(version) = secret.and_then(|secret| secret.versions.get_mut(&one.version)) {
                version.ciphertext = one.ciphertext;
                version.data_key = resealed.data_key;
            }
        }
        self.count(resealed.data_key, resealed.secrets.len() as u64);
    }

    fn count(&mut self, data_key: u32, seals: u64) {
        if let Some(key) = self.data_keys.get_mut(&data_key) {
            key.seals = key.seals.saturating_add(seals);
        }
    }

    fn change(&mut self, name: &str, at: Timestamp, change: impl FnOnce(&mut StoredSecret)) {
        let secret = Arc::make_mut(self.secrets.entry(name.to_owned()).or_default());
        secret.changed_at = at;
        change(secret);
    }
}
