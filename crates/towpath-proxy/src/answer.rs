//! Answers that the proxy gives itself: problem details (RFC 9457), never a guess at what the application would say.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::body::RespBody;

/// Returns the answer for a request that is not passed on or was not answered.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Response<RespBody> {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = serde_json::json!({ "title": title, "status": status.as_u16(), "detail": detail }).to_string();
    let mut response = Response::new(RespBody::own(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    }
    if status.is_client_error() || status == StatusCode::NOT_IMPLEMENTED {
        // What follows on this connection may be the rest of what was refused.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
