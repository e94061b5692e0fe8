//! The task of one instance: carries what happens to its supervision and performs what that asks for.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use jiff::Timestamp;
use rustix::process::Signal;
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
};
use towpath_core::{
    ids::Digest,
    instance::{Environment, InstanceId, InstancePhase, InstanceSet, InstanceStatus},
    supervision::{Act, Input, Policy, ProbeKind, Remembered, Supervised},
};

use super::{
    environment,
    launch::{self, LaunchError, Running},
    logs,
    probes::Attempt,
    registry::Registry,
    state::{self, Record},
};
use crate::process::{self, Leader, kill_marked};

/// What the target tells an instance.
pub(super) enum Order {
    /// Run, as this set says.
    Run(Arc<InstanceSet>),
    /// Stop for good.
    Stop,
}

/// One instance.
pub(super) struct Instance {
    registry: Arc<Registry>,
    orders: mpsc::UnboundedReceiver<Order>,
    closed: watch::Receiver<bool>,
    policy: Policy,
    state: Supervised,
    record: Record,
    // Unknown until the set is declared in this run: then nothing is started.
    environment: Option<Environment>,
    running: Option<Running>,
    // A start that was asked for before the environment was known.
    postponed: bool,
    launching: Option<JoinHandle<Result<Running, LaunchError>>>,
    probes: JoinSet<Input>,
    // What the state file says.
    saved: Option<Record>,
}

/// What the loop was woken by.
enum Event {
    Closed,
    Order(Order),
    Happened(Input),
}

/// Returns the task of a new instance.
pub(super) fn fresh(
    registry: &Arc<Registry>,
    id: InstanceId,
    set: &InstanceSet,
) -> (mpsc::UnboundedSender<Order>, Instance) {
    let now = registry.now();
    let state = Supervised::fresh(now);
    let remembered = state.remembered(now);
    let record = Record { id, spec: set.spec.clone(), port: None, process: None, remembered, message: None };
    let (sender, mut instance) = with_state(registry, record, |_| state);
    instance.environment = Some(set.environment.clone());
    (sender, instance)
}

/// Returns the task of an instance that a state file tells of.
pub(super) fn resumed(registry: &Arc<Registry>, mut record: Record) -> (mpsc::UnboundedSender<Order>, Instance) {
    let now = registry.now();
    let marks = environment::marks(&record.id, record.port.unwrap_or_default());
    let leader = match (&record.process, record.port) {
        (Some(identity), _) => Leader::find(identity),
        // The server died between starting it and writing it down.
        (None, Some(_)) => process::find_marked(&marks),
        (None, None) => None,
    };
    let remembered = record.remembered.clone();
    let Some(leader) = leader else {
        if let Some(identity) = &record.process {
            kill_marked(identity.pid, &marks);
        }
        let ended = record.port.is_some().then(|| "ended while no server was running".to_owned());
        (record.process, record.port) = (None, None);
        let message = ended.or_else(|| record.message.clone()).unwrap_or_default();
        return with_state(registry, record, |_| Supervised::ended(&remembered, message, now));
    };
    let port = record.port.unwrap_or_default();
    registry.ports.keep(port);
    record.process = Some(leader.identity().clone());
    let pid = leader.identity().pid;
    let directory = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_else(|_| PathBuf::from("/"));
    // Command probes get the environment that the process was started with.
    let environment = Arc::new(process::environment(pid));
    let (sender, mut instance) = with_state(registry, record, |policy| Supervised::adopted(&remembered, policy, now));
    instance.running = Some(Running { leader, port, environment, directory });
    (sender, instance)
}

fn with_state(
    registry: &Arc<Registry>,
    record: Record,
    state: impl FnOnce(&Policy) -> Supervised,
) -> (mpsc::UnboundedSender<Order>, Instance) {
    let (sender, orders) = mpsc::unbounded_channel();
    let policy = Policy::new(&record.spec, registry.back_off);
    let instance = Instance {
        registry: Arc::clone(registry),
        orders,
        closed: registry.closed(),
        state: state(&policy),
        policy,
        record,
        environment: None,
        running: None,
        postponed: false,
        launching: None,
        probes: JoinSet::new(),
        saved: None,
    };
    (sender, instance)
}

impl Instance {
    pub(super) fn is_stopping(&self) -> bool {
        self.state.is_stopping()
    }

    pub(super) fn artifact(&self) -> Option<Digest> {
        self.record.spec.artifact
    }

    /// Runs until the instance is gone or the target is closed.
    pub(super) async fn run(mut self) {
        let mut input = Input::Tick;
        loop {
            // An instance of which the environment is not known can be probed and stopped, but not started.
            let startable = self.running.is_some() || self.environment.is_some() || self.state.is_stopping();
            if startable || input != Input::Tick {
                let now = self.registry.now();
                let (state, acts) = self.state.step(input, &self.policy, now);
                self.state = state;
                for act in acts {
                    self.perform(act);
                }
            }
            if self.state.phase(&self.policy).is_none() {
                self.forget();
                return;
            }
            self.save();
            self.registry.report(self.status());
            input = match self.next().await {
                Event::Closed => return,
                Event::Happened(input) => input,
                Event::Order(Order::Stop) => Input::Stop,
                Event::Order(Order::Run(set)) => {
                    self.environment = Some(set.environment.clone());
                    if std::mem::take(&mut self.postponed) {
                        self.launch();
                    }
                    Input::Tick
                }
            };
        }
    }

    async fn next(&mut self) -> Event {
        let startable = self.running.is_some() || self.environment.is_some();
        let wake = self.state.wake_at().filter(|_| startable).map(|time| self.registry.instant(time));
        let run = self.state.run();
        let launched = tokio::select! {
            () = is_closed(&mut self.closed) => return Event::Closed,
            order = self.orders.recv() => return Event::Order(order.unwrap_or(Order::Stop)),
            input = answered(&mut self.probes) => return Event::Happened(input),
            () = sleep_until(wake) => return Event::Happened(Input::Tick),
            launched = finished(&mut self.launching) => Some(launched),
            () = ended(self.running.as_ref()) => None,
        };
        Event::Happened(match launched {
            Some(launched) => {
                self.launching = None;
                self.launched(run, launched)
            }
            None => self.exited(run),
        })
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Launch { .. } => self.launch(),
            Act::Probe { run, kind } => self.probe(run, kind),
            Act::Terminate { .. } => self.signal(Signal::TERM),
            Act::Kill { .. } => self.signal(Signal::KILL),
            Act::Forget => {}
        }
    }

    fn launch(&mut self) {
        match self.environment.clone() {
            Some(environment) => {
                let record = self.current_record();
                self.launching = Some(tokio::spawn(launch::launch(Arc::clone(&self.registry), record, environment)));
            }
            None => self.postponed = true,
        }
    }

    fn probe(&mut self, run: u32, kind: ProbeKind) {
        let (Some(probe), Some(running)) = (self.policy.probe(kind), &self.running) else { return };
        let attempt = Attempt::new(probe, running);
        self.probes.spawn(async move { Input::Probed { run, kind, result: attempt.make().await } });
    }

    fn signal(&self, signal: Signal) {
        if let Some(running) = &self.running {
            running.leader.signal(signal);
        }
    }

    fn launched(&mut self, run: u32, launched: Result<Running, LaunchError>) -> Input {
        match launched {
            Ok(running) => {
                self.record.port = Some(running.port);
                self.record.process = Some(running.leader.identity().clone());
                self.running = Some(running);
                Input::Launched { run }
            }
            Err(error) => Input::LaunchFailed { run, message: error.to_string() },
        }
    }

    /// The process ended: nothing of its group and no probe of it is left when this returns.
    fn exited(&mut self, run: u32) -> Input {
        self.probes.abort_all();
        let mut message = "ended".to_owned();
        let mut port_taken = false;
        if let Some(running) = self.running.take() {
            message = running.leader.finish(&environment::marks(&self.record.id, running.port));
            // If it was never ready either, somebody was quicker.
            port_taken = !self.state.is_stopping() && environment::is_taken(running.port);
            self.registry.ports.release(running.port);
            if port_taken {
                message = format!("{message}: port {} was taken by somebody else", running.port);
            }
        }
        (self.record.port, self.record.process) = (None, None);
        let lines = logs::last_lines(&logs::path(&self.registry.data_dir, &self.record.id));
        if !lines.is_empty() && !self.state.is_stopping() {
            let lines = match &self.environment {
                Some(resolved) => environment::mask(&lines, resolved),
                // What may be told of an unknown environment is not known either.
                None => String::new(),
            };
            message = format!("{message}; last lines of its log:\n{lines}");
        }
        Input::Exited { run, message, port_taken }
    }

    fn current_record(&self) -> Record {
        let remembered = self.state.remembered(self.registry.now());
        Record { remembered, message: self.state.message().map(str::to_owned), ..self.record.clone() }
    }

    /// Writes the state file if something changed that the next control plane must know.
    fn save(&mut self) {
        // While it is being started the file is written by whoever starts it.
        if self.launching.is_some() {
            self.saved = None;
            return;
        }
        let record = self.current_record();
        let same = self.saved.as_ref().is_some_and(|saved| {
            let still = |remembered: &Remembered| Remembered { since: Timestamp::UNIX_EPOCH, ..remembered.clone() };
            saved.process == record.process
                && saved.port == record.port
                && still(&saved.remembered) == still(&record.remembered)
        });
        if same {
            return;
        }
        match state::save(&self.registry.data_dir, &record) {
            Ok(()) => self.saved = Some(record),
            Err(error) => tracing::warn!(instance = %self.record.id, %error, "cannot write an instance's state"),
        }
    }

    fn forget(&mut self) {
        if let Err(error) = state::delete(&self.registry.data_dir, &self.record.id) {
            tracing::warn!(instance = %self.record.id, %error, "cannot delete an instance's state");
        }
        self.registry.gone(&self.record.id);
    }

    pub(super) fn status(&self) -> InstanceStatus {
        InstanceStatus {
            id: self.record.id.clone(),
            phase: self.state.phase(&self.policy).unwrap_or(InstancePhase::Stopping),
            address: self.running.as_ref().map(|running| SocketAddr::from((Ipv4Addr::LOCALHOST, running.port))),
            pid: self.running.as_ref().and_then(|running| u32::try_from(running.leader.identity().pid).ok()),
            started_at: self.state.since(),
            restarts: self.state.restarts(),
            message: self.state.message().filter(|text| !text.is_empty()).map(str::to_owned),
            usage: None,
        }
    }
}

async fn is_closed(closed: &mut watch::Receiver<bool>) {
    let _ = closed.wait_for(|closed| *closed).await;
}

async fn answered(probes: &mut JoinSet<Input>) -> Input {
    loop {
        match probes.join_next().await {
            Some(Ok(input)) => return input,
            // It was aborted.
            Some(Err(_)) => {}
            None => std::future::pending().await,
        }
    }
}

async fn finished(launching: &mut Option<JoinHandle<Result<Running, LaunchError>>>) -> Result<Running, LaunchError> {
    match launching {
        Some(task) => task.await.unwrap_or(Err(LaunchError::Ended)),
        None => std::future::pending().await,
    }
}

async fn ended(running: Option<&Running>) {
    match running {
        Some(running) => running.leader.ended().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(wake: Option<tokio::time::Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}
