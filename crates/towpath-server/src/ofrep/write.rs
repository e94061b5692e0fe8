//! Answers, written into one buffer from pieces that are JSON already.

use std::hash::Hasher as _;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use towpath_core::flags::{ContextError, Evaluation, EvaluationError};

use super::ready::{Piece, Ready};

/// Returns a text as JSON.
pub(super) fn json_text(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    push_text(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends a text as JSON.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        // Writing into memory does not fail.
        let _ = serde_json::to_writer(out, text);
    } else {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

/// Appends one flag: what it yields, or why it does not.
pub(super) fn push_flag(
    out: &mut Vec<u8>,
    (ready, piece): (&Ready, &Piece),
    evaluation: &Evaluation<'_>,
    (client, bulk): (bool, bool),
) {
    let variant = ready.count(piece, evaluation, bulk);
    out.extend_from_slice(piece.head.as_bytes());
    if let Some(error) = &evaluation.error {
        out.extend_from_slice(b",\"errorCode\":\"");
        out.extend_from_slice(error.code().as_bytes());
        out.extend_from_slice(b"\",\"errorDetails\":");
        push_text(out, details(error, client));
    } else {
        out.extend_from_slice(b",\"reason\":\"");
        out.extend_from_slice(evaluation.reason.as_str().as_bytes());
        // Some clients fail without a variant, even where there is none.
        out.extend_from_slice(b"\",\"variant\":");
        match variant {
            Some(json) => out.extend_from_slice(json.as_bytes()),
            None => push_text(out, evaluation.variant.unwrap_or_default()),
        }
        if let Some(value) = evaluation.value {
            out.extend_from_slice(b",\"value\":");
            out.extend_from_slice(value.as_bytes());
        }
    }
    let metadata = if client { piece.client_metadata.as_deref() } else { evaluation.metadata };
    if let Some(metadata) = metadata {
        out.extend_from_slice(b",\"metadata\":");
        out.extend_from_slice(metadata.as_bytes());
    }
    out.push(b'}');
}

/// Says what went wrong. What a rule looks like is not told to everybody who opens a page.
fn details(error: &EvaluationError, client: bool) -> &str {
    match error {
        EvaluationError::TargetingKeyMissing => "the rule of the flag needs a `targetingKey` in the context",
        EvaluationError::Parse(_) | EvaluationError::General(_) if client => "the flag cannot be evaluated",
        EvaluationError::Parse(why) | EvaluationError::General(why) => why,
    }
}

/// Answers with JSON.
pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // An answer is about one user: nobody on the way may give it to another.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Answers without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Answers with a failure of the whole request; with the key of the flag if one was asked for, as clients expect.
pub(super) fn failure(status: StatusCode, key: Option<&str>, code: &str, details: &str) -> Response<Body> {
    let mut body = Vec::with_capacity(128);
    body.push(b'{');
    if let Some(key) = key {
        body.extend_from_slice(b"\"key\":");
        push_text(&mut body, key);
        body.push(b',');
    }
    body.extend_from_slice(b"\"errorCode\":");
    push_text(&mut body, code);
    body.extend_from_slice(b",\"errorDetails\":");
    push_text(&mut body, details);
    body.push(b'}');
    json(status, body)
}

/// Answers that a context cannot be used.
pub(super) fn bad_context(key: Option<&str>, error: &ContextError) -> Response<Body> {
    let code = match error {
        ContextError::Parse(_) => "PARSE_ERROR",
        ContextError::Invalid(_) => "INVALID_CONTEXT",
    };
    failure(StatusCode::BAD_REQUEST, key, code, &error.to_string())
}

/// Returns the tag of an answer: over what is served, to whom, the context it was evaluated for, and what came of it, which
/// also depends on the time where rules do.
pub(super) fn tag(ready: &Ready, client: bool, context: &[u8], answer: &[u8]) -> HeaderValue {
    let mut hasher = SipHasher13::new();
    if let Some(digest) = &ready.served.digest {
        hasher.write(digest.as_bytes());
    }
    hasher.write_u8(u8::from(client));
    hasher.write(ready.environment.as_str().as_bytes());
    hasher.write_usize(context.len());
    hasher.write(context);
    hasher.write(answer);
    let hash = hasher.finish128().as_u128();
    let mut text = [b'"'; 34];
    for (index, byte) in text.iter_mut().skip(1).take(32).enumerate() {
        // Each digit is the next four bits.
        let digit = (hash >> (4 * index)) & 0xf;
        *byte = b"0123456789abcdef".get(usize::try_from(digit).unwrap_or(0)).copied().unwrap_or(b'0');
    }
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Says whether the client has this answer already (RFC 9110 section 13.1.2: a list, or `*`, compared weakly).
pub(super) fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let bare = |text: &str| text.strip_prefix("W/").unwrap_or(text).trim_matches('"').to_owned();
    let ours = tag.to_str().unwrap_or_default();
    let mut known = values.flat_map(|value| value.split(',')).map(str::trim).filter(|known| !known.is_empty());
    known.any(|known| known == "*" || known == ours || bare(known) == bare(ours))
}

#[cfg(test)]
mod tests;
