//! Changing flags while they serve: edits, taking back, taking over from another environment; what was changed; differences.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use http::HeaderMap;
use serde::Deserialize;
use towpath_core::{
    event::Fact,
    flags::{
        FlagDifference, FlagEdit, FlagKey, FlagPatch, FlagState, FlagTarget, FlagWish, LiveFlags, Percent, Presence,
        differences,
    },
    ids::{EnvironmentName, FlagChangeNumber},
    project::Tier,
    promotion::Approval,
    world::World,
};
use towpath_engine::flags::{DefinitionsError, FlagsAsked, FlagsError, FlagsProposed};
use utoipa::IntoParams;

use super::super::{
    look::policy,
    rollouts::confirmed,
    types::{
        ApprovalView, ChangeFlags, FlagChangeHow, FlagChangeView, FlagDifferenceView, FlagEditView, FlagEffect,
        FlagLog, FlagPresence, FlagPropertyView, FlagsChanged, FlagsDiff, PromoteFlags, UndoFlags,
    },
    view,
};
use crate::{
    app::{App, Shared},
    etag,
    extract::{Body, Caller, Params, digest, environment_name, words},
    problem::{ApiError, refusal_view},
};

/// Changes flags while they serve, all edits or none.
///
/// The flags are compiled before anything is recorded: with any mistake nothing changes. What is answered is served already,
/// unless others have to agree; switching off waits for nobody.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/flags/changes", operation_id = "changeFlags", tag = "flags",
    params(("environment" = String, Path, description = "The environment.")),
    request_body = ChangeFlags,
    responses((status = 200, description = "What came of it, or with `dryRun` what would.", body = FlagsChanged)),
)]
pub(crate) async fn change(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    Body(request): Body<ChangeFlags>,
) -> Result<Json<FlagsChanged>, ApiError> {
    let edits: Result<Vec<FlagEdit>, ApiError> =
        request.edits.into_iter().enumerate().map(|(place, edit)| read_edit(place, edit)).collect();
    let edits = edits?;
    if edits.is_empty() || edits.len() > towpath_core::flags::MAX_TARGETS {
        return Err(ApiError::field("/edits", format!("1 to {} edits", towpath_core::flags::MAX_TARGETS)));
    }
    carry_out(&app, &caller, &environment, FlagWish::Edit(edits), request.how).await
}

/// Takes a change of flags back: what it touched becomes what it was before.
///
/// What was changed again since is a conflict, and nothing is done. Waits for nobody unless it would switch a flag on.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/flags/undo", operation_id = "undoFlags", tag = "flags",
    params(("environment" = String, Path, description = "The environment.")),
    request_body = UndoFlags,
    responses((status = 200, description = "What came of it, or with `dryRun` what would.", body = FlagsChanged)),
)]
pub(crate) async fn undo(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    Body(request): Body<UndoFlags>,
) -> Result<Json<FlagsChanged>, ApiError> {
    let wish = FlagWish::Undo(request.number.map(FlagChangeNumber));
    carry_out(&app, &caller, &environment, wish, request.how).await
}

/// Makes flags what they are in another environment. What is equal is left out, and what is only here stays.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/flags/promote", operation_id = "promoteFlags", tag = "flags",
    params(("environment" = String, Path, description = "The environment that the flags are taken over to.")),
    request_body = PromoteFlags,
    responses((status = 200, description = "What came of it, or with `dryRun` what would.", body = FlagsChanged)),
)]
pub(crate) async fn promote(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    Body(request): Body<PromoteFlags>,
) -> Result<Json<FlagsChanged>, ApiError> {
    let from = EnvironmentName::new(&request.from).map_err(|error| ApiError::field("/from", error.to_string()))?;
    let wish = FlagWish::Promote { from, keys: request.keys };
    carry_out(&app, &caller, &environment, wish, request.how).await
}

/// Lists the latest changes of the flags of an environment, newest first.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/flags/changes", operation_id = "listFlagChanges", tag = "flags",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "Who changed what, when and why.", body = FlagLog)),
)]
pub(crate) async fn log(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let name = environment_name(&environment)?;
    let world = app.engine.world();
    policy(&world, &name)?;
    let log = FlagLog { environment: name.to_string(), changes: changes(&world.flags(&name)) };
    Ok(etag::tagged(&headers, &etag::version(&log), &log))
}

/// Which flags are compared.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffQuery {
    /// The left environment.
    from: String,
    /// The right environment.
    to: String,
}

/// Says how the flags of two environments differ, property by property, with every live change.
#[utoipa::path(get, path = "/api/v1/flags/diff", operation_id = "diffFlags", tag = "flags", params(DiffQuery),
    responses((status = 200, description = "What differs.", body = FlagsDiff)),
)]
pub(crate) async fn diff(
    State(app): State<Shared>,
    Params(query): Params<DiffQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (from, to) = (environment_name(&query.from)?, environment_name(&query.to)?);
    let world = app.engine.world();
    policy(&world, &from)?;
    policy(&world, &to)?;
    let left = app.engine.flag_document(&world, &from).await?;
    let right = app.engine.flag_document(&world, &to).await?;
    let differences = differences(&left, &right).iter().map(difference).collect();
    let diff = FlagsDiff { from: from.to_string(), to: to.to_string(), differences };
    Ok(etag::tagged(&headers, &etag::version(&serde_json::to_value(&diff).unwrap_or_default()), &diff))
}

async fn carry_out(
    app: &App,
    caller: &Caller,
    environment: &str,
    wish: FlagWish,
    how: FlagChangeHow,
) -> Result<Json<FlagsChanged>, ApiError> {
    let environment = environment_name(environment)?;
    let is_undo = matches!(wish, FlagWish::Undo(_));
    let asked = FlagsAsked {
        environment,
        wish,
        reason: words("/reason", how.reason)?,
        shown: how.plan.as_deref().map(|plan| digest("/plan", plan)).transpose()?,
    };
    let proposed = app.engine.propose_flags(&caller.principal, &asked).await?;
    let (world, environment) = (&proposed.world, &asked.environment);
    let policy = policy(world, environment)?;
    let work = &proposed.wished.work;
    // With nothing to write down for a change that is one, the same waits already.
    let asked_before = proposed.decided.as_ref().is_ok_and(Vec::is_empty);
    let effect = match (work.changes.is_empty(), proposed.waits() || asked_before) {
        (true, _) => FlagEffect::Unchanged,
        (false, true) => FlagEffect::Waits,
        (false, false) => FlagEffect::Changed,
    };
    let harmless = is_undo || work.differences.iter().all(FlagDifference::only_switches_off);
    let confirm = policy.tier == Tier::Production && effect == FlagEffect::Changed && !harmless;
    let mut shown = planned(&proposed, environment, policy.tier, (effect, confirm));
    if how.dry_run {
        shown.refusal = proposed.decided.err().map(refusal_view);
        return Ok(Json(shown));
    }
    // A refusal that is certain needs no confirmation first.
    proposed.decided?;
    if confirm {
        confirmed(world, environment, how.confirm.as_deref())?;
    }
    let (_, done) = app.engine.change_flags(&caller.principal, &asked, &caller.request).await?;
    shown.effect = FlagEffect::Unchanged;
    for event in &done.events {
        if let Fact::FlagsChanged(change) = &event.fact {
            (shown.effect, shown.number) = (FlagEffect::Changed, Some(change.number.0));
            shown.lines.clone_from(&change.words);
        } else if let Fact::FlagChangeRequested(asked) = &event.fact {
            (shown.effect, shown.number) = (FlagEffect::Waits, Some(asked.change.number.0));
        }
    }
    let waits =
        (effect == FlagEffect::Waits && done.events.is_empty()).then(|| same_request(&done.world, &asked, &shown.plan));
    if let Some(number) = waits.flatten() {
        (shown.effect, shown.number) = (FlagEffect::Waits, Some(number));
    }
    shown.outdated = outdated(&done.world, &asked.environment, shown.number);
    Ok(Json(shown))
}

fn planned(
    proposed: &FlagsProposed,
    environment: &EnvironmentName,
    tier: Tier,
    (effect, confirm): (FlagEffect, bool),
) -> FlagsChanged {
    let work = &proposed.wished.work;
    FlagsChanged {
        environment: environment.to_string(),
        tier: view::tier(tier),
        effect,
        number: None,
        plan: work.plan.to_string(),
        lines: work.words.clone(),
        differences: work.differences.iter().map(difference).collect(),
        undoes: proposed.wished.undoes.map(|number| number.0),
        confirm,
        outdated: Vec::new(),
        refusal: None,
    }
}

/// Returns the number of the same change that waits already.
fn same_request(world: &World, asked: &FlagsAsked, plan: &str) -> Option<u64> {
    let live = world.flags(&asked.environment);
    live.requests.values().find(|it| it.asked.plan.to_string() == plan).map(|it| it.asked.change.number.0)
}

fn outdated(world: &World, environment: &EnvironmentName, by: Option<u64>) -> Vec<u64> {
    let Some(by) = by else { return Vec::new() };
    let live = world.flags(environment);
    let outdated = live.requests.values().filter(|it| it.outdated_by == Some(FlagChangeNumber(by)));
    outdated.map(|it| it.asked.change.number.0).collect()
}

fn read_edit(place: usize, edit: FlagEditView) -> Result<FlagEdit, ApiError> {
    let key = |text: &str| {
        FlagKey::new(text).map_err(|error| ApiError::field(&format!("/edits/{place}/flag"), error.to_string()))
    };
    Ok(match edit {
        FlagEditView::State { flag, enabled } => {
            FlagEdit::State(key(&flag)?, if enabled { FlagState::Enabled } else { FlagState::Disabled })
        }
        FlagEditView::Default { flag, variant } => FlagEdit::Default(key(&flag)?, variant),
        FlagEditView::Percentage { flag, variant, percent } => {
            let percent: Percent = percent.parse().map_err(|error: towpath_core::flags::PercentError| {
                ApiError::field(&format!("/edits/{place}/percent"), error.to_string())
            })?;
            FlagEdit::Percentage(key(&flag)?, variant, percent)
        }
        FlagEditView::Targeting { flag, targeting } => FlagEdit::Targeting(key(&flag)?, Some(targeting)),
        FlagEditView::Patch { flag, patch } => FlagEdit::Patch(key(&flag)?, FlagPatch(patch)),
        FlagEditView::Segment { segment, rule } => FlagEdit::Segment(segment, rule),
        FlagEditView::ResetFlag { flag } => FlagEdit::Reset(FlagTarget::Flag(key(&flag)?)),
        FlagEditView::ResetSegment { segment } => FlagEdit::Reset(FlagTarget::Segment(segment)),
    })
}

fn changes(live: &LiveFlags) -> Vec<FlagChangeView> {
    let view = |record: &std::sync::Arc<towpath_core::flags::FlagRecord>| FlagChangeView {
        number: record.change.number.0,
        at: record.at,
        by: record.by.to_string(),
        reason: record.change.reason.clone(),
        lines: record.change.words.clone(),
        targets: record.change.changes.iter().map(|it| it.target.to_string()).collect(),
        approvals: record.approvals.iter().map(approval).collect(),
        undoes: record.change.undoes.map(|number| number.0),
        undone_by: record.undone_by.map(|number| number.0),
        from: record.change.from.as_ref().map(ToString::to_string),
        event: record.sequence,
    };
    live.records.iter().rev().map(view).collect()
}

pub(super) fn approval(approval: &Approval) -> ApprovalView {
    ApprovalView { by: approval.by.to_string(), at: approval.at, comment: approval.comment.clone() }
}

fn difference(it: &FlagDifference) -> FlagDifferenceView {
    let (flag, segment) = match &it.target {
        FlagTarget::Flag(key) => (Some(key.to_string()), None),
        FlagTarget::Segment(name) => (None, Some(name.clone())),
    };
    let presence = match it.presence {
        Presence::Both => FlagPresence::Both,
        Presence::Left => FlagPresence::Left,
        Presence::Right => FlagPresence::Right,
    };
    let properties = it.properties.iter().map(|it| FlagPropertyView {
        property: it.property.clone(),
        left: it.left.clone(),
        right: it.right.clone(),
    });
    FlagDifferenceView { flag, segment, presence, properties: properties.collect(), lines: it.lines() }
}

impl From<DefinitionsError> for ApiError {
    fn from(error: DefinitionsError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the definitions of flags cannot be read");
        Self::unavailable("flags_unreadable", format!("{error}; nothing was changed"))
    }
}

impl From<FlagsError> for ApiError {
    fn from(error: FlagsError) -> Self {
        match error {
            FlagsError::Submit(error) => error.into(),
            FlagsError::Definitions(error) => error.into(),
        }
    }
}
