//! OFREP: the evaluation of flags for any OpenFeature SDK.
//!
//! Beside the API, not in it: other keys, other errors, requests from pages of other sites.

mod events;

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
pub(crate) async fn answer(app: Shared, request: Request<Body>) -> Response<Body> {
    if events::is_ours(request.uri().path()) {
        return events::answer(&app, &request);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
