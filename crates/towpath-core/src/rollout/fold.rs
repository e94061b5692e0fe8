//! Folding what happened into a deployment. Total: replay runs it on every event, so it neither fails nor acts.
//!
//! `World::apply` matches every kind of event and hands over those about rollouts; the wildcards here stand for the rest.
#![expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match over events is in `World::apply`")]

use jiff::Timestamp;

use super::{Deployment, Pause, PauseReason, Phase, Running, Step};
use crate::{
    analysis::Tally,
    event::{Fact, elapsed},
    units::Millis,
};

/// Measurements kept with a deployment as evidence; all of them are in the ledger.
const KEPT_MEASUREMENTS: usize = 50;

impl Running {
    /// Returns the state of a step that comes into force now.
    pub(crate) fn begin(steps: &[Step], step: usize, at: Timestamp) -> Self {
        let waits = matches!(steps.get(step), Some(Step::Pause { duration: None }));
        Self {
            step,
            since: at,
            progress_at: at,
            ready: 0,
            paused_for: Millis(0),
            pause: waits.then_some(Pause { since: at, reason: PauseReason::Step }),
            tally: Tally::default(),
            measured_to: None,
            verified: false,
            promoted: false,
        }
    }

    fn resume(&mut self, at: Timestamp) {
        if let Some(pause) = self.pause.take() {
            let paused = elapsed(pause.since, at);
            self.paused_for = Millis(self.paused_for.0.saturating_add(paused.0));
            self.progress_at = at;
            if matches!(pause.reason, PauseReason::Inconclusive { .. } | PauseReason::Failed { .. }) {
                // Whoever goes on wants another look, at what comes from here on.
                self.tally = Tally::default();
            }
            self.measured_to = self.measured_to.map(|_| at);
        }
    }
}

/// Folds one event into the deployment it is about. What does not concern a deployment in its phase changes nothing: `decide`
/// refuses it, and an old ledger that has it must still be readable.
pub(crate) fn fold(mut deployment: Deployment, fact: &Fact, at: Timestamp) -> Deployment {
    if let Some(flag) = &mut deployment.flag
        && matches!(deployment.phase, Phase::Running(_))
    {
        flag.note(&deployment.steps, fact, at);
    }
    deployment.phase = match deployment.phase {
        Phase::Running(running) => match end(fact, at) {
            Some(phase) => phase,
            None => Phase::Running(go_on(running, &deployment.steps, fact, at)),
        },
        Phase::RollingBack { failure, .. } if matches!(fact, Fact::RolledBack { .. }) => Phase::RolledBack { failure },
        Phase::Completed if matches!(fact, Fact::RevisionRetired { .. }) => Phase::Retired,
        phase @ (Phase::RollingBack { .. } | Phase::RolledBack { .. } | Phase::Completed | Phase::Retired) => phase,
    };
    match fact {
        Fact::AnalysisMeasured { measurement, .. } => {
            deployment.measurements.push(measurement.clone());
            let excess = deployment.measurements.len().saturating_sub(KEPT_MEASUREMENTS);
            deployment.measurements.drain(..excess);
        }
        Fact::VerificationPassed { results, .. } => deployment.verification.clone_from(results),
        Fact::RolloutCompleted { .. } | Fact::RolledBack { .. } => deployment.ended_at = Some(at),
        _ => {}
    }
    deployment
}

/// What ends going forward.
fn end(fact: &Fact, at: Timestamp) -> Option<Phase> {
    match fact {
        Fact::RolloutCompleted { .. } => Some(Phase::Completed),
        Fact::RolloutFailed { failure, .. } => Some(Phase::RollingBack { failure: failure.clone(), since: at }),
        _ => None,
    }
}

/// What moves a running rollout on.
fn go_on(mut running: Running, steps: &[Step], fact: &Fact, at: Timestamp) -> Running {
    match fact {
        Fact::StepStarted { step, .. } => {
            let (ready, promoted) = (running.ready, running.promoted);
            return Running { ready, promoted, ..Running::begin(steps, *step, at) };
        }
        Fact::RolloutProgressed { ready, .. } => {
            running.ready = *ready;
            running.progress_at = at;
        }
        Fact::AnalysisMeasured { measurement, .. } => {
            running.tally.count(measurement.verdict);
            running.measured_to = Some(measurement.to);
            running.progress_at = at;
        }
        Fact::VerificationPassed { .. } => {
            running.verified = true;
            running.progress_at = at;
        }
        Fact::RolloutPaused { reason, .. } => {
            // What was paused and then fails has been paused since it was.
            let since = running.pause.as_ref().map_or(at, |pause| pause.since);
            running.pause = Some(Pause { since, reason: reason.clone() });
        }
        Fact::RolloutResumed { .. } => running.resume(at),
        Fact::RolloutPromoted { .. } => {
            running.resume(at);
            running.promoted = true;
        }
        _ => {}
    }
    running
}
