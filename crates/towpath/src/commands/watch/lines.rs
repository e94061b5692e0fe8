//! A rollout as lines, one for each change since the last look.

use towpath_server::api::types::{RolloutStatus, RolloutView};

/// What was said already.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    started: bool,
    step: Option<usize>,
    ready: Vec<(u64, String, u32, u32)>,
    measured: Option<jiff::Timestamp>,
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
            rollout.verification,
            rollout.flag
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
        if self.step.is_none() {
            self.steps(rollout, &mut lines);
        }
        // What was measured is said before the step that it led to.
        self.measurements(rollout, &mut lines);
        self.steps(rollout, &mut lines);
        self.instances(rollout, &mut lines);
        for line in rollout.verification.iter().skip(self.verified) {
            lines.push(format!("{} verified: {line}", self.place(rollout)));
        }
        self.verified = rollout.verification.len();
        let paused = rollout.pause.as_ref().map(|pause| pause.message.clone());
        if paused != self.paused {
            lines.push(
                paused
                    .as_ref()
                    .map_or_else(|| "goes on".to_owned(), |why| format!("{} waits: {why}", self.place(rollout))),
            );
            self.paused = paused;
        }
        if let (Some(failure), false) = (&deployment.failure, self.failed) {
            self.failed = true;
            lines.push(format!("failed: {}", failure.message));
            lines.extend(failure.evidence.iter().map(|line| format!("  {line}")));
            if let Some(flag) = &rollout.flag {
                let (key, variant, percent) = (&flag.key, &flag.variant, flag.percent);
                lines.push(match percent {
                    0 => format!("flag {key} is off again: nobody gets {variant}"),
                    percent => format!("flag {key} is as it was: {percent} % of the users get {variant}"),
                });
            }
            if deployment.status == RolloutStatus::RollingBack {
                lines.push("going back to the good revision".to_owned());
            }
        }
        lines
    }

    fn measurements(&mut self, rollout: &RolloutView, lines: &mut Vec<String>) {
        let new = rollout.measurements.iter().filter(|one| self.measured.is_none_or(|last| one.to > last));
        for measurement in new {
            let verdict = crate::words::word(&measurement.verdict);
            lines.push(format!("{} analysis {verdict}: {}", self.place(rollout), measurement.reason));
        }
        self.measured = rollout.measurements.last().map(|last| last.to).or(self.measured);
    }

    fn steps(&mut self, rollout: &RolloutView, lines: &mut Vec<String>) {
        // One that completed has been through all of them, also where nobody looked.
        let completed = rollout.deployment.status == RolloutStatus::Completed;
        let now = rollout.step.or(if completed { rollout.steps.len().checked_sub(1) } else { None });
        let Some(now) = now.filter(|now| self.step != Some(*now)) else { return };
        // Steps that came and went between two looks are said too.
        let first = self.step.map_or(if completed { 0 } else { now }, |before| before + 1).min(now);
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
                lines.push(format!("{} {service}: {ready} of {wanted} instances ready", self.place(rollout)));
            }
        }
        self.ready = ready;
    }

    fn place(&self, rollout: &RolloutView) -> String {
        self.step.map_or_else(|| "[–]".to_owned(), |step| format!("[{}/{}]", step + 1, rollout.steps.len()))
    }
}

#[cfg(test)]
mod tests;
