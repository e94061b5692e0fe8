//! The way of one request: rules, choice, waiting, tries, answer.
//!
//! A request is sent again only if it was certainly not sent (hyper gave it back), or may be repeated (an idempotent method
//! without a body, or with a small one that is kept). A POST is never sent twice.

use std::{cell::OnceCell, convert::Infallible, rc::Rc, time::Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header, request};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::{
    answer::problem,
    balance,
    body::{Relay, ReqBody, RespBody, Upload},
    client::{Busy, Client},
    normal::{self, Framing},
    outlier,
    pool::{Conn, Cut, Flight, Sender, Taken},
    tunnel,
    worker::{LocalGroup, LocalRoute, Worker},
};

/// The most times one request is tried.
const MOST_TRIES: u32 = 4;
/// The largest body that is kept so that the request can be repeated.
const SMALL_BODY: u64 = 64 * 1024;

/// What stays the same over the tries of one request.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) client: Rc<Client>,
    pub(crate) started: Instant,
    bucket: OnceCell<u16>,
    cookie: OnceCell<HeaderValue>,
}

/// Where a request goes.
#[derive(Debug)]
pub(crate) struct Placement {
    pub(crate) route: Rc<LocalRoute>,
    group: usize,
    pub(crate) flight: Flight,
}

/// What is kept of a request that may be repeated.
#[derive(Debug, Clone)]
struct Spare {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Option<Bytes>,
}

/// What came of one try.
enum Tried {
    Answered(Box<Response<Incoming>>, Sender, Rc<Conn>),
    /// The instance never saw it. `refused` if it could not even be connected to.
    Unsent {
        request: Box<Request<ReqBody>>,
        refused: bool,
    },
    /// Nobody knows whether the instance saw it. `stale` if the connection had been idle before.
    Lost {
        stale: bool,
        cut: Cut,
    },
}

/// Answers a request.
pub(crate) async fn handle(
    client: Rc<Client>,
    mut request: Request<Incoming>,
) -> Result<Response<RespBody>, Infallible> {
    let busy = client.begin();
    let upgrade = request.headers().contains_key(header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let (mut parts, incoming) = request.into_parts();
    let framing = framing(&incoming);
    let wants_upgrade = match normal::request(&mut parts, &client.from, framing) {
        Ok(wants) => wants,
        Err(refusal) => return Ok(problem(refusal.status, refusal.detail)),
    };
    let exchange = Exchange { client, started: Instant::now(), bucket: OnceCell::new(), cookie: OnceCell::new() };
    exchange.client.listening.slot.deposit();
    let placed = match exchange.place(&parts.headers, None) {
        Some(placement) => Some(placement),
        None => Box::pin(exchange.hold(&parts.headers)).await,
    };
    let Some(placement) = placed else {
        exchange.count_unplaced(&parts.headers);
        return Ok(problem(StatusCode::SERVICE_UNAVAILABLE, "no instance of this service is ready"));
    };
    match upgrade {
        Some(upgrade) if wants_upgrade => Ok(Box::pin(tunnel::open(exchange, parts, upgrade, placement, busy)).await),
        Some(_) | None => Ok(exchange.forward(parts, incoming, framing, placement, busy).await),
    }
}

fn framing(incoming: &Incoming) -> Framing {
    if incoming.is_end_stream() {
        return Framing::None;
    }
    incoming.size_hint().exact().map_or(Framing::Chunked, Framing::Length)
}

/// RFC 9110 section 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}

/// Returns the answer for a request that came to nothing because its body did not come as announced.
fn clients_fault(upload: &Upload, cut: Cut) -> Option<Response<RespBody>> {
    if upload.failed() {
        Some(problem(StatusCode::BAD_REQUEST, "the request's body is malformed or broke off"))
    } else if cut == Cut::TimedOut && !upload.ended() {
        Some(problem(StatusCode::REQUEST_TIMEOUT, "the request's body did not arrive in time"))
    } else {
        None
    }
}

impl Spare {
    /// Keeps a request whose body is at hand.
    fn of(parts: &request::Parts, body: &ReqBody) -> Option<Self> {
        let ReqBody::Full(bytes) = body else { return None };
        let (method, uri, headers) = (parts.method.clone(), parts.uri.clone(), parts.headers.clone());
        Some(Self { method, uri, headers, body: bytes.clone() })
    }

    fn request(&self) -> Request<ReqBody> {
        let mut request = Request::new(ReqBody::Full(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

impl Placement {
    pub(crate) fn group(&self) -> Option<&LocalGroup> {
        self.route.groups.get(self.group)
    }
}

impl Exchange {
    fn worker(&self) -> &Rc<Worker> {
        &self.client.worker
    }

    /// Chooses revision and instance by the routing of this moment; `None` where nothing can serve.
    fn place(&self, headers: &HeaderMap, avoid: Option<u64>) -> Option<Placement> {
        let listening = &self.client.listening;
        let route = listening.slot.current.borrow().clone()?;
        let group = if listening.preview {
            let preview = route.preview?;
            route.groups.iter().find(|group| group.revision == preview && !group.endpoints.is_empty())?
        } else {
            let bucket = if route.split { self.bucket(headers, route.salt) } else { 0 };
            balance::choose_group(&route, bucket)?
        };
        let now = self.worker().millis(self.worker().now());
        let flight = balance::choose_endpoint(group, avoid, now)?;
        let revision = group.revision;
        let group = route.groups.iter().position(|other| other.revision == revision)?;
        Some(Placement { route, group, flight })
    }

    /// Returns the client's bucket; one without a cookie is given one, so that its next request meets the same revision.
    fn bucket(&self, headers: &HeaderMap, salt: u64) -> u16 {
        *self.bucket.get_or_init(|| {
            let worker = self.worker();
            let key = &worker.options.sticky_key;
            if let Some(cookie) = balance::cookie_of(headers) {
                return balance::bucket(key, salt, cookie);
            }
            let value = format!("{:016x}{:016x}", worker.random(), worker.random());
            let line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax", balance::COOKIE);
            if let Ok(line) = HeaderValue::from_str(&line) {
                // Set once: this runs once.
                let _ = self.cookie.set(line);
            }
            balance::bucket(key, salt, value.as_bytes())
        })
    }

    /// Waits until something can serve, as long as the route allows.
    async fn hold(&self, headers: &HeaderMap) -> Option<Placement> {
        let slot = &self.client.listening.slot;
        let limit = slot.current.borrow().as_ref().map(|route| route.hold)?;
        if limit.is_zero() || self.client.listening.preview || slot.waiting.get() >= self.worker().options.max_waiters {
            return None;
        }
        slot.waiting.set(slot.waiting.get() + 1);
        // A client that leaves must not count for ever.
        let waiting = Waiting(&slot.waiting);
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let changed = slot.changed.notified();
            if let Some(placement) = self.place(headers, None) {
                drop(waiting);
                return Some(placement);
            }
            if slot.current.borrow().is_none() || tokio::time::timeout_at(deadline, changed).await.is_err() {
                return None;
            }
        }
    }

    /// Counts a request that nobody could take for the revision it was meant for.
    fn count_unplaced(&self, headers: &HeaderMap) {
        let listening = &self.client.listening;
        let current = listening.slot.current.borrow();
        let Some(route) = current.as_ref().filter(|_| !listening.preview) else { return };
        let bucket = if route.split { self.bucket(headers, route.salt) } else { 0 };
        let meant = balance::owner(route.groups.iter().map(|group| group.weight), bucket);
        if let Some(group) = meant.and_then(|place| route.groups.get(place)) {
            group.series.failed(self.worker().index, self.started.elapsed());
        }
    }

    async fn forward(
        &self,
        mut parts: request::Parts,
        incoming: Incoming,
        framing: Framing,
        mut placement: Placement,
        busy: Busy,
    ) -> Response<RespBody> {
        let idempotent = is_idempotent(&parts.method);
        parts.extensions.clear();
        let (body, upload) = match self.body(incoming, framing, idempotent).await {
            Ok(ready) => ready,
            Err(status) => return problem(status, "the request's body did not arrive"),
        };
        let spare = if idempotent { Spare::of(&parts, &body) } else { None };
        let mut request = Request::from_parts(parts, body);
        let (mut fresh, mut tries) = (false, 1);
        loop {
            let outcome = self.attempt(&placement, request, spare.is_none(), fresh, upload.as_deref()).await;
            let (next, status, free) = match outcome {
                Tried::Answered(response, sender, conn) => {
                    return self.answer(*response, sender, conn, placement, busy);
                }
                Tried::Unsent { request, refused: false } => (Some(*request), StatusCode::SERVICE_UNAVAILABLE, true),
                Tried::Unsent { request, refused: true } => {
                    self.blame(&placement);
                    (Some(*request), StatusCode::SERVICE_UNAVAILABLE, false)
                }
                Tried::Lost { stale, cut } => {
                    if let Some(fault) = upload.as_ref().and_then(|upload| clients_fault(upload, cut)) {
                        return fault;
                    }
                    if !stale {
                        self.blame(&placement);
                    }
                    match cut {
                        Cut::TimedOut => (None, StatusCode::GATEWAY_TIMEOUT, false),
                        Cut::No | Cut::Drained => (spare.as_ref().map(Spare::request), StatusCode::BAD_GATEWAY, stale),
                    }
                }
            };
            fresh |= free;
            tries += 1;
            let Some(again) = next.filter(|_| self.may_try(tries, free)) else {
                return self.give_up(&placement, status);
            };
            let avoid = if free { None } else { Some(placement.flight.endpoint.shared.key) };
            let Some(elsewhere) = self.place(again.headers(), avoid) else { return self.give_up(&placement, status) };
            placement = elsewhere;
            if let Some(group) = placement.group().filter(|_| !self.client.listening.preview) {
                group.series.retried(self.worker().index);
            }
            request = again;
        }
    }

    /// Says whether there may be another try. One that costs no instance anything is not on the budget.
    fn may_try(&self, tries: u32, free: bool) -> bool {
        let worker = self.worker();
        tries <= MOST_TRIES && (free || self.client.listening.slot.may_retry(worker, worker.now()))
    }

    /// Returns the body to send, and what is known of it while it is sent; a small one that may be repeated is read first.
    async fn body(
        &self,
        incoming: Incoming,
        framing: Framing,
        idempotent: bool,
    ) -> Result<(ReqBody, Option<Rc<Upload>>), StatusCode> {
        match framing {
            Framing::None => Ok((ReqBody::Full(None), None)),
            Framing::Length(length) if idempotent && length <= SMALL_BODY => {
                Ok((ReqBody::Full(Some(Box::pin(self.collect(incoming)).await?)), None))
            }
            Framing::Length(_) | Framing::Chunked => {
                let upload = Rc::new(Upload::new(Rc::clone(self.worker())));
                Ok((ReqBody::Stream { incoming, upload: Rc::clone(&upload) }, Some(upload)))
            }
        }
    }

    /// Reads a small body whole.
    async fn collect(&self, incoming: Incoming) -> Result<Bytes, StatusCode> {
        let limit = self.worker().options.response_timeout;
        match tokio::time::timeout(limit, incoming.collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
            Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        }
    }

    /// Sends the request once.
    async fn attempt(
        &self,
        placement: &Placement,
        request: Request<ReqBody>,
        once: bool,
        fresh: bool,
        upload: Option<&Upload>,
    ) -> Tried {
        let options = &self.worker().options;
        let endpoint = &placement.flight.endpoint;
        let now = if once { Instant::now() } else { self.started };
        let idle = if fresh { None } else { endpoint.take_idle(once, now, options.pool_idle) };
        let taken = match idle {
            Some(taken) => taken,
            None => match Box::pin(endpoint.open(options)).await {
                Ok(taken) => taken,
                Err(_) => return Tried::Unsent { request: Box::new(request), refused: true },
            },
        };
        let Taken { mut sender, conn, reused } = taken;
        conn.set_deadline(Some(self.worker().now() + options.response_timeout));
        if let Some(upload) = upload {
            upload.goes_over(&conn);
        }
        let result = sender.try_send_request(request).await;
        conn.set_deadline(None);
        if let Some(upload) = upload {
            upload.answered();
        }
        match result {
            Ok(response) => Tried::Answered(Box::new(response), sender, conn),
            Err(mut error) => match error.take_message() {
                Some(request) => Tried::Unsent { request: Box::new(request), refused: false },
                None => Tried::Lost { stale: reused && conn.cut() == Cut::No, cut: conn.cut() },
            },
        }
    }

    /// Notes a failure of the instance.
    fn blame(&self, placement: &Placement) {
        let Some(group) = placement.group() else { return };
        let worker = self.worker();
        let peers = group.endpoints.iter().map(|endpoint| endpoint.shared.as_ref());
        let failing = &placement.flight.endpoint.shared;
        if outlier::failed(failing, peers, worker.millis(worker.now())) {
            tracing::warn!(instance = %failing.instance, "left out for a while: it fails");
        }
    }

    /// Answers in place of an instance that did not.
    pub(crate) fn give_up(&self, placement: &Placement, status: StatusCode) -> Response<RespBody> {
        if let Some(group) = placement.group().filter(|_| !self.client.listening.preview) {
            group.series.failed(self.worker().index, self.started.elapsed());
        }
        let detail = match status {
            StatusCode::SERVICE_UNAVAILABLE => "no instance of this service can be reached",
            StatusCode::GATEWAY_TIMEOUT => "the instance did not answer in time",
            _ => "the instance broke off before its answer",
        };
        problem(status, detail)
    }

    /// Passes an answer on.
    pub(crate) fn answer(
        &self,
        response: Response<Incoming>,
        sender: impl Into<Option<Sender>>,
        conn: Rc<Conn>,
        placement: Placement,
        busy: Busy,
    ) -> Response<RespBody> {
        let (mut parts, incoming) = response.into_parts();
        let reusable = match normal::response(&mut parts) {
            // A protocol that was not asked for cannot be passed on.
            Ok(reusable) if parts.status != StatusCode::SWITCHING_PROTOCOLS => reusable,
            Ok(_) | Err(_) => {
                self.blame(&placement);
                return self.give_up(&placement, StatusCode::BAD_GATEWAY);
            }
        };
        let worker = self.worker();
        let preview = self.client.listening.preview;
        let counted = placement.group().filter(|_| !preview).map(|group| &group.series);
        if let Some(series) = counted {
            series.answered(worker.index, parts.status.as_u16(), self.started.elapsed());
        }
        if parts.status.is_server_error() {
            self.blame(&placement);
        } else {
            placement.flight.endpoint.shared.health.succeeded(worker.millis(worker.now()));
        }
        if let Some(cookie) = self.cookie.get() {
            parts.headers.append(header::SET_COOKIE, cookie.clone());
        }
        let relay = Relay {
            incoming,
            conn,
            sender: sender.into().filter(|_| reusable),
            series: counted.map(|series| (std::sync::Arc::clone(series), worker.index)),
            flight: Some(placement.flight),
            busy: Some(busy),
            broken: false,
        };
        Response::from_parts(parts, RespBody::relay(relay))
    }

    /// Counts an answer that changes the protocol and makes it one for the client.
    pub(crate) fn switched(&self, response: Response<Incoming>, placement: &Placement) -> Response<RespBody> {
        let (mut parts, _) = response.into_parts();
        // The head was checked by hyper; without a transfer coding there is nothing to refuse.
        let _ = normal::response(&mut parts);
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.extensions.clear();
        if let Some(group) = placement.group().filter(|_| !self.client.listening.preview) {
            group.series.answered(self.worker().index, parts.status.as_u16(), self.started.elapsed());
        }
        if let Some(cookie) = self.cookie.get() {
            parts.headers.append(header::SET_COOKIE, cookie.clone());
        }
        Response::from_parts(parts, RespBody::own(Bytes::new()))
    }
}

/// A request that waits; dropping it ends the wait.
struct Waiting<'a>(&'a std::cell::Cell<usize>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
