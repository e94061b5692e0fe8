//! A rollout as a tree of its steps.

use jiff::Timestamp;
use towpath_server::api::types::{RolloutStatus, RolloutView, StepState, Verdict};

use crate::{
    output::Paint,
    words::{between, count, micros, time, word},
};

/// Returns a status in words.
pub(crate) fn status(status: RolloutStatus) -> String {
    word(&status)
}

/// Returns the rollout with its steps, what is going on and, if it failed, why.
pub(crate) fn tree(rollout: &RolloutView, paint: Paint) -> String {
    let deployment = &rollout.deployment;
    let head = format!(
        "{} in {}: r{} {}, {}",
        paint.bold(&format!("d{}", deployment.revision)),
        deployment.environment,
        deployment.release,
        deployment.version,
        deployment.strategy,
    );
    let stands = painted(deployment.status, paint);
    let mut text = format!("{head}, {stands}\n");
    let since = time(deployment.started_at);
    let took = deployment.ended_at.map(|ended| format!(", took {}", between(deployment.started_at, ended)));
    text += &format!("  by {} since {since}{}\n", deployment.started_by, took.unwrap_or_default());
    for (index, step) in rollout.steps.iter().enumerate() {
        let mark = match step.state {
            StepState::Done => paint.green("✔"),
            StepState::Active if rollout.pause.is_some() => paint.yellow("॥"),
            StepState::Active => paint.blue("◌"),
            StepState::Pending => paint.dim("·"),
            StepState::Failed => paint.red("✖"),
        };
        let line = format!("[{}/{}] {}", index + 1, rollout.steps.len(), step.text);
        let line = if step.state == StepState::Pending { paint.dim(&line) } else { line };
        text += &format!(
            "  {mark} {line}{}\n",
            if step.state == StepState::Active { active(rollout) } else { String::new() }
        );
    }
    text + &more(rollout, paint)
}

fn more(rollout: &RolloutView, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(pause) = &rollout.pause {
        text += &format!("  {} {}\n", paint.yellow("waits:"), pause.message);
    }
    for traffic in &rollout.traffic {
        let p95 = traffic.p95_us.map(|us| format!(", p95 {}", micros(us))).unwrap_or_default();
        let requests = count(traffic.requests, "request");
        text += &format!(
            "  d{} gets {} %: {requests}, {} failed{p95}\n",
            traffic.revision, traffic.weight_percent, traffic.errors
        );
    }
    if let Some(flag) = &rollout.flag {
        let name = paint.bold(&format!("flag {}", flag.key));
        text += &format!("  {name}: {} % of the users get {}\n", flag.percent, flag.variant);
    }
    for set in &rollout.sets {
        text += &format!("  {} d{}: {}/{} ready\n", set.service, set.revision, set.ready, set.wanted);
    }
    if let Some(measurement) = rollout.measurements.last() {
        let verdict = match measurement.verdict {
            Verdict::Pass => paint.green("pass"),
            Verdict::Fail => paint.red("fail"),
            Verdict::Inconclusive => paint.yellow("inconclusive"),
        };
        text += &format!("  analysis: {verdict}, {}\n", measurement.reason);
    }
    if let Some(failure) = &rollout.deployment.failure {
        text += &format!("  {} {}\n", paint.red("why:"), failure.message);
        failure.evidence.iter().for_each(|line| text += &format!("    {line}\n"));
    }
    text
}

/// Returns what the step in force is doing: the share really sent, or how long it still takes.
fn active(rollout: &RolloutView) -> String {
    let mut parts = Vec::new();
    if let Some(actual) = rollout.actual_weight_percent {
        parts.push(format!("set {} %, actual {actual:.1} %", rollout.weight_percent));
    }
    if let Some(tally) = &rollout.tally {
        parts.push(format!("{} of {} measured, {} failed", tally.made, tally.of, tally.failed));
    }
    let now = Timestamp::now();
    if let Some(until) = rollout.step_until.filter(|until| *until > now) {
        parts.push(format!("{} left", between(now, until)));
    }
    if parts.is_empty() { String::new() } else { format!("  ({})", parts.join("; ")) }
}

fn painted(of: RolloutStatus, paint: Paint) -> String {
    let word = status(of);
    match of {
        RolloutStatus::Completed => paint.green(&word),
        RolloutStatus::Running | RolloutStatus::Retired => word,
        RolloutStatus::Paused | RolloutStatus::RollingBack => paint.yellow(&word),
        RolloutStatus::RolledBack | RolloutStatus::Aborted => paint.red(&word),
    }
}
