//! Changes of flags that wait until enough people agree.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use http::HeaderMap;
use jiff::Timestamp;
use towpath_core::{
    command::Command,
    decide::flags::{counted, waiting},
    event::Fact,
    flags::{FlagCommand, FlagRequest, RejectFlags},
    ids::{EnvironmentName, FlagChangeNumber},
    world::World,
};

use super::{
    super::{
        look::policy,
        types::{self, FlagRequestAnswered, FlagRequestView, FlagRequests},
    },
    changes::approval,
};
use crate::{
    app::{App, Shared},
    etag,
    extract::{Body, Caller, digest, environment_name, number, words},
    problem::ApiError,
};

/// Lists the changes of the flags of an environment that wait for approvals, oldest first.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/flags/requests", operation_id = "listFlagRequests", tag = "flags",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "What waits for whom.", body = FlagRequests)),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let name = environment_name(&environment)?;
    let world = app.engine.world();
    policy(&world, &name)?;
    let live = world.flags(&name);
    let mut requests = Vec::new();
    for request in waiting(&live, app.engine.now()) {
        requests.push(view(&app, &world, &name, request).await?);
    }
    let list = FlagRequests { requests };
    Ok(etag::tagged(&headers, &etag::version(&serde_json::to_value(&list).unwrap_or_default()), &list))
}

/// Agrees to a change of flags that waits. The last approval brings it into force.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/flags/requests/{number}/approve", operation_id = "approveFlags", tag = "flags",
    params(("environment" = String, Path, description = "The environment."),
        ("number" = String, Path, description = "The number, with or without `c`.")),
    request_body = types::ApproveFlags,
    responses((status = 200, description = "The approval counts.", body = FlagRequestAnswered)),
)]
pub(crate) async fn approve(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, text)): Path<(String, String)>,
    Body(request): Body<types::ApproveFlags>,
) -> Result<Json<FlagRequestAnswered>, ApiError> {
    let name = environment_name(&environment)?;
    let number = FlagChangeNumber(number("change", 'c', &text)?);
    let plan = request.plan.as_deref().map(|plan| digest("/plan", plan)).transpose()?;
    let comment = words("/comment", request.comment)?;
    let done = app.engine.approve_flags(&caller.principal, (&name, number), plan, comment, &caller.request).await?;
    let live = done.world.flags(&name);
    let request = match live.requests.get(&number) {
        Some(request) => Some(view(&app, &done.world, &name, request).await?),
        None => None,
    };
    let change = done.events.iter().find_map(|event| {
        let Fact::FlagsChanged(change) = &event.fact else { return None };
        Some(change.words.clone())
    });
    let in_force = change.is_some();
    let lines = change.or_else(|| request.as_ref().map(|request| request.lines.clone())).unwrap_or_default();
    Ok(Json(FlagRequestAnswered { environment: name.to_string(), number: number.0, in_force, request, lines }))
}

/// Says no to a change of flags that waits and closes it. Whoever asked may take it back so.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/flags/requests/{number}/reject", operation_id = "rejectFlags", tag = "flags",
    params(("environment" = String, Path, description = "The environment."),
        ("number" = String, Path, description = "The number, with or without `c`.")),
    request_body = types::RejectFlags,
    responses((status = 200, description = "It is closed.", body = FlagRequestAnswered)),
)]
pub(crate) async fn reject(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, text)): Path<(String, String)>,
    Body(request): Body<types::RejectFlags>,
) -> Result<Json<FlagRequestAnswered>, ApiError> {
    let environment = environment_name(&environment)?;
    let number = FlagChangeNumber(number("change", 'c', &text)?);
    policy(&app.engine.world(), &environment)?;
    let live = app.engine.world().flags(&environment);
    let lines = live.requests.get(&number).map(|it| it.asked.change.words.clone()).unwrap_or_default();
    let comment = words("/comment", request.comment)?;
    let rejection = RejectFlags { environment: environment.clone(), number, comment };
    let command = Command::ChangeFlags(Box::new(FlagCommand::Reject(rejection)));
    app.engine.submit(&caller.principal, command, &caller.request).await?;
    let environment = environment.to_string();
    Ok(Json(FlagRequestAnswered { environment, number: number.0, in_force: false, request: None, lines }))
}

async fn view(
    app: &App,
    world: &World,
    environment: &EnvironmentName,
    request: &FlagRequest,
) -> Result<FlagRequestView, ApiError> {
    let asked = &request.asked;
    let rule = policy(world, environment)?.flag_approvals();
    let now: Timestamp = app.engine.now();
    let agreed: Vec<_> = match rule {
        Some(rule) => counted(world, request, rule, now).collect(),
        None => Vec::new(),
    };
    let outdated = match (request.outdated_by, app.engine.requested_flags(world, environment, request).await) {
        (Some(by), _) => Some(format!("{by} changed the same flags since")),
        (None, Ok(work)) => {
            (work.plan != asked.plan).then(|| "a release changed the flags since it was asked for".to_owned())
        }
        (None, Err(error)) => Some(error.to_string()),
    };
    let counts = |approval: &&towpath_core::promotion::Approval| agreed.contains(&&approval.by);
    Ok(FlagRequestView {
        environment: environment.to_string(),
        number: asked.change.number.0,
        plan: asked.plan.to_string(),
        at: request.at,
        by: request.by.to_string(),
        reason: asked.change.reason.clone(),
        lines: asked.change.words.clone(),
        approvals: request.approvals.iter().filter(counts).map(approval).collect(),
        required: rule.map_or(1, |rule| rule.required),
        roles: rule.iter().flat_map(|rule| &rule.roles).map(ToString::to_string).collect(),
        expires_at: asked.expires_at,
        outdated,
        from: asked.change.from.as_ref().map(ToString::to_string),
    })
}
