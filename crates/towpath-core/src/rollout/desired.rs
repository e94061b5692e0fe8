//! What should run and be routed, in every environment, given what is known and what is seen.
//!
//! Level-triggered: the answer depends on the state alone, so it is the same after a crash, and acting on it twice is
//! acting on it once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Deployment, Observation, Phase, Step,
    shares::{Shares, Sides, set_of},
};
use crate::{
    deployment::{ServiceSpec, Strategy},
    event::elapsed,
    ids::{Revision, ServiceName},
    instance::SetId,
    traffic::{Backend, Route, RouteId, RouteTable},
    units::{Millis, Percent},
    world::{EnvironmentState, World},
};

/// How long a request may wait in the proxy while nothing can serve it.
const HOLD: Millis = Millis::from_secs(5);

/// The same while a strategy stops the old before it starts the new.
const HOLD_DURING_RECREATE: Millis = Millis::from_secs(60);

/// What should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// Instances by set; a set that is not here should not exist.
    pub sets: BTreeMap<SetId, u32>,
    /// The routing.
    pub routes: RouteTable,
}

/// Returns what should be.
pub fn desired(world: &World, observation: &Observation, now: Timestamp) -> Desired {
    let mut all = Desired::default();
    // Of what is being destroyed nothing should be.
    for state in world.environments.values().filter(|state| state.destroying.is_none()) {
        environment(world, state, observation, now, &mut all);
    }
    all
}

fn environment(world: &World, state: &EnvironmentState, observation: &Observation, now: Timestamp, all: &mut Desired) {
    let current = state.current.and_then(|revision| world.deployments.get(&revision)).map(AsRef::as_ref);
    let rollout = state.rollout.and_then(|revision| world.deployments.get(&revision)).map(AsRef::as_ref);
    for retiring in &state.retiring {
        if let Some(old) = world.deployments.get(&retiring.revision)
            && elapsed(retiring.since, now) < kept_for(current)
        {
            for (service, spec) in &old.spec.services {
                want(all, set_of(&old.environment, service, old), spec.replicas);
            }
        }
    }
    let Some(leading) = rollout.or(current) else { return };
    let stable = if rollout.is_some() { current } else { None };
    let services: BTreeSet<&ServiceName> =
        leading.spec.services.keys().chain(stable.into_iter().flat_map(|stable| stable.spec.services.keys())).collect();
    for service in services {
        let sides = Sides::of(leading, stable, service, (observation, now));
        let shares = sides.shares();
        for (side, count) in [(&sides.new, shares.new), (&sides.old, shares.old)] {
            if let Some((set, _)) = side {
                want(all, set.clone(), count);
            }
        }
        if let Some(mut route) = route(&sides, &shares) {
            if world.is_preview(&leading.environment) {
                // A declared address is that of what it is built on, whichever release says so.
                (route.listen, route.preview) = (None, None);
            }
            all.routes.0.insert(RouteId { environment: leading.environment.clone(), service: service.clone() }, route);
        }
    }
}

/// How long the revision before `current` keeps running.
fn kept_for(current: Option<&Deployment>) -> Millis {
    match current.map(|current| &current.spec.strategy) {
        Some(Strategy::BlueGreen { keep_old, .. }) => *keep_old,
        Some(Strategy::Recreate | Strategy::Rolling { .. } | Strategy::Canary { .. } | Strategy::Flag(_)) | None => {
            Millis(0)
        }
    }
}

/// Two users of a set (a rollback runs the instances of the revision it goes back to) get what the larger one needs.
fn want(all: &mut Desired, set: SetId, count: u32) {
    let entry = all.sets.entry(set).or_default();
    *entry = (*entry).max(count);
}

fn route(sides: &Sides<'_>, shares: &Shares) -> Option<Route> {
    // Addresses are those of the revision that serves, until the new one does: a rollout that fails leaves no trace.
    let (spec, other) = match (&sides.new, &sides.old) {
        (Some((_, new)), Some((_, old))) if shares.new_weight == Percent::ZERO => (*old, Some(*new)),
        (Some((_, new)), _) => (*new, None),
        (None, Some((_, old))) => (*old, None),
        (None, None) => return None,
    };
    if spec.command.is_empty() {
        return None;
    }
    let mut backends = BTreeMap::new();
    for (side, count, weight) in
        [(&sides.new, shares.new, shares.new_weight), (&sides.old, shares.old, shares.old_weight)]
    {
        if let Some((set, _)) = side {
            let shown = weight > Percent::ZERO || (shares.preview && set.revision == sides.rollout.runs);
            if shown {
                backends.insert(set.revision, backend(sides.observation, set, count, weight));
            }
        }
    }
    let preview = shares.preview && is_blue_green(sides.rollout);
    Some(Route {
        listen: spec.listen,
        preview: other.map_or(spec.preview, |new: &ServiceSpec| new.preview),
        preview_revision: preview.then_some(sides.rollout.runs),
        backends,
        hold: if recreates(sides.rollout) { HOLD_DURING_RECREATE } else { HOLD },
        drain: spec.drain,
    })
}

fn backend(observation: &Observation, set: &SetId, count: u32, weight: Percent) -> Backend {
    let endpoints = observation
        .of_set(set)
        .filter(|status| status.id.index < count && status.is_ready())
        .filter_map(|status| Some((status.id.clone(), status.address?)))
        .collect();
    Backend { weight, endpoints }
}

fn is_blue_green(deployment: &Deployment) -> bool {
    matches!(deployment.spec.strategy, Strategy::BlueGreen { .. }) && deployment.rollback.is_none()
}

fn recreates(deployment: &Deployment) -> bool {
    deployment.steps.contains(&Step::StopOld)
        && matches!(deployment.phase, Phase::Running(_) | Phase::RollingBack { .. })
}

/// Returns the revisions whose instances any living deployment of an environment may need.
pub(super) fn in_use(world: &World, state: &EnvironmentState, except: Revision) -> BTreeSet<Revision> {
    let retiring = state.retiring.iter().map(|retiring| retiring.revision);
    [state.current, state.rollout]
        .into_iter()
        .flatten()
        .chain(retiring)
        .filter(|revision| *revision != except)
        .filter_map(|revision| world.deployments.get(&revision))
        .map(|deployment| deployment.runs)
        .collect()
}
