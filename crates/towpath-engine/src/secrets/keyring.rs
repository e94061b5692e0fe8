//! Data keys that were decrypted lately, for a bounded time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use towpath_core::{
    ids::{Digest, EnvironmentName},
    secrets::store::{Mark, SecretStore},
};
use towpath_secrets::envelope::DataKey;

/// How long a data key is kept in memory after it was decrypted.
const LIFE: Duration = Duration::from_mins(5);

/// Data keys by their wrapped form: another one is another key.
#[derive(Default)]
pub(super) struct Keyring {
    keys: Mutex<BTreeMap<Digest, (Arc<DataKey>, Instant)>>,
    verified: Mutex<BTreeMap<EnvironmentName, Mark>>,
}

impl Keyring {
    pub(super) fn get(&self, wrapped: &Digest) -> Option<Arc<DataKey>> {
        let mut keys = lock(&self.keys);
        forget(&mut keys);
        keys.get(wrapped).map(|(key, _)| Arc::clone(key))
    }

    /// Keeps a key, and forgets it in time even if nobody asks again.
    pub(super) fn keep(self: &Arc<Self>, wrapped: Digest, key: &Arc<DataKey>) {
        lock(&self.keys).insert(wrapped, (Arc::clone(key), Instant::now()));
        let ring = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(LIFE).await;
            if let Some(ring) = ring.upgrade() {
                forget(&mut lock(&ring.keys));
            }
        });
    }

    /// Forgets a key that is not to be used any more.
    pub(super) fn forget(&self, wrapped: &Digest) {
        lock(&self.keys).remove(wrapped);
    }

    pub(super) fn is_verified(&self, environment: &EnvironmentName, store: &SecretStore) -> bool {
        store.mark.is_some() && lock(&self.verified).get(environment).copied() == store.mark
    }

    pub(super) fn verified(&self, environment: &EnvironmentName, store: &SecretStore) {
        if let Some(mark) = store.mark {
            lock(&self.verified).insert(environment.clone(), mark);
        }
    }
}

fn forget(keys: &mut BTreeMap<Digest, (Arc<DataKey>, Instant)>) {
    keys.retain(|_, (_, since)| since.elapsed() < LIFE);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
