//! The proxy as the engine sees it: takes a whole table, opens and closes what differs, tells all workers and waits for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use towpath_core::{
    ids::Revision,
    traffic::{Counts, Route, RouteId, RouteStatus, RouteTable, TrafficStatus},
};
use towpath_engine::ports::{Traffic, TrafficError};

use crate::{
    listen, metrics,
    options::ProxyOptions,
    table::{Registry, RouteKey, Table},
    worker::{self, Command, Opening},
};

/// Why the proxy could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gave no thread.
    #[error("cannot start a thread of the proxy")]
    Thread(#[source] io::Error),
    /// The system gave no event queue.
    #[error("cannot start the event loop of the proxy")]
    Runtime(#[source] io::Error),
}

/// The data plane of this machine. Dropping it ends it at once; [`Proxy::shutdown`] lets requests end first.
#[derive(Debug)]
pub struct Proxy {
    workers: Vec<mpsc::UnboundedSender<Command>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// One apply at a time.
    applying: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    registry: Registry,
    routes: BTreeMap<RouteId, Open>,
    usual: BTreeMap<RouteId, SocketAddr>,
    next: u64,
}

/// A route's sockets.
#[derive(Debug)]
struct Open {
    key: RouteKey,
    main: Option<Bound>,
    preview: Option<Bound>,
    error: Option<String>,
}

#[derive(Debug)]
struct Bound {
    id: u64,
    asked: Ask,
    actual: SocketAddr,
}

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Nowhere,
    Anywhere,
    At(SocketAddr),
}

impl Ask {
    fn main(route: &Route) -> Self {
        route.listen.map_or(Self::Anywhere, Self::At)
    }

    /// The preview is shown nowhere without a revision to show.
    fn preview(route: &Route) -> Self {
        match route.preview_revision {
            None => Self::Nowhere,
            Some(_) => route.preview.map_or(Self::Anywhere, Self::At),
        }
    }

    fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Nowhere => None,
            Self::Anywhere => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            Self::At(address) => Some(address),
        }
    }
}

impl Proxy {
    /// Starts the workers. They listen on nothing until a table is applied.
    pub fn start(mut options: ProxyOptions) -> Result<Self, StartError> {
        if options.workers == 0 {
            options.workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        }
        let count = u32::try_from(options.workers).unwrap_or(u32::MAX);
        let epoch = Instant::now();
        let (mut workers, mut threads) = (Vec::new(), Vec::new());
        let (started, starts) = std::sync::mpsc::channel();
        for index in 0..options.workers {
            let (sender, commands) = mpsc::unbounded_channel();
            let (options, started) = (options.clone(), started.clone());
            let thread = std::thread::Builder::new()
                .name(format!("proxy-{index}"))
                .spawn(move || worker::run(index, count, options, epoch, commands, &started))
                .map_err(StartError::Thread)?;
            workers.push(sender);
            threads.push(thread);
        }
        for start in starts.iter().take(options.workers) {
            start.map_err(StartError::Runtime)?;
        }
        Ok(Self {
            workers,
            threads: Mutex::new(threads),
            applying: tokio::sync::Mutex::new(()),
            state: Mutex::new(State { usual: options.usual, ..State::default() }),
        })
    }

    /// Stops listening, lets requests in flight end, and cuts what is left after `limit`. The proxy does nothing afterwards.
    pub async fn shutdown(&self, limit: Duration) {
        let _turn = self.applying.lock().await;
        // Workers that are gone already need not be told.
        let _ = self.tell(|_, done| Command::Stop { limit, done }).await;
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().all(|thread| thread.join().is_ok())).await;
        if !matches!(joined, Ok(true)) {
            tracing::error!("a thread of the proxy had failed");
        }
        self.state().routes.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic interrupted is replaced by the next apply.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells every worker and waits until each has done it.
    async fn tell(&self, mut command: impl FnMut(usize, oneshot::Sender<()>) -> Command) -> Result<(), TrafficError> {
        let mut waits = Vec::with_capacity(self.workers.len());
        for (index, worker) in self.workers.iter().enumerate() {
            let (done, wait) = oneshot::channel();
            worker.send(command(index, done)).map_err(|_| TrafficError::Gone)?;
            waits.push(wait);
        }
        for wait in waits {
            wait.await.map_err(|_| TrafficError::Gone)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Traffic for Proxy {
    async fn apply(&self, table: &RouteTable) -> Result<(), TrafficError> {
        let _turn = self.applying.lock().await;
        let unwanted = self.state().take_unwanted(table);
        if !unwanted.is_empty() {
            self.tell(|_, done| Command::Close { listeners: unwanted.clone(), done }).await?;
        }
        let (resolved, mut openings) = self.state().open_wanted(table, self.workers.len());
        let resolved = Arc::new(resolved);
        self.tell(|index, done| Command::Apply {
            table: Arc::clone(&resolved),
            open: openings.get_mut(index).map(std::mem::take).unwrap_or_default(),
            done,
        })
        .await?;
        self.state().registry.forget_gone(&resolved);
        Ok(())
    }

    fn status(&self) -> TrafficStatus {
        let state = self.state();
        let routes = state.routes.iter().map(|(id, open)| {
            let status = RouteStatus {
                listen: open.main.as_ref().map(|bound| bound.actual),
                preview: open.preview.as_ref().map(|bound| bound.actual),
                error: open.error.clone(),
            };
            (format!("{}/{}", id.environment, id.service), status)
        });
        let routes = routes.collect();
        TrafficStatus { routes, in_flight: state.registry.in_flight() }
    }

    fn counts(&self) -> BTreeMap<(RouteId, Revision), Counts> {
        let state = self.state();
        state.registry.series().iter().map(|(key, series)| (key.clone(), series.counts())).collect()
    }

    fn prometheus(&self) -> String {
        let state = self.state();
        metrics::prometheus(state.registry.series(), &state.registry.in_flight_by_revision())
    }
}

impl State {
    /// Forgets the sockets that the table does not want and returns their ids.
    fn take_unwanted(&mut self, table: &RouteTable) -> Vec<u64> {
        let mut unwanted = Vec::new();
        for (id, open) in &mut self.routes {
            let route = table.0.get(id);
            let main = route.map_or(Ask::Nowhere, Ask::main);
            let preview = route.map_or(Ask::Nowhere, Ask::preview);
            for (bound, wanted) in [(&mut open.main, main), (&mut open.preview, preview)] {
                let stays = bound.as_ref().is_some_and(|bound| bound.asked == wanted);
                if !stays && let Some(bound) = bound.take() {
                    unwanted.push(bound.id);
                }
            }
        }
        self.routes.retain(|id, _| table.0.contains_key(id));
        unwanted
    }

    /// Opens the sockets that are missing and resolves the table; the second part is what each worker is to listen on.
    fn open_wanted(&mut self, table: &RouteTable, workers: usize) -> (Table, Vec<Vec<Opening>>) {
        let mut openings: Vec<Vec<Opening>> = (0..workers).map(|_| Vec::new()).collect();
        let mut resolved = Table::new();
        // Fixed addresses first, or a free port could be one that is asked for.
        let (fixed, free): (Vec<_>, Vec<_>) = table.0.iter().partition(|(_, route)| route.listen.is_some());
        for (id, route) in fixed.into_iter().chain(free) {
            let key = self.key(id);
            let mut errors = BTreeSet::new();
            for (asked, preview) in [(Ask::main(route), false), (Ask::preview(route), true)] {
                if let Err(error) = self.open(id, key, asked, preview, &mut openings) {
                    errors.insert(error);
                }
            }
            if let Some(open) = self.routes.get_mut(id) {
                open.error = (!errors.is_empty()).then(|| errors.into_iter().collect::<Vec<_>>().join("; "));
            }
            resolved.insert(key, Arc::new(self.registry.resolve(id, route, workers)));
        }
        (resolved, openings)
    }

    fn key(&mut self, id: &RouteId) -> RouteKey {
        if let Some(open) = self.routes.get(id) {
            return open.key;
        }
        self.next += 1;
        let open = Open { key: self.next, main: None, preview: None, error: None };
        self.routes.insert(id.clone(), open);
        self.next
    }

    fn open(
        &mut self,
        id: &RouteId,
        key: RouteKey,
        asked: Ask,
        preview: bool,
        openings: &mut [Vec<Opening>],
    ) -> Result<(), String> {
        let Some(open) = self.routes.get_mut(id) else { return Ok(()) };
        let place = if preview { &mut open.preview } else { &mut open.main };
        if place.is_some() {
            return Ok(());
        }
        let Some(address) = asked.address() else { return Ok(()) };
        let usual = self.usual.get(id).filter(|_| asked == Ask::Anywhere && !preview);
        let again = usual.and_then(|usual| listen::open(*usual, openings.len()).ok());
        let (actual, listeners) = again
            .map_or_else(|| listen::open(address, openings.len()), Ok)
            .map_err(|error| format!("cannot listen on `{address}`: {}", reason(&error)))?;
        self.next += 1;
        *place = Some(Bound { id: self.next, asked, actual });
        for (worker, listener) in openings.iter_mut().zip(listeners) {
            worker.push(Opening { id: self.next, route: key, preview, address: actual, listener });
        }
        Ok(())
    }
}

/// Returns the reason in words that a person knows, without the error's number.
fn reason(error: &io::Error) -> String {
    let known = [
        (io::ErrorKind::AddrInUse, "address already in use"),
        (io::ErrorKind::PermissionDenied, "permission denied; ports below 1024 need a privilege"),
        (io::ErrorKind::AddrNotAvailable, "this machine does not have the address"),
    ];
    let words = known.iter().find(|(kind, _)| *kind == error.kind()).map(|(_, words)| (*words).to_owned());
    words.unwrap_or_else(|| error.to_string())
}
