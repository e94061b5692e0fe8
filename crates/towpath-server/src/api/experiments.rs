//! Experiments: starting, stopping, deciding, results.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use towpath_core::{
    experiments::{ExperimentDefinition, Run, RunState, StopCause, observations, settings},
    ids::{EnvironmentName, ExperimentName},
    world::World,
};
use towpath_engine::experiments::{ExperimentError, Experiments, Results};

use super::{
    look::policy,
    types::{
        AlteredView, ChangeExperiment, DecideExperiment, EraseUnit, ExperimentEnd, ExperimentList, ExperimentResults,
        ExperimentVariant, ExperimentView, UnitErased,
    },
};
use crate::{
    app::{App, Shared},
    etag,
    extract::{Body, Caller, Params, environment_name, words},
    problem::ApiError,
};

pub(crate) mod reports;

/// Lists the experiments of an environment: those that are declared in what runs there, and those that ever ran.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/experiments", operation_id = "listExperiments", tag = "experiments",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "The experiments by name.", body = ExperimentList)),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (place, experiments) = asked(&app, &environment)?;
    let world = app.engine.world();
    let declared = experiments.declared(&world, &place).await?;
    let ran = world.experiments(&place).into_iter().flat_map(|all| all.runs.keys());
    let names: std::collections::BTreeSet<&ExperimentName> = declared.keys().chain(ran).collect();
    let mut views = Vec::with_capacity(names.len());
    for name in names {
        views.push(view(&experiments, &world, &place, name).await?);
    }
    let list = ExperimentList { experiments: views };
    Ok(etag::tagged(&headers, &etag::version(&list), &list))
}

/// Shows an experiment.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/experiments/{experiment}", operation_id = "showExperiment", tag = "experiments",
    params(("environment" = String, Path, description = "The environment."), ("experiment" = String, Path, description = "The experiment.")),
    responses((status = 200, description = "What it compares and where it stands.", body = ExperimentView)),
)]
pub(crate) async fn show(
    State(app): State<Shared>,
    Path((environment, experiment)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (place, experiments) = asked(&app, &environment)?;
    let view = view(&experiments, &app.engine.world(), &place, &name(&experiment)?).await?;
    Ok(etag::tagged(&headers, &etag::version(&view), &view))
}

/// Which run to look at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichRun {
    run: Option<u32>,
}

/// Adds up an experiment and says what that means.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/experiments/{experiment}/results", operation_id = "experimentResults", tag = "experiments",
    params(("environment" = String, Path, description = "The environment."), ("experiment" = String, Path, description = "The experiment."),
        ("run" = Option<u32>, Query, description = "The number of a run; without it the last one.")),
    responses((status = 200, description = "What was counted, and what that says.", body = ExperimentResults)),
)]
pub(crate) async fn results(
    State(app): State<Shared>,
    Path((environment, experiment)): Path<(String, String)>,
    Params(which): Params<WhichRun>,
) -> Result<Json<ExperimentResults>, ApiError> {
    let (place, experiments) = asked(&app, &environment)?;
    let experiment = name(&experiment)?;
    let Some(results) = experiments.results(&place, &experiment, which.run).await? else {
        // Whether it is declared at all is worth knowing.
        view(&experiments, &app.engine.world(), &place, &experiment).await?;
        let message = format!("the experiment `{experiment}` has no such run in {place}");
        return Err(ApiError::not_found(message).next(format!("towpath experiments start {place} {experiment}")));
    };
    Ok(Json(results_view(&place, &experiment, &results)))
}

/// Starts an experiment as the files of what runs declare it; they may change afterwards without changing it.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/experiments/{experiment}/start", operation_id = "startExperiment", tag = "experiments",
    params(("environment" = String, Path, description = "The environment."), ("experiment" = String, Path, description = "The experiment.")),
    request_body = ChangeExperiment,
    responses((status = 200, description = "Where it stands.", body = ExperimentView)),
)]
pub(crate) async fn start(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, experiment)): Path<(String, String)>,
    Body(request): Body<ChangeExperiment>,
) -> Result<Json<ExperimentView>, ApiError> {
    let (place, experiments) = asked(&app, &environment)?;
    let (experiment, reason) = (name(&experiment)?, words("/reason", request.reason)?);
    let done = experiments.start((&caller.principal, &caller.request), &place, &experiment, reason).await?;
    Ok(Json(view(&experiments, &done.world, &place, &experiment).await?))
}

/// Ends an experiment without a decision. The flag goes on as it is.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/experiments/{experiment}/stop", operation_id = "stopExperiment", tag = "experiments",
    params(("environment" = String, Path, description = "The environment."), ("experiment" = String, Path, description = "The experiment.")),
    request_body = ChangeExperiment,
    responses((status = 200, description = "Where it stands.", body = ExperimentView)),
)]
pub(crate) async fn stop(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, experiment)): Path<(String, String)>,
    Body(request): Body<ChangeExperiment>,
) -> Result<Json<ExperimentView>, ApiError> {
    let (place, experiments) = asked(&app, &environment)?;
    let (experiment, reason) = (name(&experiment)?, words("/reason", request.reason)?);
    let done = experiments.stop((&caller.principal, &caller.request), &place, &experiment, reason).await?;
    Ok(Json(view(&experiments, &done.world, &place, &experiment).await?))
}

/// Ends an experiment with a decision. Where nothing may be concluded it is refused unless `force` is given. The flag goes on
/// as it is: giving everybody the chosen variant is a change of the flag.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/experiments/{experiment}/decide", operation_id = "decideExperiment", tag = "experiments",
    params(("environment" = String, Path, description = "The environment."), ("experiment" = String, Path, description = "The experiment.")),
    request_body = DecideExperiment,
    responses((status = 200, description = "Where it stands.", body = ExperimentView)),
)]
pub(crate) async fn decide(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, experiment)): Path<(String, String)>,
    Body(request): Body<DecideExperiment>,
) -> Result<Json<ExperimentView>, ApiError> {
    let (place, experiments) = asked(&app, &environment)?;
    let (experiment, reason) = (name(&experiment)?, words("/reason", request.reason)?);
    let wish = (request.variant, request.force);
    let done = experiments.decide((&caller.principal, &caller.request), &place, &experiment, wish, reason).await?;
    Ok(Json(view(&experiments, &done.world, &place, &experiment).await?))
}

/// Deletes everything that was counted of a unit in an environment, such as of a user who asks for it.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/experiment-units/erase", operation_id = "eraseExperimentUnit", tag = "experiments",
    params(("environment" = String, Path, description = "The environment.")),
    request_body = EraseUnit,
    responses((status = 200, description = "What was deleted.", body = UnitErased)),
)]
pub(crate) async fn erase(
    State(app): State<Shared>,
    _: Caller,
    Path(environment): Path<String>,
    Body(request): Body<EraseUnit>,
) -> Result<Json<UnitErased>, ApiError> {
    let (place, experiments) = asked(&app, &environment)?;
    let erased = experiments.erase(&place, &request.unit).await?;
    Ok(Json(UnitErased { environment: place.to_string(), erased }))
}

fn asked(app: &App, environment: &str) -> Result<(EnvironmentName, Arc<Experiments>), ApiError> {
    let environment = environment_name(environment)?;
    policy(&app.engine.world(), &environment)?;
    let experiments = app.options.experiments.clone();
    let experiments = experiments
        .ok_or_else(|| ApiError::unavailable("no_experiments", "this server was started without experiments"))?;
    Ok((environment, experiments))
}

fn name(text: &str) -> Result<ExperimentName, ApiError> {
    ExperimentName::new(text).map_err(|_| ApiError::not_found("there is no such experiment"))
}

async fn view(
    experiments: &Experiments,
    world: &World,
    place: &EnvironmentName,
    name: &ExperimentName,
) -> Result<ExperimentView, ApiError> {
    if let Some(run) = world.experiments(place).and_then(|all| all.latest(name)) {
        return Ok(of_run(place, name, run));
    }
    // What is declared and would start is shown as it would be frozen.
    match experiments.startable(place, name).await {
        Ok((definition, pinned)) => {
            let weights =
                pinned.arms.into_iter().map(|arm| ExperimentVariant { variant: arm.variant, weight: Some(arm.weight) });
            Ok(ExperimentView { variants: weights.collect(), ..draft(place, name, &definition) })
        }
        Err(ExperimentError::Refused(refusal)) => {
            let declared = experiments.declared(world, place).await?;
            let Some(declared) = declared.get(name) else { return Err(refusal.into()) };
            Ok(ExperimentView { problem: Some(refusal.message), ..draft(place, name, &declared.value) })
        }
        Err(error) => Err(error.into()),
    }
}

fn draft(place: &EnvironmentName, name: &ExperimentName, definition: &ExperimentDefinition) -> ExperimentView {
    let variants = definition.variants().map(|it| ExperimentVariant { variant: it.to_owned(), weight: None });
    ExperimentView {
        environment: place.to_string(),
        name: name.to_string(),
        state: "draft".to_owned(),
        run: None,
        flag: definition.flag.to_string(),
        hypothesis: definition.hypothesis.clone(),
        owner: definition.owner.clone(),
        variants: variants.collect(),
        problem: None,
        started_at: None,
        started_by: None,
        reason: None,
        altered: None,
        end: None,
        definition: serde_json::to_value(definition).unwrap_or(Value::Null),
    }
}

fn of_run(place: &EnvironmentName, name: &ExperimentName, run: &Run) -> ExperimentView {
    let arms = run.pinned.arms.iter();
    let variants = arms.map(|arm| ExperimentVariant { variant: arm.variant.clone(), weight: Some(arm.weight) });
    ExperimentView {
        state: run.state.word().to_owned(),
        run: Some(run.number),
        variants: variants.collect(),
        started_at: Some(run.started_at),
        started_by: Some(run.started_by.to_string()),
        reason: run.reason.clone(),
        altered: run.altered.as_ref().map(|(at, what)| AlteredView { at: *at, what: what.clone() }),
        end: end(&run.state),
        ..draft(place, name, &run.definition)
    }
}

fn end(state: &RunState) -> Option<ExperimentEnd> {
    match state {
        RunState::Running => None,
        RunState::Stopped { at, by, cause, reason } => Some(ExperimentEnd {
            at: *at,
            by: by.to_string(),
            cause: Some(cause.words()),
            guardrail: match cause {
                StopCause::Guardrail { metric, .. } => Some(metric.clone()),
                StopCause::Person | StopCause::SampleRatio { .. } => None,
            },
            variant: None,
            summary: None,
            reason: reason.clone(),
        }),
        RunState::Decided { at, by, variant, summary, reason } => Some(ExperimentEnd {
            at: *at,
            by: by.to_string(),
            cause: None,
            guardrail: None,
            variant: Some(variant.clone()),
            summary: summary.clone(),
            reason: reason.clone(),
        }),
    }
}

fn results_view(place: &EnvironmentName, name: &ExperimentName, results: &Results) -> ExperimentResults {
    let run = &results.run;
    let json = |value: serde_json::Result<Value>| value.unwrap_or(Value::Null);
    ExperimentResults {
        experiment: of_run(place, name, run),
        at: results.at,
        blocked: results.blocked.clone(),
        mixed: results.sums.mixed,
        dropped: results.dropped,
        analysis: json(serde_json::to_value(&results.analysis)),
        settings: json(serde_json::to_value(settings(&run.definition))),
        observations: json(serde_json::to_value(observations(&run.definition, &run.pinned, &results.sums))),
    }
}

impl From<ExperimentError> for ApiError {
    fn from(error: ExperimentError) -> Self {
        match error {
            ExperimentError::Refused(refusal) => refusal.into(),
            ExperimentError::Submit(error) => error.into(),
            ExperimentError::Blob(error) => error.into(),
            ExperimentError::Bundle(error) => Self::internal(&error),
            ExperimentError::Store(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the storage of experiments failed");
                Self::unavailable(
                    "storage_failed",
                    "what was counted cannot be read or written now; nothing was changed",
                )
                .next("look for a full or read-only disk, then ask again")
            }
        }
    }
}
