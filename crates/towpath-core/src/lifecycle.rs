//! The life of environments: previews with an end, destroying, and what must be kept.
//!
//! Active → Destroying → Destroyed. Commands are decided in `decide::lifecycle`, facts are folded in `world::lifecycle`; here
//! is what both speak of, and what is due. Files on disks and blobs are named here and removed by the engine.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{EnvironmentName, PrincipalName, PromotionNumber, Revision},
    plan::Action,
    project::EnvironmentPolicy,
    rollout::Observation,
    units::Millis,
    world::World,
};

mod holding;
mod listing;
mod names;

pub use holding::{Held, Holding};
pub use listing::{BlobGoes, Claims, InstanceGoes, Listing, RouteGoes, Stays, claims};
pub use names::{Keep, Named, artifacts_in_use, is_kept, kept_revisions, named, own_blobs, trees};

/// A short-lived environment that is in the ledger and in no file of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The environment it is built on.
    pub extends: EnvironmentName,
    /// What guards it. It comes after nothing and takes no release by itself.
    pub policy: EnvironmentPolicy,
    /// When it is destroyed.
    pub expires_at: Timestamp,
    /// Who made it.
    pub owner: PrincipalName,
    /// When.
    pub created_at: Timestamp,
    /// Why.
    pub reason: Option<String>,
}

/// Why an environment is destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DestroyCause {
    /// Somebody asked for it.
    Asked {
        /// Why.
        reason: Option<String>,
    },
    /// Its time was over.
    Expired,
}

/// An environment that is being destroyed: nothing enters any more, and everything of it is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destroying {
    /// Since when.
    pub since: Timestamp,
    /// Who asked.
    pub by: PrincipalName,
    /// Why.
    pub cause: DestroyCause,
    /// What was listed to go.
    pub goes: Removed,
}

/// An environment that was destroyed. Its name can be used again; its history stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// When.
    pub at: Timestamp,
    /// The newest revision that went with it.
    pub revision: Option<Revision>,
    /// The newest promotion that went with it.
    pub promotion: Option<PromotionNumber>,
    /// What went.
    pub removed: Removed,
}

/// What was removed, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Removed {
    /// Instances stopped.
    pub instances: u64,
    /// Routes closed.
    pub routes: u64,
    /// Revisions that cannot be gone back to any more.
    pub revisions: u64,
    /// Promotions closed.
    pub promotions: u64,
    /// Values of the live overlay.
    pub overlay: u64,
    /// Logs, states of instances and unpacked artifacts.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Blobs.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
}

/// How long things are kept. Read from `retention` and `previews` in `towpath.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Housekeeping {
    /// The longest time from now that a preview may live.
    pub max_ttl: Millis,
    /// How many revisions of each environment can be gone back to at least, from 1.
    pub revisions: u32,
    /// How old what nobody names must be before it is collected: an upload may still be about to name it.
    pub grace: Millis,
}

impl Default for Housekeeping {
    fn default() -> Self {
        Self { max_ttl: Millis::from_secs(30 * 86_400), revisions: 10, grace: Millis::from_secs(3600) }
    }
}

impl Housekeeping {
    /// Says whether these are the usual values.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns the time so long after another; at the end of time that.
pub fn later(from: Timestamp, by: Millis) -> Timestamp {
    let by = i64::try_from(by.0).map_or(SignedDuration::MAX, SignedDuration::from_millis);
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Returns what is due in the life of environments: previews whose time is over are destroyed, and what is being destroyed
/// is cleaned up once nothing of it runs or is routed to.
pub(crate) fn due<'a>(
    world: &'a World,
    observation: &'a Observation,
    now: Timestamp,
) -> impl Iterator<Item = Action> + use<'a> {
    let over = world
        .previews
        .iter()
        .filter(move |(name, preview)| preview.expires_at <= now && world.destroying(name).is_none());
    let over = over.map(|(name, _)| Action::Expire { environment: name.clone() });
    let empty =
        world.environments.iter().filter(|(name, state)| state.destroying.is_some() && is_empty(name, observation));
    over.chain(empty.map(|(name, _)| Action::CleanUp { environment: name.clone() }))
}

fn is_empty(environment: &EnvironmentName, observation: &Observation) -> bool {
    let tables = [Some(&observation.routes), observation.doubtful_routes.as_ref()];
    let routed = tables.into_iter().flatten().any(|table| table.0.keys().any(|id| id.environment == *environment));
    let runs = observation.instances.keys().any(|id| id.set.environment == *environment);
    let declared = observation.declared.iter().any(|(set, count)| set.environment == *environment && *count > 0);
    !routed && !runs && !declared
}

#[cfg(test)]
mod tests;
