//! Connections to instances: one pool per worker and instance, never shared between threads.
//!
//! A connection is used again only when hyper says it is ready, and for a request that may not be sent twice only after a
//! look at the socket. Here is also what is in flight at an instance, and what ends it when a drain runs out.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    task::AbortHandle,
};

use crate::{body::ReqBody, options::ProxyOptions, table::Endpoint};

/// Idle connections kept per worker and instance.
const MOST_IDLE: usize = 512;
/// A connection idle for longer gets no request that may not be sent twice.
const FRESH: Duration = Duration::from_secs(1);

/// hyper's handle to send requests on a connection.
pub(crate) type Sender = http1::SendRequest<ReqBody>;

/// Why a connection was ended by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    No,
    TimedOut,
    Drained,
}

/// An instance as one worker sees it.
#[derive(Debug)]
pub(crate) struct LocalEndpoint {
    pub(crate) shared: Arc<Endpoint>,
    worker: usize,
    active: Cell<u64>,
    /// When what is in flight is cut, once it has left its route.
    retired: Cell<Option<Instant>>,
    idle: RefCell<Vec<Idle>>,
    conns: RefCell<HashMap<u64, Rc<Conn>>>,
    next: Cell<u64>,
    /// The shortest time after which this instance was seen to close an idle connection.
    closes_after: Cell<Duration>,
}

#[derive(Debug)]
struct Idle {
    sender: Sender,
    conn: Rc<Conn>,
    since: Instant,
}

/// One connection to an instance, or a tunnel through it.
#[derive(Debug)]
pub(crate) struct Conn {
    id: u64,
    endpoint: Rc<LocalEndpoint>,
    task: RefCell<Option<AbortHandle>>,
    socket: Option<Rc<RefCell<TcpStream>>>,
    deadline: Cell<Option<Instant>>,
    cut: Cell<Cut>,
    idle_since: Cell<Option<Instant>>,
    /// The sender of a connection whose answer was read but that is not ready yet.
    parked: RefCell<Option<Sender>>,
}

/// A connection taken from the pool or made for one request.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) sender: Sender,
    pub(crate) conn: Rc<Conn>,
    /// It had carried a request before, so its peer may have closed it meanwhile.
    pub(crate) reused: bool,
}

/// A request in flight; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) endpoint: Rc<LocalEndpoint>,
}

impl Flight {
    pub(crate) fn begin(endpoint: &Rc<LocalEndpoint>) -> Self {
        endpoint.count(endpoint.active.get() + 1);
        Self { endpoint: Rc::clone(endpoint) }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.endpoint.count(self.endpoint.active.get().saturating_sub(1));
    }
}

impl LocalEndpoint {
    pub(crate) fn new(shared: Arc<Endpoint>, worker: usize) -> Self {
        Self {
            shared,
            worker,
            active: Cell::new(0),
            retired: Cell::new(None),
            idle: RefCell::default(),
            conns: RefCell::default(),
            next: Cell::new(0),
            closes_after: Cell::new(Duration::MAX),
        }
    }

    /// Returns how many requests of this worker are in flight here.
    pub(crate) fn in_flight(&self) -> u64 {
        self.active.get()
    }

    fn count(&self, active: u64) {
        self.active.set(active);
        self.shared.set_in_flight(self.worker, active);
    }

    /// Takes the instance back into its route.
    pub(crate) fn unretire(&self) {
        self.retired.set(None);
    }

    /// Takes the instance out of its route: closes idle connections, lets the others go on until `deadline`.
    pub(crate) fn retire(&self, deadline: Instant) {
        if self.retired.get().is_none() {
            self.retired.set(Some(deadline));
        }
        self.idle.borrow_mut().clear();
        for conn in self.conns.borrow().values() {
            conn.parked.borrow_mut().take();
        }
    }

    /// Ends what is over time. Says whether the instance has left and nothing of it is left.
    pub(crate) fn sweep(&self, now: Instant, pool_idle: Duration) -> bool {
        self.idle.borrow_mut().retain(|idle| idle.sender.is_ready() && now.duration_since(idle.since) < pool_idle);
        let drained = self.retired.get().is_some_and(|deadline| deadline <= now);
        for conn in self.conns.borrow().values() {
            if drained {
                conn.end(Cut::Drained);
            } else if conn.deadline.get().is_some_and(|deadline| deadline <= now) {
                conn.end(Cut::TimedOut);
            }
        }
        self.retired.get().is_some() && self.active.get() == 0 && self.conns.borrow().is_empty()
    }

    /// Ends everything.
    pub(crate) fn end_all(&self) {
        self.idle.borrow_mut().clear();
        for conn in self.conns.borrow().values() {
            conn.end(Cut::Drained);
        }
    }

    /// Takes an idle connection. `once` says that the request may not be sent twice.
    pub(crate) fn take_idle(&self, once: bool, now: Instant, pool_idle: Duration) -> Option<Taken> {
        let mut all = self.idle.borrow_mut();
        while let Some(idle) = all.pop() {
            let age = now.saturating_duration_since(idle.since);
            if !idle.sender.is_ready() || age >= pool_idle {
                continue;
            }
            if once && age > FRESH.min(self.closes_after.get() / 2) {
                // Those below are older still. A repeatable request may use them.
                all.push(idle);
                return None;
            }
            if once && !idle.conn.is_quiet() {
                continue;
            }
            idle.conn.idle_since.set(None);
            return Some(Taken { sender: idle.sender, conn: idle.conn, reused: true });
        }
        None
    }

    /// Connects.
    pub(crate) async fn connect(&self, options: &ProxyOptions) -> io::Result<TcpStream> {
        let stream = tokio::time::timeout(options.connect_timeout, TcpStream::connect(self.shared.address))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Makes a connection that returns to the pool after use.
    pub(crate) async fn open(self: &Rc<Self>, options: &ProxyOptions) -> io::Result<Taken> {
        let socket = Rc::new(RefCell::new(self.connect(options).await?));
        let io = TokioIo::new(Shared(Rc::clone(&socket)));
        let (sender, mut connection) = http1::handshake(io).await.map_err(io::Error::other)?;
        let conn = self.register(Some(socket));
        let guard = Registered(Rc::clone(&conn));
        let task = tokio::task::spawn_local(async move {
            let driven = &guard.0;
            // An error is seen by the request or the body that it breaks.
            let _ = poll_fn(|cx| {
                let poll = Pin::new(&mut connection).poll(cx);
                driven.unpark();
                poll
            })
            .await;
            driven.closed_by_peer();
        });
        conn.bind(task.abort_handle());
        Ok(Taken { sender, conn, reused: false })
    }

    /// Makes a connection known, so that it can be ended.
    pub(crate) fn register(self: &Rc<Self>, socket: Option<Rc<RefCell<TcpStream>>>) -> Rc<Conn> {
        let id = self.next.get();
        self.next.set(id + 1);
        let conn = Rc::new(Conn {
            id,
            endpoint: Rc::clone(self),
            task: RefCell::new(None),
            socket,
            deadline: Cell::new(None),
            cut: Cell::new(Cut::No),
            idle_since: Cell::new(None),
            parked: RefCell::new(None),
        });
        self.conns.borrow_mut().insert(id, Rc::clone(&conn));
        conn
    }

    fn keep(&self, sender: Sender, conn: Rc<Conn>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MOST_IDLE && self.retired.get().is_none() {
            let since = Instant::now();
            conn.idle_since.set(Some(since));
            idle.push(Idle { sender, conn, since });
        }
    }
}

impl Conn {
    /// Sets which task dies when the connection is ended.
    pub(crate) fn bind(&self, task: AbortHandle) {
        *self.task.borrow_mut() = Some(task);
    }

    /// Sets or clears by when the answer must have begun.
    pub(crate) fn set_deadline(&self, deadline: Option<Instant>) {
        self.deadline.set(deadline);
    }

    /// Returns why we ended it.
    pub(crate) fn cut(&self) -> Cut {
        self.cut.get()
    }

    fn end(&self, why: Cut) {
        if self.cut.get() == Cut::No {
            self.cut.set(why);
        }
        if let Some(task) = self.task.borrow().as_ref() {
            task.abort();
        }
    }

    /// Takes back the sender of a connection whose answer was read to its end.
    pub(crate) fn release(self: &Rc<Self>, sender: Sender) {
        if self.cut.get() != Cut::No || self.endpoint.retired.get().is_some() || sender.is_closed() {
            return;
        }
        if sender.is_ready() {
            self.endpoint.keep(sender, Rc::clone(self));
        } else {
            // The request may not have been sent to its end: the connection's task sees when it is.
            *self.parked.borrow_mut() = Some(sender);
        }
    }

    fn unpark(self: &Rc<Self>) {
        let mut parked = self.parked.borrow_mut();
        if parked.as_ref().is_some_and(Sender::is_ready)
            && let Some(sender) = parked.take()
        {
            self.endpoint.keep(sender, Rc::clone(self));
        }
    }

    /// Says whether the socket has nothing to read, not even its end (`MSG_PEEK`).
    fn is_quiet(&self) -> bool {
        use rustix::net::{RecvFlags, recv};
        let Some(socket) = &self.socket else { return false };
        let mut byte = [0_u8; 1];
        let seen = recv(&*socket.borrow(), &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(seen, Err(rustix::io::Errno::AGAIN))
    }

    fn closed_by_peer(&self) {
        if let Some(since) = self.idle_since.get()
            && self.cut.get() == Cut::No
            && self.endpoint.retired.get().is_none()
        {
            let known = &self.endpoint.closes_after;
            known.set(known.get().min(since.elapsed()));
        }
    }
}

/// Forgets the connection when its task ends, however it ends.
pub(crate) struct Registered(pub(crate) Rc<Conn>);

impl Drop for Registered {
    fn drop(&mut self) {
        self.0.parked.borrow_mut().take();
        self.0.endpoint.conns.borrow_mut().remove(&self.0.id);
    }
}

/// A socket that can be looked at while its connection has it.
struct Shared(Rc<RefCell<TcpStream>>);

impl AsyncRead for Shared {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_read(cx, buf)
    }
}

impl AsyncWrite for Shared {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(cx)
    }
}
