//! The double's HTTP server: a thread of its own, so that tests of any kind can talk to it; ends when it is dropped.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request as HttpRequest, Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use super::{
    Seen,
    state::{Refusal, Reply, Request, State},
};

/// What Vault takes at most: `max_request_size`.
const MOST_BODY_BYTES: usize = 32 << 20;

/// How the double misbehaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status without doing anything.
    Status {
        /// The status.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after: Option<u64>,
        /// What stands in `errors`.
        error: String,
    },
    /// Does what is asked, and answers so much later.
    Slow(Duration),
    /// Closes the connection without doing anything.
    Cut,
    /// Does what is asked and closes the connection instead of answering.
    CutAfter,
    /// Answers 200 with these bytes.
    Garbage(Vec<u8>),
    /// Answers 200 with so many spaces.
    Huge(usize),
    /// Sends elsewhere, as a standby does.
    Redirect(String),
}

impl Fault {
    /// A status with an error and nothing else.
    pub fn status(status: u16, error: &str) -> Self {
        Self::Status { status, retry_after: None, error: error.to_owned() }
    }
}

/// The thread that serves.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Running {
    #[expect(clippy::expect_used, reason = "a double that cannot start is a failed test")]
    pub(super) fn start(state: Arc<Mutex<State>>, tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let _ = serve(listener, state, tls.map(|tls| TlsAcceptor::from(Arc::new(tls))), stopped).await;
            });
        });
        Self { address, stop, thread: Some(thread) }
    }
}

/// Makes a server's certificate for the loopback address, and returns the authority that signed it.
#[expect(clippy::expect_used, reason = "a double that cannot start is a failed test")]
pub(super) fn certificates() -> (ServerConfig, String) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("an authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "Test authority");
    let ca_pem = ca.self_signed(&ca_key).expect("a certificate").pem();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate =
        CertificateParams::new(names).and_then(|params| params.signed_by(&key, &issuer)).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate and its key");
    (config, ca_pem)
}

async fn serve(
    listener: TcpListener,
    state: Arc<Mutex<State>>,
    tls: Option<TlsAcceptor>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let stream = tokio::select! {
            _ = stopped.changed() => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let (state, tls) = (state.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => connection(stream, state).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, state: Arc<Mutex<State>>) {
    // A service that fails closes the connection, which is what a cut one looks like.
    let service = service_fn(move |request| respond(request, state.clone()));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(
    request: HttpRequest<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let read = read(request).await;
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let request = match read {
        Ok(request) => request,
        Err(refusal) => return Ok(written(Err(refusal), None)?),
    };
    let fault = lock().take_fault(&request.path);
    let answer = match &fault {
        Some(Fault::Cut) => return Err("cut".into()),
        Some(Fault::Status { status, error, .. }) => Err(Refusal { status: *status, errors: vec![error.clone()] }),
        Some(Fault::Garbage(bytes)) => return Ok(Response::new(Full::new(bytes.clone().into()))),
        Some(Fault::Huge(length)) => return Ok(Response::new(Full::new(vec![b' '; *length].into()))),
        Some(Fault::Redirect(to)) => {
            return Ok(Response::builder().status(307).header("location", to).body(Full::default())?);
        }
        Some(Fault::Slow(_) | Fault::CutAfter) | None => lock().handle(&request),
    };
    let status = match &answer {
        Ok(reply) => reply.status,
        Err(refusal) => refusal.status,
    };
    let Request { method, path, namespace, .. } = request;
    lock().seen.push(Seen { method, path, namespace, status });
    match fault {
        Some(Fault::CutAfter) => return Err("cut".into()),
        Some(Fault::Slow(by)) => tokio::time::sleep(by).await,
        _ => {}
    }
    let retry_after = match fault {
        Some(Fault::Status { retry_after, .. }) => retry_after,
        _ => None,
    };
    Ok(written(answer, retry_after)?)
}

fn written(
    answer: Result<Reply, Refusal>,
    retry_after: Option<u64>,
) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let (status, body) = match answer {
        Ok(reply) => (reply.status, reply.body),
        Err(refusal) => (refusal.status, Some(json!({ "errors": refusal.errors }))),
    };
    let mut response = Response::builder().status(status).header("cache-control", "no-store");
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    let Some(body) = body else { return response.body(Full::default()) };
    response.header("content-type", "application/json").body(Full::new(body.to_string().into()))
}

async fn read(request: HttpRequest<Incoming>) -> Result<Request, Refusal> {
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let refuse = |status: u16, error: &str| Refusal { status, errors: vec![error.to_owned()] };
    let bytes = Limited::new(body, MOST_BODY_BYTES).collect().await;
    let bytes = bytes.map_err(|_| refuse(413, "http: request body too large"))?.to_bytes();
    let body = if bytes.is_empty() {
        serde_json::Map::new()
    } else {
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(body)) => body,
            Ok(_) | Err(_) => return Err(refuse(400, "failed to parse JSON input: invalid character")),
        }
    };
    let path = decoded(head.uri.path());
    let query = head.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: path.strip_prefix("/v1/").unwrap_or(&path).to_owned(),
        query: query.map(|(name, value)| (decoded(name), decoded(value))).collect::<BTreeMap<_, _>>(),
        token: header("x-vault-token").or(bearer),
        namespace: header("x-vault-namespace").unwrap_or_default().trim_matches('/').to_owned(),
        content_type: header("content-type").unwrap_or_default(),
        body,
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| std::str::from_utf8(after.get(..2)?).ok()).flatten();
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
