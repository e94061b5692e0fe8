//! The live overlay: showing it, laying values over the files of an environment, taking them off.
//!
//! A change is resolved before it is recorded, and what it changes in what runs is asked for as a promotion like any other.
//! Nothing that runs is touched here.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use http::HeaderMap;
use towpath_core::{
    command::{Asker, Command, Configured, OverlayChange},
    config::Live,
    decide::{
        decide,
        overlay::{lay, plan_of},
        promotion::plan_digest,
    },
    deployment::DeploymentSpec,
    event::{Event, Fact},
    ids::{Digest, EnvironmentName, PromotionNumber},
    refusal::{Refusal, RefusalCode},
    release::Release,
    world::World,
};
use towpath_engine::{SubmitError, ports::ResolveError};

use super::{
    look::policy,
    promotions::{Proposed, dry_run, full},
    rollouts::confirmed,
    types::{OverlayChanged, OverlayEffect, OverlayView, SetOverlay, Tier},
    view,
};
use crate::{
    app::{App, Shared},
    configuration::{line, resolve, view as diagnostic},
    etag,
    extract::{Body, Caller, Params, digest, environment_name, words},
    problem::{ApiError, refusal_view},
};

/// How often a change is worked out anew when something else was quicker.
const TRIES: u32 = 4;

/// Shows what is laid over the files of every release in an environment.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/overlay", operation_id = "showOverlay", tag = "configuration",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "The live overlay: values with who set them, when and why.", body = OverlayView)),
)]
pub(crate) async fn overlay(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let name = environment_name(&environment)?;
    let world = app.engine.world();
    policy(&world, &name)?;
    let live = world.live(&name);
    Ok(etag::tagged(&headers, &view::overlay_version(live), &view::overlay(&world, &name, live)))
}

/// Sets values of the live overlay, all of them or none.
///
/// They are resolved with the files of the release that runs first: with any mistake nothing is recorded. Recording changes
/// nothing that runs; unless `recordOnly` is given, the release that runs is asked for again in the same step, as a promotion
/// with its gates, its approvals and a rollout by the environment's strategy. Values of secrets are refused, since the ledger
/// is never erased.
#[utoipa::path(put, path = "/api/v1/environments/{environment}/overlay", operation_id = "setOverlay", tag = "configuration",
    params(("environment" = String, Path, description = "The environment."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read: refused with 412 when it has changed since.")),
    request_body = SetOverlay,
    responses((status = 200, description = "What came of it, or with `dryRun` what would.", body = OverlayChanged)),
)]
pub(crate) async fn set(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    headers: HeaderMap,
    Body(request): Body<SetOverlay>,
) -> Result<Json<OverlayChanged>, ApiError> {
    let values = request.values.into_iter();
    let wish = Wish {
        changes: values.map(|it| OverlayChange::Set { key: it.key, value: it.value }).collect(),
        reason: words("/reason", request.reason)?,
        record_only: request.record_only,
        dry_run: request.dry_run,
        confirm: request.confirm,
        plan: request.plan.as_deref().map(|plan| digest("/plan", plan)).transpose()?,
    };
    change(&app, &caller, &environment, &headers, &wish).await
}

/// Takes keys off the live overlay, all of them or none: the files decide again.
///
/// What it changes in what runs is asked for as when setting.
#[utoipa::path(delete, path = "/api/v1/environments/{environment}/overlay", operation_id = "unsetOverlay", tag = "configuration",
    params(("environment" = String, Path, description = "The environment."),
        ("key" = Vec<String>, Query, description = "The keys, each as a `key=` of its own."),
        ("reason" = Option<String>, Query, description = "Why; needed where users are (tier production)."),
        ("recordOnly" = Option<bool>, Query, description = "Only records it; nothing is asked for."),
        ("dryRun" = Option<bool>, Query, description = "Says what would be done, and does nothing."),
        ("confirm" = Option<String>, Query, description = "The name of the environment; needed where users are, unless it is a dry run."),
        ("plan" = Option<String>, Query, description = "The checksum of the plan that was shown by a dry run."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read: refused with 412 when it has changed since.")),
    responses((status = 200, description = "What came of it, or with `dryRun` what would.", body = OverlayChanged)),
)]
pub(crate) async fn unset(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    headers: HeaderMap,
    Params(query): Params<Vec<(String, String)>>,
) -> Result<Json<OverlayChanged>, ApiError> {
    let wish = Wish::of_query(query)?;
    change(&app, &caller, &environment, &headers, &wish).await
}

/// What is asked for.
#[derive(Debug, Default)]
struct Wish {
    changes: Vec<OverlayChange>,
    reason: Option<String>,
    record_only: bool,
    dry_run: bool,
    confirm: Option<String>,
    plan: Option<Digest>,
}

impl Wish {
    fn of_query(query: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut wish = Self::default();
        let truth = |name: &str, value: &str| match value {
            "true" | "" => Ok(true),
            "false" => Ok(false),
            _ => Err(ApiError::invalid("query_invalid", format!("`{name}` is `true` or `false`"))),
        };
        for (name, value) in query {
            match name.as_str() {
                "key" => wish.changes.push(OverlayChange::Unset { key: value }),
                "reason" => wish.reason = words("/reason", Some(value))?,
                "recordOnly" => wish.record_only = truth(&name, &value)?,
                "dryRun" => wish.dry_run = truth(&name, &value)?,
                "confirm" => wish.confirm = Some(value),
                "plan" => wish.plan = Some(digest("/plan", &value)?),
                _ => {
                    let error = ApiError::invalid("query_invalid", format!("the query has no `{name}`"));
                    return Err(error.next("one of: key, reason, recordOnly, dryRun, confirm, plan"));
                }
            }
        }
        Ok(wish)
    }
}

async fn change(
    app: &App,
    caller: &Caller,
    environment: &str,
    headers: &HeaderMap,
    wish: &Wish,
) -> Result<Json<OverlayChanged>, ApiError> {
    let name = environment_name(environment)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let world = app.engine.world();
        policy(&world, &name)?;
        etag::unchanged(headers, &view::overlay_version(world.live(&name)))?;
        let asker = Asker { principal: caller.principal.clone(), now: app.engine.now() };
        let work = work_out(app, &world, &name, wish, &asker).await?;
        work.as_shown(wish.plan)?;
        if wish.dry_run {
            return Ok(Json(work.planned(app, &world, caller, &asker).await?));
        }
        // A refusal that is certain needs no confirmation first.
        decide(&world, &work.command, &asker)?;
        confirmed(&world, &name, wish.confirm.as_deref())?;
        match app.engine.submit(&caller.principal, work.command.clone(), &caller.request).await {
            Ok(done) => return Ok(Json(work.done(app, &done.world, &done.events).await?)),
            // Something else was quicker: it is worked out anew from what holds now.
            Err(SubmitError::Refused(refusal)) if refusal.code == RefusalCode::Stale && tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A change that was worked out.
struct Work {
    environment: EnvironmentName,
    tier: Tier,
    command: Command,
    live: Live,
    changed: Vec<String>,
    effect: OverlayEffect,
    warnings: Vec<String>,
    /// What would run, where something does.
    proposed: Option<(Release, DeploymentSpec)>,
    plan: Option<Digest>,
}

async fn work_out(
    app: &App,
    world: &World,
    environment: &EnvironmentName,
    wish: &Wish,
    asker: &Asker,
) -> Result<Work, ApiError> {
    let current = world.current(environment);
    let files = app.files(world, current.map(|current| current.release)).await?;
    let before = world.live(environment);
    let loaded = files.load(environment, before);
    let named = |change: &OverlayChange| match change {
        OverlayChange::Set { key, value } => OverlayChange::Set { key: loaded.overlay_key(key), value: value.clone() },
        OverlayChange::Unset { key } => OverlayChange::Unset { key: loaded.overlay_key(key) },
    };
    let changes: Vec<OverlayChange> = wish.changes.iter().map(named).collect();
    let (live, _) = lay(world, environment, &changes, wish.reason.as_ref(), asker)?;
    let keys = live.changed(before);
    let secrets = loaded.secrets_laid(&live, &keys);
    if !secrets.is_empty() {
        let found: Vec<_> = secrets.iter().map(|found| diagnostic(found, loaded.sources())).collect();
        let detail = "the value of a secret may not be set here; nothing was changed";
        return Err(ApiError::invalid("secret_in_overlay", detail).details(found.iter().map(line).collect()));
    }
    let (_, warnings) = resolve(&loaded, environment, &live)?;
    let proposed = match current.and_then(|current| world.releases.get(&current.release)) {
        Some(release) => Some((Release::clone(release), spec(app, release, environment, &live).await?)),
        None => None,
    };
    let outdated = outdated(app, world, environment, &live).await?;
    let differs = current.zip(proposed.as_ref()).is_some_and(|(current, (_, spec))| *current.spec != *spec);
    let effect = match (&proposed, wish.record_only, differs) {
        (None, _, _) => OverlayEffect::NothingRuns,
        (Some(_), true, _) => OverlayEffect::RecordedOnly,
        (Some(_), false, true) => OverlayEffect::Promotion,
        (Some(_), false, false) => OverlayEffect::Unchanged,
    };
    let promote = proposed.as_ref().filter(|_| effect == OverlayEffect::Promotion);
    let promote = promote.map(|(release, spec)| (release.number, Box::new(spec.clone())));
    let configured = Configured { seen: before.digest(), promote, outdated };
    let plan = plan_of(world, environment, &configured);
    let command =
        Command::ChangeOverlay { environment: environment.clone(), changes, reason: wish.reason.clone(), configured };
    let warnings = warnings.iter().map(line).collect();
    let tier = view::tier(policy(world, environment)?.tier);
    Ok(Work { environment: environment.clone(), tier, command, live, changed: keys, effect, warnings, proposed, plan })
}

async fn spec(
    app: &App,
    release: &Release,
    environment: &EnvironmentName,
    live: &Live,
) -> Result<DeploymentSpec, ApiError> {
    Ok(app.engine.ports().resolver.resolve(release, environment, live).await?)
}

/// Promotions that wait and would do something else with this laid over the files.
async fn outdated(
    app: &App,
    world: &World,
    environment: &EnvironmentName,
    live: &Live,
) -> Result<Vec<PromotionNumber>, ApiError> {
    let mut outdated = Vec::new();
    for promotion in world.waiting().filter(|promotion| promotion.environment == *environment) {
        let Some(release) = world.releases.get(&promotion.release) else { continue };
        match app.engine.ports().resolver.resolve(release, environment, live).await {
            Ok(spec) if plan_digest(release, environment, &spec) == promotion.plan => {}
            // What cannot be resolved any more could not be started either.
            Ok(_) | Err(ResolveError::Invalid { .. }) => outdated.push(promotion.number),
            Err(error @ (ResolveError::Blob(_) | ResolveError::Secrets(_))) => return Err(error.into()),
        }
    }
    Ok(outdated)
}

impl Work {
    /// Refuses what is not what a dry run showed.
    fn as_shown(&self, shown: Option<Digest>) -> Result<(), Refusal> {
        if shown.is_none() || shown == self.plan {
            return Ok(());
        }
        let now = self
            .plan
            .map_or_else(|| "nothing would be done".to_owned(), |plan| format!("its plan is {}", plan.short()));
        Err(Refusal::new(RefusalCode::PlanChanged, format!("what would be done is not what was shown: {now}"))
            .next("look at it with --dry-run again"))
    }

    fn view(&self, world: &World, live: &Live) -> OverlayChanged {
        OverlayChanged {
            tier: self.tier,
            overlay: view::overlay(world, &self.environment, live),
            changed: self.changed.clone(),
            effect: self.effect,
            release: self.proposed.as_ref().map(|(release, _)| release.number.0),
            plan: None,
            promotion: None,
            closed: Vec::new(),
            warnings: self.warnings.clone(),
        }
    }

    /// What would be done.
    async fn planned(
        self,
        app: &App,
        world: &World,
        caller: &Caller,
        asker: &Asker,
    ) -> Result<OverlayChanged, ApiError> {
        let mut view = self.view(world, &self.live);
        let decided = decide(world, &self.command, asker);
        if let Ok(events) = &decided {
            view.closed = closed(events.iter().map(|event| &event.fact));
        }
        let Some((release, spec)) = self.proposed.filter(|_| self.effect == OverlayEffect::Promotion) else {
            decided?;
            return Ok(view);
        };
        let proposed = Proposed { release: &release, spec, live: &self.live };
        let mut plan = dry_run(app, world, caller, &self.environment, proposed).await?;
        plan.refusal = decided.err().map(refusal_view).or(plan.refusal);
        view.plan = Some(Box::new(plan));
        Ok(view)
    }

    /// What was done.
    async fn done(
        self,
        app: &App,
        world: &World,
        events: &[std::sync::Arc<Event>],
    ) -> Result<OverlayChanged, ApiError> {
        let mut view = self.view(world, world.live(&self.environment));
        view.closed = closed(events.iter().map(|event| &event.fact));
        let waits = world.waiting().find(|it| it.environment == self.environment && Some(it.plan) == self.plan);
        if let Some(promotion) = waits {
            view.promotion = Some(Box::new(full(app, world, promotion).await?));
        }
        Ok(view)
    }
}

fn closed<'a>(facts: impl Iterator<Item = &'a Fact>) -> Vec<u64> {
    let mut closed = Vec::new();
    for fact in facts {
        if let Fact::PromotionFailed { promotion, .. } | Fact::PromotionSuperseded { promotion, .. } = fact {
            closed.push(promotion.0);
        }
    }
    closed
}
