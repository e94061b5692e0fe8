//! What applications report: exposures and metric events, many at once, each judged by itself.
//!
//! Keys of applications are good for this, tokens of people too. Nothing is answered before it is durable, and what waits is
//! bounded: who sends more than can be written is told when to come back.

use std::borrow::Cow;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest as _, Path, Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::SemaphorePermit;
use towpath_core::ids::EnvironmentName;
use towpath_engine::{
    experiments::{Experiments, IntakeError, Known, MAX_ITEMS, Refused, ReportedEvent, ReportedExposure},
    ports::{Gained, Taken},
};

use super::asked;
use crate::{
    api::types::{ItemStatus, ProblemKind, Reported, ReportedItem},
    app::{App, Shared},
    applications::Denied,
    extract::unauthorised,
    problem::ApiError,
};

/// What a request takes of the room for bodies at least, and the room, in KiB.
const LEAST: u32 = 4;
pub(crate) const ROOM: usize = 32 << 10;

/// Reports that units were exposed to variants. A unit counts once, from its first exposure on.
///
/// A JSON array, or one object on each line (`application/x-ndjson`); at most 10,000 items. One that is wrong is refused with a
/// reason and loses none of the others. What is accepted is durable when this is answered.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/exposures", operation_id = "reportExposures", tag = "experiments",
    params(("environment" = String, Path, description = "The environment.")),
    request_body(content = Vec<crate::api::types::ExposureReport>),
    responses((status = 200, description = "What became of each item.", body = Reported),
        (status = 429, description = "More is reported than can be written; nothing was kept. `Retry-After` says when to come back.")),
)]
pub(crate) async fn exposures(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    report::<ReportedExposure>(&app, &environment, request, |known, experiments, it, now| {
        known.exposure(experiments.key(), it, now)
    })
    .await
}

/// Reports what units did. An event is counted for every experiment that its unit is in, once for each of its ids.
///
/// As with exposures. Events from before a unit's exposure are kept too: they take noise out of what comes after it.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/metric-events", operation_id = "reportMetricEvents", tag = "experiments",
    params(("environment" = String, Path, description = "The environment.")),
    request_body(content = Vec<crate::api::types::MetricEventReport>),
    responses((status = 200, description = "What became of each item.", body = Reported),
        (status = 429, description = "More is reported than can be written; nothing was kept. `Retry-After` says when to come back.")),
)]
pub(crate) async fn metric_events(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    report::<ReportedEvent>(&app, &environment, request, |known, experiments, it, now| {
        known.event(experiments.key(), it, now).map(|gained| vec![gained])
    })
    .await
}

type Judge<T> = fn(&Known, &Experiments, &T, Timestamp) -> Result<Vec<Gained>, Refused>;

async fn report<T: DeserializeOwned>(
    app: &Shared,
    environment: &str,
    request: Request,
    judge: Judge<T>,
) -> Result<Response, ApiError> {
    let (place, experiments) = asked(app, environment)?;
    let Some(_room) = room(app, request.headers()) else { return Ok(busy(1)) };
    let lines = is_lines(request.headers())?;
    let bytes = Bytes::from_request(request, &()).await.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::of_status(StatusCode::PAYLOAD_TOO_LARGE),
        _ => ApiError::of_status(StatusCode::BAD_REQUEST),
    })?;
    let items = items(&bytes, lines)?;
    let known = experiments.known(&place).await?;
    let now = app.engine.now();
    let mut judged = Vec::with_capacity(items.len());
    let mut gained = Vec::with_capacity(items.len());
    for item in &items {
        let one = read::<T>(item).and_then(|it| judge(&known, &experiments, &it, now));
        judged.push(one.map(|mut some| {
            let count = some.len();
            gained.append(&mut some);
            count
        }));
    }
    match experiments.intake().submit(gained).await {
        Ok(taken) => Ok(Json(summed(judged, &taken)).into_response()),
        Err(IntakeError::Busy { retry_after }) => Ok(busy(retry_after.as_secs().max(1))),
        Err(IntakeError::Store(_)) => {
            let detail = "what was reported cannot be written now; nothing of it was kept";
            Err(ApiError::unavailable("storage_failed", detail).next("send it again later"))
        }
        Err(IntakeError::Stopping) => {
            Err(ApiError::unavailable("stopping", "the control plane is stopping; nothing was kept")
                .next("send it again"))
        }
    }
}

/// Bodies that are being read and judged take room by their size, so that memory is bounded whatever comes.
fn room<'a>(app: &'a App, headers: &HeaderMap) -> Option<SemaphorePermit<'a>> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    // Without a length it may be as large as any.
    let length = length.unwrap_or(u64::MAX).min(app.options.max_json as u64);
    let kib = u32::try_from(length.div_ceil(1024)).unwrap_or(u32::MAX).max(LEAST);
    app.reports.try_acquire_many(kib).ok()
}

fn busy(seconds: u64) -> Response {
    let detail = "more is reported than can be written; nothing of this was kept";
    let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, ProblemKind::Unavailable, "busy", detail)
        .next("send it again after `Retry-After` seconds");
    let mut response = error.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Says whether a body has one item on each line.
fn is_lines(headers: &HeaderMap) -> Result<bool, ApiError> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(false),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(true),
        _ => Err(ApiError::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            .next("`application/json` with an array, or `application/x-ndjson` with an object on each line")),
    }
}

/// Takes a body apart, without looking into the items.
fn items(bytes: &[u8], lines: bool) -> Result<Vec<Cow<'_, str>>, ApiError> {
    let items: Vec<Cow<'_, str>> = if lines {
        let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        lines.take(MAX_ITEMS + 1).map(String::from_utf8_lossy).collect()
    } else {
        let read: Result<Vec<&RawValue>, _> = serde_json::from_slice(bytes);
        let read = read.map_err(|error| {
            let detail = format!("the body is not a JSON array: {error}");
            ApiError::new(StatusCode::BAD_REQUEST, ProblemKind::User, "json_invalid", detail)
        })?;
        read.into_iter().map(|raw| Cow::Borrowed(raw.get())).collect()
    };
    if items.len() > MAX_ITEMS {
        let detail = format!("more than {MAX_ITEMS} items in one request; nothing of it was kept");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, ProblemKind::User, "too_large", detail)
            .next("send them in several requests"));
    }
    Ok(items)
}

fn read<T: DeserializeOwned>(item: &str) -> Result<T, Refused> {
    serde_json::from_str(item).map_err(|error| {
        // What the item says may name a unit: only the kind of mistake is repeated.
        let text = error.to_string();
        let known = ["missing field", "unknown field", "invalid type", "duplicate field"];
        let what = known.into_iter().find(|what| text.starts_with(what));
        let member = text.split('`').nth(1).filter(|_| text.starts_with("missing") || text.starts_with("duplicate"));
        let reason = match (what, member) {
            (Some(what), Some(member)) => format!("{what} `{member}`"),
            (Some(what), None) => format!("{what} at column {}", error.column()),
            (None, _) => format!("it cannot be read at column {}", error.column()),
        };
        Refused::new("invalid", reason)
    })
}

/// Says of each item what became of it: one that counts for several experiments is new if it is for any of them.
fn summed(judged: Vec<Result<usize, Refused>>, taken: &[Taken]) -> Reported {
    let mut reported = Reported::default();
    let mut taken = taken.iter();
    for one in judged {
        reported.items.push(match one {
            Ok(count) => {
                let new = taken.by_ref().take(count).filter(|taken| **taken == Taken::New).count() > 0;
                let (status, sum) = if new {
                    (ItemStatus::Accepted, &mut reported.accepted)
                } else {
                    (ItemStatus::Duplicate, &mut reported.duplicate)
                };
                *sum += 1;
                ReportedItem { status, code: None, reason: None }
            }
            Err(refused) => {
                *reported.refused.entry(refused.code.to_owned()).or_default() += 1;
                let (code, reason) = (Some(refused.code.to_owned()), Some(refused.reason));
                ReportedItem { status: ItemStatus::Refused, code, reason }
            }
        });
    }
    reported
}

/// Returns the environment that a path reports to, if it is one that applications report to.
pub(crate) fn reporting_to(path: &str) -> Option<&str> {
    let (environment, what) = path.strip_prefix("/api/v1/environments/")?.split_once('/')?;
    matches!(what, "exposures" | "metric-events").then_some(environment)
}

/// Lets in who may report: applications by their keys, people by their tokens.
pub(crate) fn admit(app: &App, environment: &str, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let Err(denied) = app.evaluator(headers, Some(environment), app.engine.now()) else { return Ok(()) };
    Err(Box::new(match denied {
        Denied::Unknown => unauthorised().into_response(),
        Denied::Later(wait) => busy(wait.as_secs().max(1)),
        Denied::Forbidden => {
            let detail = "the key is of another environment, or not for this page";
            ApiError::new(StatusCode::FORBIDDEN, ProblemKind::Refused, "foreign_key", detail).into_response()
        }
        Denied::NoEnvironment | Denied::NotFound(_) => {
            ApiError::not_found("there is no such environment in the pipeline").into_response()
        }
    }))
}

/// Answers a browser that asks what a page of another site may send.
pub(crate) fn preflight(method: &Method) -> Option<Response> {
    if *method != Method::OPTIONS {
        return None;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    let allowed = HeaderValue::from_static("Authorization, Content-Type, X-API-Key");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    Some(readable(response))
}

/// Lets a page of another site read the answer: what it may send is decided by its key.
pub(crate) fn readable(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After, X-Request-Id"));
    response
}

/// Counts an evaluation as an exposure, where a running experiment wants that.
pub(crate) fn evaluated<'b>(
    experiments: &Experiments,
    (environment, flag, variant): (&EnvironmentName, &str, Option<&str>),
    context: impl FnOnce() -> Option<&'b [u8]>,
    (bulk, now): (bool, Timestamp),
) {
    let served = experiments.served();
    let (Some(variant), Some(watched)) = (variant, served.watched(environment, flag, bulk)) else { return };
    // Most flags are in no experiment, so the context is looked into only here.
    let Some(context) = context() else { return };
    let Ok(members) = serde_json::from_slice::<std::collections::BTreeMap<Cow<'_, str>, &RawValue>>(context) else {
        return;
    };
    // A unit is a text; whoever has none cannot be followed from exposure to event.
    let unit = members.get(watched.unit()).and_then(|raw| serde_json::from_str::<Cow<'_, str>>(raw.get()).ok());
    if let Some(unit) = unit.filter(|unit| !unit.is_empty()) {
        served.seen(&watched, variant, &unit, now);
    }
}
