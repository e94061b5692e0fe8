//! A rollout as lines, one for each change since the last look.

use towpath_server::api::types::{RolloutStatus, RolloutView};

/// What was said already.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    started: bool,
    step: Option<usize>,
    ready: Vec<(u64, String, u32, u32)>,
    measured: usize,
    last_measured: Option<jiff::Timestamp>,
    paused: Option<String>,
    failed: bool,
    verified: usize,
    said: Option<String>,
}

impl Lines {
    /// Says whether anything that matters is new, for output that repeats the whole.
    pub(crate) fn is_new(&mut self, rollout: &RolloutView) -> bool {
        let matters = serde_json::json!([
            rollout.deployment.status,
            rollout.step,
            rollout.pause,
            rollout.measurements,
            rollout.sets,
            rollout.weight_percent,
            rollout.verification
        ]);
        let matters = Some(matters.to_string());
        let new = matters != self.said;
        self.said = matters;
        new
    }

    /// Returns what is new.
    pub(crate) fn of(&mut self, rollout: &RolloutView) -> Vec<String> {
        let mut lines = Vec::new();
        let deployment = &rollout.deployment;
        if !self.started {
            self.started = true;
            lines.push(format!(
                "d{} r{} {} in {}: {}, {} steps",
                deployment.revision,
                deployment.release,
                deployment.version,
                deployment.environment,
                deployment.strategy,
                rollout.steps.len(),
            ));
        }
        self.steps(rollout, &mut lines);
        self.instances(rollout, &mut lines);
        let new = rollout.measurements.iter().filter(|one| self.last_measured.is_none_or(|last| one.to > last));
        for measurement in new {
            self.measured += 1;
            let verdict = crate::words::word(&measurement.verdict);
            lines.push(format!("{} analysis {verdict}: {}", place(rollout), measurement.reason));
        }
        self.last_measured = rollout.measurements.last().map(|last| last.to).or(self.last_measured);
        lines.extend(
            rollout.verification.iter().skip(self.verified).map(|line| format!("{} verified: {line}", place(rollout))),
        );
        self.verified = rollout.verification.len();
        let paused = rollout.pause.as_ref().map(|pause| pause.message.clone());
        if paused != self.paused {
            lines.push(
                paused.as_ref().map_or_else(|| "goes on".to_owned(), |why| format!("{} waits: {why}", place(rollout))),
            );
            self.paused = paused;
        }
        if let (Some(failure), false) = (&deployment.failure, self.failed) {
            self.failed = true;
            lines.push(format!("failed: {}", failure.message));
            lines.extend(failure.evidence.iter().map(|line| format!("  {line}")));
            if deployment.status == RolloutStatus::RollingBack {
                lines.push("going back to the good revision".to_owned());
            }
        }
        lines
    }

    fn steps(&mut self, rollout: &RolloutView, lines: &mut Vec<String>) {
        let Some(now) = rollout.step.filter(|now| self.step != Some(*now)) else { return };
        // Steps that came and went between two looks are said too.
        let first = self.step.map_or(now, |before| before + 1).min(now);
        for index in first..=now {
            if let Some(step) = rollout.steps.get(index) {
                lines.push(format!("[{}/{}] {}", index + 1, rollout.steps.len(), step.text));
            }
        }
        self.step = Some(now);
    }

    fn instances(&mut self, rollout: &RolloutView, lines: &mut Vec<String>) {
        let ready: Vec<_> =
            rollout.sets.iter().map(|set| (set.revision, set.service.clone(), set.ready, set.wanted)).collect();
        for (revision, service, ready, wanted) in ready.iter().filter(|set| !self.ready.contains(set)) {
            if *revision == rollout.deployment.revision {
                lines.push(format!("{} {service}: {ready} of {wanted} instances ready", place(rollout)));
            }
        }
        self.ready = ready;
    }
}

fn place(rollout: &RolloutView) -> String {
    rollout.step.map_or_else(String::new, |step| format!("[{}/{}]", step + 1, rollout.steps.len()))
}
