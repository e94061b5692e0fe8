//! What is declared and what there is: the table between the target's calls and the tasks of the instances.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use towpath_core::{
    ids::Digest,
    instance::{InstanceId, InstanceSet, InstanceStatus, SetId, Usage},
    lifecycle::Holding,
    supervision::BackOff,
};

use super::{
    LocalOptions,
    artifacts::Artifacts,
    environment::Ports,
    instance::{self, Order},
    state::{self, Record},
};

/// Everything that the tasks share.
pub(super) struct Registry {
    pub(super) data_dir: PathBuf,
    pub(super) default_directory: PathBuf,
    pub(super) artifacts: Artifacts,
    pub(super) ports: Ports,
    pub(super) back_off: BackOff,
    pub(super) log_keep: u64,
    pub(super) sample_every: Duration,
    /// Counts the changes that an observation shows.
    pub(super) version: watch::Sender<u64>,
    /// The version that was observed last.
    pub(super) observed: AtomicU64,
    closed: watch::Sender<bool>,
    began: (Timestamp, Instant),
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    declared: BTreeMap<SetId, Arc<InstanceSet>>,
    instances: BTreeMap<InstanceId, Entry>,
}

struct Entry {
    orders: mpsc::UnboundedSender<Order>,
    // What it runs by; another specification replaces it.
    spec: Digest,
    artifact: Option<Digest>,
    stopping: bool,
    status: InstanceStatus,
    usage: Option<Usage>,
}

impl Registry {
    pub(super) fn new(options: LocalOptions) -> Arc<Self> {
        Arc::new(Self {
            artifacts: Artifacts::new(options.data_dir.join("artifacts"), options.blobs),
            data_dir: options.data_dir,
            default_directory: options.default_directory,
            ports: Ports::default(),
            back_off: options.back_off,
            log_keep: options.log_keep.0,
            sample_every: options.sample_every,
            version: watch::Sender::new(1),
            observed: AtomicU64::new(0),
            closed: watch::Sender::new(false),
            began: (Timestamp::now(), Instant::now()),
            table: Mutex::default(),
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Every change of the table is complete when it may panic, so a poisoned one is still right.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time, which only goes forward: a corrected clock neither kills early nor waits for hours.
    pub(super) fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.began.1.elapsed()).unwrap_or(SignedDuration::MAX);
        self.began.0.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// Returns when a time will be on Tokio's clock.
    pub(super) fn instant(&self, time: Timestamp) -> Instant {
        let wait = Duration::try_from(time.duration_since(self.began.0)).unwrap_or_default();
        // A time too far to be told is looked at again tomorrow.
        self.began.1.checked_add(wait).unwrap_or_else(|| Instant::now() + Duration::from_hours(24))
    }

    pub(super) fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Makes a set the declared one.
    pub(super) fn declare(self: &Arc<Self>, set: &InstanceSet) {
        let mut table = self.table();
        if table.declared.get(&set.id).is_none_or(|known| **known != *set) {
            table.declared.insert(set.id.clone(), Arc::new(set.clone()));
        }
        self.reconcile(&mut table, &set.id);
    }

    pub(super) fn remove(self: &Arc<Self>, set: &SetId) {
        let mut table = self.table();
        table.declared.remove(set);
        self.reconcile(&mut table, set);
    }

    pub(super) fn remove_all(&self) {
        let mut table = self.table();
        table.declared.clear();
        table.instances.values_mut().for_each(Entry::stop);
    }

    /// Starts what a set lacks and stops what it has too much of. An instance that is stopping is left to stop, and
    /// its place is taken when it is gone.
    fn reconcile(self: &Arc<Self>, table: &mut Table, id: &SetId) {
        let set = table.declared.get(id).cloned();
        let replicas = set.as_ref().map_or(0, |set| set.replicas);
        let spec = set.as_ref().map(|set| state::spec_digest(&set.spec));
        let first = InstanceId { set: id.clone(), index: 0 };
        let last = InstanceId { set: id.clone(), index: u32::MAX };
        for (instance, entry) in table.instances.range_mut(first..=last) {
            match &set {
                Some(set) if instance.index < replicas && spec == Some(entry.spec) => {
                    let _ = entry.orders.send(Order::Run(Arc::clone(set)));
                }
                Some(_) | None => entry.stop(),
            }
        }
        let Some(set) = set else { return };
        for index in 0..replicas {
            let instance = InstanceId { set: id.clone(), index };
            if !table.instances.contains_key(&instance) {
                let (orders, task) = instance::fresh(self, instance.clone(), &set);
                self.enter(table, instance, orders, state::spec_digest(&set.spec), task);
            }
        }
        if replicas == 0 && !table.instances.keys().any(|instance| instance.set == *id) {
            table.declared.remove(id);
        }
    }

    fn enter(
        &self,
        table: &mut Table,
        id: InstanceId,
        orders: mpsc::UnboundedSender<Order>,
        spec: Digest,
        task: instance::Instance,
    ) {
        let artifact = task.artifact();
        let entry = Entry { orders, spec, artifact, stopping: task.is_stopping(), status: task.status(), usage: None };
        table.instances.insert(id, entry);
        tokio::spawn(task.run());
        self.bump();
    }

    /// Takes up again what a state file tells of.
    pub(super) fn resume(self: &Arc<Self>, record: Record) {
        let (id, spec) = (record.id.clone(), state::spec_digest(&record.spec));
        let (orders, task) = instance::resumed(self, record);
        self.enter(&mut self.table(), id, orders, spec, task);
    }

    /// Takes what an instance says of itself.
    pub(super) fn report(&self, status: InstanceStatus) {
        let mut table = self.table();
        let Some(entry) = table.instances.get_mut(&status.id) else { return };
        if entry.status != status {
            if entry.status.pid != status.pid {
                entry.usage = None;
            }
            entry.status = status;
            self.bump();
        }
    }

    /// Takes note that an instance is gone, and starts its successor if one is declared.
    pub(super) fn gone(self: &Arc<Self>, id: &InstanceId) {
        let mut table = self.table();
        table.instances.remove(id);
        self.bump();
        self.reconcile(&mut table, &id.set);
    }

    /// Takes what a process uses. This alone wakes nobody: it changes all the time.
    pub(super) fn measured(&self, id: &InstanceId, pid: i32, usage: Usage) {
        if let Some(entry) = self.table().instances.get_mut(id)
            && entry.status.pid.map(i64::from) == Some(i64::from(pid))
        {
            entry.usage = Some(usage);
        }
    }

    /// Returns what runs, by instance.
    pub(super) fn processes(&self) -> BTreeMap<InstanceId, i32> {
        let running = |(id, entry): (&InstanceId, &Entry)| Some((id.clone(), i32::try_from(entry.status.pid?).ok()?));
        self.table().instances.iter().filter_map(running).collect()
    }

    pub(super) fn observe(&self) -> Vec<InstanceStatus> {
        let table = self.table();
        self.observed.store(*self.version.borrow(), Ordering::SeqCst);
        table.instances.values().map(|entry| InstanceStatus { usage: entry.usage, ..entry.status.clone() }).collect()
    }

    /// Says whether there is such an instance, and whether its process runs.
    pub(super) fn known(&self, id: &InstanceId) -> (bool, bool) {
        let table = self.table();
        let entry = table.instances.get(id);
        (entry.is_some(), entry.is_some_and(|entry| entry.status.pid.is_some()))
    }

    /// Says whether an instance that exists or is declared needs something that is kept.
    pub(super) fn needs(&self, what: &Holding) -> bool {
        let table = self.table();
        match what {
            Holding::Log { instance } | Holding::State { instance } => {
                let declared = table.declared.get(&instance.set).is_some_and(|set| instance.index < set.replicas);
                declared || table.instances.contains_key(instance)
            }
            Holding::Artifact { tree } => {
                table.instances.values().any(|entry| entry.artifact == Some(*tree))
                    || table.declared.values().any(|set| set.spec.artifact == Some(*tree))
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table().instances.is_empty()
    }

    fn bump(&self) {
        self.version.send_modify(|version| *version += 1);
    }
}

impl Entry {
    fn stop(&mut self) {
        if !self.stopping {
            self.stopping = true;
            let _ = self.orders.send(Order::Stop);
        }
    }
}
