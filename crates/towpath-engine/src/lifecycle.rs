//! Destroying environments: listing what goes, and taking it away.
//!
//! What runs is stopped and unrouted by the loop, as always; here is what is left then: samples, files of the target, blobs
//! that nobody else names. Everything here can be done again, and is until the ledger says that it is done.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use jiff::{SignedDuration, Timestamp};
use towpath_core::{
    artifact::Tree,
    command::Command,
    ids::{Digest, EnvironmentName, ServiceName},
    lifecycle::{
        BlobGoes, Claims, DestroyCause, Held, Holding, Housekeeping, InstanceGoes, Keep, Listing, Named, RouteGoes,
        Stays, artifacts_in_use, claims, named, own_blobs, trees,
    },
    traffic::RouteId,
    world::World,
};

use crate::{
    engine::{Engine, Memory},
    ports::{BlobError, ExperimentStoreError, SampleError, TargetError},
    writer::SubmitError,
};

/// How long to wait before something that could not be cleaned up is tried again.
const TRY_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// Why it cannot be said what would go, or it could not be taken away.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Nothing is known of it.
    #[error("nothing is known of an environment `{0}`")]
    Unknown(EnvironmentName),
    /// The target does not say.
    #[error("what runs and what lies on the disk cannot be seen")]
    Target(#[from] TargetError),
    /// The blobs cannot be listed.
    #[error("the blobs cannot be listed")]
    Blobs(#[from] BlobError),
    /// The samples cannot be deleted.
    #[error("the samples cannot be deleted")]
    Samples(#[from] SampleError),
    /// Exposures and metric events cannot be deleted.
    #[error("exposures and metric events cannot be deleted")]
    Experiments(#[from] ExperimentStoreError),
}

/// Returns how long the project keeps things.
pub(crate) fn rules(world: &World) -> Housekeeping {
    world.project.as_ref().map(|project| project.housekeeping).unwrap_or_default()
}

impl Engine {
    /// Returns everything that would go with an environment, and what would stay because others use it.
    pub async fn listing(&self, environment: &EnvironmentName) -> Result<Listing, ListError> {
        let world = self.world();
        let claims = claims(&world, environment).ok_or_else(|| ListError::Unknown(environment.clone()))?;
        self.list(&world, environment, claims).await
    }

    async fn list(&self, world: &World, environment: &EnvironmentName, claims: Claims) -> Result<Listing, ListError> {
        let mut stays = Vec::new();
        let instances = self.ports.target.observe().await?.into_iter();
        let instances = instances.filter(|status| status.id.set.environment == *environment);
        let files = self.files(world, environment, &mut stays).await?;
        let blobs = self.blobs_that_go(world, environment, &mut stays).await?;
        Ok(Listing {
            environment: environment.clone(),
            claims,
            instances: instances.map(|status| InstanceGoes { id: status.id, pid: status.pid }).collect(),
            routes: self.routes_of(environment),
            files,
            blobs,
            stays,
        })
    }

    fn routes_of(&self, environment: &EnvironmentName) -> Vec<RouteGoes> {
        let ours = |(id, address): (String, Option<SocketAddr>)| {
            let (of, service) = id.split_once('/')?;
            let service: ServiceName = service.parse().ok().filter(|_| of == environment.as_str())?;
            Some(RouteGoes { id: RouteId { environment: environment.clone(), service }, address })
        };
        let routes = self.ports.traffic.status().routes.into_iter();
        routes.filter_map(|(id, status)| ours((id, status.listen))).collect()
    }

    /// Logs and states of the environment's instances, and artifacts that are unpacked for it alone.
    async fn files(
        &self,
        world: &World,
        environment: &EnvironmentName,
        stays: &mut Vec<Stays>,
    ) -> Result<Vec<Held>, TargetError> {
        let own: BTreeSet<Digest> = own_artifacts(world, environment);
        let others = artifacts_in_use(world, &rules(world), Some(environment));
        let mut goes = Vec::new();
        for held in self.ports.target.holdings().await? {
            match &held.what {
                Holding::Log { instance } | Holding::State { instance } if instance.set.environment == *environment => {
                    goes.push(held);
                }
                Holding::Artifact { tree } if own.contains(tree) && others.contains(tree) => {
                    let because = "other environments run from it".to_owned();
                    stays.push(Stays { what: held.what.to_string(), because });
                }
                Holding::Artifact { tree } if own.contains(tree) => goes.push(held),
                Holding::Log { .. } | Holding::State { .. } | Holding::Artifact { .. } => {}
            }
        }
        Ok(goes)
    }

    async fn blobs_that_go(
        &self,
        world: &World,
        environment: &EnvironmentName,
        stays: &mut Vec<Stays>,
    ) -> Result<Vec<BlobGoes>, BlobError> {
        let own = own_blobs(world, environment);
        if own.is_empty() {
            return Ok(Vec::new());
        }
        let named = match self.named(world, Keep::Except(environment)).await {
            Ok(named) => named,
            Err(BlobError::Damaged(digest)) => {
                // Who cannot say what is named may erase nothing; the environment goes all the same.
                tracing::warn!(%digest, %environment, "a manifest is damaged, so the blobs of the environment are left");
                let because =
                    format!("the manifest {} is damaged, so it cannot be said who else uses them", digest.short());
                stays.push(Stays { what: format!("{} blobs", own.len()), because });
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let stored = self.ports.blobs.list().await?.into_iter();
        let stored: BTreeMap<Digest, u64> = stored.map(|blob| (blob.digest, blob.bytes)).collect();
        let mut goes = Vec::new();
        for digest in own {
            match (named.get(&digest), stored.get(&digest)) {
                (Some(who), _) => {
                    let what = format!("blob {}", digest.short());
                    stays.push(Stays { what, because: format!("{who} names it") });
                }
                (None, Some(bytes)) => goes.push(BlobGoes { digest, bytes: *bytes }),
                (None, None) => {}
            }
        }
        Ok(goes)
    }

    /// Returns the blobs that somebody names, with the files of every artifact.
    pub(crate) async fn named(&self, world: &World, keep: Keep<'_>) -> Result<Named, BlobError> {
        let mut all = named(world, keep);
        for digest in trees(world) {
            let manifest = match self.ports.blobs.get(&digest).await {
                Ok(manifest) => manifest,
                // It names nothing any more.
                Err(BlobError::Missing(_)) => continue,
                Err(error) => return Err(error),
            };
            let tree = Tree::parse(&manifest).map_err(|_| BlobError::Damaged(digest))?;
            for file in tree.blobs() {
                all.entry(file).or_insert_with(|| format!("artifact {}", digest.short()));
            }
        }
        Ok(all)
    }

    /// Begins to destroy a preview whose time is over.
    pub(crate) async fn expire(&self, environment: &EnvironmentName) -> bool {
        let listing = match self.listing(environment).await {
            Ok(listing) => listing,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, %environment, "a preview cannot end yet");
                return false;
            }
        };
        let goes = listing.totals();
        let (environment, claims) = (environment.clone(), listing.claims);
        let command = Command::Destroy { environment, cause: DestroyCause::Expired, claims, goes };
        match self.submit_own(command, "its time is over").await {
            Ok(done) => !done.events.is_empty(),
            // It was extended or changed between looking and ending: the next turn looks again.
            Err(SubmitError::Refused(_)) => false,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the end of a preview could not be written down"
                );
                false
            }
        }
    }

    /// Takes away what an environment left of which nothing runs any more, and writes down that it is gone.
    pub(crate) async fn clean_up(&self, world: &World, memory: &mut Memory, environment: &EnvironmentName) -> bool {
        let now = self.now();
        let tried = memory.uncleaned.get(environment);
        if tried.is_some_and(|tried| now.duration_since(*tried) < TRY_AGAIN && now >= *tried) {
            return false;
        }
        let Some(destroying) = world.destroying(environment) else { return false };
        memory.sampler.flush(&self.ports, now, true).await;
        if let Err(error) = self.take_away(world, environment, destroying.since).await {
            tracing::warn!(error = &error as &dyn std::error::Error, %environment, "it cannot be cleaned up; tried again");
            memory.uncleaned.insert(environment.clone(), now);
            return false;
        }
        let command = Command::FinishDestroying { environment: environment.clone(), removed: destroying.goes };
        match self.submit_own(command, "nothing is left").await {
            Ok(_) => {
                memory.uncleaned.remove(environment);
                memory.declared.retain(|set, _| set.environment != *environment);
                memory.cannot_start.retain(|set, _| set.environment != *environment);
                tracing::info!(%environment, "destroyed");
                true
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, %environment, "its end could not be written down");
                false
            }
        }
    }

    async fn take_away(&self, world: &World, environment: &EnvironmentName, since: Timestamp) -> Result<(), ListError> {
        self.ports.samples.forget(environment).await?;
        self.ports.experiments.forget(environment).await?;
        let files = self.files(world, environment, &mut Vec::new()).await?;
        let files: Vec<Holding> = files.into_iter().map(|held| held.what).collect();
        self.ports.target.discard(&files).await?;
        let blobs = self.blobs_that_go(world, environment, &mut Vec::new()).await?;
        for blob in blobs {
            // What was stored again meanwhile is somebody else's; nobody else's is found by collecting.
            self.ports.blobs.erase_older(&blob.digest, since).await?;
        }
        Ok(())
    }
}

fn own_artifacts(world: &World, environment: &EnvironmentName) -> BTreeSet<Digest> {
    let living = world.history(environment).filter(|it| !world.is_gone(environment, it.revision));
    living.flat_map(|it| it.spec.services.values()).filter_map(|service| service.artifact).collect()
}
