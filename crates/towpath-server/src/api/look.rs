//! One look at everything: what is known, what is seen and what should be, at the same moment.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use towpath_core::{
    config::nearest,
    ids::{EnvironmentName, Revision},
    project::EnvironmentPolicy,
    rollout::{Deployment, Desired, Observation, desired},
    traffic::TrafficStatus,
    world::World,
};

use crate::{app::App, problem::ApiError};

/// One look at everything.
pub(crate) struct Look {
    pub(crate) world: Arc<World>,
    pub(crate) now: Timestamp,
    pub(crate) observation: Observation,
    pub(crate) desired: Desired,
    pub(crate) traffic: TrafficStatus,
}

impl App {
    /// Looks. It asks the target itself and not the control loop, which may be busy acting.
    pub(crate) async fn look(&self) -> Result<Look, ApiError> {
        let ports = self.engine.ports();
        let instances = ports.target.observe().await?;
        let traffic = ports.traffic.status();
        let in_flight = instances
            .iter()
            .filter_map(|status| Some((status.id.clone(), *traffic.in_flight.get(&status.id.to_string())?)))
            .collect();
        let instances = instances.into_iter().map(|status| (status.id.clone(), status)).collect();
        let observation = Observation { instances, in_flight, ..Observation::default() };
        let (world, now) = (self.engine.world(), self.engine.now());
        let desired = desired(&world, &observation, now);
        Ok(Look { world, now, observation, desired, traffic })
    }
}

impl Look {
    /// Returns what should be given to a revision of an environment now, 0 to 100.
    pub(crate) fn weight(&self, environment: &EnvironmentName, runs: Revision) -> u8 {
        let routes = self.desired.routes.0.iter().filter(|(id, _)| id.environment == *environment);
        routes.filter_map(|(_, route)| route.backends.get(&runs)).map(|backend| backend.weight.get()).max().unwrap_or(0)
    }
}

/// Returns the policy of an environment, or that there is none.
pub(crate) fn policy<'a>(world: &'a World, environment: &EnvironmentName) -> Result<&'a EnvironmentPolicy, ApiError> {
    world.policy(environment).ok_or_else(|| {
        let error = ApiError::not_found(format!("there is no environment `{environment}` in the pipeline"));
        let known: Vec<&str> = pipeline(world).into_iter().map(|(name, _)| name.as_str()).collect();
        if known.is_empty() {
            return error.next("towpath up in a folder with a `towpath.yaml`");
        }
        let near = nearest(environment.as_str(), known.iter().copied());
        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        error.next(format!("{near}one of: {}", known.join(", ")))
    })
}

/// Returns the environments in the order of the pipeline, from the least to the most production-like.
pub(crate) fn pipeline(world: &World) -> Vec<(&EnvironmentName, &EnvironmentPolicy)> {
    let Some(project) = &world.project else { return Vec::new() };
    let mut depth: BTreeMap<&EnvironmentName, usize> = BTreeMap::new();
    // As many rounds as there are environments find the longest way to each; even a cycle would end.
    for _ in 0..project.environments.len() {
        for (name, policy) in &project.environments {
            let before = policy.after.iter().filter_map(|before| depth.get(before)).max();
            depth.insert(name, before.map_or(0, |before| before + 1));
        }
    }
    let mut all: Vec<_> = project.environments.iter().collect();
    all.retain(|(name, _)| !world.previews.contains_key(*name));
    all.sort_by_key(|(name, policy)| (depth.get(name).copied(), policy.tier));
    // Previews stand beside the pipeline.
    all.extend(world.previews.iter().map(|(name, preview)| (name, &preview.policy)));
    all
}

/// Returns the newest deployment of an environment.
pub(crate) fn newest<'a>(world: &'a World, environment: &'a EnvironmentName) -> Option<&'a Arc<Deployment>> {
    world.rollout(environment).or_else(|| world.history(environment).next())
}
