//! Rollouts: watching them and laying hands on them, and going back.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use towpath_core::{
    command::Command,
    decide::{decide, rollout::rollback_target},
    ids::{EnvironmentName, Revision},
    project::Tier,
    refusal::{Refusal, RefusalCode},
    rollout::{Deployment, steps},
    traffic::{Counts, RouteId},
    units::Percent,
    world::World,
};
use towpath_engine::ports::SampleWindow;
use utoipa::IntoParams;

use super::{
    diff,
    look::{Look, newest, policy},
    types::{RevisionTraffic, RollbackPlan, RollbackRequest, RolloutRequest, RolloutView},
    view,
};
use crate::{
    app::{App, Shared},
    etag,
    extract::{Body, Caller, Params, environment_name, words},
    problem::ApiError,
};

/// Which rollout.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RolloutQuery {
    /// The revision; without one the newest.
    revision: Option<u64>,
}

/// Shows a rollout: the one that is running, else the newest.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/rollout", operation_id = "showRollout", tag = "rollouts",
    params(("environment" = String, Path, description = "The environment."), RolloutQuery),
    responses((status = 200, description = "Its steps, weights, analysis, evidence and instances.", body = RolloutView)),
)]
pub(crate) async fn rollout(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    Params(query): Params<RolloutQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let name = environment_name(&environment)?;
    let look = app.look().await?;
    policy(&look.world, &name)?;
    let found = match query.revision {
        Some(number) => {
            let known = look.world.deployments.get(&Revision(number));
            let known = known.filter(|found| found.environment == name);
            known.ok_or_else(|| ApiError::not_found(format!("{name} has no revision {}", Revision(number))))?
        }
        None => newest(&look.world, &name)
            .ok_or_else(|| ApiError::not_found(format!("nothing was ever deployed in {name}")))?,
    };
    let view = show(&app, &look, found).await?;
    Ok(etag::tagged(&headers, &view::rollout_version(&look.world, &name), &view))
}

/// Holds a rollout.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/rollout/pause", operation_id = "pauseRollout", tag = "rollouts",
    params(("environment" = String, Path, description = "The environment.")), request_body = RolloutRequest,
    responses((status = 200, description = "It waits.", body = RolloutView)),
)]
pub(crate) async fn pause(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<RolloutRequest>,
) -> Result<Json<RolloutView>, ApiError> {
    let (environment, reason) = meant(&app, &environment, &headers, request)?;
    act(&app, &caller, &environment.clone(), Command::Pause { environment, comment: reason }).await
}

/// Lets a rollout go on.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/rollout/resume", operation_id = "resumeRollout", tag = "rollouts",
    params(("environment" = String, Path, description = "The environment.")), request_body = RolloutRequest,
    responses((status = 200, description = "It goes on.", body = RolloutView)),
)]
pub(crate) async fn resume(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<RolloutRequest>,
) -> Result<Json<RolloutView>, ApiError> {
    let (environment, _) = meant(&app, &environment, &headers, request)?;
    act(&app, &caller, &environment.clone(), Command::Resume { environment }).await
}

/// Sends a rollout to its end without the steps between.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/rollout/promote", operation_id = "promoteRollout", tag = "rollouts",
    params(("environment" = String, Path, description = "The environment.")), request_body = RolloutRequest,
    responses((status = 200, description = "It gets all of the traffic.", body = RolloutView)),
)]
pub(crate) async fn promote(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<RolloutRequest>,
) -> Result<Json<RolloutView>, ApiError> {
    let confirm = request.confirm.clone();
    let (environment, _) = meant(&app, &environment, &headers, request)?;
    confirmed(&app.engine.world(), &environment, confirm.as_deref())?;
    act(&app, &caller, &environment.clone(), Command::PromoteRollout { environment }).await
}

/// Fails a rollout by hand: the good revision takes everything back. Never needs to be confirmed.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/rollout/abort", operation_id = "abortRollout", tag = "rollouts",
    params(("environment" = String, Path, description = "The environment.")), request_body = RolloutRequest,
    responses((status = 200, description = "It goes back.", body = RolloutView)),
)]
pub(crate) async fn abort(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<RolloutRequest>,
) -> Result<Json<RolloutView>, ApiError> {
    let (environment, reason) = meant(&app, &environment, &headers, request)?;
    act(&app, &caller, &environment.clone(), Command::Abort { environment, reason }).await
}

/// Goes back to a good revision: artifact and configuration together.
///
/// While a rollout is running it is aborted, since the good revision still runs. With `dryRun` the plan is answered and
/// nothing is done. Never needs to be confirmed.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/rollback", operation_id = "rollBack", tag = "rollouts",
    params(("environment" = String, Path, description = "The environment.")), request_body = RollbackRequest,
    responses(
        (status = 200, description = "What would be done (`dryRun`).", body = RollbackPlan),
        (status = 202, description = "It goes back; `Location` is where to watch.", body = RolloutView),
    ),
)]
pub(crate) async fn roll_back(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<RollbackRequest>,
) -> Result<Response, ApiError> {
    let name = environment_name(&environment)?;
    let world = app.engine.world();
    policy(&world, &name)?;
    etag::unchanged(&headers, &view::rollout_version(&world, &name))?;
    same_name(&name, request.confirm.as_deref())?;
    let reason = words("/reason", request.reason)?;
    let to = request.to.map(Revision);
    let command = Command::Rollback { environment: name.clone(), to, reason };
    if request.dry_run {
        let asker = towpath_core::command::Asker { principal: caller.principal, now: app.engine.now() };
        decide(&world, &command, &asker)?;
        return Ok(Json(plan(&app, &world, &name, to).await?).into_response());
    }
    let view = act(&app, &caller, &name, command).await?;
    let location = format!("/api/v1/environments/{name}/rollout?revision={}", view.deployment.revision);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], view).into_response())
}

async fn plan(
    app: &App,
    world: &World,
    name: &EnvironmentName,
    to: Option<Revision>,
) -> Result<RollbackPlan, ApiError> {
    let (from, target, aborts) = if let Some(rollout) = world.rollout(name) {
        let stable = rollout.stable.and_then(|stable| world.deployments.get(&stable)).ok_or_else(|| {
            ApiError::from(
                Refusal::new(
                    RefusalCode::NothingToRollBackTo,
                    format!("nothing good runs in {name} to go back to; going back only aborts {}", rollout.revision),
                )
                .next(format!("towpath rollout abort {name}")),
            )
        })?;
        (rollout, stable, true)
    } else {
        let (current, target) = rollback_target(world, name, to)?;
        (current, target, false)
    };
    let sides = (diff::Side::of(world, from), diff::Side::of(world, target));
    let diff = diff::diff(app, Some(sides.0), sides.1, name).await?;
    let planned = if aborts { Vec::new() } else { steps(&target.spec, true, true, Percent::ZERO) };
    Ok(RollbackPlan {
        environment: name.to_string(),
        from: view::revision_ref(world, from),
        to: view::revision_ref(world, target),
        aborts,
        diff,
        steps: view::planned(&planned),
    })
}

/// Checks that a request means the rollout that is there; returns where it is and why it is asked.
fn meant(
    app: &App,
    environment: &str,
    headers: &HeaderMap,
    request: RolloutRequest,
) -> Result<(EnvironmentName, Option<String>), ApiError> {
    let name = environment_name(environment)?;
    let world = app.engine.world();
    policy(&world, &name)?;
    etag::unchanged(headers, &view::rollout_version(&world, &name))?;
    same_name(&name, request.confirm.as_deref())?;
    if let (Some(asked), Some(running)) = (request.revision, world.rollout(&name))
        && running.revision.0 != asked
    {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            super::types::ProblemKind::Conflict,
            "other_rollout",
            format!("{} is rolling out in {name}, not {}", running.revision, Revision(asked)),
        )
        .next(format!("towpath rollout watch {name}")));
    }
    Ok((name, words("/reason", request.reason)?))
}

fn same_name(environment: &EnvironmentName, confirm: Option<&str>) -> Result<(), ApiError> {
    match confirm {
        Some(given) if given != environment.as_str() => Err(ApiError::field(
            "/confirm",
            format!("this confirms another environment than `{environment}`; nothing was changed"),
        )),
        _ => Ok(()),
    }
}

/// Checks that somebody means it, where users are.
pub(crate) fn confirmed(world: &World, environment: &EnvironmentName, confirm: Option<&str>) -> Result<(), ApiError> {
    same_name(environment, confirm)?;
    let needed = policy(world, environment)?.tier == Tier::Production;
    if !needed || confirm.is_some() {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::PRECONDITION_REQUIRED,
        super::types::ProblemKind::Refused,
        "confirmation_required",
        format!("{environment} is where users are: this needs to be confirmed; nothing was changed"),
    )
    .next(format!("look at the dry run, then give `confirm`: \"{environment}\" (`--confirm {environment}`)")))
}

async fn act(
    app: &App,
    caller: &Caller,
    name: &EnvironmentName,
    command: Command,
) -> Result<Json<RolloutView>, ApiError> {
    let done = app.submit(caller, command).await?;
    // What this request did, even if another has been quicker since.
    let mut look = app.look().await?;
    look.world = done.world;
    let found = newest(&look.world, name).ok_or_else(|| ApiError::not_found(format!("nothing runs in {name}")))?;
    Ok(Json(show(app, &look, found).await?))
}

/// Shows a rollout with what its revisions did since the step began.
async fn show(app: &App, look: &Look, it: &Deployment) -> Result<RolloutView, ApiError> {
    let mut traffic = Vec::new();
    if let Some(running) = it.running() {
        let stable = it.stable.and_then(|stable| look.world.deployments.get(&stable)).map(|stable| stable.runs);
        for runs in [Some(it.runs), stable].into_iter().flatten() {
            let counts = counts(app, look, it, runs, running.since).await?;
            traffic.push(RevisionTraffic {
                revision: runs.0,
                weight_percent: look.weight(&it.environment, runs),
                requests: counts.requests,
                errors: counts.errors(),
                p95_us: counts.quantile_us(0.95),
            });
        }
    }
    Ok(view::rollout(look, it, traffic))
}

async fn counts(
    app: &App,
    look: &Look,
    it: &Deployment,
    runs: Revision,
    from: jiff::Timestamp,
) -> Result<Counts, ApiError> {
    let mut sum = Counts::default();
    for service in it.spec.services.keys() {
        let route = RouteId { environment: it.environment.clone(), service: service.clone() };
        let window = SampleWindow { route, revision: runs, from, to: look.now };
        match app.engine.ports().samples.sum(&window).await {
            Ok(counts) => sum.add(&counts),
            Err(error) => return Err(ApiError::internal(&error)),
        }
    }
    Ok(sum)
}
