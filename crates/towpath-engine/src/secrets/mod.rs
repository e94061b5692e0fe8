//! The server's own store of secrets: encrypting, decrypting and writing down, in an order in which a crash at any point leaves
//! every secret readable.
//!
//! A blob is durable before the event that names it, and is erased after the event that gives it up. What may be asked by whom
//! is decided by core. Values are given out here and nowhere kept; data keys are kept in memory for minutes.

use std::sync::{Arc, OnceLock, Weak};

use towpath_core::{
    decide::Decision,
    event::Event,
    ids::{Digest, EnvironmentName, PrincipalName},
    refusal::{Refusal, RefusalCode},
    secrets::{
        SecretVersion,
        store::{Mark, SecretStore},
    },
    world::World,
};
pub use towpath_secrets::entropy::{Entropy, NoEntropy, SystemEntropy};
use towpath_secrets::envelope::{DataKey, Entry, Manifest, NotThisKey, OpenError, SealError};

use crate::{
    engine::Engine,
    ports::{BlobError, KeyError, KeyProviders, ResolveError},
    writer::SubmitError,
};

pub(crate) mod bring;
mod change;
mod keyring;
mod keys;
mod read;
mod restore;
mod source;

pub use bring::Effect;
pub use change::{Changed, Wish};
pub use keys::Resealing;
pub use read::Shown;
pub use restore::{Kept, PointInTime};
pub use source::StoreSource;

use keyring::Keyring;

/// The longest value in bytes. No environment of a process holds much more, and what secrets are copied to takes less.
pub const MAX_SECRET: usize = 64 << 10;

/// How often something is worked out anew when something else was quicker.
const TRIES: u32 = 8;

/// On whose behalf something is done, and as part of what.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Who.
    pub name: PrincipalName,
    /// The request or job it is part of.
    pub cause: String,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// A rule says no, or it could not be written down.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// What encrypts the data keys does not.
    #[error("the data keys of the environment cannot be used")]
    Key(#[from] KeyError),
    /// Blobs cannot be read or written.
    #[error("what is encrypted cannot be read or written")]
    Blob(#[from] BlobError),
    /// What would run cannot be found out.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Somebody else wrote in between.
    #[error("`{name}` has changed meanwhile: {}", found.as_ref().map_or("it has no value now".to_owned(), |it| format!("it is at version {it} now")))]
    Changed {
        /// Which secret.
        name: String,
        /// The version in force.
        found: Option<SecretVersion>,
    },
    /// The store holds something else than what was last written: an entry is missing, replaced or older.
    #[error(
        "the secrets of {environment} are not what was written last: an entry is missing, replaced or older than it should be; nothing was decrypted"
    )]
    Tampered {
        /// Where.
        environment: EnvironmentName,
    },
    /// A ciphertext does not belong where it stands.
    #[error("version {version} of `{name}` in {environment} cannot be decrypted")]
    Damaged {
        /// Which secret.
        name: String,
        /// Which version.
        version: u32,
        /// Where.
        environment: EnvironmentName,
        /// Why.
        source: OpenError,
    },
    /// The key in force is not the one that the data keys were encrypted by.
    #[error(
        "data key {version} of {environment} was encrypted by `{made_by}`, and `{configured}` is configured: bring the first back"
    )]
    OtherKey {
        /// Where.
        environment: EnvironmentName,
        /// Which data key.
        version: u32,
        /// What encrypted it.
        made_by: String,
        /// What is there.
        configured: String,
    },
    /// What was decrypted is not the data key that was made.
    #[error("data key {version} of {environment} is not the one that was made")]
    NotThisKey {
        /// Where.
        environment: EnvironmentName,
        /// Which data key.
        version: u32,
        /// Why.
        source: NotThisKey,
    },
    /// The system gives no randomness.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// A value that cannot be encrypted.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The control plane is not there yet, or no longer.
    #[error("the control plane is stopping; nothing was changed")]
    Stopping,
}

impl From<Refusal> for SecretsError {
    fn from(refusal: Refusal) -> Self {
        Self::Submit(refusal.into())
    }
}

impl SecretsError {
    /// Returns the refusal, if a rule says no.
    pub fn refusal(&self) -> Option<&Refusal> {
        if let Self::Submit(SubmitError::Refused(refusal)) = self { Some(refusal) } else { None }
    }

    fn is_stale(&self) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code == RefusalCode::Stale)
    }
}

/// The store of secrets of every environment.
pub struct Secrets {
    engine: OnceLock<Weak<Engine>>,
    providers: Arc<dyn KeyProviders>,
    entropy: Arc<dyn Entropy>,
    keyring: Arc<Keyring>,
    // Changes are worked out one after the other, so that they do not disturb each other; the ledger would notice.
    changing: tokio::sync::Mutex<()>,
}

impl Secrets {
    /// Returns a store that uses nothing yet; [`Secrets::attach`] gives it the control plane.
    pub fn new(providers: Arc<dyn KeyProviders>, entropy: Arc<dyn Entropy>) -> Arc<Self> {
        let keyring = Arc::new(Keyring::default());
        Arc::new(Self { engine: OnceLock::new(), providers, entropy, keyring, changing: tokio::sync::Mutex::default() })
    }

    /// Gives it the control plane whose ledger and blobs it uses. It does not keep it alive.
    pub fn attach(&self, engine: &Arc<Engine>) {
        // A second one would be a mistake of the wiring; the first stays.
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    pub(crate) fn engine(&self) -> Result<Arc<Engine>, SecretsError> {
        self.engine.get().and_then(Weak::upgrade).ok_or(SecretsError::Stopping)
    }

    /// Returns the mark of what the store would hold after a change: `put` and `gone` change what it holds now.
    fn mark(
        store: &SecretStore,
        key: &DataKey,
        revision: u64,
        put: &[(&str, u32, Digest)],
        gone: &[(&str, u32)],
    ) -> Mark {
        let replaced = |name: &str, version: u32| {
            put.iter().any(|(other, number, _)| *other == name && *number == version) || gone.contains(&(name, version))
        };
        let kept = store.living().filter(|(name, version, _)| !replaced(name, *version));
        let kept = kept.map(|(name, version, it)| Entry { name, version, sealed: *it.ciphertext.as_bytes() });
        let put =
            put.iter().map(|(name, version, sealed)| Entry { name, version: *version, sealed: *sealed.as_bytes() });
        let manifest = Manifest::new(revision, kept.chain(put));
        Mark { revision, data_key: key.name().version, mac: Digest::from_bytes(manifest.mac(key)) }
    }

    /// Checks that the store holds what was last written. What was checked once is remembered.
    async fn verify(&self, environment: &EnvironmentName, store: &SecretStore) -> Result<(), SecretsError> {
        let Some(mark) = store.mark else { return Ok(()) };
        if self.keyring.is_verified(environment, store) {
            return Ok(());
        }
        let key = self.key(environment, store, mark.data_key).await?;
        let again = Self::mark(store, &key, mark.revision, &[], &[]);
        // Both are keyed hashes: how many bytes agree says nothing that helps.
        if again != mark {
            tracing::error!(%environment, revision = mark.revision, "the secrets are not what was written last");
            return Err(SecretsError::Tampered { environment: environment.clone() });
        }
        self.keyring.verified(environment, store);
        Ok(())
    }

    /// Erases blobs that nothing names any more; what cannot be erased now is erased when garbage is collected.
    async fn erase(&self, engine: &Engine, digests: impl IntoIterator<Item = Digest>) {
        for digest in digests {
            if let Err(error) = engine.ports().blobs.erase(&digest).await {
                tracing::warn!(error = &error as &dyn std::error::Error, %digest, "a blob of a secret is left for now");
            }
        }
    }

    /// Erases what was destroyed or retired and is still there, of every environment: a crash may have come between the event
    /// and the erasing. Says how many blobs there were.
    pub async fn sweep(&self) -> Result<usize, SecretsError> {
        let engine = self.engine()?;
        let world = engine.world();
        let mut swept = 0;
        for store in world.environments.values().map(|state| &state.secrets) {
            for digest in store.erased() {
                if engine.ports().blobs.contains(&digest).await? {
                    engine.ports().blobs.erase(&digest).await?;
                    swept += 1;
                }
            }
        }
        Ok(swept)
    }
}

/// Returns the store of an environment; an empty one if it was never used.
fn store_of(world: &World, environment: &EnvironmentName) -> Arc<SecretStore> {
    world.secrets(environment).cloned().unwrap_or_default()
}

/// Returns the numbers of promotions that an append closed and the one that it asked for.
fn promotions(events: &[Arc<Event>]) -> (Vec<u64>, Option<u64>) {
    use towpath_core::event::Fact;
    let mut closed = Vec::new();
    let mut asked = None;
    for event in events {
        if let Fact::PromotionFailed { promotion, .. } | Fact::PromotionSuperseded { promotion, .. } = &event.fact {
            closed.push(promotion.0);
        }
        if let Fact::PromotionRequested { promotion, .. } = &event.fact {
            asked = Some(promotion.0);
        }
    }
    (closed, asked)
}

/// Refuses early what would be refused late.
fn allowed(decision: Decision) -> Result<(), SecretsError> {
    decision.map(drop).map_err(SecretsError::from)
}
