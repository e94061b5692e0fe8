//! The life of environments as the API tells it.

use towpath_core::{
    ids::EnvironmentName,
    lifecycle::{self, Held, Listing, Preview, Removed},
    world::World,
};
use towpath_engine::Garbage;

use super::tier;
use crate::api::types::{
    BlobGoes, Destruction, FileGoes, GarbageView, InstanceGoes, LifeState, LifeView, PreviewSummary, PreviewView,
    RemovedView, RouteGoes, StaysView, Tier,
};

/// Shows a preview.
pub(crate) fn preview(world: &World, name: &EnvironmentName, it: &Preview, promotion: Option<u64>) -> PreviewView {
    PreviewView {
        name: name.to_string(),
        extends: it.extends.to_string(),
        tier: tier(it.policy.tier),
        expires_at: it.expires_at,
        owner: it.owner.to_string(),
        created_at: it.created_at,
        reason: it.reason.clone(),
        file: world.live(name).file.clone().unwrap_or_default(),
        promotion,
    }
}

/// Shows a preview at a glance.
pub(crate) fn preview_summary(world: &World, name: &EnvironmentName) -> Option<PreviewSummary> {
    world.previews.get(name).map(|it| PreviewSummary {
        extends: it.extends.to_string(),
        expires_at: it.expires_at,
        owner: it.owner.to_string(),
    })
}

/// Shows where an environment is in its life; `None` if nobody ever knew it.
pub(crate) fn life(world: &World, name: &EnvironmentName) -> Option<LifeView> {
    let view = |state, since, what: Option<Removed>| LifeView {
        environment: name.to_string(),
        state,
        since,
        preview: preview_summary(world, name),
        removed: what.map(removed),
    };
    if let Some(destroying) = world.destroying(name) {
        return Some(view(LifeState::Destroying, Some(destroying.since), Some(destroying.goes)));
    }
    if world.policy(name).is_some() || world.environments.contains_key(name) {
        return Some(view(LifeState::Active, None, None));
    }
    world.gone.get(name).map(|gone| view(LifeState::Destroyed, Some(gone.at), Some(gone.removed)))
}

fn removed(it: Removed) -> RemovedView {
    RemovedView {
        instances: it.instances,
        routes: it.routes,
        revisions: it.revisions,
        promotions: it.promotions,
        overlay: it.overlay,
        files: it.files,
        file_bytes: it.file_bytes,
        blobs: it.blobs,
        blob_bytes: it.blob_bytes,
    }
}

/// Shows what goes with an environment.
pub(crate) fn destruction(it: &Listing, tier: Option<Tier>, destroying: bool) -> Destruction {
    let instance = |one: &lifecycle::InstanceGoes| InstanceGoes { instance: one.id.to_string(), pid: one.pid };
    let route = |one: &lifecycle::RouteGoes| RouteGoes {
        service: one.id.service.to_string(),
        address: one.address.map(|address| format!("http://{address}")),
    };
    Destruction {
        environment: it.environment.to_string(),
        tier,
        preview: it.claims.preview,
        listing: it.digest().to_string(),
        destroying,
        instances: it.instances.iter().map(instance).collect(),
        routes: it.routes.iter().map(route).collect(),
        files: it.files.iter().map(file).collect(),
        blobs: it.blobs.iter().map(blob).collect(),
        overlay: it.claims.overlay.clone(),
        promotions: it.claims.promotions.iter().map(|number| number.0).collect(),
        rollout: it.claims.rollout.map(|revision| revision.0),
        revisions: it.claims.revisions.iter().map(|revision| revision.0).collect(),
        stays: it.stays.iter().map(|one| StaysView { what: one.what.clone(), because: one.because.clone() }).collect(),
    }
}

/// Shows what nobody needs.
pub(crate) fn garbage(it: &Garbage, removed: bool) -> GarbageView {
    GarbageView {
        listing: it.digest().to_string(),
        removed,
        blobs: it.blobs.iter().map(blob).collect(),
        files: it.files.iter().map(file).collect(),
    }
}

fn file(held: &Held) -> FileGoes {
    FileGoes { what: held.what.to_string(), path: held.place.clone(), bytes: held.bytes }
}

fn blob(one: &lifecycle::BlobGoes) -> BlobGoes {
    BlobGoes { digest: one.digest.to_string(), bytes: one.bytes }
}
