//! What has happened to a rollout, judged by what is seen, and what must be found out before more can happen.

use jiff::Timestamp;

use super::{
    Deployment, Desired, Failure, FailureKind, Observation, PauseReason, Phase, Running, Step,
    desired::in_use,
    shares::{Sides, is_overdue, set_of},
};
use crate::{
    analysis::Verdict,
    command::{Happened, Report},
    deployment::AnalysisSpec,
    event::elapsed,
    instance::{InstancePhase, InstanceStatus},
    units::Millis,
    world::{EnvironmentState, World},
};

/// How often an instance may be started again during a rollout before it counts as failing its probes.
const MAX_RESTARTS: u32 = 3;

/// What is due for one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Something has happened and is to be written down.
    Report(Report),
    /// The analysis of a step is to measure this span.
    Measure {
        /// The rollout.
        revision: crate::ids::Revision,
        /// The step.
        step: usize,
        /// Beginning.
        from: Timestamp,
        /// End.
        to: Timestamp,
    },
    /// The checks of a step are to be run.
    Verify {
        /// The rollout.
        revision: crate::ids::Revision,
        /// The step.
        step: usize,
    },
}

/// Returns what is due in one environment, the most urgent first; reports are made one at a time, each on the state that the
/// one before left.
pub fn due(
    world: &World,
    state: &EnvironmentState,
    observation: &Observation,
    desired: &Desired,
    now: Timestamp,
) -> Option<Due> {
    let rollout = state.rollout.and_then(|revision| world.deployments.get(&revision));
    let of_rollout = rollout.and_then(|rollout| {
        let stable = state.current.and_then(|revision| world.deployments.get(&revision)).map(AsRef::as_ref);
        let view = View { rollout, stable, observation, desired, now };
        match &rollout.phase {
            Phase::Running(running) => view.running(running),
            Phase::RollingBack { since, .. } => {
                view.is_back(world, state, *since).then(|| view.report(Happened::RolledBack))
            }
            Phase::RolledBack { .. } | Phase::Completed | Phase::Retired => None,
        }
    });
    of_rollout.or_else(|| retired(world, state, observation, desired))
}

/// A revision that was replaced is retired once nothing of it runs.
fn retired(world: &World, state: &EnvironmentState, observation: &Observation, desired: &Desired) -> Option<Due> {
    state.retiring.iter().find_map(|retiring| {
        let old = world.deployments.get(&retiring.revision)?;
        let reused = in_use(world, state, old.revision).contains(&old.runs);
        let wanted = desired
            .sets
            .iter()
            .any(|(set, count)| set.environment == old.environment && set.revision == old.runs && *count > 0);
        let gone = reused || (!wanted && !observation.any_of(old.runs));
        gone.then(|| Due::Report(Report { revision: old.revision, happened: Happened::Retired }))
    })
}

struct View<'a> {
    rollout: &'a Deployment,
    stable: Option<&'a Deployment>,
    observation: &'a Observation,
    desired: &'a Desired,
    now: Timestamp,
}

impl View<'_> {
    fn report(&self, happened: Happened) -> Due {
        Due::Report(Report { revision: self.rollout.revision, happened })
    }

    fn fail(&self, kind: FailureKind, message: String, evidence: Vec<String>) -> Due {
        self.report(Happened::Failed(Failure { kind, message, evidence }))
    }

    fn sides(&self) -> impl Iterator<Item = Sides<'_>> {
        self.rollout
            .spec
            .services
            .keys()
            .map(|service| Sides::of(self.rollout, self.stable, service, (self.observation, self.now)))
    }

    fn new_instances(&self) -> impl Iterator<Item = &InstanceStatus> {
        self.rollout
            .spec
            .services
            .keys()
            .flat_map(|service| self.observation.of_set(&set_of(&self.rollout.environment, service, self.rollout)))
    }

    fn running(&self, running: &Running) -> Option<Due> {
        let waits_failed =
            running.pause.as_ref().is_some_and(|pause| matches!(pause.reason, PauseReason::Failed { .. }));
        if let Some(failed) = self.broken().filter(|_| !waits_failed) {
            return Some(failed);
        }
        let ready: u32 = self.sides().map(|side| side.ready_new()).sum();
        if ready > running.ready {
            return Some(self.report(Happened::Progressed { step: running.step, ready }));
        }
        if running.pause.is_some() {
            return None;
        }
        let step = self.rollout.steps.get(running.step)?;
        self.step(step, running).or_else(|| self.deadline(step, running, ready))
    }

    /// What no step survives, paused or not.
    fn broken(&self) -> Option<Due> {
        if let Some((set, reason)) = self
            .observation
            .cannot_start
            .iter()
            .find(|(set, _)| set.revision == self.rollout.runs && set.environment == self.rollout.environment)
        {
            return Some(self.fail(FailureKind::CannotStart, format!("{set} cannot be started: {reason}"), Vec::new()));
        }
        self.new_instances().find_map(|instance| {
            let why = instance.message.clone().unwrap_or_else(|| "no reason is known".to_owned());
            let id = &instance.id;
            let (kind, message) = match instance.phase {
                InstancePhase::CrashLoop { .. } => (FailureKind::CrashLoop, format!("{id} keeps exiting: {why}")),
                InstancePhase::Unready => {
                    (FailureKind::FailedProbe, format!("{id} was ready and fails its readiness probe: {why}"))
                }
                _ if instance.restarts >= MAX_RESTARTS && !self.was_serving_before() => {
                    (FailureKind::FailedProbe, format!("{id} was restarted {} times: {why}", instance.restarts))
                }
                InstancePhase::Starting
                | InstancePhase::Ready
                | InstancePhase::BackOff { .. }
                | InstancePhase::Stopping => return None,
            };
            Some(self.fail(kind, message, self.evidence()))
        })
    }

    /// A rollback to instances that still run brings their old restarts with it; those say nothing about the rollback.
    fn was_serving_before(&self) -> bool {
        self.rollout.runs != self.rollout.revision
    }

    /// One line for each new instance.
    fn evidence(&self) -> Vec<String> {
        self.new_instances().take(20).map(describe).collect()
    }

    fn step(&self, step: &Step, running: &Running) -> Option<Due> {
        if running.promoted && step.is_gradual() {
            return Some(self.next(running));
        }
        let done = match step {
            Step::StopOld => self.old_is_gone() && self.routed(),
            Step::Start | Step::Weight { .. } | Step::Flag { .. } => self.enough_ready(running) && self.routed(),
            Step::Replace { .. } => self.enough_ready(running) && self.old_is_gone() && self.routed(),
            // A pause until a person goes on is over when it is no longer paused.
            Step::Pause { duration: None } => true,
            Step::Pause { duration: Some(duration) } => {
                elapsed(running.since, self.now) >= Millis(duration.0.saturating_add(running.paused_for.0))
            }
            Step::Analysis(spec) => return self.analysis(spec, running),
            Step::Verify if running.verified => true,
            // Only what is ready can be asked.
            Step::Verify if !self.enough_ready(running) => false,
            Step::Verify => return Some(Due::Verify { revision: self.rollout.revision, step: running.step }),
        };
        done.then(|| self.next(running))
    }

    fn next(&self, running: &Running) -> Due {
        match self.rollout.next_step(running) {
            Some(step) => self.report(Happened::StepStarted { step }),
            None => self.report(Happened::Completed),
        }
    }

    fn enough_ready(&self, running: &Running) -> bool {
        self.sides().all(|side| side.ready_new() >= side.needed(running))
    }

    fn old_is_gone(&self) -> bool {
        self.sides().all(|side| side.old.as_ref().is_none_or(|(set, _)| self.observation.existing(set) == 0))
    }

    /// Says whether the proxy routes this environment as it should be routed now.
    fn routed(&self) -> bool {
        let ours = |table: &crate::traffic::RouteTable| {
            table
                .0
                .iter()
                .filter(|(id, _)| id.environment == self.rollout.environment)
                .map(|(id, route)| (id.clone(), route.clone()))
                .collect::<Vec<_>>()
        };
        self.observation.doubtful_routes.is_none() && ours(&self.desired.routes) == ours(&self.observation.routes)
    }

    fn analysis(&self, spec: &AnalysisSpec, running: &Running) -> Option<Due> {
        match running.tally.verdict(spec) {
            Some(Verdict::Pass) => Some(self.next(running)),
            Some(Verdict::Fail) => {
                let why = self.last_reason(Verdict::Fail);
                let evidence = self.rollout.measurements.iter().map(|one| one.reason.clone()).collect();
                Some(self.fail(FailureKind::Analysis, format!("analysis failed: {why}"), evidence))
            }
            Some(Verdict::Inconclusive) => {
                let message = format!("analysis is inconclusive: {}", self.last_reason(Verdict::Inconclusive));
                Some(self.report(Happened::Paused(PauseReason::Inconclusive { message })))
            }
            None => {
                let from = running.measured_to.unwrap_or(running.since);
                let due = elapsed(from, self.now) >= spec.interval;
                let (revision, step) = (self.rollout.revision, running.step);
                due.then_some(Due::Measure { revision, step, from, to: self.now })
            }
        }
    }

    fn last_reason(&self, verdict: Verdict) -> String {
        let last = self.rollout.measurements.iter().rev().find(|one| one.verdict == verdict);
        last.map_or_else(String::new, |one| one.reason.clone())
    }

    fn deadline(&self, step: &Step, running: &Running, ready: u32) -> Option<Due> {
        let waits = matches!(step, Step::Pause { .. } | Step::Analysis(_));
        let limit = self.rollout.spec.progress_deadline;
        if waits || elapsed(running.progress_at, self.now) < limit {
            return None;
        }
        let needed: u32 = self.sides().map(|side| side.needed(running)).sum();
        let message =
            format!("no progress for {limit} while trying to {step}: {ready} of {needed} instances are ready");
        Some(self.fail(FailureKind::ProgressDeadline, message, self.evidence()))
    }

    /// Going back is over when the good revision serves alone and nothing of the failed one runs.
    fn is_back(&self, world: &World, state: &EnvironmentState, since: Timestamp) -> bool {
        let shared = in_use(world, state, self.rollout.revision).contains(&self.rollout.runs);
        let gone = shared || self.new_instances().next().is_none();
        let serves = is_overdue(self.rollout, since, self.now)
            || self.stable.is_none_or(|stable| {
                stable.spec.services.iter().all(|(service, spec)| {
                    spec.command.is_empty() || {
                        let set = set_of(&stable.environment, service, stable);
                        spec.replicas == 0 || self.observation.ready(&set, spec.replicas) > 0
                    }
                })
            });
        gone && serves && self.routed()
    }
}

fn describe(instance: &InstanceStatus) -> String {
    let phase = match instance.phase {
        InstancePhase::Starting => "starting",
        InstancePhase::Ready => "ready",
        InstancePhase::Unready => "not ready",
        InstancePhase::BackOff { .. } => "waiting to be started again",
        InstancePhase::CrashLoop { .. } => "in a crash loop",
        InstancePhase::Stopping => "stopping",
    };
    let why = instance.message.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{} is {phase}, restarted {} times{why}", instance.id, instance.restarts)
}
