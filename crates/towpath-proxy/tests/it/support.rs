//! Instances, clients and tables for the tests.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use towpath_core::{
    ids::Revision,
    instance::{InstanceId, SetId},
    traffic::{Backend, Route, RouteId, RouteTable},
    units::{Millis, Percent},
};
use towpath_engine::ports::Traffic as _;
use towpath_proxy::{Proxy, ProxyOptions};

/// No test waits longer than this for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn proxy() -> Proxy {
    proxy_with(|_| {})
}

pub(crate) fn proxy_with(change: impl FnOnce(&mut ProxyOptions)) -> Proxy {
    let mut options = ProxyOptions { workers: 2, sticky_key: [7; 16], ..ProxyOptions::default() };
    change(&mut options);
    Proxy::start(options).unwrap()
}

pub(crate) fn route_id() -> RouteId {
    RouteId { environment: "production".parse().unwrap(), service: "web".parse().unwrap() }
}

pub(crate) fn instance(revision: u64, index: u32) -> InstanceId {
    let RouteId { environment, service } = route_id();
    InstanceId { set: SetId { environment, service, revision: Revision(revision) }, index }
}

/// A route whose backends are (revision, weight, endpoints).
pub(crate) fn route(backends: &[(u64, u8, &[SocketAddr])]) -> Route {
    let backend = |(revision, weight, addresses): &(u64, u8, &[SocketAddr])| {
        let endpoints = (0..).zip(*addresses).map(|(index, address)| (instance(*revision, index), *address)).collect();
        (Revision(*revision), Backend { weight: Percent::new(*weight).unwrap(), endpoints })
    };
    Route {
        listen: None,
        preview: None,
        backends: backends.iter().map(backend).collect(),
        preview_revision: None,
        hold: Millis(0),
        drain: Millis(10_000),
    }
}

pub(crate) fn table(route: Route) -> RouteTable {
    RouteTable(BTreeMap::from([(route_id(), route)]))
}

/// Applies the route and returns where it listens.
pub(crate) async fn apply(proxy: &Proxy, route: Route) -> SocketAddr {
    proxy.apply(&table(route)).await.unwrap();
    proxy.status().routes["production/web"].listen.unwrap()
}

/// Waits for something to be so.
pub(crate) async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < PATIENCE, "never came to be: {what}");
        // tidy: allow(sleep) between two looks, with a deadline
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// An instance that answers by the request's path; its name is the body of `/`.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    name: String,
    /// How often each `x-id` was seen.
    seen: Mutex<HashMap<String, usize>>,
    connections: AtomicUsize,
    failing: AtomicBool,
    cut_after: AtomicUsize,
    idle_close_ms: AtomicUsize,
}

impl Upstream {
    pub(crate) async fn start(name: &str) -> Self {
        Self::start_at(name, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub(crate) async fn start_at(name: &str, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { name: name.to_owned(), ..State::default() });
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(serve(listener, Arc::clone(&state), stopping));
        Self { address, state, stop, task }
    }

    /// Answers 500 from now on, or no longer.
    pub(crate) fn fail(&self, failing: bool) {
        self.state.failing.store(failing, Ordering::SeqCst);
    }

    /// Closes each connection without an answer after so many requests.
    pub(crate) fn cut_after(&self, requests: usize) {
        self.state.cut_after.store(requests, Ordering::SeqCst);
    }

    /// Closes connections that are idle for so long.
    pub(crate) fn close_idle_after(&self, millis: usize) {
        self.state.idle_close_ms.store(millis, Ordering::SeqCst);
    }

    /// Ends as a good application does on SIGTERM: no new connections, requests in flight answered.
    pub(crate) async fn terminate(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }

    /// Ends at once, as by SIGKILL.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    pub(crate) fn seen(&self) -> HashMap<String, usize> {
        self.state.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, state: Arc<State>, mut stopping: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopping.changed() => break,
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                stream.set_nodelay(true).unwrap();
                connections.spawn(connection(stream, Arc::clone(&state), stopping.clone()));
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, state: Arc<State>, mut stopping: watch::Receiver<bool>) {
    state.connections.fetch_add(1, Ordering::SeqCst);
    let counted = Arc::new(AtomicUsize::new(0));
    let (active, mut activity) = watch::channel(0_usize);
    let active = Arc::new(active);
    let service = {
        let state = Arc::clone(&state);
        service_fn(move |request| {
            let (state, active) = (Arc::clone(&state), Arc::clone(&active));
            let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                active.send_modify(|count| *count += 1);
                let limit = state.cut_after.load(Ordering::SeqCst);
                if limit > 0 && number > limit {
                    return Err(std::io::Error::other("cut"));
                }
                Ok(answer(request, &state).await)
            }
        })
    };
    let mut connection = std::pin::pin!(
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades()
    );
    let idle = state.idle_close_ms.load(Ordering::SeqCst) as u64;
    loop {
        tokio::select! {
            _ = &mut connection => break,
            Ok(()) = stopping.changed() => connection.as_mut().graceful_shutdown(),
            Ok(()) = activity.changed() => {}
            // tidy: allow(sleep) the idle time is the subject
            () = tokio::time::sleep(Duration::from_millis(idle)), if idle > 0 => connection.as_mut().graceful_shutdown(),
        }
    }
    state.connections.fetch_sub(1, Ordering::SeqCst);
}

async fn answer(mut request: Request<Incoming>, state: &State) -> Response<BoxBody<Bytes, Infallible>> {
    if let Some(id) = request.headers().get("x-id") {
        *state.seen.lock().unwrap().entry(id.to_str().unwrap().to_owned()).or_default() += 1;
    }
    if state.failing.load(Ordering::SeqCst) {
        return Response::builder().status(500).body(full("broken")).unwrap();
    }
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/slow" => {
            // tidy: allow(sleep) a slow upstream is the subject
            tokio::time::sleep(Duration::from_millis(150)).await;
            Response::new(full(&state.name))
        }
        "/big" => Response::new(Full::new(Bytes::from(vec![b'x'; 1 << 20])).boxed()),
        "/stream" => {
            let name = Bytes::from(state.name.clone());
            let parts = futures_util::stream::iter(0..10).then(move |_| {
                let name = name.clone();
                async move {
                    // tidy: allow(sleep) a slow upstream is the subject
                    tokio::time::sleep(Duration::from_millis(15)).await;
                    Ok(Frame::data(name))
                }
            });
            Response::new(http_body_util::BodyExt::boxed(StreamBody::new(SyncStream(Mutex::new(Box::pin(parts))))))
        }
        "/ws" => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut io = TokioIo::new(upgrade.await.unwrap());
                let mut buffer = [0; 1024];
                while let Ok(count @ 1..) = io.read(&mut buffer).await {
                    io.write_all(&buffer[..count]).await.unwrap();
                }
            });
            let response =
                Response::builder().status(101).header("connection", "upgrade").header("upgrade", "websocket");
            response.body(full("")).unwrap()
        }
        "/echo" => {
            let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            Response::new(Full::new(body).boxed())
        }
        _ => {
            // Read as an application does, so that the connection can be used again.
            let _ = request.into_body().collect().await;
            Response::new(full(&state.name))
        }
    }
}

/// `boxed` wants `Sync`.
struct SyncStream<S>(Mutex<std::pin::Pin<Box<S>>>);

impl<S: futures_util::Stream> futures_util::Stream for SyncStream<S> {
    type Item = S::Item;
    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.lock().unwrap().as_mut().poll_next(cx)
    }
}

fn full(text: &str) -> BoxBody<Bytes, Infallible> {
    Full::new(Bytes::from(text.to_owned())).boxed()
}

/// A client's connection over HTTP/1.1 that is made anew when it was closed.
pub(crate) struct Client {
    address: SocketAddr,
    sender: Option<hyper::client::conn::http1::SendRequest<Full<Bytes>>>,
    pub(crate) cookie: Option<String>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, sender: None, cookie: None }
    }

    /// Sends a request and returns status and body, or why there is none.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        id: &str,
        body: &str,
    ) -> Result<(u16, Bytes), String> {
        let response = tokio::time::timeout(PATIENCE, self.exchange(method, path, id, body));
        response.await.map_err(|_| "no answer in time".to_owned())?
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<(u16, Bytes), String> {
        self.send("GET", path, "", "").await
    }

    async fn exchange(&mut self, method: &str, path: &str, id: &str, body: &str) -> Result<(u16, Bytes), String> {
        if let Some(sender) = &mut self.sender
            && sender.ready().await.is_err()
        {
            self.sender = None;
        }
        if self.sender.is_none() {
            let stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
            let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
            let (sender, connection) = handshake.map_err(|error| error.to_string())?;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        let mut request =
            Request::builder().method(method).uri(path).header("host", "school.example").header("x-id", id);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let sender = self.sender.as_mut().unwrap();
        let response = sender.send_request(request).await.map_err(|error| format!("head: {error:?}"))?;
        if let Some(cookie) = response.headers().get("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            self.cookie = Some(pair.to_owned());
        }
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| format!("body: {error:?}"))?;
        Ok((status, body.to_bytes()))
    }
}

/// Sends one GET over HTTP/2 with prior knowledge on a new connection.
pub(crate) async fn get_h2(address: SocketAddr, path: &str) -> Result<(u16, Bytes), String> {
    let exchange = async {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        let uri = format!("http://school.example{path}");
        let request = Request::builder().uri(uri).body(Full::new(Bytes::new())).unwrap();
        let response = sender.send_request(request).await.map_err(|error| format!("head: {error:?}"))?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| format!("body: {error:?}"))?;
        Ok((status, body.to_bytes()))
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| "no answer in time".to_owned())?
}

/// Sends bytes and returns everything that comes until the other side closes or is silent for `quiet`.
pub(crate) async fn talk(address: SocketAddr, bytes: &[u8], quiet: Duration) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The other side may refuse and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    read_all(&mut stream, quiet).await
}

pub(crate) async fn read_all(stream: &mut TcpStream, quiet: Duration) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(Ok(count @ 1..)) = tokio::time::timeout(quiet, stream.read(&mut buffer)).await {
        all.extend_from_slice(&buffer[..count]);
    }
    all
}

/// An instance that records what it is sent, byte for byte, and answers each connection with the same bytes.
pub(crate) struct RawUpstream {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<u8>>>,
}

impl RawUpstream {
    /// `complete` says when a request has arrived; then `reply` is written, and the connection closed if `close`.
    pub(crate) async fn start(reply: &'static [u8], close: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let record = Arc::clone(&record);
                tokio::spawn(async move {
                    let mut mine: Vec<u8> = Vec::new();
                    let mut buffer = vec![0; 64 * 1024];
                    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                        mine.extend_from_slice(&buffer[..count]);
                        record.lock().unwrap().extend_from_slice(&buffer[..count]);
                        while let Some(end) = end_of_request(&mine) {
                            mine.drain(..end);
                            if stream.write_all(reply).await.is_err() || close {
                                return;
                            }
                        }
                    }
                });
            }
        });
        Self { address, received }
    }

    pub(crate) fn received(&self) -> String {
        String::from_utf8_lossy(&self.received.lock().unwrap()).into_owned()
    }

    pub(crate) fn clear(&self) {
        self.received.lock().unwrap().clear();
    }
}

/// Returns where the first request ends, read as strictly as our own proxy is to send it.
fn end_of_request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    if let Some(length) = length {
        let end = head + length.trim().parse::<usize>().unwrap();
        return (bytes.len() >= end).then_some(end);
    }
    if text.contains("transfer-encoding: chunked") {
        let rest = &bytes[head..];
        let last =
            rest.windows(3).position(|window| window == b"0\r\n").filter(|at| *at == 0 || rest[at - 1] == b'\n')?;
        let end = rest[last..].windows(4).position(|window| window == b"\r\n\r\n")?;
        return Some(head + last + end + 4);
    }
    Some(head)
}
