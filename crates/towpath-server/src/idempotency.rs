//! `Idempotency-Key`: asking again with the same key is answered as before, without doing it again
//! (after draft-ietf-httpapi-idempotency-key-header-07).
//!
//! Only successes are kept: what was refused changed nothing and may be asked anew under the same key. Answers are kept in
//! memory for a day, bounded in number and size; a restart of the server forgets them, and then the commands' own rules hold.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use towpath_core::ids::{Digest, PrincipalName};

use crate::{
    api::types::ProblemKind,
    app::{App, Shared},
    problem::ApiError,
};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const LONGEST_KEY: usize = 255;
const KEPT_FOR: Duration = Duration::from_hours(24);
const MOST_KEYS: usize = 4096;
const MOST_BYTES: usize = 16 << 20;

/// The answers that are kept.
#[derive(Default)]
pub(crate) struct Idempotency {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    answers: BTreeMap<(PrincipalName, String), Kept>,
    bytes: usize,
}

struct Kept {
    request: Digest,
    since: Instant,
    answer: Option<Answer>,
}

#[derive(Clone)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Takes the key back unless an answer was kept under it.
struct Claim {
    app: Shared,
    key: (PrincipalName, String),
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut known = self.app.idempotency.lock();
        if known.answers.get(&self.key).is_some_and(|kept| kept.answer.is_none()) {
            known.answers.remove(&self.key);
        }
    }
}

impl Idempotency {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the answer that is kept, nothing when it is to be found now, or why neither.
    fn claim(&self, key: &(PrincipalName, String), request: Digest, now: Instant) -> Result<Option<Answer>, ApiError> {
        let mut known = self.lock();
        known.forget(now);
        if let Some(kept) = known.answers.get(key) {
            if kept.request != request {
                return Err(ApiError::invalid(
                    "idempotency_key_reused",
                    "this `Idempotency-Key` was used for another request",
                )
                .next("use a new key for a new request"));
            }
            return kept.answer.clone().map(Some).ok_or_else(|| {
                ApiError::new(
                    StatusCode::CONFLICT,
                    ProblemKind::Conflict,
                    "idempotency_key_in_flight",
                    "the same request is being carried out",
                )
                .next("ask again in a moment")
            });
        }
        known.answers.insert(key.clone(), Kept { request, since: now, answer: None });
        Ok(None)
    }

    fn keep(&self, key: &(PrincipalName, String), answer: Answer) {
        let mut known = self.lock();
        let size = answer.size();
        if let Some(kept) = known.answers.get_mut(key) {
            kept.answer = Some(answer);
            known.bytes += size;
        }
    }
}

impl Known {
    /// Forgets what is old, and the oldest where there is too much. What is in flight stays.
    fn forget(&mut self, now: Instant) {
        self.answers.retain(|_, kept| kept.answer.is_none() || now.duration_since(kept.since) < KEPT_FOR);
        self.bytes = self.answers.values().filter_map(|kept| kept.answer.as_ref()).map(Answer::size).sum();
        while self.answers.len() >= MOST_KEYS || self.bytes > MOST_BYTES {
            let finished = self.answers.iter().filter(|(_, kept)| kept.answer.is_some());
            let Some(oldest) = finished.min_by_key(|(_, kept)| kept.since).map(|(key, _)| key.clone()) else { break };
            if let Some(answer) = self.answers.remove(&oldest).and_then(|kept| kept.answer) {
                self.bytes -= answer.size();
            }
        }
    }
}

impl Answer {
    fn size(&self) -> usize {
        self.body.len() + 512
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }
}

/// Answers a POST whose key is known as before, and keeps the answer to one whose key is new.
pub(crate) async fn replay(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let principal = request.extensions().get::<PrincipalName>().cloned();
    let (&Method::POST, Some(value), Some(principal)) = (request.method(), request.headers().get(HEADER), principal)
    else {
        return next.run(request).await;
    };
    let key = match value.to_str() {
        Ok(key) if !key.trim().is_empty() && key.len() <= LONGEST_KEY => key.trim().to_owned(),
        _ => {
            let detail = format!("an `Idempotency-Key` has 1 to {LONGEST_KEY} printable characters");
            return ApiError::new(StatusCode::BAD_REQUEST, ProblemKind::User, "idempotency_key_invalid", detail)
                .into_response();
        }
    };
    match once(app, (principal, key), request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn once(app: Shared, key: (PrincipalName, String), request: Request, next: Next) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body =
        to_bytes(body, app.options.max_json).await.map_err(|_| ApiError::of_status(StatusCode::PAYLOAD_TOO_LARGE))?;
    let matched = parts.headers.get(header::IF_MATCH).map(HeaderValue::as_bytes);
    let asked = serde_json::to_vec(&(parts.uri.to_string(), matched, body.as_ref())).unwrap_or_default();
    if let Some(answer) = app.idempotency.claim(&key, Digest::of(&asked), Instant::now())? {
        return Ok(answer.into_response());
    }
    let claim = Claim { app: app.clone(), key };
    let request = Request::from_parts(parts, Body::from(body));
    // In a task of its own: a client that hangs up must find the answer when it comes back.
    let task = tokio::spawn(async move {
        let response = next.run(request).await;
        keep(&claim.app, &claim.key, response).await
    });
    task.await.map_err(|error| ApiError::internal(&error))?
}

async fn keep(app: &App, key: &(PrincipalName, String), response: Response) -> Result<Response, ApiError> {
    // What nobody may keep is not kept here either: it is found again, and written down again that it was asked for.
    let control = response.headers().get(header::CACHE_CONTROL);
    let private = control.is_some_and(|value| value.as_bytes() == b"no-store");
    if private || !response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MOST_BYTES).await.map_err(|error| ApiError::internal(&error))?;
    let answer = Answer { status: parts.status, headers: parts.headers.clone(), body: body.clone() };
    app.idempotency.keep(key, answer);
    Ok(Response::from_parts(parts, Body::from(body)))
}

#[cfg(test)]
mod tests;
