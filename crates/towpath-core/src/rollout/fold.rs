//! Folding what happened into a deployment. Total: replay runs it on every event, so it neither fails nor acts.

use jiff::Timestamp;

use super::{Deployment, Pause, PauseReason, Phase, Running, Step};
use crate::{
    analysis::Tally,
    event::{Fact, elapsed},
    units::{Millis, Percent},
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
        }
    }

    fn resume(&mut self, at: Timestamp) {
        if let Some(pause) = self.pause.take() {
            let paused = elapsed(pause.since, at);
            self.paused_for = Millis(self.paused_for.0.saturating_add(paused.0));
            self.progress_at = at;
            if matches!(pause.reason, PauseReason::Inconclusive { .. }) {
                // Whoever goes on wants another look, at what comes from here on.
                self.tally = Tally::default();
            }
            self.measured_to = self.measured_to.map(|_| at);
        }
    }
}

/// Folds one event into the deployment it is about.
pub(crate) fn fold(mut deployment: Deployment, fact: &Fact, at: Timestamp) -> Deployment {
    let steps = deployment.steps.clone();
    match (&mut deployment.phase, fact) {
        (Phase::Running(running), Fact::StepStarted { step, .. }) => {
            let ready = running.ready;
            *running = Running { ready, ..Running::begin(&steps, *step, at) };
        }
        (Phase::Running(running), Fact::RolloutProgressed { ready, .. }) => {
            running.ready = *ready;
            running.progress_at = at;
        }
        (Phase::Running(running), Fact::AnalysisMeasured { measurement, .. }) => {
            running.tally.count(measurement.verdict);
            running.measured_to = Some(measurement.to);
            running.progress_at = at;
            deployment.measurements.push(measurement.clone());
            let excess = deployment.measurements.len().saturating_sub(KEPT_MEASUREMENTS);
            deployment.measurements.drain(..excess);
        }
        (Phase::Running(running), Fact::VerificationPassed { results, .. }) => {
            running.verified = true;
            running.progress_at = at;
            deployment.verification.clone_from(results);
        }
        (Phase::Running(running), Fact::RolloutPaused { reason, .. }) => {
            running.pause = Some(Pause { since: at, reason: reason.clone() });
        }
        (Phase::Running(running), Fact::RolloutResumed { .. }) => running.resume(at),
        (Phase::Running(running), Fact::RolloutPromoted { .. }) => {
            let last = last_weight(&steps).unwrap_or(running.step).max(running.step);
            let ready = running.ready;
            *running = Running { ready, ..Running::begin(&steps, last, at) };
            running.pause = None;
        }
        (Phase::Running(_), Fact::RolloutCompleted { .. }) => {
            deployment.phase = Phase::Completed;
            deployment.ended_at = Some(at);
        }
        (Phase::Running(_), Fact::RolloutFailed { failure, .. }) => {
            deployment.phase = Phase::RollingBack { failure: failure.clone(), since: at };
        }
        (Phase::RollingBack { failure, .. }, Fact::RolledBack { .. }) => {
            deployment.phase = Phase::RolledBack { failure: failure.clone() };
            deployment.ended_at = Some(at);
        }
        (Phase::Completed, Fact::RevisionRetired { .. }) => deployment.phase = Phase::Retired,
        // Everything else does not concern a deployment in this phase: `decide` refuses it, and an old ledger that has it
        // must still be readable.
        (
            Phase::Running(_)
            | Phase::RollingBack { .. }
            | Phase::RolledBack { .. }
            | Phase::Completed
            | Phase::Retired,
            Fact::ProjectDeclared { .. }
            | Fact::ReleaseCreated { .. }
            | Fact::PromotionRequested { .. }
            | Fact::PromotionApproved { .. }
            | Fact::PromotionRejected { .. }
            | Fact::ChecklistConfirmed { .. }
            | Fact::PromotionSuperseded { .. }
            | Fact::PromotionFailed { .. }
            | Fact::DeploymentStarted { .. }
            | Fact::StepStarted { .. }
            | Fact::RolloutProgressed { .. }
            | Fact::AnalysisMeasured { .. }
            | Fact::VerificationPassed { .. }
            | Fact::RolloutPaused { .. }
            | Fact::RolloutResumed { .. }
            | Fact::RolloutPromoted { .. }
            | Fact::RolloutCompleted { .. }
            | Fact::RolloutFailed { .. }
            | Fact::RolledBack { .. }
            | Fact::RevisionRetired { .. },
        ) => {}
    }
    deployment
}

/// The step that gives everything to the new revision, where there is one.
pub(crate) fn last_weight(steps: &[Step]) -> Option<usize> {
    steps.iter().rposition(|step| *step == Step::Weight { percent: Percent::FULL })
}
