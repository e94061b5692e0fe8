//! Rollouts and deployments.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use towpath_core::{
    analysis::{self, Measurement},
    config::Live,
    ids::EnvironmentName,
    instance::SetId,
    rollout::{Deployment, Failure, FailureKind, PauseReason, Phase, Running, Step},
    units::Millis,
    world::World,
};

use super::{revision_ref, strategy_name, version_of};
use crate::{
    api::{
        look::Look,
        types::{
            DeploymentView, FailureView, MeasurementView, PauseKind, PauseView, RevisionTraffic, RollbackOriginView,
            RolloutFlagView, RolloutStatus, RolloutView, SetCounts, StepKind, StepState, StepView, TallyView, Verdict,
        },
    },
    etag,
};

/// Shows a deployment as the history has it.
pub(crate) fn deployment(world: &World, deployment: &Deployment) -> DeploymentView {
    let promoted = deployment.promotion.and_then(|number| world.promotions.get(&number));
    let origin = deployment.rollback.as_ref();
    let before = deployment.stable.and_then(|stable| world.deployments.get(&stable));
    DeploymentView {
        environment: deployment.environment.to_string(),
        revision: deployment.revision.0,
        release: deployment.release.0,
        version: version_of(world, deployment.release),
        status: status(deployment),
        current: world.current(&deployment.environment).is_some_and(|current| current.revision == deployment.revision),
        strategy: strategy_name(&deployment.spec.strategy).to_owned(),
        promotion: deployment.promotion.map(|number| number.0),
        configuration_only: origin.is_none() && before.is_some_and(|before| before.release == deployment.release),
        overlay: deployment.live.changed(before.map_or(&Live::NONE, |before| &before.live)),
        rollback: origin.map(|origin| RollbackOriginView { to: origin.to.0, from: origin.from.0 }),
        started_at: deployment.started_at,
        // The control plane starts what somebody asked for: that is who people want to see.
        started_by: promoted.map_or(&deployment.started_by, |promotion| &promotion.requested_by).to_string(),
        reason: origin
            .and_then(|origin| origin.reason.clone())
            .or_else(|| promoted.and_then(|promotion| promotion.reason.clone())),
        ended_at: deployment.ended_at,
        failure: deployment.failure().map(failure),
    }
}

/// Shows a rollout; `traffic` is what each revision did since the step began, the new one first.
pub(crate) fn rollout(look: &Look, it: &Deployment, traffic: Vec<RevisionTraffic>) -> RolloutView {
    let running = it.running();
    let active = matches!(it.phase, Phase::Running(_) | Phase::RollingBack { .. });
    let total: u64 = traffic.iter().map(|revision| revision.requests).sum();
    let new = traffic.iter().find(|revision| revision.revision == it.runs.0).map_or(0, |revision| revision.requests);
    let stable = it.stable.and_then(|revision| look.world.deployments.get(&revision));
    RolloutView {
        deployment: deployment(&look.world, it),
        active,
        stable: stable.map(|stable| revision_ref(&look.world, stable)),
        steps: it.steps.iter().enumerate().map(|(index, step)| step_view(step, state(it, index))).collect(),
        step: running.map(|running| running.step),
        step_since: running.map(|running| running.since),
        step_until: running.and_then(|running| step_until(it, running)),
        deadline: running.and_then(|running| deadline(it, running)),
        weight_percent: look.weight(&it.environment, it.runs),
        actual_weight_percent: share(new, total),
        traffic,
        pause: running.and_then(|running| running.pause.as_ref()).map(|pause| PauseView {
            since: pause.since,
            kind: pause_kind(&pause.reason),
            message: pause_words(&pause.reason),
        }),
        tally: running.and_then(|running| tally(it, running)),
        measurements: it.measurements.iter().map(measurement).collect(),
        verification: it.verification.clone(),
        sets: sets(look, &it.environment),
        flag: it.spec.strategy.flag().zip(it.flag_share()).map(|(flag, percent)| RolloutFlagView {
            key: flag.key.to_string(),
            variant: flag.variant.clone(),
            percent: percent.get(),
            before_percent: it.served().get(),
        }),
    }
}

/// Returns the version of a rollout that decisions about it depend on: not its progress, but its step and its phase.
pub(crate) fn rollout_version(world: &World, environment: &EnvironmentName) -> String {
    let current = world.current(environment).map(|current| current.revision);
    let rollout = world.rollout(environment).map(|rollout| {
        let running = rollout.running();
        (rollout.revision, rollout.status(), running.map(|running| (running.step, running.pause.is_some())))
    });
    etag::version(&(current, rollout))
}

pub(crate) fn status(deployment: &Deployment) -> RolloutStatus {
    match &deployment.phase {
        Phase::Running(running) if running.pause.is_some() => RolloutStatus::Paused,
        Phase::Running(_) => RolloutStatus::Running,
        Phase::RollingBack { .. } => RolloutStatus::RollingBack,
        Phase::RolledBack { failure } if failure.kind == FailureKind::Aborted => RolloutStatus::Aborted,
        Phase::RolledBack { .. } => RolloutStatus::RolledBack,
        Phase::Completed => RolloutStatus::Completed,
        Phase::Retired => RolloutStatus::Retired,
    }
}

fn state(deployment: &Deployment, index: usize) -> StepState {
    match &deployment.phase {
        Phase::Running(running) => match index.cmp(&running.step) {
            std::cmp::Ordering::Less => StepState::Done,
            std::cmp::Ordering::Equal => StepState::Active,
            std::cmp::Ordering::Greater => StepState::Pending,
        },
        Phase::RollingBack { .. } | Phase::RolledBack { .. } => StepState::Failed,
        Phase::Completed | Phase::Retired => StepState::Done,
    }
}

/// Shows steps that nobody has begun.
pub(crate) fn planned(steps: &[Step]) -> Vec<StepView> {
    steps.iter().map(|step| step_view(step, StepState::Pending)).collect()
}

fn step_view(step: &Step, state: StepState) -> StepView {
    let (kind, weight_percent, duration) = match step {
        Step::StopOld => (StepKind::StopOld, None, None),
        Step::Start => (StepKind::Start, None, None),
        Step::Replace { .. } => (StepKind::Replace, None, None),
        Step::Weight { percent } => (StepKind::Weight, Some(percent.get()), None),
        Step::Pause { duration } => (StepKind::Pause, None, *duration),
        Step::Analysis(_) => (StepKind::Analysis, None, None),
        Step::Verify => (StepKind::Verify, None, None),
        Step::Flag { .. } => (StepKind::Flag, None, None),
    };
    let flag_percent = if let Step::Flag { percent, .. } = step { Some(percent.get()) } else { None };
    let duration_ms = duration.map(|duration| duration.0);
    StepView { kind, text: step.to_string(), state, weight_percent, flag_percent, duration_ms }
}

fn step_until(deployment: &Deployment, running: &Running) -> Option<Timestamp> {
    if running.pause.is_some() {
        return None;
    }
    let length = match deployment.steps.get(running.step)? {
        Step::Pause { duration } => (*duration)?,
        Step::Analysis(spec) => Millis(spec.interval.0.saturating_mul(u64::from(spec.count))),
        Step::StopOld | Step::Start | Step::Replace { .. } | Step::Weight { .. } | Step::Verify | Step::Flag { .. } => {
            return None;
        }
    };
    after(running.since, Millis(length.0.saturating_add(running.paused_for.0)))
}

fn deadline(deployment: &Deployment, running: &Running) -> Option<Timestamp> {
    let waits = matches!(deployment.steps.get(running.step), Some(Step::Pause { .. } | Step::Analysis(_)));
    if waits || running.pause.is_some() {
        return None;
    }
    after(running.progress_at, deployment.spec.progress_deadline)
}

fn after(from: Timestamp, length: Millis) -> Option<Timestamp> {
    from.checked_add(SignedDuration::from_millis(i64::try_from(length.0).ok()?)).ok()
}

#[expect(clippy::cast_precision_loss, reason = "shown to one decimal")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 * 1000.0 / whole as f64).round() / 10.0)
}

fn pause_kind(reason: &PauseReason) -> PauseKind {
    match reason {
        PauseReason::Step => PauseKind::Step,
        PauseReason::ByHand { .. } => PauseKind::ByHand,
        PauseReason::Inconclusive { .. } => PauseKind::Inconclusive,
        PauseReason::Failed { .. } => PauseKind::Failed,
    }
}

fn pause_words(reason: &PauseReason) -> String {
    match reason {
        PauseReason::Step => "its step waits for a person".to_owned(),
        PauseReason::ByHand { comment: None } => "paused by hand".to_owned(),
        PauseReason::ByHand { comment: Some(comment) } => format!("paused by hand: {comment}"),
        PauseReason::Inconclusive { message } => format!("its analysis is inconclusive: {message}"),
        PauseReason::Failed { failure } => {
            let first = failure.evidence.first().map(|seen| format!(" ({seen})")).unwrap_or_default();
            format!("it failed and waits for a person: {}{first}", failure.message)
        }
    }
}

fn tally(deployment: &Deployment, running: &Running) -> Option<TallyView> {
    let Step::Analysis(spec) = deployment.steps.get(running.step)? else { return None };
    Some(TallyView {
        made: running.tally.made,
        of: spec.count,
        failed: running.tally.failed,
        failure_limit: spec.failure_limit,
        inconclusive: running.tally.inconclusive,
        inconclusive_limit: spec.inconclusive_limit,
    })
}

fn measurement(measurement: &Measurement) -> MeasurementView {
    MeasurementView {
        from: measurement.from,
        to: measurement.to,
        requests: measurement.requests,
        errors: measurement.errors,
        p95_us: measurement.p95_us,
        verdict: match measurement.verdict {
            analysis::Verdict::Pass => Verdict::Pass,
            analysis::Verdict::Fail => Verdict::Fail,
            analysis::Verdict::Inconclusive => Verdict::Inconclusive,
        },
        reason: measurement.reason.clone(),
    }
}

fn failure(failure: &Failure) -> FailureView {
    let kind = match failure.kind {
        FailureKind::CrashLoop => "crash_loop",
        FailureKind::FailedProbe => "failed_probe",
        FailureKind::ProgressDeadline => "progress_deadline",
        FailureKind::Analysis => "analysis",
        FailureKind::Verification => "verification",
        FailureKind::CannotStart => "cannot_start",
        FailureKind::Aborted => "aborted",
        FailureKind::SwitchedOff => "switched_off",
    };
    FailureView { kind: kind.to_owned(), message: failure.message.clone(), evidence: failure.evidence.clone() }
}

/// Counts the instances of an environment by revision and service, those that should be and those that are.
pub(crate) fn sets(look: &Look, environment: &EnvironmentName) -> Vec<SetCounts> {
    let wanted = look.desired.sets.iter().filter(|(_, count)| **count > 0).map(|(set, _)| set);
    let existing = look.observation.instances.keys().map(|id| &id.set);
    let all: BTreeSet<&SetId> = wanted.chain(existing).filter(|set| set.environment == *environment).collect();
    all.into_iter()
        .map(|set| SetCounts {
            revision: set.revision.0,
            service: set.service.to_string(),
            ready: look.observation.ready(set, u32::MAX),
            wanted: look.desired.sets.get(set).copied().unwrap_or(0),
            existing: look.observation.existing(set),
        })
        .collect()
}
