//! Supervision of one instance: when its process is started, probed, started again, told to stop and killed.
//!
//! The rules are those of the kubelet, so that a service behaves alike on every target. Nothing here starts or
//! signals anything: [`Supervised::step`] takes what happened and returns what to do. Which process it is, on which
//! port, and what a probe really asks are known only to whoever performs the acts.

mod policy;
mod probing;

use jiff::Timestamp;

pub use policy::{BackOff, Policy};
pub use probing::ProbeKind;
use probing::{Probing, Verdict};
use serde::{Deserialize, Serialize};

use self::policy::plus;
use crate::instance::InstancePhase;

/// How often in a row a start is repeated at once because somebody else took the port.
const PORT_RETRIES: u32 = 5;

/// What happened to an instance. `run` numbers its processes; what is said of an earlier one is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time passed.
    Tick,
    /// The process was started.
    Launched {
        /// Which.
        run: u32,
    },
    /// The process could not be started.
    LaunchFailed {
        /// Which.
        run: u32,
        /// Why, in words.
        message: String,
    },
    /// The process ended, and nothing of its group is left.
    Exited {
        /// Which.
        run: u32,
        /// How, in words.
        message: String,
        /// Whether somebody else holds the port it was given, which then is why it ended.
        port_taken: bool,
    },
    /// A probe was answered.
    Probed {
        /// Which process.
        run: u32,
        /// Which probe.
        kind: ProbeKind,
        /// `Err` says why it failed, in words.
        result: Result<(), String>,
    },
    /// It is to stop for good.
    Stop,
}

/// What to do for an instance. Each is asked for once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Start a process and answer with [`Input::Launched`] or [`Input::LaunchFailed`].
    Launch {
        /// Its number.
        run: u32,
    },
    /// Probe it once and answer with [`Input::Probed`].
    Probe {
        /// Which process.
        run: u32,
        /// Which probe.
        kind: ProbeKind,
    },
    /// Send SIGTERM to its process group.
    Terminate {
        /// Which process.
        run: u32,
    },
    /// Send SIGKILL to its process group.
    Kill {
        /// Which process.
        run: u32,
    },
    /// Forget it: it has stopped for good.
    Forget,
}

/// What is remembered of a process that an earlier control plane started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// How often it had been started again.
    pub restarts: u32,
    /// How often in a row it had ended soon.
    pub streak: u32,
    /// When the process was started.
    pub since: Timestamp,
    /// Whether its start-up probe had succeeded.
    pub started: bool,
    /// Whether it was ready.
    pub ready: bool,
    /// Whether it had been told to stop for good.
    pub stopping: bool,
}

/// One instance, as its supervisor knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervised {
    run: u32,
    restarts: u32,
    // How often in a row it ended before it had run well.
    streak: u32,
    port_retries: u32,
    // Whether the next launch is one again.
    ran_before: bool,
    stopping: bool,
    message: Option<String>,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// Nothing runs.
    Waiting { until: Timestamp },
    /// A process was asked for.
    Launching { since: Timestamp },
    /// It runs.
    Running { since: Timestamp, probing: Probing },
    /// It is to end; without a time to kill it, it has not been told yet.
    Ending { since: Timestamp, kill_at: Option<Timestamp>, killed: bool },
    /// It ended for good.
    Gone,
}

impl Supervised {
    /// Returns an instance that has never run; the first tick starts it.
    pub fn fresh(now: Timestamp) -> Self {
        Self {
            run: 0,
            restarts: 0,
            streak: 0,
            port_retries: 0,
            ran_before: false,
            stopping: false,
            message: None,
            phase: Phase::Waiting { until: now },
        }
    }

    /// Returns an instance whose process, started by an earlier control plane, still runs. One that was ready counts
    /// as ready until its probe says otherwise: restarting the control plane takes nothing out of the traffic.
    pub fn adopted(remembered: &Remembered, policy: &Policy, now: Timestamp) -> Self {
        let probing = Probing::resumed(policy, remembered.started, remembered.ready, now);
        Self {
            restarts: remembered.restarts,
            streak: remembered.streak,
            ran_before: true,
            stopping: remembered.stopping,
            phase: Phase::Running { since: remembered.since, probing },
            ..Self::fresh(now)
        }
    }

    /// Returns an instance whose process ended while nobody watched; the next tick starts it again.
    pub fn ended(remembered: &Remembered, message: String, now: Timestamp) -> Self {
        Self {
            restarts: remembered.restarts,
            streak: remembered.streak,
            ran_before: true,
            stopping: remembered.stopping,
            message: Some(message),
            ..Self::fresh(now)
        }
    }

    /// Folds what happened and returns what to do about it.
    #[must_use]
    pub fn step(self, input: Input, policy: &Policy, now: Timestamp) -> (Self, Vec<Act>) {
        let mut state = self.apply(input, policy, now);
        let acts = state.plan(policy, now);
        (state, acts)
    }

    fn apply(mut self, input: Input, policy: &Policy, now: Timestamp) -> Self {
        match input {
            Input::Tick => {}
            Input::Stop => self.stopping = true,
            Input::Launched { run } => {
                if run == self.run && matches!(self.phase, Phase::Launching { .. }) {
                    self.phase = Phase::Running { since: now, probing: Probing::started(policy, now) };
                }
            }
            Input::LaunchFailed { run, message } => {
                if run == self.run && matches!(self.phase, Phase::Launching { .. }) {
                    self.end(message, policy, now, now);
                }
            }
            Input::Exited { run, message, port_taken } => {
                if run == self.run {
                    self.exited(message, port_taken, policy, now);
                }
            }
            Input::Probed { run, kind, result } => {
                if run == self.run {
                    self.probed(kind, &result, policy, now);
                }
            }
        }
        self
    }

    fn exited(&mut self, message: String, port_taken: bool, policy: &Policy, now: Timestamp) {
        match &self.phase {
            // Its start may not have been confirmed when it ended already.
            Phase::Launching { since } | Phase::Running { since, .. } => {
                let since = *since;
                let was_ready = matches!(&self.phase, Phase::Running { probing, .. } if probing.was_ready());
                if port_taken && !was_ready && self.port_retries < PORT_RETRIES {
                    self.port_retries += 1;
                    self.ran_before = false;
                    self.message = Some(message);
                    self.phase = Phase::Waiting { until: now };
                } else {
                    self.end(message, policy, since, now);
                }
            }
            // Why it was told to end says more than how it then did.
            Phase::Ending { since, .. } => {
                let message = self.message.take().unwrap_or(message);
                let since = *since;
                self.end(message, policy, since, now);
            }
            Phase::Waiting { .. } | Phase::Gone => {}
        }
    }

    /// Nothing runs any more: waits before the next start, the longer the oftener it ended soon.
    fn end(&mut self, message: String, policy: &Policy, since: Timestamp, now: Timestamp) {
        self.streak = if policy.back_off.ran_well(since, now) { 1 } else { self.streak.saturating_add(1) };
        self.port_retries = 0;
        self.message = Some(message);
        self.ran_before = true;
        self.phase = Phase::Waiting { until: plus(now, policy.back_off.delay(self.streak)) };
    }

    fn probed(&mut self, kind: ProbeKind, result: &Result<(), String>, policy: &Policy, now: Timestamp) {
        let Phase::Running { since, probing } = &mut self.phase else { return };
        let since = *since;
        let message = match result {
            Ok(()) => None,
            Err(reason) => Some(format!("{kind} probe: {reason}")),
        };
        match probing.answered(kind, result.is_ok(), policy, now) {
            Verdict::GoOn => {
                if message.is_some() {
                    self.message = message;
                } else if probing.is_ready() {
                    self.message = None;
                }
            }
            Verdict::Restart => {
                self.message = message;
                self.phase = Phase::Ending { since, kill_at: None, killed: false };
            }
        }
    }

    fn plan(&mut self, policy: &Policy, now: Timestamp) -> Vec<Act> {
        let run = self.run;
        match &mut self.phase {
            Phase::Waiting { .. } if self.stopping => {
                self.phase = Phase::Gone;
                vec![Act::Forget]
            }
            Phase::Waiting { until } if *until <= now => {
                if self.ran_before {
                    self.restarts = self.restarts.saturating_add(1);
                }
                self.run = run.wrapping_add(1);
                self.phase = Phase::Launching { since: now };
                vec![Act::Launch { run: self.run }]
            }
            Phase::Running { since, .. } if self.stopping => {
                let kill_at = Some(plus(now, policy.stop_grace));
                self.phase = Phase::Ending { since: *since, kill_at, killed: false };
                vec![Act::Terminate { run }]
            }
            Phase::Running { probing, .. } => {
                probing.due(policy, now).into_iter().map(|kind| Act::Probe { run, kind }).collect()
            }
            Phase::Ending { kill_at: kill_at @ None, .. } => {
                *kill_at = Some(plus(now, policy.stop_grace));
                vec![Act::Terminate { run }]
            }
            Phase::Ending { kill_at: Some(kill_at), killed, .. } if !*killed && *kill_at <= now => {
                *killed = true;
                vec![Act::Kill { run }]
            }
            Phase::Waiting { .. } | Phase::Launching { .. } | Phase::Ending { .. } | Phase::Gone => vec![],
        }
    }

    /// Returns when a tick is due, if nothing else happens before.
    pub fn wake_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Waiting { until } => Some(*until),
            Phase::Running { probing, .. } => probing.wake_at(),
            Phase::Ending { kill_at, killed: false, .. } => *kill_at,
            Phase::Launching { .. } | Phase::Ending { .. } | Phase::Gone => None,
        }
    }

    /// Returns where it is in its life; `None` when it is gone.
    pub fn phase(&self, policy: &Policy) -> Option<InstancePhase> {
        Some(match &self.phase {
            Phase::Gone => return None,
            _ if self.stopping => InstancePhase::Stopping,
            Phase::Waiting { until } if self.streak >= policy.back_off.crash_loop_after => {
                InstancePhase::CrashLoop { until: *until }
            }
            Phase::Waiting { until } if self.ran_before => InstancePhase::BackOff { until: *until },
            Phase::Running { probing, .. } if probing.is_ready() => InstancePhase::Ready,
            Phase::Running { probing, .. } if probing.was_ready() => InstancePhase::Unready,
            Phase::Waiting { .. } | Phase::Launching { .. } | Phase::Running { .. } => InstancePhase::Starting,
            // It is restarted: it gets no traffic, and it is not stopping for good.
            Phase::Ending { .. } => InstancePhase::Unready,
        })
    }

    /// Returns what to remember of it for the next control plane.
    pub fn remembered(&self, now: Timestamp) -> Remembered {
        let (since, started, ready) = match &self.phase {
            Phase::Running { since, probing } => (*since, probing.has_started(), probing.is_ready()),
            Phase::Ending { since, .. } => (*since, true, false),
            Phase::Waiting { .. } | Phase::Launching { .. } | Phase::Gone => (now, false, false),
        };
        Remembered { restarts: self.restarts, streak: self.streak, since, started, ready, stopping: self.stopping }
    }

    /// Returns the number of the process that runs, is being started or ran last; 0 before the first and for an adopted one.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// Returns when the process that runs was started.
    pub fn since(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Running { since, .. } | Phase::Ending { since, .. } => Some(*since),
            Phase::Waiting { .. } | Phase::Launching { .. } | Phase::Gone => None,
        }
    }

    /// Returns how often it was started again.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Returns why it last ended or is not ready.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Says whether it was told to stop for good.
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }
}

#[cfg(test)]
mod tests;
