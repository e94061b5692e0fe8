//! Promotions: asking, showing, agreeing, refusing.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, Uri, header};
use serde::Deserialize;
use towpath_core::{
    command::Command,
    config::Live,
    decide::promotion::{admissible, plan_digest},
    deployment::DeploymentSpec,
    event::Fact,
    ids::{EnvironmentName, PromotionNumber, ReleaseNumber},
    project::Tier,
    promotion::{Promotion, PromotionState, gates},
    refusal::{Refusal, RefusalCode},
    release::Release,
    rollout::{check_flag, served_share, steps},
    world::World,
};
use utoipa::IntoParams;

use super::{
    diff,
    environments::{linked, page},
    look::policy,
    releases::no_release,
    rollouts::confirmed,
    types::{self, ApproveRequest, ConfirmRequest, CreatePromotion, Page, PromotionPlan, PromotionView, RejectRequest},
    view,
};
use crate::{
    app::{App, Shared},
    etag,
    extract::{Body, Caller, Params, digest, environment_name, number, words},
    problem::{ApiError, refusal_view},
};

/// Which promotions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PromotionsQuery {
    /// How they stand; any unless told.
    state: Option<types::PromotionState>,
    /// Where to; anywhere unless told.
    environment: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// How many items at most, 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Lists promotions, newest first, with their gates.
#[utoipa::path(get, path = "/api/v1/promotions", operation_id = "listPromotions", tag = "promotions", params(PromotionsQuery), responses(
    (status = 200, description = "The promotions.", body = Page<PromotionView>),
))]
pub(crate) async fn promotions(
    State(app): State<Shared>,
    Params(query): Params<PromotionsQuery>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let (world, now) = (app.engine.world(), app.engine.now());
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    let before = query.after.as_deref().map(|after| number("promotion", 'p', after)).transpose()?;
    let environment = query.environment.as_deref().map(environment_name).transpose()?;
    if let Some(environment) = &environment {
        policy(&world, environment)?;
    }
    let found = world
        .promotions
        .values()
        .rev()
        .filter(|it| before.is_none_or(|before| it.number.0 < before))
        .filter(|it| environment.as_ref().is_none_or(|name| it.environment == *name))
        .filter(|it| query.state.is_none_or(|state| state_of(it) == state));
    let items = found.take(limit + 1).map(|it| view::promotion(&world, it, now)).collect();
    Ok(linked(&uri, page(items, limit, |it: &PromotionView| it.number.to_string())))
}

fn state_of(promotion: &Promotion) -> types::PromotionState {
    match &promotion.state {
        PromotionState::Waiting => types::PromotionState::Waiting,
        PromotionState::Deployed { .. } => types::PromotionState::Deployed,
        PromotionState::Rejected { .. } => types::PromotionState::Rejected,
        PromotionState::Superseded { .. } => types::PromotionState::Superseded,
        PromotionState::Failed { .. } => types::PromotionState::Failed,
    }
}

/// Shows a promotion with its gates, what would change and what would be done.
#[utoipa::path(get, path = "/api/v1/promotions/{number}", operation_id = "showPromotion", tag = "promotions",
    params(("number" = String, Path, description = "The number, with or without `p`.")),
    responses((status = 200, description = "The promotion.", body = PromotionView)),
)]
pub(crate) async fn promotion(
    State(app): State<Shared>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let world = app.engine.world();
    let found = find(&world, &text)?;
    let view = full(&app, &world, found).await?;
    Ok(etag::tagged(&headers, &version(found), &view))
}

fn find<'a>(world: &'a World, text: &str) -> Result<&'a Promotion, ApiError> {
    let number = PromotionNumber(number("promotion", 'p', text)?);
    let found = world.promotions.get(&number).map(AsRef::as_ref);
    found.ok_or_else(|| ApiError::not_found(format!("there is no promotion {number}")).next("towpath status"))
}

/// What decisions about a promotion depend on.
fn version(promotion: &Promotion) -> String {
    etag::version(&(&promotion.plan, &promotion.approvals, &promotion.confirmed, &promotion.state))
}

pub(super) async fn full(app: &App, world: &World, it: &Promotion) -> Result<PromotionView, ApiError> {
    let mut view = view::promotion(world, it, app.engine.now());
    let before = match &it.state {
        // What it took over from then, not what runs now.
        PromotionState::Deployed { revision } => {
            let stable = world.deployments.get(revision).and_then(|deployment| deployment.stable);
            stable.and_then(|stable| world.deployments.get(&stable))
        }
        PromotionState::Waiting
        | PromotionState::Rejected { .. }
        | PromotionState::Superseded { .. }
        | PromotionState::Failed { .. } => world.current(&it.environment),
    };
    let live = match &it.state {
        PromotionState::Deployed { revision } => world.deployments.get(revision).map(|it| it.live.as_ref()),
        PromotionState::Waiting
        | PromotionState::Rejected { .. }
        | PromotionState::Superseded { .. }
        | PromotionState::Failed { .. } => None,
    };
    let to = diff::Side {
        revision: None,
        release: world.releases.get(&it.release).map(AsRef::as_ref),
        spec: &it.spec,
        live: live.unwrap_or_else(|| world.live(&it.environment)),
    };
    let from = before.map(|before| diff::Side::of(world, before));
    view.diff = Some(diff::diff(app, from, to, &it.environment).await?);
    view.steps =
        view::planned(&steps(&it.spec, before.is_some(), false, served_share(world, &it.environment, &it.spec)));
    Ok(view)
}

/// Asks for a release to enter an environment.
///
/// With `dryRun` everything that would change, the gates and the steps are answered, and nothing is done; a release that
/// may not be asked for there is answered with the refusal inside. Asking for what waits already yields the promotion
/// that is there. Where users are (tier production) the name of the environment has to be given as `confirm`.
#[utoipa::path(post, path = "/api/v1/promotions", operation_id = "createPromotion", tag = "promotions", request_body = CreatePromotion, responses(
    (status = 200, description = "What would be done (`dryRun`), or the promotion that waits already.",
        body = inline(Asked)),
    (status = 201, description = "It was asked; `Location` is where it is.", body = PromotionView),
))]
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    Body(request): Body<CreatePromotion>,
) -> Result<Response, ApiError> {
    let environment = environment_name(&request.environment)?;
    let reason = words("/reason", request.reason)?;
    let shown = request.plan.as_deref().map(|plan| digest("/plan", plan)).transpose()?;
    let world = app.engine.world();
    policy(&world, &environment)?;
    let number = ReleaseNumber(request.release);
    let release = world.releases.get(&number).ok_or_else(|| no_release(number))?;
    if !request.dry_run {
        // Before resolving and before any confirmation: what may not be asked for at all needs neither.
        admissible(&world, &environment, number, None)?;
    }
    let spec = app.engine.ports().resolver.resolve(release, &environment, world.live(&environment)).await?;
    if !request.dry_run {
        admissible(&world, &environment, number, Some(&spec))?;
        confirmed(&world, &environment, request.confirm.as_deref())?;
    }
    let plan = plan_digest(release, &environment, &spec);
    if shown.is_some_and(|shown| shown != plan) {
        return Err(Refusal::new(
            RefusalCode::PlanChanged,
            format!("what would be done is not what was shown: its plan is {}", plan.short()),
        )
        .next(format!("towpath promote {number} {environment} --dry-run"))
        .into());
    }
    if request.dry_run {
        let proposed = Proposed { release, spec, live: world.live(&environment) };
        let plan = dry_run(&app, &world, &caller, &environment, proposed).await?;
        return Ok(Json(plan).into_response());
    }
    let command = Command::Promote { environment: environment.clone(), release: number, spec: Box::new(spec), reason };
    let done = app.submit(&caller, command).await?;
    let asked = done.events.iter().find_map(|event| {
        let Fact::PromotionRequested { promotion, .. } = &event.fact else { return None };
        Some(*promotion)
    });
    let status = if asked.is_some() { StatusCode::CREATED } else { StatusCode::OK };
    let same = |it: &Promotion| it.environment == environment && it.release == number && it.plan == plan;
    let waiting = || done.world.waiting().find(|it| same(it)).map(|it| it.number);
    let found = asked.or_else(waiting).and_then(|number| done.world.promotions.get(&number));
    let found = found.ok_or_else(|| ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR))?;
    let location = format!("/api/v1/promotions/{}", found.number.0);
    Ok((status, [(header::LOCATION, location)], Json(full(&app, &done.world, found).await?)).into_response())
}

/// What asking for a promotion is answered with.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it only describes the answer")]
enum Asked {
    /// What would be done.
    Plan(Box<PromotionPlan>),
    /// The promotion.
    Promotion(Box<PromotionView>),
}

/// What would run.
pub(super) struct Proposed<'a> {
    pub(super) release: &'a Release,
    pub(super) spec: DeploymentSpec,
    /// What it was resolved with.
    pub(super) live: &'a Live,
}

/// Returns what a promotion would do.
pub(super) async fn dry_run(
    app: &App,
    world: &World,
    caller: &Caller,
    environment: &EnvironmentName,
    Proposed { release, spec, live }: Proposed<'_>,
) -> Result<PromotionPlan, ApiError> {
    let (now, plan) = (app.engine.now(), plan_digest(release, environment, &spec));
    let tier = policy(world, environment)?.tier;
    let current = world.current(environment);
    let to = diff::Side { revision: None, release: Some(release), spec: &spec, live };
    let diff = diff::diff(app, current.map(|current| diff::Side::of(world, current)), to, environment).await?;
    let strategy = view::strategy_name(&spec.strategy).to_owned();
    let served = served_share(world, environment, &spec);
    let steps = view::planned(&steps(&spec, current.is_some(), false, served));
    let refusal = admissible(world, environment, release.number, Some(&spec)).err();
    let refusal = refusal.or_else(|| check_flag(world, environment, &spec).err());
    // The promotion as it would be, so that its gates say what they would say.
    let imagined = Promotion {
        number: world.next_promotion(),
        environment: environment.clone(),
        release: release.number,
        spec: std::sync::Arc::new(spec),
        plan,
        requested_by: caller.principal.clone(),
        requested_at: now,
        reason: None,
        approvals: Vec::new(),
        confirmed: Vec::new(),
        state: PromotionState::Waiting,
    };
    Ok(PromotionPlan {
        environment: environment.to_string(),
        tier: view::tier(tier),
        plan: plan.to_string(),
        diff,
        strategy,
        steps,
        gates: gates(world, &imagined, now).into_iter().map(view::gate).collect(),
        confirm: (tier == Tier::Production).then(|| environment.to_string()),
        refusal: refusal.map(refusal_view),
    })
}

/// Agrees to a promotion.
#[utoipa::path(post, path = "/api/v1/promotions/{number}/approve", operation_id = "approvePromotion", tag = "promotions",
    params(("number" = String, Path, description = "The number, with or without `p`.")),
    request_body = ApproveRequest,
    responses((status = 200, description = "The approval counts.", body = PromotionView)),
)]
pub(crate) async fn approve(
    State(app): State<Shared>,
    caller: Caller,
    Path(text): Path<String>,
    headers: HeaderMap,
    Body(request): Body<ApproveRequest>,
) -> Result<Json<PromotionView>, ApiError> {
    let number = meant(&app, &text, &headers)?;
    let plan = request.plan.as_deref().map(|plan| digest("/plan", plan)).transpose()?;
    let comment = words("/comment", request.comment)?;
    act(&app, &caller, number, Command::Approve { promotion: number, plan, comment }).await
}

/// Says no to a promotion and closes it.
#[utoipa::path(post, path = "/api/v1/promotions/{number}/reject", operation_id = "rejectPromotion", tag = "promotions",
    params(("number" = String, Path, description = "The number, with or without `p`.")),
    request_body = RejectRequest,
    responses((status = 200, description = "It is closed.", body = PromotionView)),
)]
pub(crate) async fn reject(
    State(app): State<Shared>,
    caller: Caller,
    Path(text): Path<String>,
    headers: HeaderMap,
    Body(request): Body<RejectRequest>,
) -> Result<Json<PromotionView>, ApiError> {
    let number = meant(&app, &text, &headers)?;
    let comment = words("/comment", request.comment)?;
    act(&app, &caller, number, Command::Reject { promotion: number, comment }).await
}

/// Ticks off an item of the checklist of a promotion.
#[utoipa::path(post, path = "/api/v1/promotions/{number}/confirm", operation_id = "confirmChecklistItem", tag = "promotions",
    params(("number" = String, Path, description = "The number, with or without `p`.")),
    request_body = ConfirmRequest,
    responses((status = 200, description = "It is ticked off.", body = PromotionView)),
)]
pub(crate) async fn confirm(
    State(app): State<Shared>,
    caller: Caller,
    Path(text): Path<String>,
    headers: HeaderMap,
    Body(request): Body<ConfirmRequest>,
) -> Result<Json<PromotionView>, ApiError> {
    let number = meant(&app, &text, &headers)?;
    act(&app, &caller, number, Command::Confirm { promotion: number, item: request.item }).await
}

fn meant(app: &App, text: &str, headers: &HeaderMap) -> Result<PromotionNumber, ApiError> {
    let world = app.engine.world();
    let found = find(&world, text)?;
    etag::unchanged(headers, &version(found))?;
    Ok(found.number)
}

async fn act(
    app: &App,
    caller: &Caller,
    number: PromotionNumber,
    command: Command,
) -> Result<Json<PromotionView>, ApiError> {
    let done = app.submit(caller, command).await?;
    let found = done.world.promotions.get(&number);
    let found = found.ok_or_else(|| ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR))?;
    Ok(Json(full(app, &done.world, found).await?))
}
