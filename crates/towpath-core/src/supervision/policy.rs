//! How an instance is supervised: its probes and its patience.

use jiff::{SignedDuration, Timestamp};

use super::probing::ProbeKind;
use crate::{
    deployment::{Probe, ProbeAction, Probes, ServiceSpec},
    units::Millis,
};

/// How long to wait before a process that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    /// The first wait; each further one is twice as long.
    pub base: Millis,
    /// The longest wait.
    pub cap: Millis,
    /// A process that ran this long ran well: the next wait is the first again.
    pub reset_after: Millis,
    /// How many ends in a row without having run well are a crash loop.
    pub crash_loop_after: u32,
}

/// How one instance is supervised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its probes; readiness is always there.
    probes: Probes,
    /// Time between attempts until the first success, where it is shorter than the readiness probe's own.
    pub(super) eager: Option<Millis>,
    /// How long it may take from SIGTERM until SIGKILL.
    pub stop_grace: Millis,
    /// How long to wait before it is started again.
    pub back_off: BackOff,
}

impl Default for BackOff {
    /// The kubelet's curve, begun at a second rather than ten, as a local start is quick.
    fn default() -> Self {
        Self {
            base: Millis::from_secs(1),
            cap: Millis::from_secs(300),
            reset_after: Millis::from_secs(60),
            crash_loop_after: 3,
        }
    }
}

impl BackOff {
    /// Returns the wait after this many ends in a row, from 1.
    pub fn delay(&self, streak: u32) -> Millis {
        let doublings = streak.saturating_sub(1).min(32);
        Millis(self.base.0.saturating_mul(1 << doublings).min(self.cap.0))
    }

    /// Says whether a process ran long enough for its end to count as the first.
    pub(super) fn ran_well(&self, started: Timestamp, ended: Timestamp) -> bool {
        ended.duration_since(started) >= signed(self.reset_after)
    }
}

impl Policy {
    /// Returns the policy for a service. Without a readiness probe an open port is enough, looked for often until it opens.
    pub fn new(spec: &ServiceSpec, back_off: BackOff) -> Self {
        let open_port = || Probe {
            action: ProbeAction::Tcp,
            initial_delay: Millis(0),
            period: Millis::from_secs(5),
            timeout: Millis::from_secs(1),
            failure_threshold: 2,
            success_threshold: 1,
        };
        let eager = spec.probes.readiness.is_none().then_some(Millis(100));
        let mut probes = spec.probes.clone();
        probes.readiness.get_or_insert_with(open_port);
        Self { probes, eager, stop_grace: spec.stop_grace, back_off }
    }

    /// Returns a probe, if the instance has it.
    pub fn probe(&self, kind: ProbeKind) -> Option<&Probe> {
        match kind {
            ProbeKind::Startup => self.probes.startup.as_ref(),
            ProbeKind::Readiness => self.probes.readiness.as_ref(),
            ProbeKind::Liveness => self.probes.liveness.as_ref(),
        }
    }
}

fn signed(length: Millis) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(length.0).unwrap_or(i64::MAX))
}

/// Returns the time this much later, or the end of time.
pub(super) fn plus(time: Timestamp, length: Millis) -> Timestamp {
    time.checked_add(signed(length)).unwrap_or(Timestamp::MAX)
}
