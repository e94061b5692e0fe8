//! What the control plane sees outside: instances and traffic, as one value.

use std::collections::BTreeMap;

use crate::{
    ids::Revision,
    instance::{InstanceId, InstancePhase, InstanceStatus, SetId},
    traffic::RouteTable,
};

/// What is seen at one moment.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// Every instance that exists.
    pub instances: BTreeMap<InstanceId, InstanceStatus>,
    /// The routing that is in force.
    pub routes: RouteTable,
    /// A routing that may be in force instead: it was asked for and the answer was lost.
    pub doubtful_routes: Option<RouteTable>,
    /// Requests in flight by instance.
    pub in_flight: BTreeMap<InstanceId, u64>,
    /// What the target has been told in this run of the control plane, by set.
    pub declared: BTreeMap<SetId, u32>,
    /// Sets that the target says it cannot start, and why.
    pub cannot_start: BTreeMap<SetId, String>,
}

impl Observation {
    /// Returns the instances of a set, by index.
    pub fn of_set<'a>(&'a self, set: &SetId) -> impl Iterator<Item = &'a InstanceStatus> + use<'a> {
        let first = InstanceId { set: set.clone(), index: 0 };
        let last = InstanceId { set: set.clone(), index: u32::MAX };
        self.instances.range(first..=last).map(|(_, status)| status)
    }

    /// Counts the instances of a set that exist, also those that are stopping.
    pub fn existing(&self, set: &SetId) -> u32 {
        count(self.of_set(set))
    }

    /// Counts the instances of a set that may get traffic, of the first `below` ones.
    pub fn ready(&self, set: &SetId, below: u32) -> u32 {
        count(self.of_set(set).filter(|status| status.id.index < below && status.is_ready()))
    }

    /// Counts the instances of a set that exist and have not been told to stop.
    pub fn wanted(&self, set: &SetId) -> u32 {
        count(self.of_set(set).filter(|status| status.phase != InstancePhase::Stopping))
    }

    /// Says whether a set may lose its instances from `index` on: none of them is routed to or has requests in flight.
    pub fn is_drained(&self, set: &SetId, index: u32) -> bool {
        self.of_set(set).filter(|status| status.id.index >= index).all(|status| {
            !self.may_be_routed(&status.id) && self.in_flight.get(&status.id).is_none_or(|count| *count == 0)
        })
    }

    fn may_be_routed(&self, instance: &InstanceId) -> bool {
        [Some(&self.routes), self.doubtful_routes.as_ref()].into_iter().flatten().any(|table| {
            table.0.values().any(|route| {
                let backend = route.backends.get(&instance.set.revision);
                backend.is_some_and(|backend| backend.endpoints.contains_key(instance))
            })
        })
    }

    /// Says whether anything of a revision exists.
    pub fn any_of(&self, revision: Revision) -> bool {
        self.instances.keys().any(|id| id.set.revision == revision)
    }
}

fn count<'a>(instances: impl Iterator<Item = &'a InstanceStatus>) -> u32 {
    u32::try_from(instances.count()).unwrap_or(u32::MAX)
}
