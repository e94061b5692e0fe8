//! The definitions of flags as the bundles of releases hold them, read once for each bundle and environment.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use towpath_core::{
    config::{Bundle, BundleError},
    flags::{FlagBasis, FlagDefinition, FlagDocument, definitions},
    ids::{Digest, EnvironmentName},
    world::World,
};

use crate::ports::{BlobError, Blobs};

/// How many documents are remembered.
const REMEMBERED: usize = 64;

/// The bundle, where, and the digest of the environment's file where it is in the ledger only.
type Key = (Digest, EnvironmentName, Option<Digest>);

/// Reads the definitions of flags from bundles.
pub struct FlagDefinitions {
    blobs: Arc<dyn Blobs>,
    known: Mutex<BTreeMap<Key, Arc<FlagDocument>>>,
}

/// Why the definitions of flags could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionsError {
    /// The bundle is not there.
    #[error("the bundle with the flags of {0} cannot be read")]
    Blob(EnvironmentName, #[source] BlobError),
    /// It is no bundle.
    #[error("the bundle with the flags of {0} is damaged")]
    Bundle(EnvironmentName, #[source] BundleError),
}

impl FlagDefinitions {
    /// Returns a reader over these blobs.
    pub fn new(blobs: Arc<dyn Blobs>) -> Self {
        Self { blobs, known: Mutex::default() }
    }

    /// Returns what the files say of the flags of an environment: those of the release that runs, and of the one that is on
    /// its way what is new in it.
    pub async fn of(
        &self,
        world: &World,
        environment: &EnvironmentName,
    ) -> Result<Arc<FlagDocument>, DefinitionsError> {
        let FlagBasis { bundle, coming, file, changes: _ } = world.flag_basis(environment);
        let document = match bundle {
            Some(bundle) => self.read((bundle, environment.clone(), file), world).await?,
            None => Arc::default(),
        };
        let Some(coming) = coming else { return Ok(document) };
        let coming = self.read((coming, environment.clone(), file), world).await?;
        let mut joined = joined(&document, &coming);
        // What a rollout turns on is as the release that rolls out defines it.
        let turned_on = world.rollout(environment).and_then(|rollout| rollout.spec.strategy.flag());
        if let Some((key, definition)) = turned_on.and_then(|flag| Some((&flag.key, flag.definition.as_ref()?))) {
            joined.flags.insert(key.clone(), definition.clone());
        }
        Ok(Arc::new(joined))
    }

    async fn read(&self, key: Key, world: &World) -> Result<Arc<FlagDocument>, DefinitionsError> {
        if let Some(known) = self.known().get(&key) {
            return Ok(Arc::clone(known));
        }
        let environment = &key.1;
        let bytes = self.blobs.get(&key.0).await.map_err(|error| DefinitionsError::Blob(environment.clone(), error))?;
        let bundle =
            Bundle::from_bytes(&bytes).map_err(|error| DefinitionsError::Bundle(environment.clone(), error))?;
        let sources = world.live(environment).sources(&bundle.to_sources(), environment);
        // What is wrong with one flag takes none of the others away; `env validate` says what it is.
        let document = Arc::new(definitions(&sources, environment.as_str()).0);
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, Arc::clone(&document));
        Ok(document)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Arc<FlagDocument>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a document with what is new in another: what both define stays as it is until the other is in force.
fn joined(document: &FlagDocument, coming: &FlagDocument) -> FlagDocument {
    let mut joined = document.clone();
    for (key, flag) in &coming.flags {
        joined.flags.entry(key.clone()).or_insert_with(|| FlagDefinition::clone(flag));
    }
    for (name, rule) in &coming.evaluators {
        joined.evaluators.entry(name.clone()).or_insert_with(|| rule.clone());
    }
    joined
}
