//! `flagd.evaluation.v1` by the protocol of Connect over plain HTTP with JSON, which is what flagd's provider for pages speaks.
//!
//! Only what that provider calls: every flag at once, and the event stream (connectrpc.com/docs/protocol).

use std::convert::Infallible;

use axum::body::Body;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Map, Value as Json, json};
use tonic::{Code, Status};

use super::{MAX_MESSAGE, PATIENCE, access::Caller, evaluation, messages::EventResponse, served, streams, values};
use crate::app::Shared;

const RESOLVE_ALL: &str = "/flagd.evaluation.v1.Service/ResolveAll";
const EVENT_STREAM: &str = "/flagd.evaluation.v1.Service/EventStream";
/// What a frame begins with, beside its length: whether it is the last.
const MESSAGE: u8 = 0;
const END: u8 = 2;

pub(super) fn is_ours(path: &str) -> bool {
    path == RESOLVE_ALL || path == EVENT_STREAM
}

/// Answers.
pub(super) async fn answer(app: Shared, request: Request<Body>) -> Response<Body> {
    let mut response = match (request.method(), request.uri().path()) {
        (&Method::OPTIONS, _) => with(StatusCode::NO_CONTENT, "text/plain", Body::empty()),
        (&Method::POST, RESOLVE_ALL) if is(request.headers(), "application/json") => {
            resolve_all(&app, request).await.unwrap_or_else(|status| unary_error(&status))
        }
        (&Method::POST, EVENT_STREAM) if is(request.headers(), "application/connect+json") => {
            events(&app, request).await
        }
        (&Method::POST, _) => with(StatusCode::UNSUPPORTED_MEDIA_TYPE, "text/plain", Body::empty()),
        _ => with(StatusCode::METHOD_NOT_ALLOWED, "text/plain", Body::empty()),
    };
    let headers = response.headers_mut();
    // Pages of other sites may ask: there are no cookies, only keys.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let given = "authorization, x-api-key, flagd-selector, content-type, connect-protocol-version, connect-timeout-ms";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(given));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn is(headers: &HeaderMap, media: &str) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|given| given.trim().eq_ignore_ascii_case(media))
}

async fn resolve_all(app: &Shared, request: Request<Body>) -> Result<Response<Body>, Status> {
    let evaluator = Caller::new(request.headers(), request.uri()).evaluator(app, None)?;
    let served = served(app, &evaluator)?;
    let body = body(request).await?;
    let mut message: Map<String, Json> = if body.is_empty() {
        Map::new()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Status::invalid_argument(format!("the message cannot be read: {error}")))?
    };
    let context = message.remove("context").filter(|context| !context.is_null()).unwrap_or_else(|| json!({}));
    let context = serde_json::to_vec(&context).unwrap_or_default();
    let resolved = evaluation::resolve_all(app, &evaluator, &served, &context)?;
    let flags = resolved.into_iter().filter_map(|(key, flag)| {
        let value = flag.value?;
        let name = match &value {
            Json::Bool(_) => "boolValue",
            Json::String(_) => "stringValue",
            Json::Number(_) => "doubleValue",
            Json::Object(_) => "objectValue",
            Json::Null | Json::Array(_) => return None,
        };
        let variant = flag.variant.unwrap_or_default();
        Some((key, json!({ "reason": flag.reason.as_str(), "variant": variant, name: value })))
    });
    let flags: Map<String, Json> = flags.collect();
    let text = serde_json::to_vec(&json!({ "flags": flags })).unwrap_or_default();
    Ok(with(StatusCode::OK, "application/json", Body::from(text)))
}

/// A stream that cannot begin ends with its error; its status is always 200.
async fn events(app: &Shared, request: Request<Body>) -> Response<Body> {
    let opened = async {
        let evaluator = Caller::new(request.headers(), request.uri()).evaluator(app, None)?;
        // The one message says nothing, but the connection is free for the answer only when it was read.
        body(request).await?;
        streams::event_stream(app, evaluator)
    };
    let frames = match opened.await {
        Ok(events) => stream::unfold(Some(events), |events| async move {
            let mut events = events?;
            match events.next().await {
                Some(Ok(event)) => Some((event_frame(event), Some(events))),
                Some(Err(status)) => Some((end(Some(&status)), None)),
                None => Some((end(None), None)),
            }
        })
        .left_stream(),
        Err(status) => stream::iter([end(Some(&status))]).right_stream(),
    };
    let body = Body::from_stream(frames.map(Ok::<_, Infallible>));
    with(StatusCode::OK, "application/connect+json", body)
}

async fn body(request: Request<Body>) -> Result<Bytes, Status> {
    let read = Limited::new(request.into_body(), MAX_MESSAGE).collect();
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Status::resource_exhausted(format!("the message is larger than {MAX_MESSAGE} bytes")))
        }
        Ok(Err(_)) => Err(Status::cancelled("the message did not arrive whole")),
        Err(_) => Err(Status::deadline_exceeded("the message did not arrive in time")),
    }
}

fn event_frame(event: EventResponse) -> Bytes {
    let mut message = Map::from_iter([("type".to_owned(), Json::String(event.r#type))]);
    if let Some(data) = event.data
        && let Ok(data) = serde_json::from_slice(&values::context_json(Some(data)))
    {
        message.insert("data".to_owned(), data);
    }
    frame(MESSAGE, &Json::Object(message))
}

fn end(status: Option<&Status>) -> Bytes {
    frame(END, &status.map_or_else(|| json!({}), |status| json!({ "error": error(status) })))
}

fn frame(flags: u8, message: &Json) -> Bytes {
    let text = message.to_string();
    let mut frame = BytesMut::with_capacity(text.len() + 5);
    frame.put_u8(flags);
    frame.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    frame.put_slice(text.as_bytes());
    frame.freeze()
}

fn unary_error(status: &Status) -> Response<Body> {
    with(http_status(status.code()), "application/json", Body::from(error(status).to_string()))
}

fn error(status: &Status) -> Json {
    json!({ "code": name(status.code()), "message": status.message() })
}

/// The names of Connect and the status of HTTP that goes with them.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "canceled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn with(status: StatusCode, media: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}
