//! Connections from clients: accepting them, speaking their protocol, ending them.
//!
//! What takes too long to send a head or idles is ended by the worker's sweep, so that no request pays for a timer.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use http::HeaderValue;
use hyper::{rt::Executor, server::conn, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::AbortHandle,
};

use crate::{
    forward,
    normal::From,
    sniff::{self, Protocol, Sniffed},
    worker::{Slot, Worker},
};

/// More headers than this are answered with 431.
const MOST_HEADERS: usize = 100;
/// Longer heads are answered with 431.
const LONGEST_HEAD: usize = 64 * 1024;
/// Requests at a time on one HTTP/2 connection.
const MOST_STREAMS: u32 = 256;
/// How long to wait when the process has no file descriptor left.
const BREATHER: Duration = Duration::from_millis(50);
/// How often, and for how long, an HTTP/2 client is asked whether it is there.
const PING: Duration = Duration::from_secs(20);

/// One listening socket of a worker and the connections it accepted.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) slot: Rc<Slot>,
    pub(crate) preview: bool,
    host: HeaderValue,
    closing: Cell<bool>,
    stop: Notify,
    clients: RefCell<HashMap<u64, Rc<Client>>>,
    next: Cell<u64>,
}

/// One connection of a client.
#[derive(Debug)]
pub(crate) struct Client {
    id: u64,
    pub(crate) listening: Rc<Listening>,
    pub(crate) worker: Rc<Worker>,
    pub(crate) from: From,
    requests: Cell<u32>,
    waiting_since: Cell<Instant>,
    serving: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    task: RefCell<Option<AbortHandle>>,
}

/// A request being answered; the client is not idle.
#[derive(Debug)]
pub(crate) struct Busy(Rc<Client>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get().saturating_sub(1));
        self.0.waiting_since.set(self.0.worker.now());
    }
}

impl Listening {
    pub(crate) fn new(slot: Rc<Slot>, preview: bool, address: SocketAddr) -> Self {
        // An address is always a valid header value.
        let host = HeaderValue::from_str(&address.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""));
        Self {
            slot,
            preview,
            host,
            closing: Cell::new(false),
            stop: Notify::new(),
            clients: RefCell::default(),
            next: Cell::new(0),
        }
    }

    /// Accepts until told to stop, and then what is in the queue already.
    pub(crate) async fn accept(self: Rc<Self>, listener: TcpListener, worker: Rc<Worker>) {
        while !self.closing.get() {
            tokio::select! {
                biased;
                () = self.stop.notified() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.serve(stream, peer, &worker),
                    Err(error) => pause_if_exhausted(&error).await,
                },
            }
        }
        let mut cx = Context::from_waker(Waker::noop());
        while let std::task::Poll::Ready(Ok((stream, peer))) = listener.poll_accept(&mut cx) {
            self.serve(stream, peer, &worker);
        }
        drop(listener);
        self.end_idle();
    }

    /// Tells the accepting task to end, and each connection to end after the requests it has.
    pub(crate) fn close(&self) {
        self.closing.set(true);
        self.stop.notify_one();
    }

    fn end_idle(&self) {
        for client in self.clients.borrow().values() {
            client.end_gracefully();
        }
    }

    /// Ends connections that idle, or dawdle over a request's head.
    pub(crate) fn sweep(&self, now: Instant, limit: Duration) {
        for client in self.clients.borrow().values() {
            if client.requests.get() == 0 && now.saturating_duration_since(client.waiting_since.get()) > limit {
                client.abort();
            }
        }
    }

    /// Says whether no connection is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.clients.borrow().is_empty()
    }

    fn serve(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr, worker: &Rc<Worker>) {
        let id = self.next.get();
        self.next.set(id + 1);
        let client = HeaderValue::from_str(&peer.ip().to_canonical().to_string());
        let client = Rc::new(Client {
            id,
            listening: Rc::clone(self),
            worker: Rc::clone(worker),
            from: From {
                client: client.unwrap_or_else(|_| HeaderValue::from_static("unknown")),
                host: self.host.clone(),
            },
            requests: Cell::new(0),
            waiting_since: Cell::new(worker.now()),
            serving: Cell::new(false),
            waker: RefCell::new(None),
            task: RefCell::new(None),
        });
        self.clients.borrow_mut().insert(id, Rc::clone(&client));
        let guard = Known(Rc::clone(&client));
        let task = tokio::task::spawn_local(async move {
            let client = &guard.0;
            if stream.set_nodelay(true).is_err() {
                return;
            }
            match sniff::sniff(stream).await {
                Ok(Some((Protocol::Http1, io))) => client.http1(io).await,
                Ok(Some((Protocol::Http2, io))) => client.http2(io).await,
                Ok(None) | Err(_) => {}
            }
        });
        *client.task.borrow_mut() = Some(task.abort_handle());
    }
}

async fn pause_if_exhausted(error: &std::io::Error) {
    use rustix::io::Errno;
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    if exhausted.iter().any(|errno| Some(errno.raw_os_error()) == error.raw_os_error()) {
        tracing::warn!(%error, "cannot accept connections");
        tokio::time::sleep(BREATHER).await;
    }
}

/// Forgets the connection when its task ends, however it ends.
struct Known(Rc<Client>);

impl Drop for Known {
    fn drop(&mut self) {
        self.0.listening.clients.borrow_mut().remove(&self.0.id);
    }
}

impl Client {
    /// Notes a request.
    pub(crate) fn begin(self: &Rc<Self>) -> Busy {
        self.requests.set(self.requests.get() + 1);
        Busy(Rc::clone(self))
    }

    async fn http1(self: &Rc<Self>, io: Sniffed) {
        let client = Rc::clone(self);
        let service = service_fn(move |request| forward::handle(Rc::clone(&client), request));
        let connection = conn::http1::Builder::new()
            .max_headers(MOST_HEADERS)
            .max_header_size(LONGEST_HEAD)
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        self.serving.set(true);
        let mut told = false;
        // What goes wrong with a client's connection is the client's to know.
        let _ = poll_fn(|cx| {
            if self.must_end(cx, &mut told) {
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(cx)
        })
        .await;
    }

    async fn http2(self: &Rc<Self>, io: Sniffed) {
        let client = Rc::clone(self);
        let service = service_fn(move |request| forward::handle(Rc::clone(&client), request));
        let connection = conn::http2::Builder::new(Local)
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(u32::try_from(LONGEST_HEAD).unwrap_or(u32::MAX))
            .serve_connection(TokioIo::new(io), service);
        let mut connection = pin!(connection);
        self.serving.set(true);
        let mut told = false;
        let _ = poll_fn(|cx| {
            if self.must_end(cx, &mut told) {
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(cx)
        })
        .await;
    }

    /// Says once that the connection must end, and sees to it that it is asked again then.
    fn must_end(&self, cx: &Context<'_>, told: &mut bool) -> bool {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        let tell = self.listening.closing.get() && !*told;
        *told |= tell;
        tell
    }

    fn end_gracefully(&self) {
        if !self.serving.get() {
            self.abort();
        } else if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    fn abort(&self) {
        if let Some(task) = self.task.borrow().as_ref() {
            task.abort();
        }
    }
}

/// Runs HTTP/2 streams on this thread.
#[derive(Debug, Clone, Copy)]
struct Local;

impl<F: Future + 'static> Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}
