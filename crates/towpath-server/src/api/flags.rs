//! Flags: changing them while they serve, keys of applications, how often what was evaluated.

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Shared;

mod changes;
mod evaluations;
mod keys;
mod requests;

/// Returns the routes about flags.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(keys::list, keys::make))
        .routes(routes!(keys::revoke))
        .routes(routes!(evaluations::evaluations))
        .routes(routes!(changes::log, changes::change))
        .routes(routes!(changes::undo))
        .routes(routes!(changes::promote))
        .routes(routes!(changes::diff))
        .routes(routes!(requests::list))
        .routes(routes!(requests::approve))
        .routes(routes!(requests::reject))
}
