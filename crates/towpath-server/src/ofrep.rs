//! OFREP: the evaluation of flags for any OpenFeature SDK.
//!
//! Beside the API, not in it: other keys, other errors, requests from pages of other sites.

use axum::body::Body;
use http::{Request, Response, StatusCode};

use crate::app::Shared;

/// What paths begin with.
const PREFIX: &str = "/ofrep/";

/// Says whether a request is one for evaluation.
pub(crate) fn is_ours(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers.
pub(crate) async fn answer(_: Shared, _: Request<Body>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
