//! Schedules and ramps of flags: asking for them, agreeing, taking back, looking.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use towpath_core::{
    command::Command,
    event::Fact,
    flags::{
        FlagKey, FlagSchedule, FlagWish, MAX_STEPS, Percent, ScheduleCommand, ScheduleState, ScheduledSet,
        ScheduledStep, moment,
    },
    ids::{EnvironmentName, ScheduleNumber},
    world::World,
};
use towpath_engine::flags::FlagsAsked;

use super::{
    super::{
        look::policy,
        rollouts::confirmed,
        types::{
            AnswerSchedule, FlagScheduleList, FlagScheduleState, FlagScheduleStep, FlagScheduleView, RampFlag,
            ScheduleFlag, ScheduledSetView,
        },
    },
    changes::approval,
};
use crate::{
    app::{App, Shared},
    etag,
    extract::{Body, Caller, environment_name, words},
    problem::ApiError,
};

/// Lists the schedules of the flags of an environment: those that are not over and the last that are, the newest first.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/flags/schedules", operation_id = "listFlagSchedules", tag = "flags",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "What is going to change by itself, and what became of the rest.", body = FlagScheduleList)),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let name = environment_name(&environment)?;
    let (world, now) = (app.engine.world(), app.engine.now());
    policy(&world, &name)?;
    let list = FlagScheduleList { schedules: of(&world, &name, now) };
    Ok(etag::tagged(&headers, &etag::version(&serde_json::to_value(&list).unwrap_or_default()), &list))
}

/// Lists the schedules of the flags of every environment.
#[utoipa::path(get, path = "/api/v1/flags/schedules", operation_id = "listAllFlagSchedules", tag = "flags",
    responses((status = 200, description = "What is going to change by itself, and what became of the rest.", body = FlagScheduleList)),
)]
pub(crate) async fn all(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, ApiError> {
    let (world, now) = (app.engine.world(), app.engine.now());
    let schedules = world.environments.keys().flat_map(|name| of(&world, name, now)).collect();
    let list = FlagScheduleList { schedules };
    Ok(etag::tagged(&headers, &etag::version(&serde_json::to_value(&list).unwrap_or_default()), &list))
}

/// Schedules a change of a flag.
///
/// Where changes of flags need approvals the schedule waits for them, until its time; switching off waits for nobody. At its time
/// the control plane makes the change, also if it was away then. Whoever changes the same by hand before cancels it.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/flags/schedules", operation_id = "scheduleFlag", tag = "flags",
    params(("environment" = String, Path, description = "The environment.")),
    request_body = ScheduleFlag,
    responses((status = 200, description = "The schedule.", body = FlagScheduleView)),
)]
pub(crate) async fn add(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    Body(request): Body<ScheduleFlag>,
) -> Result<Json<FlagScheduleView>, ApiError> {
    let at =
        moment(&request.at, request.time_zone.as_deref()).map_err(|error| ApiError::field("/at", error.to_string()))?;
    let steps = vec![ScheduledStep { at, set: set(&request.set)? }];
    let asked = Asked { key: &request.key, steps, reason: request.reason, confirm: request.confirm.as_deref() };
    schedule(&app, &caller, &environment, asked).await
}

/// Schedules growing parts of everybody for a variant of a flag.
///
/// Each step replaces the percentage of the one before. When the control plane was away for several steps, only the last of them
/// is done. A ramp that needs approvals begins when it has them.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/flags/ramps", operation_id = "rampFlag", tag = "flags",
    params(("environment" = String, Path, description = "The environment.")),
    request_body = RampFlag,
    responses((status = 200, description = "The schedule.", body = FlagScheduleView)),
)]
pub(crate) async fn ramp(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    Body(request): Body<RampFlag>,
) -> Result<Json<FlagScheduleView>, ApiError> {
    let now = app.engine.now();
    let start = match &request.start {
        Some(start) => {
            moment(start, request.time_zone.as_deref()).map_err(|error| ApiError::field("/start", error.to_string()))?
        }
        None if request.time_zone.is_some() => {
            return Err(ApiError::field("/timeZone", "a time zone is only for `start`"));
        }
        None => now,
    };
    if request.start.is_some() && start <= now {
        return Err(ApiError::field("/start", format!("{start} is over already: leave it out to begin now")));
    }
    if request.steps.is_empty() || request.steps.len() > MAX_STEPS {
        return Err(ApiError::field("/steps", format!("a ramp has 1 to {MAX_STEPS} steps")));
    }
    let steps = ramped(&request, start)?;
    let asked = Asked { key: &request.key, steps, reason: request.reason.clone(), confirm: request.confirm.as_deref() };
    schedule(&app, &caller, &environment, asked).await
}

fn ramped(request: &RampFlag, start: Timestamp) -> Result<Vec<ScheduledStep>, ApiError> {
    if request.every_ms == 0 && request.steps.len() > 1 {
        return Err(ApiError::field("/everyMs", "the steps of a ramp have time between them"));
    }
    let mut before = None;
    let mut steps = Vec::new();
    for (index, text) in request.steps.iter().enumerate() {
        let place = format!("/steps/{index}");
        let percent: Percent = text
            .parse()
            .map_err(|error: towpath_core::flags::PercentError| ApiError::field(&place, error.to_string()))?;
        if before.is_some_and(|before| percent <= before) {
            return Err(ApiError::field(&place, format!("{percent} does not follow: the steps of a ramp rise")));
        }
        before = Some(percent);
        let late = request.every_ms.checked_mul(index as u64).and_then(|late| i64::try_from(late).ok());
        let at = late.and_then(|late| start.checked_add(SignedDuration::from_millis(late)).ok());
        let at = at.ok_or_else(|| ApiError::field("/everyMs", "the ramp would take for ever"))?;
        let set = ScheduledSet::Percentage { variant: Some(request.variant.clone()), percent };
        steps.push(ScheduledStep { at, set });
    }
    Ok(steps)
}

/// Agrees to a schedule that waits.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/flags/schedules/{number}/approve", operation_id = "approveFlagSchedule", tag = "flags",
    params(("environment" = String, Path, description = "The environment."), ("number" = String, Path, description = "The number of the schedule.")),
    request_body = AnswerSchedule,
    responses((status = 200, description = "The schedule.", body = FlagScheduleView)),
)]
pub(crate) async fn approve(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, number)): Path<(String, String)>,
    Body(request): Body<AnswerSchedule>,
) -> Result<Json<FlagScheduleView>, ApiError> {
    let (environment, number) = (environment_name(&environment)?, numbered(&number)?);
    let comment = words("/reason", request.reason)?;
    let command = ScheduleCommand::Approve { environment: environment.clone(), number, comment };
    answer(&app, &caller, command, (&environment, number)).await
}

/// Takes a schedule back, or says no to one that waits.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/flags/schedules/{number}/cancel", operation_id = "cancelFlagSchedule", tag = "flags",
    params(("environment" = String, Path, description = "The environment."), ("number" = String, Path, description = "The number of the schedule.")),
    request_body = AnswerSchedule,
    responses((status = 200, description = "The schedule.", body = FlagScheduleView)),
)]
pub(crate) async fn cancel(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, number)): Path<(String, String)>,
    Body(request): Body<AnswerSchedule>,
) -> Result<Json<FlagScheduleView>, ApiError> {
    let (environment, number) = (environment_name(&environment)?, numbered(&number)?);
    let reason = words("/reason", request.reason)?;
    let command = ScheduleCommand::Cancel { environment: environment.clone(), number, reason };
    answer(&app, &caller, command, (&environment, number)).await
}

struct Asked<'a> {
    key: &'a str,
    steps: Vec<ScheduledStep>,
    reason: Option<String>,
    confirm: Option<&'a str>,
}

async fn schedule(
    app: &App,
    caller: &Caller,
    environment: &str,
    asked: Asked<'_>,
) -> Result<Json<FlagScheduleView>, ApiError> {
    let environment = environment_name(environment)?;
    let world = app.engine.world();
    policy(&world, &environment)?;
    let key = FlagKey::new(asked.key).map_err(|error| ApiError::field("/key", error.to_string()))?;
    // What could not be done now is not promised for later.
    for step in &asked.steps {
        let wish = FlagWish::Edit(vec![step.set.edit(&key)]);
        let tried = FlagsAsked { environment: environment.clone(), wish, reason: None, shown: None };
        app.engine.propose_flags(&caller.principal, &tried).await?;
    }
    let only_off = asked.steps.iter().all(|step| step.set == ScheduledSet::Off);
    if !only_off {
        confirmed(&world, &environment, asked.confirm)?;
    }
    let reason = words("/reason", asked.reason)?;
    let command = ScheduleCommand::Add { environment: environment.clone(), key, steps: asked.steps, reason };
    let done = app.submit(caller, Command::ScheduleFlags(Box::new(command))).await?;
    let number = done.events.iter().find_map(|event| {
        let Fact::FlagScheduled(scheduled) = &event.fact else { return None };
        Some(scheduled.number)
    });
    let number = number.ok_or_else(|| ApiError::not_found("nothing was scheduled".to_owned()))?;
    shown(&done.world, (&environment, number), app.engine.now())
}

async fn answer(
    app: &App,
    caller: &Caller,
    command: ScheduleCommand,
    which: (&EnvironmentName, ScheduleNumber),
) -> Result<Json<FlagScheduleView>, ApiError> {
    let done = app.submit(caller, Command::ScheduleFlags(Box::new(command))).await?;
    shown(&done.world, which, app.engine.now())
}

fn shown(
    world: &World,
    (environment, number): (&EnvironmentName, ScheduleNumber),
    now: Timestamp,
) -> Result<Json<FlagScheduleView>, ApiError> {
    let schedules = world.schedules(environment);
    let found = schedules.all.get(&number);
    let found = found.ok_or_else(|| ApiError::not_found(format!("{environment} has no schedule {number}")))?;
    Ok(Json(view(environment, found, now)))
}

fn of(world: &World, environment: &EnvironmentName, now: Timestamp) -> Vec<FlagScheduleView> {
    world.schedules(environment).all.values().rev().map(|schedule| view(environment, schedule, now)).collect()
}

fn view(environment: &EnvironmentName, schedule: &FlagSchedule, now: Timestamp) -> FlagScheduleView {
    let asked = &schedule.asked;
    let expired = asked.approve_until.is_some_and(|until| until <= now);
    let (state, ended_at, why) = match &schedule.state {
        ScheduleState::Waiting if expired => (FlagScheduleState::Expired, asked.approve_until, None),
        ScheduleState::Waiting => (FlagScheduleState::Waiting, None, None),
        ScheduleState::Open => (FlagScheduleState::Open, None, None),
        ScheduleState::Done { at } => (FlagScheduleState::Done, Some(*at), None),
        ScheduleState::Cancelled { at, by, why } => {
            let why = if why.starts_with(by.as_str()) || why.starts_with("schedule ") {
                why.clone()
            } else {
                format!("{by}: {why}")
            };
            (FlagScheduleState::Cancelled, Some(*at), Some(why))
        }
        ScheduleState::Failed { at, why } => (FlagScheduleState::Failed, Some(*at), Some(why.clone())),
    };
    let steps = asked.steps.iter().enumerate().map(|(index, step)| FlagScheduleStep {
        at: step.at,
        text: step.set.to_string(),
        done: index < schedule.done,
    });
    FlagScheduleView {
        environment: environment.to_string(),
        number: asked.number.0,
        key: asked.key.to_string(),
        state,
        steps: steps.collect(),
        next: schedule.next().map(|step| step.at).filter(|_| state == FlagScheduleState::Open),
        by: schedule.by.to_string(),
        asked_at: schedule.at,
        reason: asked.reason.clone(),
        approvals: schedule.approvals.iter().map(approval).collect(),
        approve_until: asked.approve_until,
        ended_at,
        why,
    }
}

fn set(view: &ScheduledSetView) -> Result<ScheduledSet, ApiError> {
    match (view.on, &view.variant, &view.percentage) {
        (Some(true), None, None) => Ok(ScheduledSet::On),
        (Some(false), None, None) => Ok(ScheduledSet::Off),
        (None, Some(variant), None) => Ok(ScheduledSet::Variant { variant: variant.clone() }),
        (None, None, Some(part)) => {
            let percent = part.percent.parse().map_err(|error: towpath_core::flags::PercentError| {
                ApiError::field("/set/percentage/percent", error.to_string())
            })?;
            Ok(ScheduledSet::Percentage { variant: part.variant.clone(), percent })
        }
        _ => Err(ApiError::field("/set", "exactly one of `on`, `variant` and `percentage`")),
    }
}

fn numbered(text: &str) -> Result<ScheduleNumber, ApiError> {
    text.parse().map_err(|_| {
        ApiError::not_found(format!(
            "`{}` is not the number of a schedule",
            text.escape_debug().take(40).collect::<String>()
        ))
    })
}
