//! The gRPC services of flagd, for providers that evaluate in their own process.

use axum::body::Body;
use http::{HeaderMap, Request, Response, StatusCode, header};

use crate::app::Shared;

/// Says whether a request is gRPC.
pub(crate) fn is_ours(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"application/grpc"))
}

/// Answers.
pub(crate) async fn answer(_: Shared, _: Request<Body>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
