//! The life of environments: making previews, letting them live longer, destroying, collecting what nobody needs.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use towpath_core::{
    command::Command,
    config::{AuthorError, Live, NewEnvironment},
    decide::{decide, lifecycle::may_be_destroyed},
    event::Fact,
    ids::{EnvironmentName, ReleaseNumber},
    lifecycle::DestroyCause,
    project::{self, EnvironmentPolicy},
    refusal::{Refusal, RefusalCode},
    units::Millis,
    world::World,
};
use towpath_engine::{CollectError, ListError};

use super::{
    no_release,
    types::{
        CollectGarbage, CreatePreview, DestroyEnvironment, Destruction, ExtendPreview, GarbageView, LifeView,
        PreviewView, Tier,
    },
    view,
};
use crate::{
    app::{App, Shared},
    configuration::resolve,
    extract::{Body, Caller, digest, environment_name, limited, words},
    problem::ApiError,
};

/// The longest value of a preview, and the most of them.
const MAX_VALUE: usize = 16 << 10;
const MAX_VALUES: usize = 200;

/// Makes a preview: a short-lived environment that is in no file of the project.
///
/// It is built on another environment, takes free ports of its own, has no gates but its own, stands in nobody's way and is
/// destroyed when its time is over. With `release` that release goes in at once.
#[utoipa::path(post, path = "/api/v1/previews", operation_id = "createPreview", tag = "environments", request_body = CreatePreview, responses(
    (status = 200, description = "What would be made (`dryRun`).", body = PreviewView),
    (status = 201, description = "It was made; `Location` is where it is.", body = PreviewView),
))]
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    Body(request): Body<CreatePreview>,
) -> Result<Response, ApiError> {
    let reason = words("/reason", request.reason.clone())?;
    let world = app.engine.world();
    let release = request.release.map(ReleaseNumber);
    let files = app.files(&world, release).await?;
    let loaded = towpath_core::config::load(&files.sources);
    let new = asked(&request)?;
    let name = loaded.new_name(&request.name).map_err(|error| unauthored("/name", &error))?;
    let file = loaded.preview_file(&name, &new).map_err(|error| {
        let pointer = if matches!(error, AuthorError::UnknownParent { .. }) { "/extends" } else { "/set" };
        unauthored(pointer, &error)
    })?;
    let live = Live { file: Some(file.clone()), ..Live::NONE };
    let (resolved, _) = resolve(&files.load(&name, &live), &name, &live)?;
    let extends = loaded.find(&request.extends).map_err(|error| ApiError::field("/extends", error.to_string()))?;
    let (tier, gates, flags) = (resolved.tier, resolved.gates, resolved.flags);
    let policy = EnvironmentPolicy { tier, after: Vec::new(), automatic: false, gates, flags };
    let ttl = Millis(request.ttl_ms);
    let command =
        Command::CreatePreview { environment: name.clone(), file, extends, policy, ttl, reason: reason.clone() };
    if request.dry_run {
        let asker = towpath_core::command::Asker { principal: caller.principal.clone(), now: app.engine.now() };
        let decided = decide(&world, &command, &asker)?;
        let (after, _) = towpath_core::decide::commit(World::clone(&world), decided, &asker, &caller.request);
        return Ok(Json(shown(&after, &name, None)?).into_response());
    }
    // What cannot go in is found before anything is made.
    let spec = match release {
        None => None,
        Some(number) => {
            let found = world.releases.get(&number).ok_or_else(|| no_release(number))?;
            Some((number, app.engine.ports().resolver.resolve(found, &name, &live).await?))
        }
    };
    let mut done = app.submit(&caller, command).await?;
    let mut promotion = None;
    if let Some((release, spec)) = spec {
        let command = Command::Promote { environment: name.clone(), release, spec: Box::new(spec), reason };
        done = app.submit(&caller, command).await?;
        promotion = done.events.iter().find_map(|event| {
            let Fact::PromotionRequested { promotion, .. } = &event.fact else { return None };
            Some(promotion.0)
        });
    }
    let location = format!("/api/v1/environments/{name}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(shown(&done.world, &name, promotion)?))
        .into_response())
}

fn asked(request: &CreatePreview) -> Result<NewEnvironment, ApiError> {
    if request.set.len() > MAX_VALUES || request.set.iter().any(|one| one.value.len() > MAX_VALUE) {
        return Err(ApiError::field("/set", format!("at most {MAX_VALUES} values of {MAX_VALUE} bytes")));
    }
    Ok(NewEnvironment {
        extends: Some(request.extends.clone()),
        tier: request.tier.map(core_tier),
        description: limited("/description", request.description.clone(), MAX_VALUE)?,
        aliases: Vec::new(),
        set: request.set.iter().map(|one| (one.key.clone(), one.value.clone())).collect(),
    })
}

fn core_tier(tier: Tier) -> project::Tier {
    match tier {
        Tier::Development => project::Tier::Development,
        Tier::Testing => project::Tier::Testing,
        Tier::Staging => project::Tier::Staging,
        Tier::Production => project::Tier::Production,
    }
}

fn unauthored(pointer: &str, error: &AuthorError) -> ApiError {
    let free = error.free().map(|free| format!("`{free}` is free"));
    let next = free.unwrap_or_else(|| error.next().to_owned());
    match error {
        AuthorError::Exists { .. } | AuthorError::Alias { .. } => {
            Refusal::new(RefusalCode::NameTaken, error.to_string()).next(next).into()
        }
        AuthorError::Name(_)
        | AuthorError::Reserved(_)
        | AuthorError::UnknownParent { .. }
        | AuthorError::Key { .. }
        | AuthorError::Broken(_) => ApiError::field(pointer, error.to_string()).next(next),
    }
}

fn shown(world: &World, name: &EnvironmentName, promotion: Option<u64>) -> Result<PreviewView, ApiError> {
    let preview = world.previews.get(name).ok_or_else(|| unknown(name))?;
    Ok(view::preview(world, name, preview, promotion))
}

fn unknown(name: &EnvironmentName) -> ApiError {
    ApiError::not_found(format!("nothing is known of an environment `{name}`")).next("towpath env list")
}

/// Lets a preview live longer: until `ttlMs` from now.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/extend", operation_id = "extendPreview", tag = "environments",
    params(("environment" = String, Path, description = "The preview.")), request_body = ExtendPreview,
    responses((status = 200, description = "The preview.", body = PreviewView)),
)]
pub(crate) async fn extend(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    Body(request): Body<ExtendPreview>,
) -> Result<Json<PreviewView>, ApiError> {
    let name = environment_name(&environment)?;
    let command = Command::ExtendPreview { environment: name.clone(), ttl: Millis(request.ttl_ms) };
    let done = app.submit(&caller, command).await?;
    Ok(Json(shown(&done.world, &name, None)?))
}

/// Shows where an environment is in its life, also after it was destroyed.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/life", operation_id = "showLife", tag = "environments",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "Its life.", body = LifeView)),
)]
pub(crate) async fn life(
    State(app): State<Shared>,
    Path(environment): Path<String>,
) -> Result<Json<LifeView>, ApiError> {
    let name = environment_name(&environment)?;
    view::life(&app.engine.world(), &name).map(Json).ok_or_else(|| unknown(&name))
}

/// Destroys an environment: first a dry run lists what goes, then its checksum says that this was seen.
///
/// What runs is drained and stopped, routes are closed, files and blobs that nobody else uses are removed; the history stays.
/// An environment of the pipeline cannot be destroyed. Where users are (tier production) a reason and the name are needed.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/destroy", operation_id = "destroyEnvironment", tag = "environments",
    params(("environment" = String, Path, description = "The environment.")), request_body = DestroyEnvironment,
    responses(
        (status = 200, description = "What would go (`dryRun`).", body = Destruction),
        (status = 202, description = "It goes; `Location` is where to see how far it is.", body = Destruction),
    ),
)]
pub(crate) async fn destroy(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    Body(request): Body<DestroyEnvironment>,
) -> Result<Response, ApiError> {
    let name = environment_name(&environment)?;
    let world = app.engine.world();
    may_be_destroyed(&world, &name)?;
    let listing = app.engine.listing(&name).await.map_err(unlisted)?;
    let tier = tier(&app, &world, &name).await;
    let going = world.destroying(&name).is_some();
    let shown = view::destruction(&listing, tier.map(view::tier), going);
    if request.dry_run {
        return Ok(Json(shown).into_response());
    }
    let reason = words("/reason", request.reason)?;
    if !going {
        meant(&name, tier, reason.as_deref(), request.confirm.as_deref())?;
        let seen = request.listing.as_deref().ok_or_else(|| {
            ApiError::field("/listing", "this needs the checksum of what a dry run listed; nothing was changed")
        })?;
        if digest("/listing", seen)? != listing.digest() {
            return Err(changed(
                &format!("what goes with {name} is not what was listed"),
                &format!("env destroy {name}"),
            ));
        }
        let goes = listing.totals();
        let (claims, cause) = (listing.claims, DestroyCause::Asked { reason });
        app.submit(&caller, Command::Destroy { environment: name.clone(), cause, claims, goes }).await?;
    }
    let location = format!("/api/v1/environments/{name}/life");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(shown)).into_response())
}

/// Returns the tier of an environment, as far as it can be told.
async fn tier(app: &App, world: &World, name: &EnvironmentName) -> Option<project::Tier> {
    if let Some(policy) = world.policy(name) {
        return Some(policy.tier);
    }
    let live = world.live(name);
    let files = app.files(world, None).await.ok()?;
    resolve(&files.load(name, live), name, live).ok().map(|(resolved, _)| resolved.tier)
}

/// Checks that somebody means it, where users are or may be.
fn meant(
    name: &EnvironmentName,
    tier: Option<project::Tier>,
    reason: Option<&str>,
    confirm: Option<&str>,
) -> Result<(), ApiError> {
    if confirm.is_some_and(|given| given != name.as_str()) {
        return Err(ApiError::field("/confirm", format!("this confirms another environment than `{name}`")));
    }
    if tier.is_some_and(|tier| tier != project::Tier::Production) {
        return Ok(());
    }
    if reason.is_none() {
        let message = format!("{name} may be where users are: destroying it needs a reason; nothing was changed");
        return Err(Refusal::new(RefusalCode::ReasonRequired, message).next("say why with --reason \"…\"").into());
    }
    if confirm.is_none() {
        return Err(ApiError::new(
            StatusCode::PRECONDITION_REQUIRED,
            super::types::ProblemKind::Refused,
            "confirmation_required",
            format!("{name} may be where users are: this needs to be confirmed; nothing was changed"),
        )
        .next(format!("look at the dry run, then give `confirm`: \"{name}\" (`--confirm {name}`)")));
    }
    Ok(())
}

fn changed(message: &str, command: &str) -> ApiError {
    Refusal::new(RefusalCode::PlanChanged, format!("{message} any more; nothing was removed"))
        .next(format!("towpath {command} --dry-run, and look again"))
        .into()
}

fn unlisted(error: ListError) -> ApiError {
    match error {
        ListError::Unknown(name) => unknown(&name),
        ListError::Blobs(error) => error.into(),
        ListError::Target(error) => error.into(),
        ListError::Samples(error) => ApiError::internal(&error),
        ListError::Experiments(error) => ApiError::internal(&error),
    }
}

/// Removes blobs that nothing names and files of revisions that cannot be gone back to; with `dryRun` only lists them.
#[utoipa::path(post, path = "/api/v1/gc", operation_id = "collectGarbage", tag = "environments", request_body = CollectGarbage,
    responses((status = 200, description = "What was removed, or would be (`dryRun`).", body = GarbageView)),
)]
pub(crate) async fn collect(
    State(app): State<Shared>,
    caller: Caller,
    Body(request): Body<CollectGarbage>,
) -> Result<Json<GarbageView>, ApiError> {
    let garbage = app.engine.garbage().await.map_err(uncollected)?;
    if !request.dry_run {
        let seen = request.listing.as_deref().map(|seen| digest("/listing", seen)).transpose()?;
        if seen.is_some_and(|seen| seen != garbage.digest()) {
            return Err(changed("what nobody needs is not what was listed", "gc"));
        }
        app.engine.collect(&caller.principal, &garbage, &caller.request).await.map_err(uncollected)?;
    }
    Ok(Json(view::garbage(&garbage, !request.dry_run)))
}

fn uncollected(error: CollectError) -> ApiError {
    match error {
        CollectError::Target(error) => error.into(),
        CollectError::Blobs(error) => error.into(),
        CollectError::Submit(error) => error.into(),
    }
}
