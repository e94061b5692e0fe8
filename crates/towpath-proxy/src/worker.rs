//! One thread of the proxy: a current-thread runtime with its own routes, pools and connections.
//!
//! Nothing in here is shared with other threads but counters. It takes commands one after the other and acknowledges each
//! when it has done it.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    runtime::LocalOptions,
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};
use towpath_core::ids::Revision;

use crate::{
    client::Listening,
    metrics::Series,
    options::ProxyOptions,
    pool::LocalEndpoint,
    table::{RouteKey, Routing, Table},
};

/// How often what is over time is looked for.
const SWEEP: Duration = Duration::from_millis(200);
/// What one request adds to the retry budget, and what one retry takes: 20 %.
const DEPOSIT: u32 = 200;
const RETRY: u32 = 1000;
/// Retries per second that are always allowed, over all workers.
const RETRIES_PER_SECOND: u32 = 10;
/// The most that can be saved up.
const MOST_SAVED: u32 = 200 * RETRY;

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Stop listening; acknowledged when the sockets are closed.
    Close { listeners: Vec<u64>, done: oneshot::Sender<()> },
    /// Use this table and listen on these sockets too.
    Apply { table: Arc<Table>, open: Vec<Opening>, done: oneshot::Sender<()> },
    /// End everything, at the latest after this time.
    Stop { limit: Duration, done: oneshot::Sender<()> },
}

/// A socket to listen on.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) id: u64,
    pub(crate) route: RouteKey,
    pub(crate) preview: bool,
    pub(crate) address: SocketAddr,
    pub(crate) listener: TcpListener,
}

/// A socket and the task that accepts on it.
type Accepting = (Rc<Listening>, JoinHandle<()>);

/// The thread's state.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) options: ProxyOptions,
    workers: u32,
    epoch: Instant,
    now: Cell<Instant>,
    slots: RefCell<HashMap<RouteKey, Rc<Slot>>>,
    endpoints: RefCell<HashMap<u64, Rc<LocalEndpoint>>>,
    listeners: RefCell<HashMap<u64, Accepting>>,
    closed: RefCell<Vec<Rc<Listening>>>,
    random: Cell<u64>,
}

/// A route's place, where its connections find the current routing.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) key: RouteKey,
    pub(crate) current: RefCell<Option<Rc<LocalRoute>>>,
    pub(crate) changed: Notify,
    pub(crate) waiting: Cell<usize>,
    budget: Cell<u32>,
    refilled: Cell<Instant>,
}

/// A route as this worker uses it.
#[derive(Debug)]
pub(crate) struct LocalRoute {
    pub(crate) groups: Vec<LocalGroup>,
    pub(crate) preview: Option<Revision>,
    pub(crate) hold: Duration,
    drain: Duration,
    pub(crate) salt: u64,
    /// More than one revision has a weight: clients are given a bucket.
    pub(crate) split: bool,
}

/// A revision's share as this worker uses it.
#[derive(Debug)]
pub(crate) struct LocalGroup {
    pub(crate) revision: Revision,
    pub(crate) weight: u8,
    pub(crate) endpoints: Vec<Rc<LocalEndpoint>>,
    pub(crate) turn: Cell<usize>,
    pub(crate) series: Arc<Series>,
}

/// Runs a worker on this thread until it is stopped or its proxy is gone.
pub(crate) fn run(
    index: usize,
    workers: u32,
    options: ProxyOptions,
    epoch: Instant,
    commands: mpsc::UnboundedReceiver<Command>,
    started: &std::sync::mpsc::Sender<io::Result<()>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
    {
        Ok(runtime) => runtime,
        Err(error) => {
            // Whoever started us is waiting; if it is gone, nobody wants to know.
            let _ = started.send(Err(error));
            return;
        }
    };
    let _ = started.send(Ok(()));
    let worker = Rc::new(Worker {
        index,
        options,
        workers,
        epoch,
        now: Cell::new(Instant::now()),
        slots: RefCell::default(),
        endpoints: RefCell::default(),
        listeners: RefCell::default(),
        closed: RefCell::default(),
        random: Cell::new(seed()),
    });
    runtime.block_on(worker.obey(commands));
}

fn seed() -> u64 {
    use std::hash::BuildHasher as _;
    std::hash::RandomState::new().hash_one(0) | 1
}

impl Worker {
    /// Returns the time as of the last sweep; enough for timeouts of seconds.
    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    /// Returns milliseconds since the proxy started, the clock of ejections.
    pub(crate) fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX)
    }

    /// Draws a number that nobody must rely on being secret (xorshift64*).
    pub(crate) fn random(&self) -> u64 {
        let mut state = self.random.get();
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.random.set(state);
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    async fn obey(self: Rc<Self>, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Close { listeners, done }) => {
                        self.close(&listeners).await;
                        let _ = done.send(());
                    }
                    Some(Command::Apply { table, open, done }) => {
                        self.apply(&table, open);
                        let _ = done.send(());
                    }
                    Some(Command::Stop { limit, done }) => {
                        self.stop(limit).await;
                        let _ = done.send(());
                        return;
                    }
                    None => return,
                },
                _ = sweep.tick() => self.sweep(),
            }
        }
    }

    async fn close(&self, ids: &[u64]) {
        let mut ending = Vec::new();
        for id in ids {
            if let Some((listening, task)) = self.listeners.borrow_mut().remove(id) {
                listening.close();
                self.closed.borrow_mut().push(listening);
                ending.push(task);
            }
        }
        for task in ending {
            // The accepting task ends by itself; a panic in it is no reason not to go on.
            let _ = task.await;
        }
    }

    fn apply(self: &Rc<Self>, table: &Table, open: Vec<Opening>) {
        self.retire_missing(table);
        let mut slots = self.slots.borrow_mut();
        slots.retain(|key, slot| {
            let stays = table.contains_key(key);
            if !stays {
                *slot.current.borrow_mut() = None;
                slot.changed.notify_waiters();
            }
            stays
        });
        for (key, routing) in table {
            let slot = slots.entry(*key).or_insert_with(|| Rc::new(Slot::new(*key)));
            let route = Rc::new(self.localise(routing));
            *slot.current.borrow_mut() = Some(route);
            slot.changed.notify_waiters();
        }
        for opening in open {
            if let Some(slot) = slots.get(&opening.route) {
                self.listen(Rc::clone(slot), opening);
            }
        }
    }

    fn listen(self: &Rc<Self>, slot: Rc<Slot>, opening: Opening) {
        let listener = match tokio::net::TcpListener::from_std(opening.listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, address = %opening.address, "cannot wait for connections");
                return;
            }
        };
        let listening = Rc::new(Listening::new(slot, opening.preview, opening.address));
        let task = tokio::task::spawn_local(Rc::clone(&listening).accept(listener, Rc::clone(self)));
        self.listeners.borrow_mut().insert(opening.id, (listening, task));
    }

    fn localise(&self, routing: &Routing) -> LocalRoute {
        let mut endpoints = self.endpoints.borrow_mut();
        let mut groups = Vec::with_capacity(routing.groups.len());
        for group in &routing.groups {
            let local = group.endpoints.iter().map(|shared| {
                let local = endpoints
                    .entry(shared.key)
                    .or_insert_with(|| Rc::new(LocalEndpoint::new(Arc::clone(shared), self.index)));
                local.unretire();
                Rc::clone(local)
            });
            groups.push(LocalGroup {
                revision: group.revision,
                weight: group.weight,
                endpoints: local.collect(),
                turn: Cell::new(0),
                series: Arc::clone(&group.series),
            });
        }
        let split = groups.iter().filter(|group| group.weight > 0).count() > 1;
        LocalRoute {
            groups,
            preview: routing.preview,
            hold: routing.hold,
            drain: routing.drain,
            salt: routing.salt,
            split,
        }
    }

    /// Retires the endpoints that are used now and not in the table.
    fn retire_missing(&self, table: &Table) {
        let kept: HashSet<u64> = table
            .values()
            .flat_map(|routing| routing.groups.iter().flat_map(|group| group.endpoints.iter().map(|end| end.key)))
            .collect();
        let now = Instant::now();
        for slot in self.slots.borrow().values() {
            let current = slot.current.borrow();
            let Some(route) = current.as_ref() else { continue };
            // The drain that counts is the newest one, if the route stays.
            let drain = table.get(&slot.key).map_or(route.drain, |routing| routing.drain);
            let left =
                route.groups.iter().flat_map(|group| &group.endpoints).filter(|end| !kept.contains(&end.shared.key));
            for endpoint in left {
                endpoint.retire(now + drain);
            }
        }
    }

    fn sweep(&self) {
        let now = Instant::now();
        self.now.set(now);
        let options = &self.options;
        self.endpoints.borrow_mut().retain(|_, endpoint| !endpoint.sweep(now, options.pool_idle));
        for (listening, _) in self.listeners.borrow().values() {
            listening.sweep(now, options.client_timeout);
        }
        self.closed.borrow_mut().retain(|listening| {
            listening.sweep(now, options.client_timeout);
            !listening.is_empty()
        });
    }

    async fn stop(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let all: Vec<u64> = self.listeners.borrow().keys().copied().collect();
        self.close(&all).await;
        let mut look = tokio::time::interval(Duration::from_millis(10));
        loop {
            self.sweep();
            let quiet = self.closed.borrow().is_empty()
                && self.endpoints.borrow().values().all(|endpoint| endpoint.in_flight() == 0);
            if quiet || Instant::now() >= deadline {
                break;
            }
            look.tick().await;
        }
        for endpoint in self.endpoints.borrow().values() {
            endpoint.end_all();
        }
    }
}

impl Slot {
    fn new(key: RouteKey) -> Self {
        Self {
            key,
            current: RefCell::new(None),
            changed: Notify::new(),
            waiting: Cell::new(0),
            budget: Cell::new(RETRIES_PER_SECOND * RETRY),
            refilled: Cell::new(Instant::now()),
        }
    }

    /// Notes a request, which earns a share of a retry.
    pub(crate) fn deposit(&self) {
        self.budget.set((self.budget.get() + DEPOSIT).min(MOST_SAVED));
    }

    /// Takes a retry from the budget, if there is one.
    pub(crate) fn may_retry(&self, worker: &Worker, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.refilled.get()).as_millis().min(1000);
        let earned = u32::try_from(elapsed).unwrap_or(0) * RETRIES_PER_SECOND * RETRY / 1000 / worker.workers.max(1);
        if earned > 0 {
            self.refilled.set(now);
        }
        let saved = (self.budget.get() + earned).min(MOST_SAVED);
        self.budget.set(saved.saturating_sub(if saved >= RETRY { RETRY } else { 0 }));
        saved >= RETRY
    }
}
