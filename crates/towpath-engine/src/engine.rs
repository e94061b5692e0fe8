//! The engine: the handle everybody uses, and the loop that observes, plans and performs.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{Mutex, Notify, broadcast, mpsc, oneshot},
    task::JoinHandle,
};
use towpath_core::{
    command::{Asker, Command},
    event::Event,
    ids::{Digest, PrincipalName},
    instance::SetId,
    ledger::CheckpointSigner,
    plan::plan,
    rollout::Observation,
    traffic::RouteTable,
    world::World,
};

use crate::{
    flags::{FlagDefinitions, FlagSets, Serving},
    jobs::Jobs,
    ports::{Blobs, Checks, Clock, ExperimentStore, Ledger, Resolver, Samples, Target, TargetError, Traffic},
    sampling::Sampler,
    waits::Waits,
    writer::{Done, LoadError, Published, Request, SubmitError, Writer},
};

/// How often the loop looks while something is under way, and while nothing is.
const BUSY: Duration = Duration::from_millis(200);
const IDLE: Duration = Duration::from_secs(1);

/// Everything outside that the engine uses.
#[derive(Clone)]
pub struct Ports {
    /// Where events are kept.
    pub ledger: Arc<dyn Ledger>,
    /// Where bytes are kept.
    pub blobs: Arc<dyn Blobs>,
    /// Where measurements are kept.
    pub samples: Arc<dyn Samples>,
    /// Where exposures and metric events are kept.
    pub experiments: Arc<dyn ExperimentStore>,
    /// Where instances run.
    pub target: Arc<dyn Target>,
    /// What splits requests.
    pub traffic: Arc<dyn Traffic>,
    /// What runs checks.
    pub checks: Arc<dyn Checks>,
    /// What resolves releases.
    pub resolver: Arc<dyn Resolver>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Why the engine could not go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The ledger could not be loaded.
    #[error("the ledger cannot be loaded; nothing was changed")]
    Load(#[from] LoadError),
    /// The target could not be observed.
    #[error("what runs cannot be seen")]
    Observe(#[source] TargetError),
}

/// Whether a turn of the loop moved anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Something was written down: another turn may find more to do at once.
    Moved,
    /// Nothing was.
    Settled,
}

/// The control plane.
pub struct Engine {
    pub(crate) ports: Ports,
    published: Arc<Published>,
    requests: mpsc::Sender<Request>,
    writer: std::sync::Mutex<Option<JoinHandle<()>>>,
    wake: Notify,
    pub(crate) memory: Mutex<Memory>,
    system: PrincipalName,
    flags: Arc<FlagSets>,
    definitions: Arc<FlagDefinitions>,
}

/// What the loop remembers between turns. All of it may be lost: it is found out again.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) routes: RouteTable,
    pub(crate) doubtful_routes: Option<RouteTable>,
    /// Why routes cannot be reached, as it was told last, and when they were tried again.
    pub(crate) unheard: BTreeMap<String, String>,
    pub(crate) tried_again: Option<Timestamp>,
    pub(crate) declared: BTreeMap<SetId, u32>,
    pub(crate) cannot_start: BTreeMap<SetId, String>,
    pub(crate) jobs: Jobs,
    pub(crate) sampler: Sampler,
    /// Releases that an environment would take by itself but that cannot be resolved with what is laid over their files, so
    /// that they are not tried for ever.
    pub(crate) unresolvable: Vec<(towpath_core::ids::EnvironmentName, towpath_core::ids::ReleaseNumber, Digest)>,
    /// What waits for somebody else, such as a source of secrets, and when it is tried again.
    pub(crate) waits: Waits,
    /// Environments that could not be cleaned up, and when it was tried.
    pub(crate) uncleaned: BTreeMap<towpath_core::ids::EnvironmentName, Timestamp>,
}

impl Engine {
    /// Loads the world and starts the writer. Needs a Tokio runtime.
    pub async fn open(ports: Ports, signer: CheckpointSigner) -> Result<Arc<Self>, EngineError> {
        let (mut writer, published) = Writer::open(Arc::clone(&ports.ledger), signer).await?;
        let flags = Arc::<FlagSets>::default();
        let definitions = Arc::new(FlagDefinitions::new(Arc::clone(&ports.blobs)));
        writer.serve_flags(Serving::new(Arc::clone(&definitions), Arc::clone(&flags))).await;
        let (requests, receiver) = mpsc::channel(4096);
        let writer = std::sync::Mutex::new(Some(tokio::spawn(writer.run(receiver))));
        let system = PrincipalName::control_plane();
        let memory = Mutex::new(Memory::default());
        Ok(Arc::new(Self {
            ports,
            published,
            requests,
            writer,
            wake: Notify::new(),
            memory,
            system,
            flags,
            definitions,
        }))
    }

    /// Gives up this handle and waits until the writer has finished, which it does once every other handle is gone; `limit`
    /// bounds the wait for those. Afterwards nothing is written any more, and the storage can be closed.
    pub async fn close(self: Arc<Self>, limit: Duration) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(self);
        if let Some(writer) = writer
            && tokio::time::timeout(limit, writer).await.is_err()
        {
            tracing::warn!("somebody still holds the engine; its writer was not waited for");
        }
    }

    /// Returns the newest world.
    pub fn world(&self) -> Arc<World> {
        self.published.world.load_full()
    }

    /// Returns the stream of events from here on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.published.events.subscribe()
    }

    /// Returns the flags that environments serve.
    pub fn flags(&self) -> &Arc<FlagSets> {
        &self.flags
    }

    /// Returns what reads the definitions of flags.
    pub fn flag_definitions(&self) -> &FlagDefinitions {
        &self.definitions
    }

    /// Returns what the engine uses.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Returns the time now.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Carries out a command on behalf of somebody. When it returns `Ok`, its events are durable.
    pub async fn submit(&self, principal: &PrincipalName, command: Command, cause: &str) -> Result<Done, SubmitError> {
        let asker = Asker { principal: principal.clone(), now: self.now() };
        let (reply, answer) = oneshot::channel();
        let request = Request { asker, command, cause: cause.to_owned(), reply };
        self.requests.send(request).await.map_err(|_| SubmitError::Stopping)?;
        let done = answer.await.map_err(|_| SubmitError::Stopping)??;
        if !done.events.is_empty() {
            self.wake.notify_one();
        }
        Ok(done)
    }

    /// Carries out a command of the control plane itself.
    pub(crate) async fn submit_own(&self, command: Command, cause: &str) -> Result<Done, SubmitError> {
        self.submit(&self.system, command, cause).await
    }

    /// Observes, plans and performs once.
    pub async fn turn(&self) -> Result<Progress, EngineError> {
        let mut memory = self.memory.lock().await;
        let finished = self.finish_jobs(&mut memory).await;
        let now = self.now();
        memory.sampler.flush(&self.ports, now, false).await;
        let observation = self.observe(&memory).await?;
        let world = self.world();
        let actions = plan(&world, &observation, now);
        let mut moved = finished;
        for action in actions {
            moved |= self.perform(&world, &observation, &mut memory, action).await;
        }
        moved |= self.keep_schedules().await;
        self.look_after_routes(&mut memory, now).await;
        Ok(if moved { Progress::Moved } else { Progress::Settled })
    }

    /// Turns until `stop` resolves.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let pause = match self.turn().await {
                Ok(Progress::Moved) => Duration::ZERO,
                Ok(Progress::Settled) if self.is_busy() => BUSY,
                Ok(Progress::Settled) => IDLE,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a turn of the control loop failed");
                    IDLE
                }
            };
            tokio::select! {
                () = &mut stop => break,
                () = self.wake.notified(), if !pause.is_zero() => {}
                () = self.ports.target.changed(), if !pause.is_zero() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        let mut memory = self.memory.lock().await;
        memory.sampler.flush(&self.ports, self.now(), true).await;
    }

    fn is_busy(&self) -> bool {
        let world = self.world();
        world
            .environments
            .values()
            .any(|state| state.rollout.is_some() || !state.retiring.is_empty() || state.destroying.is_some())
    }

    /// Returns what is seen now.
    pub async fn observation(&self) -> Result<Observation, EngineError> {
        let memory = self.memory.lock().await;
        self.observe(&memory).await
    }

    async fn observe(&self, memory: &Memory) -> Result<Observation, EngineError> {
        let instances = self.ports.target.observe().await.map_err(EngineError::Observe)?;
        let counts = self.ports.traffic.status().in_flight;
        let in_flight = instances
            .iter()
            .filter_map(|status| Some((status.id.clone(), *counts.get(&status.id.to_string())?)))
            .collect();
        Ok(Observation {
            instances: instances.into_iter().map(|status| (status.id.clone(), status)).collect(),
            routes: memory.routes.clone(),
            doubtful_routes: memory.doubtful_routes.clone(),
            in_flight,
            declared: memory.declared.clone(),
            cannot_start: memory.cannot_start.clone(),
        })
    }
}
