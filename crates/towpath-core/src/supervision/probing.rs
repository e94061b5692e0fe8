//! The probes of one running process: when each is due and what its answers add up to.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;

use super::policy::{Policy, plus};
use crate::{deployment::Probe, units::Millis};

/// Which probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeKind {
    /// Holds the other two back until it has succeeded once.
    Startup,
    /// Says whether it may get traffic.
    Readiness,
    /// Says whether it must be started again.
    Liveness,
}

/// What an answer means for the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    Restart,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probing {
    // Whether the start-up probe has succeeded, or there is none.
    started: bool,
    ready: bool,
    was_ready: bool,
    attempts: BTreeMap<ProbeKind, Attempts>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Attempts {
    due: Timestamp,
    // When the attempt that has not been answered was made.
    asked: Option<Timestamp>,
    successes: u32,
    failures: u32,
}

impl Attempts {
    fn from(due: Timestamp) -> Self {
        Self { due, asked: None, successes: 0, failures: 0 }
    }

    fn count(&mut self, passed: bool) {
        if passed {
            self.successes = self.successes.saturating_add(1);
            self.failures = 0;
        } else {
            self.failures = self.failures.saturating_add(1);
            self.successes = 0;
        }
    }
}

impl Probing {
    /// The probes of a process that was started now.
    pub(super) fn started(policy: &Policy, now: Timestamp) -> Self {
        let mut probing = Self { started: false, ready: false, was_ready: false, attempts: BTreeMap::new() };
        if let Some(probe) = policy.probe(ProbeKind::Startup) {
            probing.attempts.insert(ProbeKind::Startup, Attempts::from(plus(now, probe.initial_delay)));
        } else {
            probing.release(policy, |probe| plus(now, probe.initial_delay));
        }
        probing
    }

    /// The probes of a process that has run for a while: every one is due now.
    pub(super) fn resumed(policy: &Policy, started: bool, ready: bool, now: Timestamp) -> Self {
        let mut probing = Self::started(policy, now);
        if started && !probing.started {
            probing.attempts.clear();
            probing.release(policy, |_| now);
        }
        for attempts in probing.attempts.values_mut() {
            attempts.due = now;
        }
        probing.ready = ready && probing.started;
        probing.was_ready = probing.ready;
        probing
    }

    fn release(&mut self, policy: &Policy, due: impl Fn(&Probe) -> Timestamp) {
        self.started = true;
        for kind in [ProbeKind::Readiness, ProbeKind::Liveness] {
            if let Some(probe) = policy.probe(kind) {
                self.attempts.insert(kind, Attempts::from(due(probe)));
            }
        }
    }

    /// Takes the answer of a probe.
    pub(super) fn answered(&mut self, kind: ProbeKind, passed: bool, policy: &Policy, now: Timestamp) -> Verdict {
        let (Some(probe), Some(attempts)) = (policy.probe(kind), self.attempts.get_mut(&kind)) else {
            return Verdict::GoOn;
        };
        let Some(asked) = attempts.asked.take() else { return Verdict::GoOn };
        attempts.count(passed);
        let succeeds = attempts.successes >= probe.success_threshold.max(1);
        let fails = attempts.failures >= probe.failure_threshold.max(1);
        if kind == ProbeKind::Readiness {
            self.ready = succeeds || (self.ready && !fails);
            self.was_ready |= self.ready;
        }
        let period = match policy.eager {
            Some(eager) if kind == ProbeKind::Readiness && !self.was_ready => eager,
            Some(_) | None => probe.period,
        };
        // An attempt that took longer than the period is followed at once, but never by two; a period of 0 is one of 1 ms.
        attempts.due = plus(asked, Millis(period.0.max(1))).max(now);
        match kind {
            ProbeKind::Startup if succeeds => {
                self.attempts.clear();
                self.release(policy, |_| now);
                Verdict::GoOn
            }
            ProbeKind::Startup | ProbeKind::Liveness if fails => Verdict::Restart,
            ProbeKind::Startup | ProbeKind::Readiness | ProbeKind::Liveness => Verdict::GoOn,
        }
    }

    /// Returns the probes to make now and counts them as made.
    pub(super) fn due(&mut self, policy: &Policy, now: Timestamp) -> Vec<ProbeKind> {
        let mut due = vec![];
        for (kind, attempts) in &mut self.attempts {
            if attempts.asked.is_none() && attempts.due <= now && policy.probe(*kind).is_some() {
                attempts.asked = Some(now);
                due.push(*kind);
            }
        }
        due
    }

    /// Returns when the next probe is due; the ones under way wake by their answer.
    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        self.attempts.values().filter(|attempts| attempts.asked.is_none()).map(|attempts| attempts.due).min()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    pub(super) fn was_ready(&self) -> bool {
        self.was_ready
    }

    pub(super) fn has_started(&self) -> bool {
        self.started
    }
}

impl fmt::Display for ProbeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
        })
    }
}
