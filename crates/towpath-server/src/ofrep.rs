//! OFREP 0.3: the evaluation of flags for any SDK of `OpenFeature`.
//!
//! Beside the API, not in it: other keys, other errors, requests from pages of other sites. A request does not go through the
//! router, and nothing is read into maps: the context is read once for all flags, and answers are written from pieces that are
//! JSON already. What somebody evaluates with is in no log.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::body::Body;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use jiff::Timestamp;
use tokio::time::timeout;

use crate::{
    api::experiments::reports,
    app::{App, Shared},
    applications::{Denied, Evaluator},
    static_context::enriched,
};

mod body;
mod counts;
mod events;
mod ready;
mod route;
mod write;

pub(crate) use body::Places;
pub(crate) use counts::{Counts, keep as keep_counts, write_down as write_counts};
pub(crate) use ready::{Evaluating, Ready};

use body::Unread;
use route::{Route, Target};
use write::{bad_context, empty, failure, json, push_flag};

/// How long the body of a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a path of OFREP can be asked for.
const METHODS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");

/// Says whether a request is one for evaluation.
pub(crate) fn is_ours(path: &str) -> bool {
    Route::of(path).is_some()
}

/// Answers: in time, whatever happens, with the id of the request, and readable for pages.
pub(crate) async fn answer(app: Shared, request: Request<Body>) -> Response<Body> {
    if events::is_ours(request.uri().path()) {
        return events::answer(&app, &request);
    }
    let id = app.next_request();
    let uri = request.uri().clone();
    let from_page = request.headers().contains_key(header::ORIGIN);
    let limit = PATIENCE.min(app.options.request_timeout);
    let work = AssertUnwindSafe(answered(&app, request)).catch_unwind();
    let mut response = match timeout(limit, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            // What the panic said is not logged: it may quote a context.
            tracing::error!(request = id, "an evaluation panicked");
            let details = "the server has a fault; its log says more";
            failure(StatusCode::INTERNAL_SERVER_ERROR, key(&uri).as_deref(), "GENERAL", details)
        }
        Err(_) => {
            let details = "the request did not arrive in time";
            failure(StatusCode::REQUEST_TIMEOUT, key(&uri).as_deref(), "GENERAL", details)
        }
    };
    tracing::debug!(status = response.status().as_u16(), request = id, "evaluated");
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert("x-request-id", id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if from_page {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        let exposed = HeaderValue::from_static("ETag, Retry-After, X-Request-Id");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

fn key(uri: &Uri) -> Option<String> {
    Route::of(uri.path()).and_then(|route| route.target.key().map(str::to_owned))
}

async fn answered(app: &App, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Some(route) = Route::of(parts.uri.path()).filter(|route| route.target != Target::Unknown) else {
        return failure(StatusCode::NOT_FOUND, None, "GENERAL", "OFREP has no such path");
    };
    if parts.method == Method::OPTIONS {
        return preflight();
    }
    if parts.method != Method::POST {
        let key = route.target.key();
        let mut response = failure(StatusCode::METHOD_NOT_ALLOWED, key, "GENERAL", "flags are evaluated by POST");
        response.headers_mut().insert(header::ALLOW, METHODS);
        return response;
    }
    let now = app.engine.now();
    let evaluator = match app.evaluator(&parts.headers, route.environment, now) {
        Ok(evaluator) => evaluator,
        Err(denied) => return refused(route.target.key(), &denied),
    };
    let body = match body::read(body, &app.places.0).await {
        Ok(body) => body,
        Err(unread) => return unreadable(route.target.key(), &unread),
    };
    let asked = Asked { app, evaluator, now, headers: &parts.headers };
    match &route.target {
        Target::One(key) => asked.one(key, &body),
        Target::All | Target::Unknown => asked.all(&body),
    }
}

/// Answers a browser that asks what a page of another site may send.
fn preflight() -> Response<Body> {
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    let allowed = HeaderValue::from_static(
        "Authorization, Content-Type, Flagd-Selector, If-None-Match, Last-Event-ID, X-API-Key",
    );
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// Answers who may not evaluate. The protocol has no words for these, only statuses.
pub(crate) fn refused(key: Option<&str>, denied: &Denied) -> Response<Body> {
    match denied {
        Denied::Unknown => {
            let mut response = empty(StatusCode::UNAUTHORIZED);
            let challenge = HeaderValue::from_static("Bearer realm=\"towpath\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            response
        }
        Denied::Forbidden => empty(StatusCode::FORBIDDEN),
        Denied::Later(wait) => later(*wait),
        Denied::NoEnvironment => {
            let details =
                "say which environment: `Flagd-Selector: flagSetId=NAME`, or `/environments/NAME` before the path";
            failure(StatusCode::BAD_REQUEST, key, "GENERAL", details)
        }
        Denied::NotFound(name) => {
            let code = if key.is_some() { "FLAG_NOT_FOUND" } else { "GENERAL" };
            failure(StatusCode::NOT_FOUND, key, code, &format!("there is no environment `{name}`"))
        }
    }
}

fn later(wait: Duration) -> Response<Body> {
    let mut response = empty(StatusCode::TOO_MANY_REQUESTS);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

fn unreadable(key: Option<&str>, unread: &Unread) -> Response<Body> {
    match unread {
        Unread::TooLarge => {
            let details = format!("the body is larger than {} bytes", body::LARGEST);
            let mut response = failure(StatusCode::PAYLOAD_TOO_LARGE, key, "GENERAL", &details);
            // What was not read is still on its way: nothing else can be asked for on this connection.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
        Unread::Busy => later(Duration::from_secs(1)),
        Unread::Broken => failure(StatusCode::BAD_REQUEST, key, "PARSE_ERROR", "the body did not arrive whole"),
    }
}

/// A request that is let in.
struct Asked<'a> {
    app: &'a App,
    evaluator: Evaluator,
    now: Timestamp,
    headers: &'a HeaderMap,
}

impl Asked<'_> {
    /// Says whether evaluations of any flag here may count as exposures.
    fn watches(&self) -> bool {
        let experiments = self.app.options.experiments.as_ref();
        experiments.is_some_and(|it| it.served().watches(&self.evaluator.environment))
    }

    /// Counts an evaluation as an exposure, where a running experiment wants that.
    fn count(&self, flag: &str, variant: Option<&str>, body: &[u8], bulk: bool) {
        let Some(experiments) = &self.app.options.experiments else { return };
        let what = (&self.evaluator.environment, flag, variant);
        reports::evaluated(experiments, what, || body::context(body).ok(), (bulk, self.now));
    }

    fn one(&self, key: &str, body: &[u8]) -> Response<Body> {
        let ready = self.app.evaluating.ready(&self.app.options.flags, &self.evaluator.environment);
        let set = &ready.served.set;
        let text = match body::context(body) {
            Ok(text) => enriched(&ready.served, text),
            Err(error) => return bad_context(Some(key), &error),
        };
        let context = match set.context(&text) {
            Ok(context) => context,
            Err(error) => return bad_context(Some(key), &error),
        };
        let client = self.evaluator.client;
        let found = set.get(key).zip(ready.piece(key)).filter(|(_, piece)| piece.client || !client);
        let Some((flag, piece)) = found else {
            let details = format!("{} has no flag of this key", self.evaluator.environment);
            return failure(StatusCode::NOT_FOUND, Some(key), "FLAG_NOT_FOUND", &details);
        };
        let evaluation = set.evaluate(flag, &context, self.now);
        self.count(flag.key(), evaluation.variant, body, false);
        let status = if evaluation.error.is_none() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        let mut out = Vec::with_capacity(256);
        push_flag(&mut out, (&ready, piece), &evaluation, (client, false));
        json(status, out)
    }

    fn all(&self, body: &[u8]) -> Response<Body> {
        use std::sync::atomic::Ordering;
        let ready = self.app.evaluating.ready(&self.app.options.flags, &self.evaluator.environment);
        let set = &ready.served.set;
        let text = match body::context(body) {
            Ok(text) => enriched(&ready.served, text),
            Err(error) => return bad_context(None, &error),
        };
        let context = match set.context(&text) {
            Ok(context) => context,
            Err(error) => return bad_context(None, &error),
        };
        let client = self.evaluator.client;
        let counts = self.watches();
        let mut out = Vec::with_capacity(ready.length.load(Ordering::Relaxed) + 64);
        out.extend_from_slice(b"{\"flags\":[");
        for (flag, piece) in set.flags().zip(&ready.pieces).filter(|(_, piece)| piece.client || !client) {
            if !out.ends_with(b"[") {
                out.push(b',');
            }
            let evaluation = set.evaluate(flag, &context, self.now);
            if counts {
                self.count(flag.key(), evaluation.variant, body, true);
            }
            push_flag(&mut out, (&ready, piece), &evaluation, (client, true));
        }
        let [services, clients] = &ready.ends;
        out.extend_from_slice(if client { clients } else { services }.as_bytes());
        events::push_streams(&mut out, self.app, &self.evaluator, &ready.served);
        if out.len() > ready.length.load(Ordering::Relaxed) {
            ready.length.store(out.len(), Ordering::Relaxed);
        }
        let tag = write::tag(&ready, client, &text, &out);
        let mut response = if write::is_known(self.headers, &tag) {
            let mut response = empty(StatusCode::NOT_MODIFIED);
            let control = HeaderValue::from_static("private, no-cache");
            response.headers_mut().insert(header::CACHE_CONTROL, control);
            response
        } else {
            json(StatusCode::OK, out)
        };
        response.headers_mut().insert(header::ETAG, tag);
        response
    }
}
