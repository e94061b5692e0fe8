//! What must hold at every moment of a simulation, and at its end.

use towpath_core::{
    event::Event,
    ids::{Digest, EnvironmentName, Revision},
    instance::{InstanceId, SetId},
    ledger::Tree,
    rollout::Phase,
    traffic::RouteId,
    world::{World, read_snapshot, write_snapshot},
};
use towpath_engine::ports::Ledger;

use super::{machine::Machine, scenario::Behaviour};
use crate::MemoryLedger;

/// What did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// The shares of a route do not sum to 100.
    Weights {
        /// Which.
        route: RouteId,
        /// What they sum to.
        sum: u32,
    },
    /// Traffic was sent to an instance that had not been seen ready.
    RoutedUnready(InstanceId),
    /// An instance was told to stop while requests were routed to it.
    StoppedWhileRouted(InstanceId),
    /// Folding the ledger again, or reading a snapshot, gives another world.
    ReplayDiffers,
    /// The ledger cannot be read back.
    Unreadable(String),
    /// A release that can only fail was declared good.
    BadReleaseCompleted(Revision),
    /// The world did not come to rest.
    NotSettled(String),
    /// At rest, an environment does not run exactly its good revision.
    WrongInstances {
        /// Where.
        environment: EnvironmentName,
        /// What is wrong.
        what: String,
    },
    /// Something of an environment is there although the ledger says that it was destroyed.
    NotGone {
        /// Which.
        environment: EnvironmentName,
        /// What is there.
        what: String,
    },
    /// A preview is there although its time was over long ago.
    NotExpired(EnvironmentName),
    /// What is still needed was erased.
    Erased {
        /// Who needs it.
        revision: Revision,
        /// What.
        blob: Digest,
    },
    /// At rest, requests do not all go to the good revision.
    WrongRoute(RouteId),
    /// What ran is not what its promotion said.
    NotAsAgreed(Revision),
    /// What ran is not what its release and what was laid over it give.
    NotAsLaid(Revision),
    /// The share of the users that has a flag is not what the rollout says.
    WrongShare {
        /// Where.
        environment: EnvironmentName,
        /// What is wrong.
        what: String,
    },
    /// Setting a live value changed what runs.
    ChangedWithoutPromotion(Revision),
}

/// Folds the ledger from nothing and compares.
pub(super) async fn replay(ledger: &MemoryLedger, world: &World) -> Result<(), Violation> {
    let unreadable = |error: &dyn std::fmt::Display| Violation::Unreadable(error.to_string());
    let entries = ledger.read(0, usize::MAX).await.map_err(|error| unreadable(&error))?;
    let mut folded = World::default();
    let mut tree = Tree::default();
    for leaf in entries {
        tree.append(leaf.leaf_hash);
        folded = folded.apply(&Event::from_entry(leaf.entry).map_err(|error| unreadable(&error))?);
    }
    let restored = read_snapshot(&write_snapshot(world, &tree)).map(|(_, restored)| restored);
    if folded == *world && restored.as_ref() == Some(world) { Ok(()) } else { Err(Violation::ReplayDiffers) }
}

/// Checks the world at rest.
pub(super) fn at_rest(machine: &Machine, world: &World) -> Result<(), Violation> {
    for deployment in world.deployments.values() {
        let good = matches!(deployment.phase, Phase::Completed | Phase::Retired);
        if good && machine.scenario.must_fail(deployment.release, &deployment.environment) {
            return Err(Violation::BadReleaseCompleted(deployment.revision));
        }
    }
    for (environment, state) in &world.environments {
        let current = state.current.and_then(|revision| world.deployments.get(&revision));
        let wrong = |what: String| Violation::WrongInstances { environment: environment.clone(), what };
        for id in machine.instances.keys().filter(|id| id.set.environment == *environment) {
            if current.is_none_or(|current| current.runs != id.set.revision) {
                return Err(wrong(format!("{id} runs and should not")));
            }
        }
        let Some(current) = current else { continue };
        let fickle = machine.scenario.behaviour(current.release, environment) == Behaviour::LosesReadiness;
        for (service, spec) in &current.spec.services {
            let set = SetId { environment: environment.clone(), service: service.clone(), revision: current.runs };
            let running = machine.instances.keys().filter(|id| id.set == set).count();
            if running != spec.replicas as usize {
                return Err(wrong(format!("{set} has {running} instances, not {}", spec.replicas)));
            }
            let route = RouteId { environment: environment.clone(), service: service.clone() };
            let all = machine.routes.0.get(&route).is_some_and(|found| {
                found.backends.len() == 1 && found.backends.get(&current.runs).is_some_and(|it| it.weight.get() == 100)
            });
            if !all && !fickle {
                return Err(Violation::WrongRoute(route));
            }
        }
    }
    Ok(())
}
