//! From the core's types to the API's. Nothing is decided or looked up outside here.

mod environment;
mod lifecycle;
mod overlay;
mod promotion;
mod release;
mod rollout;
mod secrets;

use towpath_core::{
    deployment::Strategy,
    ids::{EnvironmentName, ReleaseNumber},
    project,
    rollout::Deployment,
    world::World,
};

pub(crate) use environment::{environment, instance, summary};
pub(crate) use lifecycle::{destruction, garbage, life, preview, preview_summary};
pub(crate) use overlay::{overlay, overlay_summary, overlay_version};
pub(crate) use promotion::{gate, promotion};
pub(crate) use release::release;
pub(crate) use rollout::{deployment, planned, rollout, rollout_version, sets};

pub(crate) use secrets::{effect, secret_history, secret_version, secrets};

use super::types::{RevisionRef, Tier};

/// Returns what people call a release.
pub(crate) fn version_of(world: &World, release: ReleaseNumber) -> String {
    world.releases.get(&release).map(|release| release.content.version.clone()).unwrap_or_default()
}

pub(crate) fn revision_ref(world: &World, deployment: &Deployment) -> RevisionRef {
    RevisionRef {
        revision: Some(deployment.revision.0),
        release: deployment.release.0,
        version: version_of(world, deployment.release),
    }
}

pub(crate) fn tier(tier: project::Tier) -> Tier {
    match tier {
        project::Tier::Development => Tier::Development,
        project::Tier::Testing => Tier::Testing,
        project::Tier::Staging => Tier::Staging,
        project::Tier::Production => Tier::Production,
    }
}

pub(crate) fn tier_of(world: &World, environment: &EnvironmentName) -> Option<Tier> {
    world.policy(environment).map(|policy| tier(policy.tier))
}

pub(crate) fn strategy_name(strategy: &Strategy) -> &'static str {
    match strategy {
        Strategy::Recreate => "recreate",
        Strategy::Rolling { .. } => "rolling",
        Strategy::BlueGreen { .. } => "blue-green",
        Strategy::Canary { .. } => "canary",
        Strategy::Flag(_) => "flag",
    }
}
