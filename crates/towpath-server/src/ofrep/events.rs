//! Event streams of OFREP 0.3 (ADR 8): server-sent events that tell pages to evaluate again, never what they get.
//!
//! A client is told where to listen by the answer to a bulk evaluation ([`push_streams`]), connects with what is in that address,
//! and is sent a message when the flags of its environment change. Each message has the tag of the flags as its id, so a client
//! that comes again says what it knows, and is told only if that is no longer so.

use std::{convert::Infallible, sync::Arc};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Serialize;
use subtle::ConstantTimeEq as _;
use towpath_core::ids::{Digest, EnvironmentName};
use towpath_engine::flags::Served;

use super::write::empty;
use crate::{
    app::{App, Shared},
    applications::Evaluator,
    follow::{CannotFollow, Follower, Next, Revision},
};

/// Where clients listen.
const PATH: &str = "/ofrep/v1/events";
/// What a ticket is made with, so that it is no good for anything else.
const PURPOSE: &[u8] = b"towpath event stream 1\0";
/// After how long a client that nobody looks at should hang up, in seconds: the default of the protocol.
const INACTIVITY_DELAY_SEC: u32 = 120;
/// How long clients wait before they connect again, in milliseconds. Each slot of the wheel a little longer, so that a server that
/// comes back is not asked by all at once.
const RETRY_MS: usize = 1000;
const RETRY_STEP_MS: usize = 30;
/// When to try again where there are too many, in seconds.
const FULL_RETRY_SEC: u32 = 30;

/// One entry of `eventStreams` in the answer to a bulk evaluation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventStream {
    r#type: &'static str,
    endpoint: Endpoint,
    inactivity_delay_sec: u32,
}

/// A path on the server that the client asked, whatever it calls it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    request_uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    r#type: &'static str,
    etag: &'a str,
    last_modified: i64,
}

/// Adds `eventStreams` to an answer with every flag, which is a JSON object. The address is the same as long as the credential is: a
/// client that evaluates again keeps its connection.
pub(super) fn push_streams(out: &mut Vec<u8>, app: &App, evaluator: &Evaluator, served: &Served) {
    // Remembered, so that who connects after a change that came in between is told.
    app.followers.line(&evaluator.environment).revision(app, served);
    let request_uri = format!("{PATH}?environment={}&ticket={}", evaluator.environment, ticket(evaluator));
    let streams =
        [EventStream { r#type: "sse", endpoint: Endpoint { request_uri }, inactivity_delay_sec: INACTIVITY_DELAY_SEC }];
    if out.pop_if(|last| *last == b'}').is_some() {
        out.extend_from_slice(b",\"eventStreams\":");
        out.extend(serde_json::to_vec(&streams).unwrap_or_default());
        out.push(b'}');
    }
}

/// Returns what opens a stream and nothing else, for clients that cannot set headers. It is made from the digest of the credential, so
/// it is the same each time, and ends with the credential.
fn ticket(evaluator: &Evaluator) -> String {
    let name = evaluator.environment.as_str().as_bytes();
    Digest::of(&[PURPOSE, name, &[0], evaluator.credential.as_bytes()].concat()).hex()
}

/// Says whether a request is for a stream.
pub(crate) fn is_ours(path: &str) -> bool {
    path == PATH
}

/// Answers with a stream.
pub(crate) fn answer(app: &Shared, request: &Request<Body>) -> Response<Body> {
    let mut response = match *request.method() {
        Method::GET => open(app, request).unwrap_or_else(|refused| *refused),
        Method::OPTIONS => empty(StatusCode::NO_CONTENT),
        _ => empty(StatusCode::METHOD_NOT_ALLOWED),
    };
    let headers = response.headers_mut();
    // Pages of other sites may listen: there are no cookies, only what is in the address.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if request.method() == Method::OPTIONS {
        let given = "authorization, x-api-key, last-event-id, cache-control";
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(given));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, OPTIONS"));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            response.headers_mut().insert(header::RETRY_AFTER, FULL_RETRY_SEC.into());
        }
        _ => {}
    }
    response
}

fn open(app: &Shared, request: &Request<Body>) -> Result<Response<Body>, Box<Response<Body>>> {
    let evaluator = evaluator(app, request)?;
    let mut follower = Follower::new(app, evaluator).map_err(|why| {
        let status = match why {
            CannotFollow::Full => StatusCode::SERVICE_UNAVAILABLE,
            CannotFollow::Nothing => StatusCode::NOT_FOUND,
        };
        Box::new(empty(status))
    })?;
    let now = follower.now();
    let revision = follower.line.revision(app, &now);
    let first = greeting(&revision, last_event_id(request.headers()), follower.slot);
    let app = Arc::clone(app);
    let frames = stream::unfold((app, follower, Some(first)), |(app, mut follower, first)| async move {
        let frame = match first {
            Some(first) => first,
            None => match follower.next().await {
                Next::Changed(served) => follower.line.revision(&app, &served).frame(message),
                Next::Beat => Bytes::from_static(b":\n\n"),
                Next::Ended(_) => return None,
            },
        };
        Some((Ok::<_, Infallible>(frame), (app, follower, None)))
    });
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Proxies must not hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn evaluator(app: &Shared, request: &Request<Body>) -> Result<Evaluator, Box<Response<Body>>> {
    let query = request.uri().query().unwrap_or_default();
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let (environment, given) = (value("environment"), value("ticket"));
    let named = environment.and_then(|name| name.parse::<EnvironmentName>().ok());
    let evaluator = match (given, &named) {
        (Some(given), Some(environment)) => app.opened_by(environment, request.headers(), |evaluator| {
            ticket(evaluator).as_bytes().ct_eq(given.as_bytes()).into()
        }),
        _ => app.evaluator(request.headers(), environment, app.engine.now()),
    };
    evaluator.map_err(|denied| Box::new(super::refused(None, &denied)))
}

/// What comes first: how long to wait before connecting again, and the tag of the flags. A tag without data is remembered by the
/// client and not shown to the page (WHATWG HTML, section 9.2.6). Who knows another tag, or may have been answered before the
/// last change, is told to evaluate.
fn greeting(revision: &Revision, known: Option<&str>, slot: usize) -> Bytes {
    let retry = RETRY_MS + slot * RETRY_STEP_MS;
    let stale = known.map_or_else(|| revision.is_fresh(), |known| known != revision.tag);
    let mut text = format!("retry: {retry}\nid: {}\n\n", revision.tag).into_bytes();
    if stale {
        text.extend_from_slice(&revision.frame(message));
    }
    text.into()
}

fn message(revision: &Revision) -> Bytes {
    let message = Message { r#type: "refetchEvaluation", etag: &revision.tag, last_modified: revision.since };
    let json = serde_json::to_string(&message).unwrap_or_default();
    format!("id: {}\nevent: message\ndata: {json}\n\n", revision.tag).into()
}

fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id")?.to_str().ok().map(str::trim).filter(|id| !id.is_empty())
}
