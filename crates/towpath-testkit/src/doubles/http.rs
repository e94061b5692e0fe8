//! A small HTTP service with JSON in and out, on a thread of its own.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot};

/// How a request fails instead of being answered.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, with these headers and this message.
    Answer(u16, Vec<(&'static str, String)>, &'static str),
    /// The connection breaks before anything is done.
    Broken,
    /// The request is carried out, then the connection breaks.
    Lost,
}

/// What was asked.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: Vec<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Value,
}

/// What is answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
}

impl Answer {
    pub(super) fn of(status: u16, body: Value) -> Self {
        Self { status, body: Some(body) }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, body: None }
    }
}

type Handler = dyn Fn(&Asked) -> Answer + Send + Sync;

/// The service while it runs; dropping it stops it.
pub(super) struct Service {
    address: SocketAddr,
    faults: Arc<Mutex<VecDeque<Option<Fault>>>>,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service {
    pub(super) fn start(handler: Arc<Handler>) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let faults = Arc::new(Mutex::new(VecDeque::new()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = oneshot::channel();
        let shared = (Arc::clone(&faults), Arc::clone(&asked));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = serve(listener, handler, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { address, faults, asked, stop: Some(stop), thread: Some(thread) })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets the request after so many good ones fail.
    pub(super) fn fail(&self, after: usize, fault: Fault) {
        let mut faults = lock(&self.faults);
        faults.extend(std::iter::repeat_n(None, after));
        faults.push_back(Some(fault));
    }

    /// Returns every request so far: method and path.
    pub(super) fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Shared = (Arc<Mutex<VecDeque<Option<Fault>>>>, Arc<Mutex<Vec<String>>>);

async fn serve(listener: TcpListener, handler: Arc<Handler>, shared: Shared) {
    while let Ok((stream, _)) = listener.accept().await {
        let (handler, shared) = (Arc::clone(&handler), shared.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&handler), shared.clone()));
            // A client that goes away is no concern of ours.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The connection is to be broken.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken on purpose")]
struct Break;

async fn answer(
    request: Request<Incoming>,
    handler: Arc<Handler>,
    shared: Shared,
) -> Result<Response<Full<Bytes>>, Break> {
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    let path = parts.uri.path().split('/').skip(1).map(unescaped).collect();
    let pairs = parts.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.map(|(name, value)| (unescaped(name), unescaped(value))).collect();
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    lock(&shared.1).push(format!("{} {}", parts.method, parts.uri));
    let asked = Asked { method: parts.method.to_string(), path, query, headers, body };
    let fault = lock(&shared.0).pop_front().flatten();
    let (answer, headers) = match fault {
        None => (handler(&asked), Vec::new()),
        Some(Fault::Answer(status, headers, message)) => (Answer::of(status, json!({ "message": message })), headers),
        Some(Fault::Broken) => return Err(Break),
        Some(Fault::Lost) => {
            handler(&asked);
            return Err(Break);
        }
    };
    let bytes = answer.body.map(|body| body.to_string()).unwrap_or_default();
    let mut response =
        Response::builder().status(answer.status).header("content-type", "application/json; charset=utf-8");
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(bytes))).map_err(|_| Break)
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
