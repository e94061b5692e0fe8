//! Entity tags: a version of what is shown, so that clients need not read it again (`If-None-Match`) nor change what they
//! have not seen (`If-Match`).
//!
//! A tag is `"VERSION.CONTENT"`. The version names the state that a request to change something depends on; the content
//! also covers what changes by itself (counts of instances, time left at a gate). Reading compares both, changing only the
//! version: who approves what they saw is not held up because a second has passed.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use towpath_core::ids::Digest;

use crate::{api::types::ProblemKind, problem::ApiError};

/// Returns a short name of a state.
pub(crate) fn version(state: &impl Serialize) -> String {
    Digest::of(&serde_json::to_vec(state).unwrap_or_default()).short()
}

/// Answers with a tag, or that nothing changed since the client read it.
pub(crate) fn tagged(headers: &HeaderMap, version: &str, body: &impl Serialize) -> Response {
    let content = self::version(body);
    let tag = format!("\"{version}.{content}\"");
    let unchanged = list(headers, &header::IF_NONE_MATCH).any(|known| known == "*" || weak(known) == tag);
    let mut response = if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { Json(body).into_response() };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    // What is live must be asked for again, which the tag makes cheap.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Refuses a change of something that is no longer as the client saw it.
pub(crate) fn unchanged(headers: &HeaderMap, version: &str) -> Result<(), ApiError> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    let fits = list(headers, &header::IF_MATCH)
        .any(|known| known == "*" || known.trim_matches('"').split_once('.').is_some_and(|(seen, _)| seen == version));
    if fits {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::PRECONDITION_FAILED,
        ProblemKind::Conflict,
        "stale",
        "it has changed since it was read; nothing was changed",
    )
    .next("read it again and decide anew"))
}

fn list<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|tag| !tag.is_empty())
}

fn weak(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}
