//! Environments: status, details, instances, history.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Uri, header};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::{
    look::{Look, pipeline, policy},
    types::{DeploymentView, EnvironmentList, EnvironmentSummary, EnvironmentView, InstanceList, Page, Status},
    view,
};
use crate::{
    app::Shared,
    etag,
    extract::{Params, environment_name, number},
    problem::ApiError,
};

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
    /// How many items at most, 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<usize>,
}

impl PageQuery {
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(50).clamp(1, 200)
    }
}

/// Cuts a page off a list that goes on.
pub(crate) fn page<T>(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items, next }
}

/// Answers with a page and a link to the next one (RFC 8288).
pub(crate) fn linked<T: Serialize>(uri: &Uri, page: Page<T>) -> Response {
    let link = page.next.as_ref().and_then(|next| {
        let kept =
            uri.query().unwrap_or_default().split('&').filter(|part| !part.is_empty() && !part.starts_with("after="));
        let after = format!("after={next}");
        let query: Vec<&str> = kept.chain([after.as_str()]).collect();
        HeaderValue::from_str(&format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"))).ok()
    });
    let mut response = Json(page).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

fn summaries(look: &Look) -> Vec<EnvironmentSummary> {
    pipeline(&look.world).into_iter().map(|(name, policy)| view::summary(look, name, policy)).collect()
}

/// Shows the whole project at a glance.
///
/// Environments come in the order of the pipeline, from the least to the most production-like.
#[utoipa::path(get, path = "/api/v1/status", operation_id = "status", tag = "environments", responses(
    (status = 200, description = "What runs where, what is rolling out and what waits.", body = Status),
))]
pub(crate) async fn status(State(app): State<Shared>) -> Result<Json<Status>, ApiError> {
    let look = app.look().await?;
    Ok(Json(Status {
        project: look.world.project.as_ref().map(|project| project.name.to_string()),
        at: look.now,
        size: look.world.size,
        environments: summaries(&look),
    }))
}

/// Lists the environments.
#[utoipa::path(get, path = "/api/v1/environments", operation_id = "listEnvironments", tag = "environments", responses(
    (status = 200, description = "Every environment.", body = EnvironmentList),
))]
pub(crate) async fn environments(State(app): State<Shared>) -> Result<Json<EnvironmentList>, ApiError> {
    let look = app.look().await?;
    Ok(Json(EnvironmentList { items: summaries(&look) }))
}

/// Shows an environment in full.
#[utoipa::path(get, path = "/api/v1/environments/{environment}", operation_id = "showEnvironment", tag = "environments",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "The environment.", body = EnvironmentView)),
)]
pub(crate) async fn environment(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let name = environment_name(&environment)?;
    let look = app.look().await?;
    let view = view::environment(&look, &name, policy(&look.world, &name)?);
    Ok(etag::tagged(&headers, &view::rollout_version(&look.world, &name), &view))
}

/// Lists the instances of an environment.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/instances", operation_id = "listInstances", tag = "environments",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "Its instances, also those that are stopping.", body = InstanceList)),
)]
pub(crate) async fn instances(
    State(app): State<Shared>,
    Path(environment): Path<String>,
) -> Result<Json<InstanceList>, ApiError> {
    let name = environment_name(&environment)?;
    let look = app.look().await?;
    policy(&look.world, &name)?;
    let found = look.observation.instances.values().filter(|status| status.id.set.environment == name);
    Ok(Json(InstanceList { items: found.map(|status| view::instance(&look, status)).collect() }))
}

/// Lists the deployments of an environment, newest first.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/history", operation_id = "listDeployments", tag = "environments",
    params(("environment" = String, Path, description = "The environment."), PageQuery),
    responses((status = 200, description = "Its deployments.", body = Page<DeploymentView>)),
)]
pub(crate) async fn history(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    Params(query): Params<PageQuery>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let name = environment_name(&environment)?;
    let world = app.engine.world();
    // What was destroyed has no policy any more, and its history.
    if world.history(&name).next().is_none() {
        policy(&world, &name)?;
    }
    let before = query.after.as_deref().map(|after| number("revision", 'd', after)).transpose()?;
    let older = world.history(&name).filter(|it| before.is_none_or(|before| it.revision.0 < before));
    let items = older.take(query.limit() + 1).map(|it| view::deployment(&world, it)).collect();
    Ok(linked(&uri, page(items, query.limit(), |it: &DeploymentView| it.revision.to_string())))
}
