//! The simulated machine: time, instances, the proxy's state, and the faults that strike any call to a port.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use towpath_core::{
    deployment::Check,
    ids::{EnvironmentName, ReleaseNumber, Revision, ServiceName},
    instance::{InstanceId, InstancePhase, InstanceStatus, SetId},
    traffic::{Counts, RouteId, RouteTable},
    units::Millis,
};
use towpath_engine::ports::{CheckOutcome, Checks, Clock};

use super::{
    chance::Chance,
    invariants::Violation,
    scenario::{Behaviour, Scenario},
};

/// Everything outside the control plane. It survives the control plane's crashes, but for what the proxy held.
pub(super) struct Machine {
    pub(super) now_ms: i64,
    pub(super) chance: Chance,
    pub(super) scenario: Scenario,
    /// Whether faults strike.
    pub(super) faults: bool,
    /// Whether the control plane has been killed.
    pub(super) down: bool,
    pub(super) instances: BTreeMap<InstanceId, Instance>,
    /// What the target keeps running, by set.
    pub(super) declared: BTreeMap<SetId, u32>,
    pub(super) routes: RouteTable,
    pub(super) counts: BTreeMap<(RouteId, Revision), Counts>,
    pub(super) in_flight: BTreeMap<InstanceId, u64>,
    /// What the control plane was last told runs.
    pub(super) told: Vec<InstanceStatus>,
    /// The release that each set runs, for verification.
    pub(super) releases: BTreeMap<SetId, ReleaseNumber>,
    /// The share of the users that has the flag, by environment. Applications keep it while the control plane is away.
    pub(super) flag_on: BTreeMap<EnvironmentName, u8>,
    /// The logs that instances left.
    pub(super) logs: BTreeSet<InstanceId>,
    pub(super) violations: Vec<Violation>,
    next_port: u16,
}

/// A simulated process.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) behaviour: Behaviour,
    pub(super) phase: InstancePhase,
    pub(super) since_ms: i64,
    pub(super) boot_ms: i64,
    pub(super) stop_ms: i64,
    pub(super) restarts: u32,
    pub(super) address: SocketAddr,
    pub(super) message: Option<String>,
}

/// What strikes a call.
pub(super) enum Strike {
    /// Nothing.
    None,
    /// The effect happens, the answer is lost.
    AnswerLost,
}

/// The machine as the ports share it.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Machine>>);

impl Shared {
    pub(super) fn new(machine: Machine) -> Self {
        Self(Arc::new(Mutex::new(machine)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine {
    pub(super) fn new(chance: Chance, scenario: Scenario) -> Self {
        Self {
            now_ms: 1_700_000_000_000,
            chance,
            scenario,
            faults: true,
            down: false,
            instances: BTreeMap::new(),
            declared: BTreeMap::new(),
            routes: RouteTable::default(),
            counts: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            told: Vec::new(),
            releases: BTreeMap::new(),
            flag_on: BTreeMap::new(),
            logs: BTreeSet::new(),
            violations: Vec::new(),
            next_port: 10_000,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms).unwrap_or_default()
    }

    /// Lets a fault strike a call: `None` means that it fails without effect.
    pub(super) fn strike(&mut self) -> Option<Strike> {
        if self.down {
            return None;
        }
        if !self.faults {
            return Some(Strike::None);
        }
        match self.chance.below(200) {
            0 => {
                self.down = true;
                None
            }
            1 => {
                self.down = true;
                Some(Strike::AnswerLost)
            }
            2 | 3 => None,
            4 => Some(Strike::AnswerLost),
            _ => Some(Strike::None),
        }
    }

    /// The control plane was killed, and the proxy with it; the instances were not.
    pub(super) fn restart(&mut self) {
        self.down = false;
        self.routes = RouteTable::default();
        self.counts.clear();
        self.in_flight.clear();
        self.told.clear();
    }

    pub(super) fn address(&mut self) -> SocketAddr {
        self.next_port = self.next_port.checked_add(1).unwrap_or(10_000);
        SocketAddr::from(([127, 0, 0, 1], self.next_port))
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, by_ms: i64) {
        self.now_ms += by_ms;
        self.live(by_ms);
        self.serve(by_ms);
    }
}

/// The machine's clock.
pub(super) struct SimulatedClock(pub(super) Shared);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.0.lock().now()
    }
}

/// Checks that find the fault of releases that have one.
pub(super) struct SimulatedChecks(pub(super) Shared);

#[async_trait]
impl Checks for SimulatedChecks {
    async fn run(&self, _: &Check, urls: &BTreeMap<ServiceName, SocketAddr>) -> CheckOutcome {
        let machine = self.0.lock();
        let bad = machine.instances.values().any(|instance| {
            instance.behaviour == Behaviour::FailsVerification && urls.values().any(|url| *url == instance.address)
        });
        let message = if bad { "found the fault" } else { "found nothing" };
        CheckOutcome { passed: !bad, message: message.to_owned(), duration: Millis(1) }
    }
}
