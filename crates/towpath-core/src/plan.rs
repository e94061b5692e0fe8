//! Planning: what the control plane should do next, as data.
//!
//! `plan` takes no hint of what changed. It reads, compares what should be with what is, and says what to do about it;
//! after a crash it says the same again.

use jiff::Timestamp;

use crate::{
    command::Report,
    ids::{EnvironmentName, PromotionNumber, ReleaseNumber, Revision},
    instance::SetId,
    lifecycle,
    promotion::gates,
    rollout::{Desired, Due, Observation, desired, due},
    traffic::RouteTable,
    world::World,
};

/// Something to do. Every action is idempotent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Makes this the routing.
    Route(RouteTable),
    /// Makes this the number of instances of a set; 0 stops all of it.
    Scale {
        /// The set.
        set: SetId,
        /// How many.
        replicas: u32,
    },
    /// Writes down what has happened.
    Report(Report),
    /// Measures a span for the analysis of a step.
    Measure {
        /// The rollout.
        revision: Revision,
        /// The step.
        step: usize,
        /// Beginning.
        from: Timestamp,
        /// End.
        to: Timestamp,
    },
    /// Runs the checks of a step.
    Verify {
        /// The rollout.
        revision: Revision,
        /// The step.
        step: usize,
    },
    /// Asks for a release to enter an environment that takes releases by itself.
    RequestPromotion {
        /// Where.
        environment: EnvironmentName,
        /// What.
        release: ReleaseNumber,
    },
    /// Begins the rollout of a promotion whose gates are open.
    StartDeployment {
        /// The request.
        promotion: PromotionNumber,
    },
    /// Begins to destroy a preview whose time is over.
    Expire {
        /// Which.
        environment: EnvironmentName,
    },
    /// Removes what an environment that is being destroyed left: files, samples, blobs that nobody else names. Nothing of it
    /// runs or is routed to any more.
    CleanUp {
        /// Which.
        environment: EnvironmentName,
    },
}

/// Returns what to do next, in order. Routing comes before scaling: an instance is stopped only after the proxy has let go of
/// it, which a later plan sees.
pub fn plan(world: &World, observation: &Observation, now: Timestamp) -> Vec<Action> {
    let wanted = desired(world, observation, now);
    let mut actions = Vec::new();
    if wanted.routes != observation.routes || observation.doubtful_routes.is_some() {
        actions.push(Action::Route(wanted.routes.clone()));
    }
    actions.extend(scaling(&wanted, observation));
    for state in world.environments.values().filter(|state| state.destroying.is_none()) {
        actions.extend(due(world, state, observation, &wanted, now).map(|due| match due {
            Due::Report(report) => Action::Report(report),
            Due::Measure { revision, step, from, to } => Action::Measure { revision, step, from, to },
            Due::Verify { revision, step } => Action::Verify { revision, step },
        }));
    }
    actions.extend(starting(world, now));
    actions.extend(automatic(world));
    actions.extend(lifecycle::due(world, observation, now));
    actions
}

fn scaling(wanted: &Desired, observation: &Observation) -> Vec<Action> {
    let mut actions = Vec::new();
    for (set, replicas) in &wanted.sets {
        let declared = observation.declared.get(set).copied();
        let there = observation.wanted(set);
        // Before anything was declared in this run of the control plane, what is there counts: a set found running keeps
        // all its instances until the proxy has let go of those that are too many.
        let shrinks = *replicas < declared.unwrap_or(there).max(there);
        let allowed = !shrinks || observation.is_drained(set, *replicas);
        if declared != Some(*replicas) && allowed {
            actions.push(Action::Scale { set: set.clone(), replicas: *replicas });
        }
    }
    let strays = observation.declared.keys().chain(observation.instances.keys().map(|id| &id.set));
    let mut seen = None;
    for set in strays {
        let declared = observation.declared.get(set).copied();
        let known = wanted.sets.contains_key(set) || seen == Some(set);
        if !known && declared != Some(0) && observation.is_drained(set, 0) {
            actions.push(Action::Scale { set: set.clone(), replicas: 0 });
        }
        seen = Some(set);
    }
    actions
}

/// Promotions whose gates are all open, at most one for each environment.
fn starting(world: &World, now: Timestamp) -> Vec<Action> {
    world
        .waiting()
        .filter(|promotion| gates(world, promotion, now).iter().all(|gate| gate.open))
        .map(|promotion| Action::StartDeployment { promotion: promotion.number })
        .collect()
}

/// The newest release that an environment would take by itself and nobody has asked for there yet.
fn automatic(world: &World) -> Vec<Action> {
    let Some(project) = &world.project else { return Vec::new() };
    project
        .environments
        .iter()
        .filter(|(name, policy)| policy.automatic && world.destroying(name).is_none() && !world.is_preview(name))
        .filter_map(|(environment, policy)| {
            let asked = world.environments.get(environment).and_then(|state| state.newest_asked);
            let newest = world
                .releases
                .keys()
                .rev()
                .take_while(|number| Some(**number) > asked)
                .find(|number| policy.after.iter().all(|before| world.passed(before, **number).is_some()))?;
            Some(Action::RequestPromotion { environment: environment.clone(), release: *newest })
        })
        .collect()
}
