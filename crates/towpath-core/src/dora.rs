//! DORA metrics, computed from what happened and from nothing else: no guess is made about what counts as a failure.
//!
//! Each definition is stated beside its number, because these four are only comparable under the same definitions. They
//! are about environments, never about people.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    event::elapsed,
    ids::{EnvironmentName, Revision},
    rollout::{Deployment, Phase},
    units::Millis,
    world::World,
};

/// What the deployment frequency counts.
pub const FREQUENCY: &str =
    "deployments of a release that completed in the span, rollbacks not counted; for each day of the span";

/// What the lead time measures.
pub const LEAD_TIME: &str = "from the commit of the release (without one from the making of the release) until it first completed in the environment, \
     for releases that did so in the span; median, and 90th percentile by nearest rank";

/// What the change failure rate counts.
pub const FAILURE_RATE: &str = "deployments started in the span, rollbacks not counted, that failed, were aborted or were gone back from later; \
     divided by all deployments started in the span, rollbacks not counted";

/// What the time to restore measures.
pub const RESTORE: &str = "from the failure of a deployment until the good revision served alone again, or, where there was none, until a deployment completed; \
     for a deployment that completed and was gone back from later, from its start until a later deployment completed; \
     for those restored in the span; median, and 90th percentile by nearest rank";

/// The four metrics of an environment over a span of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dora {
    /// Deployments that completed ([`FREQUENCY`]).
    pub completed: u64,
    /// How long changes took ([`LEAD_TIME`]).
    pub lead_time: Durations,
    /// Deployments that were started.
    pub started: u64,
    /// Those of them that went wrong ([`FAILURE_RATE`]).
    pub failed: u64,
    /// How long it took until it was good again ([`RESTORE`]).
    pub restore: Durations,
}

/// Durations, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many.
    pub count: u64,
    /// The median; the mean of the two in the middle for an even number.
    pub median: Option<Millis>,
    /// The 90th percentile by nearest rank.
    pub p90: Option<Millis>,
}

impl Durations {
    /// Sums up.
    pub fn of(mut all: Vec<Millis>) -> Self {
        all.sort_unstable();
        let at = |rank: usize| all.get(rank).copied();
        let middle = all.len() / 2;
        let median = if all.len().is_multiple_of(2) {
            middle.checked_sub(1).and_then(at).zip(at(middle)).map(|(low, high)| Millis(low.0.midpoint(high.0)))
        } else {
            at(middle)
        };
        let p90 = (all.len() * 9).div_ceil(10).checked_sub(1).and_then(at);
        Self { count: all.len() as u64, median, p90 }
    }
}

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment inside.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

impl Span {
    fn has(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

/// Computes the metrics of an environment. `failed_at` says when rollouts failed: the world forgets that once they are
/// back (the events of kind `rollout_failed` have it); without an entry the end of the rollout is taken.
pub fn dora(
    world: &World,
    environment: &EnvironmentName,
    failed_at: &BTreeMap<Revision, Timestamp>,
    span: Span,
) -> Dora {
    let all: Vec<&Deployment> =
        world.deployments.values().map(AsRef::as_ref).filter(|it| it.environment == *environment).collect();
    let left: BTreeSet<Revision> = all.iter().filter_map(|it| Some(it.rollback.as_ref()?.from)).collect();
    let changes = || all.iter().copied().filter(|it| it.rollback.is_none());
    let completed: Vec<&Deployment> = changes().filter(|it| ended_well(it).is_some_and(|at| span.has(at))).collect();
    let started: Vec<&Deployment> = changes().filter(|it| span.has(it.started_at)).collect();
    let failed = started.iter().filter(|it| it.failure().is_some() || left.contains(&it.revision)).count();
    let restored = changes().filter_map(|it| restored(&all, &left, it, failed_at)).filter(|(_, to)| span.has(*to));
    Dora {
        completed: completed.len() as u64,
        lead_time: Durations::of(completed.iter().filter_map(|it| lead_time(world, &all, it)).collect()),
        started: started.len() as u64,
        failed: failed as u64,
        restore: Durations::of(restored.map(|(from, to)| elapsed(from, to)).collect()),
    }
}

fn ended_well(deployment: &Deployment) -> Option<Timestamp> {
    match deployment.phase {
        Phase::Completed | Phase::Retired => deployment.ended_at,
        Phase::Running(_) | Phase::RollingBack { .. } | Phase::RolledBack { .. } => None,
    }
}

/// A release that was there before is no change any more.
fn lead_time(world: &World, all: &[&Deployment], it: &Deployment) -> Option<Millis> {
    let before = |other: &&&Deployment| other.revision < it.revision && other.release == it.release;
    if all.iter().filter(before).any(|other| ended_well(other).is_some()) {
        return None;
    }
    let release = world.releases.get(&it.release)?;
    let made = release.content.commit.as_ref().map_or(release.created_at, |commit| commit.at);
    Some(elapsed(made, ended_well(it)?))
}

/// From when to when the environment was not good because of a deployment; nothing while it still is not.
fn restored(
    all: &[&Deployment],
    left: &BTreeSet<Revision>,
    it: &Deployment,
    failed_at: &BTreeMap<Revision, Timestamp>,
) -> Option<(Timestamp, Timestamp)> {
    let later = || all.iter().filter(|other| other.revision > it.revision).filter_map(|other| ended_well(other)).min();
    match &it.phase {
        Phase::RolledBack { .. } => {
            let from = failed_at.get(&it.revision).copied().or(it.ended_at)?;
            // With nothing good before, going back left nothing that serves.
            let to = if it.stable.is_some() { it.ended_at? } else { later()? };
            Some((from, to))
        }
        Phase::Completed | Phase::Retired if left.contains(&it.revision) => Some((it.started_at, later()?)),
        Phase::Running(_) | Phase::RollingBack { .. } | Phase::Completed | Phase::Retired => None,
    }
}

#[cfg(test)]
mod tests;
