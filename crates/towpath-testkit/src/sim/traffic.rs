//! The simulated proxy: steady requests, split by weight, counted by revision.

use std::collections::BTreeMap;

use async_trait::async_trait;
use towpath_core::{
    ids::Revision,
    instance::{InstanceId, InstancePhase},
    traffic::{Counts, Route, RouteId, RouteTable, TrafficStatus, latency_bucket},
};
use towpath_engine::ports::{Traffic, TrafficError};

use super::{
    invariants::Violation,
    machine::{Machine, Shared, Strike},
    scenario::Behaviour,
};

/// Requests that each service gets in a second.
const REQUESTS_PER_SECOND: u64 = 100;

impl Machine {
    /// Lets requests come for a while.
    pub(super) fn serve(&mut self, by_ms: i64) {
        let requests = REQUESTS_PER_SECOND * by_ms.unsigned_abs() / 1000;
        let mut in_flight = BTreeMap::new();
        for (id, route) in &self.routes.0 {
            for (revision, backend) in &route.backends {
                let share = requests * u64::from(backend.weight.get()) / 100;
                let on = u64::from(self.flag_on.get(&id.environment).copied().unwrap_or(0));
                let counts = self.counts.entry((id.clone(), *revision)).or_default();
                for (turn, instance) in (0..share).zip(backend.endpoints.keys().cycle()) {
                    let behaviour = self
                        .instances
                        .get(instance)
                        .filter(|found| matches!(found.phase, InstancePhase::Ready | InstancePhase::Unready))
                        .map(|found| found.behaviour);
                    count(counts, behaviour, (turn, on));
                }
                for instance in backend.endpoints.keys() {
                    in_flight.insert(instance.clone(), self.chance.below(3));
                }
            }
        }
        // What left the routing finishes before long.
        for (instance, count) in &self.in_flight {
            if !in_flight.contains_key(instance) && *count > 0 && self.chance.one_in(2) {
                in_flight.insert(instance.clone(), count - 1);
            }
        }
        self.in_flight = in_flight;
    }

    fn check_route(&mut self, id: &RouteId, route: &Route) {
        let sum: u32 = route.backends.values().map(|backend| u32::from(backend.weight.get())).sum();
        if sum != 100 && sum != 0 {
            self.violations.push(Violation::Weights { route: id.clone(), sum });
        }
        for backend in route.backends.values().filter(|backend| backend.weight.get() > 0) {
            for instance in backend.endpoints.keys() {
                let ready = self.told.iter().any(|status| status.id == *instance && status.is_ready());
                if !ready {
                    self.violations.push(Violation::RoutedUnready(InstanceId::clone(instance)));
                }
            }
        }
    }
}

fn count(counts: &mut Counts, behaviour: Option<Behaviour>, (turn, on): (u64, u64)) {
    counts.requests += 1;
    let [_, good, _, _, bad] = &mut counts.status;
    match behaviour {
        None => counts.upstream_errors += 1,
        Some(Behaviour::Errors) if turn.is_multiple_of(4) => *bad += 1,
        Some(Behaviour::BreaksWithFlag) if turn % 100 < on => *bad += 1,
        Some(_) => *good += 1,
    }
    let micros = if behaviour == Some(Behaviour::Slow) { 1_500_000 } else { 3000 };
    if let Some(bucket) = counts.latency.get_mut(latency_bucket(micros)) {
        *bucket += 1;
    }
}

/// The machine's proxy.
pub(super) struct SimulatedTraffic(pub(super) Shared);

#[async_trait]
impl Traffic for SimulatedTraffic {
    async fn apply(&self, table: &RouteTable) -> Result<(), TrafficError> {
        let mut machine = self.0.lock();
        let strike = machine.strike().ok_or(TrafficError::Gone)?;
        for (id, route) in &table.0 {
            machine.check_route(id, route);
        }
        machine.routes = table.clone();
        match strike {
            Strike::None => Ok(()),
            Strike::AnswerLost => Err(TrafficError::Gone),
        }
    }

    fn status(&self) -> TrafficStatus {
        let machine = self.0.lock();
        let in_flight = machine.in_flight.iter().map(|(id, count)| (id.to_string(), *count)).collect();
        TrafficStatus { routes: BTreeMap::new(), in_flight }
    }

    fn counts(&self) -> BTreeMap<(RouteId, Revision), Counts> {
        self.0.lock().counts.clone()
    }

    fn prometheus(&self) -> String {
        String::new()
    }
}
