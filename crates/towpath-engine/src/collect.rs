//! Collecting garbage: blobs that nothing names, files of revisions that cannot be gone back to.
//!
//! Careful rather than thorough: what is young is left, because an upload may be about to name it, and what cannot be
//! understood is left with everything it may name.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use towpath_core::{
    command::Command,
    ids::{Digest, PrincipalName, Revision},
    instance::InstanceId,
    lifecycle::{BlobGoes, Held, Holding, Keep, Removed, artifacts_in_use, is_kept, kept_revisions},
    rollout::Deployment,
    units::Millis,
    world::World,
};

use crate::{
    engine::Engine,
    lifecycle::rules,
    ports::{BlobError, TargetError},
    writer::SubmitError,
};

/// What can be collected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Blobs that nothing names.
    pub blobs: Vec<BlobGoes>,
    /// Files of revisions that cannot be gone back to.
    pub files: Vec<Held>,
}

/// Why nothing was collected, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The target does not say what it keeps.
    #[error("what lies on the disk cannot be seen or deleted")]
    Target(#[from] TargetError),
    /// The blobs cannot be listed or erased.
    #[error("the blobs cannot be listed or erased")]
    Blobs(#[from] BlobError),
    /// It could not be written down.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Garbage {
    /// Returns the checksum over what is listed.
    pub fn digest(&self) -> Digest {
        let blobs: Vec<Digest> = self.blobs.iter().map(|blob| blob.digest).collect();
        let files: Vec<&Holding> = self.files.iter().map(|file| &file.what).collect();
        Digest::of(&serde_json::to_vec(&(blobs, files)).unwrap_or_default())
    }

    /// Returns it in numbers.
    pub fn totals(&self) -> Removed {
        Removed {
            files: self.files.len() as u64,
            file_bytes: self.files.iter().map(|file| file.bytes).sum(),
            blobs: self.blobs.len() as u64,
            blob_bytes: self.blobs.iter().map(|blob| blob.bytes).sum(),
            ..Removed::default()
        }
    }
}

impl Engine {
    /// Returns what can be collected now.
    pub async fn garbage(&self) -> Result<Garbage, CollectError> {
        let world = self.world();
        let before = limit(&world, self.now());
        Ok(Garbage { blobs: self.unnamed(&world, before).await?, files: self.outdated(&world, before).await? })
    }

    async fn unnamed(&self, world: &World, before: Timestamp) -> Result<Vec<BlobGoes>, CollectError> {
        // Listed first: what is stored after it is not in the list, whoever names it.
        let stored = self.ports.blobs.list().await?;
        let named = self.named(world, Keep::Within(&rules(world))).await?;
        let unnamed = stored.into_iter().filter(|blob| blob.since < before && !named.contains_key(&blob.digest));
        Ok(unnamed.map(|blob| BlobGoes { digest: blob.digest, bytes: blob.bytes }).collect())
    }

    async fn outdated(&self, world: &World, before: Timestamp) -> Result<Vec<Held>, CollectError> {
        let rules = rules(world);
        let kept = kept_revisions(world, &rules);
        let artifacts = artifacts_in_use(world, &rules, None);
        let instances = self.ports.target.observe().await?;
        let running: BTreeSet<&InstanceId> = instances.iter().map(|status| &status.id).collect();
        let outdated = |what: &Holding| match what {
            Holding::Log { instance } | Holding::State { instance } => {
                let set = &instance.set;
                !running.contains(instance) && !is_kept(world, &kept, &set.environment, set.revision)
            }
            Holding::Artifact { tree } => !artifacts.contains(tree),
        };
        let held = self.ports.target.holdings().await?.into_iter();
        Ok(held.filter(|held| held.modified < before && outdated(&held.what)).collect())
    }

    /// Removes what was listed, after it was written down. What somebody began to use since is left, with everything else.
    pub async fn collect(
        &self,
        principal: &PrincipalName,
        garbage: &Garbage,
        cause: &str,
    ) -> Result<Removed, CollectError> {
        let world = self.world();
        let blobs: BTreeSet<Digest> = garbage.blobs.iter().map(|blob| blob.digest).collect();
        let needs = |deployment: &&Arc<Deployment>| {
            deployment.spec.services.values().any(|service| blobs.contains(&service.environment))
        };
        let lost = world.deployments.values().filter(needs).filter(|deployment| !world.is_lost(deployment));
        let revisions: BTreeSet<Revision> = lost.map(|deployment| deployment.revision).collect();
        let removed = garbage.totals();
        if removed == Removed::default() {
            return Ok(removed);
        }
        // Whatever happens from here on, nobody goes back to what loses its blobs.
        let done = self.submit(principal, Command::Collect { revisions, removed }, cause).await?;
        let what: Vec<Holding> = garbage.files.iter().map(|file| file.what.clone()).collect();
        self.ports.target.discard(&what).await?;
        let before = limit(&done.world, self.now());
        let named = self.named(&done.world, Keep::Within(&rules(&done.world))).await?;
        for blob in garbage.blobs.iter().filter(|blob| !named.contains_key(&blob.digest)) {
            self.ports.blobs.erase_older(&blob.digest, before).await?;
        }
        Ok(removed)
    }
}

/// Returns when something must have been stored last to be old enough.
fn limit(world: &World, now: Timestamp) -> Timestamp {
    let Millis(grace) = rules(world).grace;
    let grace = i64::try_from(grace).map_or(SignedDuration::MAX, SignedDuration::from_millis);
    now.checked_sub(grace).unwrap_or(Timestamp::MIN)
}
