//! The flags that every environment serves: compiled, published by an atomic pointer, followed by whoever streams.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use towpath_core::{
    flags::{FlagDocument, FlagSet},
    ids::{Digest, EnvironmentName},
};

mod changing;
mod definitions;
mod scheduled;
mod serving;

pub use changing::{FlagsAsked, FlagsError, FlagsProposed};
pub use definitions::{DefinitionsError, FlagDefinitions};
pub(crate) use serving::Serving;

/// What an environment serves.
#[derive(Debug, Default)]
pub struct Served {
    /// Compiled.
    pub set: FlagSet,
    /// What it was compiled from, every layer laid over the other.
    pub document: FlagDocument,
    /// The digest of the document: two that have the same evaluate alike.
    pub digest: Option<Digest>,
}

/// The flags of every environment.
#[derive(Debug, Default)]
pub struct FlagSets {
    served: ArcSwap<BTreeMap<EnvironmentName, Arc<Served>>>,
    followers: Mutex<BTreeMap<EnvironmentName, watch::Sender<Arc<Served>>>>,
}

impl Served {
    /// Compiles a document.
    pub fn new(document: FlagDocument) -> Self {
        let digest = serde_json::to_vec(&document).ok().map(|bytes| Digest::of(&bytes));
        Self { set: FlagSet::compile(&document), document, digest }
    }
}

impl FlagSets {
    /// Returns what an environment serves now. Never waits.
    pub fn served(&self, environment: &EnvironmentName) -> Option<Arc<Served>> {
        self.served.load().get(environment).cloned()
    }

    /// Follows what an environment serves; the newest is always there, those between may be missed. `None` where nothing is.
    pub fn follow(&self, environment: &EnvironmentName) -> Option<watch::Receiver<Arc<Served>>> {
        self.followers().get(environment).map(watch::Sender::subscribe)
    }

    /// Serves something else from now on; the same again wakes nobody.
    pub fn publish(&self, environment: &EnvironmentName, served: Arc<Served>) {
        let mut followers = self.followers();
        if self.served(environment).is_some_and(|before| before.digest == served.digest) {
            return;
        }
        let mut all = BTreeMap::clone(&self.served.load());
        all.insert(environment.clone(), Arc::clone(&served));
        self.served.store(Arc::new(all));
        match followers.get(environment) {
            Some(follower) => drop(follower.send_replace(served)),
            None => drop(followers.insert(environment.clone(), watch::Sender::new(served))),
        }
    }

    /// Serves nothing for environments that are gone; who follows them is told by the end of the channel.
    pub fn retain(&self, exists: impl Fn(&EnvironmentName) -> bool) {
        let mut followers = self.followers();
        let mut all = BTreeMap::clone(&self.served.load());
        all.retain(|environment, _| exists(environment));
        self.served.store(Arc::new(all));
        followers.retain(|environment, _| exists(environment));
    }

    fn followers(&self) -> std::sync::MutexGuard<'_, BTreeMap<EnvironmentName, watch::Sender<Arc<Served>>>> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
