//! What would go with an environment, and what stays because others use it.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Held, Removed};
use crate::{
    ids::{Digest, EnvironmentName, PromotionNumber, Revision},
    instance::InstanceId,
    rollout::Phase,
    traffic::RouteId,
    world::World,
};

/// What the ledger knows of an environment and what ends with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whether it is a preview.
    pub preview: bool,
    /// The revisions that could be gone back to.
    pub revisions: Vec<Revision>,
    /// The rollout that is going on.
    pub rollout: Option<Revision>,
    /// The promotions that wait.
    pub promotions: Vec<PromotionNumber>,
    /// The keys of the live overlay.
    pub overlay: Vec<String>,
}

/// An instance that is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceGoes {
    /// Which.
    pub id: InstanceId,
    /// Its process.
    pub pid: Option<u32>,
}

/// A route that is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteGoes {
    /// Which.
    pub id: RouteId,
    /// Where it is listened on.
    pub address: Option<SocketAddr>,
}

/// A blob that is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobGoes {
    /// Which.
    pub digest: Digest,
    /// Its length.
    pub bytes: u64,
}

/// What stays although the environment uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stays {
    /// What.
    pub what: String,
    /// Who else uses it.
    pub because: String,
}

/// Everything that goes with an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Which environment.
    pub environment: EnvironmentName,
    /// What the ledger knows.
    pub claims: Claims,
    /// What is stopped.
    pub instances: Vec<InstanceGoes>,
    /// What is closed.
    pub routes: Vec<RouteGoes>,
    /// What is deleted from the disk.
    pub files: Vec<Held>,
    /// What is erased.
    pub blobs: Vec<BlobGoes>,
    /// What is not.
    pub stays: Vec<Stays>,
}

impl Listing {
    /// Returns the checksum over what goes. Numbers of processes and lengths of logs are not in it: they change while
    /// somebody reads.
    pub fn digest(&self) -> Digest {
        let instances: Vec<&InstanceId> = self.instances.iter().map(|one| &one.id).collect();
        let routes: Vec<&RouteId> = self.routes.iter().map(|one| &one.id).collect();
        let files: Vec<_> = self.files.iter().map(|one| &one.what).collect();
        let blobs: Vec<Digest> = self.blobs.iter().map(|one| one.digest).collect();
        let all = (&self.environment, &self.claims, instances, routes, files, blobs);
        Digest::of(&serde_json::to_vec(&all).unwrap_or_default())
    }

    /// Returns it in numbers.
    pub fn totals(&self) -> Removed {
        let count = |number: usize| number as u64;
        Removed {
            instances: count(self.instances.len()),
            routes: count(self.routes.len()),
            revisions: count(self.claims.revisions.len()),
            promotions: count(self.claims.promotions.len()),
            overlay: count(self.claims.overlay.len()),
            files: count(self.files.len()),
            file_bytes: self.files.iter().map(|file| file.bytes).sum(),
            blobs: count(self.blobs.len()),
            blob_bytes: self.blobs.iter().map(|blob| blob.bytes).sum(),
        }
    }
}

/// Returns what the ledger knows of an environment; `None` if it knows nothing.
pub fn claims(world: &World, environment: &EnvironmentName) -> Option<Claims> {
    let state = world.environments.get(environment);
    let preview = world.previews.contains_key(environment);
    let waiting = world.waiting().filter(|promotion| promotion.environment == *environment);
    let good = |phase: &Phase| matches!(phase, Phase::Completed | Phase::Retired);
    let living = world.history(environment).filter(|it| !world.is_lost(it));
    let claims = Claims {
        preview,
        revisions: living.filter(|it| good(&it.phase)).map(|it| it.revision).collect(),
        rollout: state.and_then(|state| state.rollout),
        promotions: waiting.map(|promotion| promotion.number).collect(),
        overlay: world.live(environment).overlay.iter().map(|entry| entry.key.clone()).collect(),
    };
    (preview || state.is_some() || claims != Claims::default()).then_some(claims)
}
