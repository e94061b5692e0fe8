//! What stands before and behind every handler: names, tokens, time limits, panics, and the writing of problems.

use std::{any::Any, panic::AssertUnwindSafe, time::Instant};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;
use http::{HeaderValue, Method, StatusCode, header};

use crate::{
    api,
    api::experiments::reports,
    api::types::ProblemKind,
    app::Shared,
    extract::{RequestId, unauthorised},
    idempotency,
    problem::{ApiError, Found},
};

/// The name of the header with the request's id.
const REQUEST_ID: &str = "x-request-id";

/// Returns the routes behind everything that guards them.
pub(crate) fn guarded(app: &Shared) -> Router {
    let (routes, _) = api::routes().split_for_parts();
    routes
        .fallback(|| async { ApiError::of_status(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { ApiError::of_status(StatusCode::METHOD_NOT_ALLOWED) })
        .layer(DefaultBodyLimit::max(app.options.max_json))
        .layer(middleware::from_fn_with_state(app.clone(), idempotency::replay))
        .layer(middleware::from_fn_with_state(app.clone(), admit))
        .layer(middleware::from_fn_with_state(app.clone(), finish))
        .with_state(app.clone())
}

/// Lets in who may come in.
async fn admit(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    if !app.hosts.is_ours(request.uri(), request.headers()) {
        return foreign("foreign_host", "the `Host` of the request is not a name of this server").into_response();
    }
    if let Some(environment) = reports::reporting_to(request.uri().path()) {
        // Applications have keys of their own, and pages of other sites may have one.
        if let Some(response) = reports::preflight(request.method()) {
            return response;
        }
        return reports::readable(match reports::admit(&app, environment, request.headers()) {
            Ok(()) => next.run(request).await,
            Err(response) => *response,
        });
    }
    if !app.hosts.is_same_origin(request.headers()) {
        return foreign("foreign_origin", "the request comes from a page of another site").into_response();
    }
    if request.uri().path().starts_with("/api/v1") {
        let Some(principal) = app.access.principal(request.headers()) else {
            return unauthorised().into_response();
        };
        request.extensions_mut().insert(principal);
    }
    next.run(request).await
}

fn foreign(code: &str, detail: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, ProblemKind::Refused, code, detail)
        .next("use http://localhost or http://127.0.0.1 with the port that `towpath up` printed")
}

/// Gives the request its id, ends it in time, catches panics, writes the problem if there is one, and logs.
async fn finish(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = app.next_request();
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    // The pattern, not the path: what somebody typed into it is nobody's business in a log.
    let path = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let limit = if method == Method::PUT { app.options.upload_timeout } else { app.options.request_timeout };
    let answer = AssertUnwindSafe(tokio::time::timeout(limit, next.run(request))).catch_unwind().await;
    let response = match answer {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => late().into_response(),
        Err(panic) => panicked(&id, panic.as_ref()).into_response(),
    };
    let response = written(response, &id);
    let (status, took_ms) = (response.status().as_u16(), began.elapsed().as_millis());
    tracing::debug!(%method, path, status, took_ms, request = id, "answered");
    response
}

fn late() -> ApiError {
    ApiError::unavailable("timeout", "the answer took too long; it is not known whether anything was changed")
        .next("look at `towpath status` before asking again")
}

fn panicked(id: &str, panic: &(dyn Any + Send)) -> ApiError {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(request = id, message = message.unwrap_or("unknown"), "a handler panicked");
    ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Writes the problem of a response. What failed without one, inside the framework, gets one by its status.
fn written(mut response: Response, id: &str) -> Response {
    let status = response.status();
    let found = response.extensions_mut().remove::<Found>();
    let problem = found.map(|found| found.0).or_else(|| {
        let failed = status.is_client_error() || status.is_server_error();
        let readable = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|media| media.as_bytes().starts_with(b"application/"));
        (failed && !readable).then(|| ApiError::of_status(status).0)
    });
    if let Some(mut problem) = problem {
        id.clone_into(&mut problem.request_id);
        let bytes = serde_json::to_vec(&problem).unwrap_or_default();
        let kept = [
            header::ALLOW,
            header::RETRY_AFTER,
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
        ];
        let kept = kept.map(|name| (response.headers().get(&name).cloned(), name));
        response = (status, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (value, name) in kept {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"towpath\""));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE && !headers.contains_key(header::RETRY_AFTER) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // What was not read is still on its way: nothing else can be asked for on this connection.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
