//! The JSON API, version 1: its routes, and its description as OpenAPI, which is made from their declarations.

use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Shared;

mod audit;
mod blobs;
mod configuration;
mod description;
mod diff;
mod environments;
mod events;
pub(crate) mod experiments;
mod flags;
mod health;
mod lifecycle;
mod logs;
mod look;
mod metrics;
mod overlay;
mod promotions;
mod releases;
mod rollouts;
mod rotations;
mod schema;
mod secrets;
mod stream;
pub mod types;
mod view;

pub(crate) use releases::no_release;

/// Returns every route with its declaration.
pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(description::Api::openapi())
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::prometheus))
        .routes(routes!(environments::status))
        .routes(routes!(environments::environments))
        .routes(routes!(environments::environment))
        .routes(routes!(environments::instances))
        .routes(routes!(environments::history))
        .routes(routes!(overlay::overlay, overlay::set, overlay::unset))
        .routes(routes!(configuration::config))
        .routes(routes!(configuration::explain))
        .routes(routes!(configuration::rendered))
        .routes(routes!(configuration::compared))
        .routes(routes!(configuration::validate))
        .routes(routes!(lifecycle::create))
        .routes(routes!(lifecycle::extend))
        .routes(routes!(lifecycle::life))
        .routes(routes!(lifecycle::destroy))
        .routes(routes!(lifecycle::collect))
        .routes(routes!(rollouts::rollout))
        .routes(routes!(rollouts::pause))
        .routes(routes!(rollouts::resume))
        .routes(routes!(rollouts::promote))
        .routes(routes!(rollouts::abort))
        .routes(routes!(rollouts::roll_back))
        .routes(routes!(logs::logs))
        .routes(routes!(releases::releases, releases::create))
        .routes(routes!(releases::release))
        .routes(routes!(blobs::missing))
        .routes(routes!(blobs::put))
        .routes(routes!(promotions::promotions, promotions::create))
        .routes(routes!(promotions::promotion))
        .routes(routes!(promotions::approve))
        .routes(routes!(promotions::reject))
        .routes(routes!(promotions::confirm))
        .routes(routes!(events::events))
        .routes(routes!(stream::stream))
        .routes(routes!(audit::checkpoint))
        .routes(routes!(audit::inclusion))
        .routes(routes!(audit::consistency))
        .routes(routes!(metrics::dora))
        .routes(routes!(schema::schema))
        .merge(rotations::routes())
        .merge(flags::routes())
        .merge(experiments::routes())
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::read_all))
        .routes(routes!(secrets::restore_all))
        .routes(routes!(secrets::set, secrets::unset))
        .routes(routes!(secrets::read))
        .routes(routes!(secrets::history))
        .routes(routes!(secrets::restore))
        .routes(routes!(secrets::destroy))
}

/// Returns the description of the API.
pub fn openapi() -> OpenApi {
    let (_, mut api) = routes().split_for_parts();
    description::complete(&mut api);
    api
}

/// Returns the description as text that only changes when the API does.
pub fn openapi_json() -> String {
    let mut text = openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
