//! The routing table as all workers see it: immutable, but for counters.
//!
//! An [`Endpoint`] keeps its identity from table to table as long as its instance has the same address, so that what is in
//! flight and what failed is not forgotten by an apply.

use std::{
    collections::BTreeMap,
    hash::Hasher as _,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use siphasher::sip::SipHasher13;
use towpath_core::{
    ids::Revision,
    instance::InstanceId,
    traffic::{Route, RouteId},
};

use crate::{metrics::Series, outlier::Health};

/// Names a route inside the proxy; never used again for another.
pub(crate) type RouteKey = u64;

/// A number alone in its cache line, so that workers do not slow each other.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Alone<T>(pub(crate) T);

/// One instance at one address.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) key: u64,
    pub(crate) instance: InstanceId,
    pub(crate) address: SocketAddr,
    pub(crate) health: Health,
    in_flight: Box<[Alone<AtomicU64>]>,
}

impl Endpoint {
    pub(crate) fn new(key: u64, instance: InstanceId, address: SocketAddr, workers: usize) -> Self {
        let in_flight = (0..workers).map(|_| Alone::default()).collect();
        Self { key, instance, address, health: Health::default(), in_flight }
    }

    /// Publishes what this worker has in flight. Only that worker may call it.
    pub(crate) fn set_in_flight(&self, worker: usize, count: u64) {
        if let Some(cell) = self.in_flight.get(worker) {
            cell.0.store(count, Ordering::Release);
        }
    }

    /// Returns how many requests are in flight over all workers.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.iter().map(|cell| cell.0.load(Ordering::Acquire)).sum()
    }
}

/// One revision's share, endpoints resolved.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) revision: Revision,
    pub(crate) weight: u8,
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
    pub(crate) series: Arc<Series>,
}

/// How one route is answered.
#[derive(Debug)]
pub(crate) struct Routing {
    /// From the highest revision to the lowest: the order in which buckets are owned.
    pub(crate) groups: Vec<Group>,
    pub(crate) preview: Option<Revision>,
    pub(crate) hold: Duration,
    pub(crate) drain: Duration,
    /// Makes buckets differ between routes, the same in every process.
    pub(crate) salt: u64,
}

/// All routes, by key.
pub(crate) type Table = BTreeMap<RouteKey, Arc<Routing>>;

fn salt(id: &RouteId) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(id.environment.as_str().as_bytes());
    hasher.write_u8(b'/');
    hasher.write(id.service.as_str().as_bytes());
    hasher.finish()
}

/// Keeps endpoints and series over tables.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    endpoints: BTreeMap<(InstanceId, SocketAddr), Arc<Endpoint>>,
    series: BTreeMap<(RouteId, Revision), Arc<Series>>,
    next: u64,
}

impl Registry {
    /// Resolves a route's instances and counters.
    pub(crate) fn resolve(&mut self, id: &RouteId, route: &Route, workers: usize) -> Routing {
        let mut groups = Vec::with_capacity(route.backends.len());
        for (revision, backend) in route.backends.iter().rev() {
            let mut endpoints = Vec::with_capacity(backend.endpoints.len());
            for (instance, address) in &backend.endpoints {
                endpoints.push(self.endpoint(instance, *address, workers));
            }
            let series = self.series.entry((id.clone(), *revision)).or_insert_with(|| Arc::new(Series::new(workers)));
            let series = Arc::clone(series);
            groups.push(Group { revision: *revision, weight: backend.weight.get(), endpoints, series });
        }
        Routing {
            groups,
            preview: route.preview_revision,
            hold: route.hold.to_std(),
            drain: route.drain.to_std(),
            salt: salt(id),
        }
    }

    fn endpoint(&mut self, instance: &InstanceId, address: SocketAddr, workers: usize) -> Arc<Endpoint> {
        let next = &mut self.next;
        let endpoint = self.endpoints.entry((instance.clone(), address)).or_insert_with(|| {
            *next += 1;
            Arc::new(Endpoint::new(*next, instance.clone(), address, workers))
        });
        Arc::clone(endpoint)
    }

    /// Forgets endpoints that are in no table and have nothing in flight. Call when all workers use `table`.
    pub(crate) fn forget_gone(&mut self, table: &Table) {
        let live: std::collections::BTreeSet<u64> = table
            .values()
            .flat_map(|routing| routing.groups.iter().flat_map(|group| group.endpoints.iter().map(|end| end.key)))
            .collect();
        self.endpoints.retain(|_, endpoint| live.contains(&endpoint.key) || endpoint.in_flight() > 0);
    }

    /// Returns what is in flight by instance; an instance that changed its address counts once.
    pub(crate) fn in_flight(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for endpoint in self.endpoints.values() {
            *all.entry(endpoint.instance.to_string()).or_insert(0) += endpoint.in_flight();
        }
        all
    }

    /// Returns what is in flight by route and revision.
    pub(crate) fn in_flight_by_revision(&self) -> BTreeMap<(RouteId, Revision), u64> {
        let mut all = BTreeMap::new();
        for endpoint in self.endpoints.values() {
            let set = &endpoint.instance.set;
            let route = RouteId { environment: set.environment.clone(), service: set.service.clone() };
            *all.entry((route, set.revision)).or_insert(0) += endpoint.in_flight();
        }
        all
    }

    /// Returns the counters.
    pub(crate) fn series(&self) -> &BTreeMap<(RouteId, Revision), Arc<Series>> {
        &self.series
    }
}
