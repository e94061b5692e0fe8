//! Resolved configuration: values, where they come from, formats of other tools, comparisons, checks of files.
//!
//! Secrets are masked or left out; nothing is changed here.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use serde::Deserialize;
use towpath_core::{
    config::{
        Contribution, Explanation, Format, Loaded, Object, ResolvedEnvironment, SourceSet, Takes, has_errors,
        is_source, load, render,
    },
    ids::{EnvironmentName, ReleaseNumber, ServiceName},
    world::World,
};
use utoipa::IntoParams;

use super::{
    types::{
        ConfigValue, ConfigView, ContributionView, DiagnosticView, ExplainView, ExplanationView, ValidateConfig,
        Validated,
    },
    view,
};
use crate::{
    app::{App, Shared},
    configuration::{Files, resolve, view as diagnostic},
    extract::{Body, Params, number},
    problem::ApiError,
};

/// Most files that are checked at once.
const MOST_FILES: usize = 200;

/// Whose files.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConfigQuery {
    /// The release whose files are taken, such as `3` or `r3`; those that the project declares now unless told.
    release: Option<String>,
}

/// What is to be explained.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExplainQuery {
    /// The key, such as `services.web.replicas` or the name of a variable; everything under it is explained, and everything
    /// there is unless told.
    key: Option<String>,
    /// The release whose files are taken; those that the project declares now unless told.
    release: Option<String>,
}

/// How it is to be written.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RenderQuery {
    /// The format, as `towpath env render` names it; `dotenv` unless told.
    format: Option<String>,
    /// The variables of this service, its own ones included; those of the environment unless told.
    service: Option<String>,
    /// The release whose files are taken; those that the project declares now unless told.
    release: Option<String>,
}

/// Which environments.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareQuery {
    /// Two or more names, separated by commas; all of them unless told.
    environments: Option<String>,
    /// The release whose files are taken; those that the project declares now unless told.
    release: Option<String>,
}

/// An environment with everything decided.
struct Found {
    files: Files,
    loaded: Loaded,
    resolved: ResolvedEnvironment,
    warnings: Vec<DiagnosticView>,
}

async fn find(app: &App, environment: &str, release: Option<&str>) -> Result<Found, ApiError> {
    let world = app.engine.world();
    let files = files(app, &world, release).await?;
    let meant = named(&world, &files, environment)?;
    let live = world.live(&meant);
    let loaded = files.load(&meant, live);
    let (resolved, warnings) = resolve(&loaded, &meant, live)?;
    Ok(Found { files, loaded, resolved, warnings })
}

async fn files(app: &App, world: &World, release: Option<&str>) -> Result<Files, ApiError> {
    let release = release.map(|text| number("release", 'r', text)).transpose()?.map(ReleaseNumber);
    app.files(world, release).await
}

/// Resolves the environment of this name or alias, with what the ledger lays over its files.
fn one(world: &World, files: &Files, name: &str) -> Result<(ResolvedEnvironment, Vec<DiagnosticView>), ApiError> {
    let meant = named(world, files, name)?;
    let live = world.live(&meant);
    resolve(&files.load(&meant, live), &meant, live)
}

fn named(world: &World, files: &Files, name: &str) -> Result<EnvironmentName, ApiError> {
    // An environment may be in the ledger only.
    let in_ledger = EnvironmentName::new(name).ok().filter(|name| world.live(name).file.is_some());
    in_ledger.map_or_else(|| known(&load(&files.sources), name), Ok)
}

fn known(loaded: &Loaded, name: &str) -> Result<EnvironmentName, ApiError> {
    loaded.find(name).map_err(|error| {
        let all: Vec<&str> = loaded.environments().map(EnvironmentName::as_str).collect();
        ApiError::not_found(error.to_string()).next(format!("one of: {}", all.join(", ")))
    })
}

/// Shows every value of an environment and who decided it.
///
/// Those of the files that the project declares now, or of a release, with the live overlay on top. Values of secrets are
/// masked.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/config", operation_id = "showConfig", tag = "configuration",
    params(("environment" = String, Path, description = "The environment or one of its other names."), ConfigQuery),
    responses((status = 200, description = "Every value.", body = ConfigView)),
)]
pub(crate) async fn config(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    Params(query): Params<ConfigQuery>,
) -> Result<Json<ConfigView>, ApiError> {
    let Found { files, resolved, warnings, .. } = find(&app, &environment, query.release.as_deref()).await?;
    let values = resolved.explain_all().into_iter().map(|explanation| {
        let winner = explanation.contributions.into_iter().next();
        let (layer, place) = winner.map(|winner| (winner.layer, winner.place)).unwrap_or_default();
        ConfigValue { key: explanation.key, value: explanation.value, secret: explanation.secret, layer, place }
    });
    Ok(Json(ConfigView {
        environment: resolved.name.to_string(),
        tier: view::tier(resolved.tier),
        release: files.release.map(|release| release.0),
        bundle: files.bundle.to_string(),
        values: values.collect(),
        warnings,
    }))
}

/// Explains where values come from: every layer that said something, the winner first.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/explain", operation_id = "explainConfig", tag = "configuration",
    params(("environment" = String, Path, description = "The environment or one of its other names."), ExplainQuery),
    responses((status = 200, description = "One for each value at or under the key.", body = ExplainView)),
)]
pub(crate) async fn explain(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    Params(query): Params<ExplainQuery>,
) -> Result<Json<ExplainView>, ApiError> {
    let Found { files, resolved, .. } = find(&app, &environment, query.release.as_deref()).await?;
    let items = match query.key.as_deref() {
        Some(key) => resolved.explain(key).map_err(|error| ApiError::not_found(error.to_string()))?,
        None => resolved.explain_all(),
    };
    Ok(Json(ExplainView {
        environment: resolved.name.to_string(),
        release: files.release.map(|release| release.0),
        items: items.into_iter().map(explanation).collect(),
    }))
}

fn explanation(it: Explanation) -> ExplanationView {
    let contributions = it.contributions.into_iter().map(contribution).collect();
    ExplanationView { key: it.key, value: it.value, secret: it.secret, contributions }
}

fn contribution(it: Contribution) -> ContributionView {
    ContributionView { layer: it.layer, place: it.place, value: it.value, by: it.by, at: it.at, reason: it.reason }
}

/// Writes the variables of an environment in the format of another tool; secrets are left out.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/render", operation_id = "renderConfig", tag = "configuration",
    params(("environment" = String, Path, description = "The environment or one of its other names."), RenderQuery),
    responses((status = 200, description = "The text; `x-towpath-left-out` counts the secrets that are not in it.",
        content_type = "text/plain", body = String)),
)]
pub(crate) async fn rendered(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    Params(query): Params<RenderQuery>,
) -> Result<Response, ApiError> {
    let word = query.format.as_deref().unwrap_or("dotenv");
    let format = Format::of(word).ok_or_else(|| {
        let known: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
        ApiError::invalid("query_invalid", format!("there is no format `{word}`"))
            .next(format!("one of: {}", known.join(", ")))
    })?;
    if format.takes() == Takes::Secret {
        return Err(ApiError::invalid(
            "query_invalid",
            format!("`{word}` is made of secrets, which are not given away here"),
        )
        .next("towpath env render --with-secrets, where the secrets are"));
    }
    let Found { loaded, resolved, .. } = find(&app, &environment, query.release.as_deref()).await?;
    let service = query.service.as_deref().map(|service| service_of(&resolved, service)).transpose()?;
    let mut variables = loaded.rendered(&resolved, service.as_ref());
    let all = variables.len();
    variables.retain(|_, variable| !variable.secret);
    let held = all - variables.len();
    let name = service.as_ref().map_or(resolved.name.as_str(), ServiceName::as_str);
    let object = Object { name: name.to_owned(), ..Object::default() };
    let text =
        render(format, &object, &variables).map_err(|error| ApiError::invalid("not_renderable", error.to_string()))?;
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert("x-towpath-left-out", HeaderValue::from(held));
    Ok(response)
}

fn service_of(resolved: &ResolvedEnvironment, service: &str) -> Result<ServiceName, ApiError> {
    let name = ServiceName::new(service).ok().filter(|name| resolved.services.contains_key(name));
    name.ok_or_else(|| {
        let known: Vec<&str> = resolved.services.keys().map(ServiceName::as_str).collect();
        ApiError::not_found(format!("{} has no service `{service}`", resolved.name))
            .next(format!("one of: {}", known.join(", ")))
    })
}

/// Compares environments key by key; values of secrets are compared and masked.
#[utoipa::path(get, path = "/api/v1/environments/compare", operation_id = "compareEnvironments", tag = "configuration",
    params(CompareQuery),
    responses((status = 200, description = "Keys and environments as a table, and how much they agree.", body = Object)),
)]
pub(crate) async fn compared(
    State(app): State<Shared>,
    Params(query): Params<CompareQuery>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let world = app.engine.world();
    let files = files(&app, &world, query.release.as_deref()).await?;
    let names: Vec<String> = match &query.environments {
        Some(text) => text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        None => load(&files.sources).in_order().iter().map(ToString::to_string).collect(),
    };
    if names.len() < 2 {
        return Err(ApiError::invalid("query_invalid", "a comparison needs two environments")
            .next("?environments=staging,production"));
    }
    let resolved = names.iter().map(|name| Ok(one(&world, &files, name)?.0)).collect::<Result<Vec<_>, ApiError>>()?;
    if let Some(twice) =
        (1..).zip(&resolved).find(|(next, one)| resolved.iter().skip(*next).any(|other| other.name == one.name))
    {
        return Err(ApiError::invalid("query_invalid", format!("`{}` is named twice", twice.1.name))
            .next("?environments=staging,production"));
    }
    // What may differ is declared in the project file, which no environment of the ledger changes.
    let comparison = load(&files.sources).compare(&resolved.iter().collect::<Vec<_>>(), &[]);
    let mut value = serde_json::to_value(&comparison).map_err(|error| ApiError::internal(&error))?;
    if let Some(object) = value.as_object_mut() {
        object.insert("parityPercent".to_owned(), comparison.parity_percent().into());
    }
    Ok(Json(value))
}

/// Checks files as `towpath env validate` does: all mistakes at once, each with its place. Nothing is kept.
#[utoipa::path(post, path = "/api/v1/config/validate", operation_id = "validateConfig", tag = "configuration",
    request_body = ValidateConfig,
    responses((status = 200, description = "Whether they can be used, and everything that is wrong.", body = Validated)),
)]
pub(crate) async fn validate(Body(request): Body<ValidateConfig>) -> Result<Json<Validated>, ApiError> {
    if request.files.len() > MOST_FILES {
        return Err(ApiError::field("/files", format!("at most {MOST_FILES} files are checked at once")));
    }
    // Parsing is work: other requests go on meanwhile.
    let checked = tokio::task::spawn_blocking(move || checked(request)).await;
    checked.map_err(|error| ApiError::internal(&error))?.map(Json)
}

fn checked(request: ValidateConfig) -> Result<Validated, ApiError> {
    let (sources, ignored): (Vec<_>, Vec<_>) = request.files.into_iter().partition(|(path, _)| is_source(path));
    let sources: SourceSet = sources.into_iter().collect();
    let loaded = load(&sources);
    let (diagnostics, sources) = if let Some(name) = &request.environment {
        let mut resolution = loaded.resolve(known(&loaded, name)?.as_str(), &towpath_core::config::Inputs::default());
        let mut all = loaded.diagnostics().to_vec();
        all.append(&mut resolution.diagnostics);
        (all, resolution.sources)
    } else {
        let mut all = loaded.project().1;
        let more: Vec<_> = loaded.validate().into_iter().filter(|found| !all.contains(found)).collect();
        all.extend(more);
        (all, loaded.sources().clone())
    };
    Ok(Validated {
        valid: !has_errors(&diagnostics),
        environments: loaded.environments().map(ToString::to_string).collect(),
        diagnostics: diagnostics.iter().map(|found| diagnostic(found, &sources)).collect(),
        ignored: ignored.into_iter().map(|(path, _)| path).collect(),
    })
}
