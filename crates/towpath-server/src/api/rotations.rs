//! Rotations of secrets: beginning, following, giving up, trying again; what is due; new data keys.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use http::HeaderMap;
use jiff::Timestamp;
use towpath_core::{
    ids::EnvironmentName,
    secrets::{
        SecretText,
        rotation::{Credential, Generator, Rotation, dues, waits_for},
    },
    world::World,
};
use towpath_engine::{
    ports::CredentialError,
    rotation::{Asked, RotationError, Rotator},
    secrets::Principal,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    look::policy,
    types::{ChangeRotation, DataKeyRotated, DueSecretView, DueSecrets, RotateSecret, RotationList, RotationView},
};
use crate::{
    app::{App, Shared},
    etag,
    extract::{Body, Caller, SecretBody, environment_name, words},
    problem::ApiError,
};

/// Returns the routes about rotations.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(of_secret))
        .routes(routes!(rotate))
        .routes(routes!(abort))
        .routes(routes!(retry))
        .routes(routes!(data_key))
        .routes(routes!(due))
}

/// Lists the rotations of an environment: of each secret the last one.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/rotations", operation_id = "listRotations", tag = "secrets",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "Where each stands and what it waits for.", body = RotationList)),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let place = environment_name(&environment)?;
    let world = app.engine.world();
    policy(&world, &place)?;
    let now = app.engine.now();
    let rotations = world.rotations(&place).into_iter().flat_map(|rotations| &rotations.latest);
    let rotations = rotations.map(|(name, rotation)| view(&world, &place, name, rotation, now)).collect();
    let list = RotationList { rotations };
    Ok(etag::tagged(&headers, &etag::version(&serde_json::to_value(&list).unwrap_or_default()), &list))
}

/// Shows the rotations of a secret that are remembered, the newest first.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/secrets/{name}/rotations", operation_id = "secretRotations", tag = "secrets",
    params(("environment" = String, Path, description = "The environment."), ("name" = String, Path, description = "The secret.")),
    responses((status = 200, description = "Where each stands and what it waits for.", body = RotationList)),
)]
pub(crate) async fn of_secret(
    State(app): State<Shared>,
    Path((environment, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let place = environment_name(&environment)?;
    let world = app.engine.world();
    policy(&world, &place)?;
    let now = app.engine.now();
    let rotations = world.rotations(&place).into_iter().flat_map(|rotations| rotations.of(&name));
    let rotations = rotations.map(|rotation| view(&world, &place, &name, rotation, now)).collect();
    let list = RotationList { rotations };
    Ok(etag::tagged(&headers, &etag::version(&serde_json::to_value(&list).unwrap_or_default()), &list))
}

/// Begins to rotate a secret: a new value is made valid beside the old one, brought to what runs by a promotion, and the old one
/// made invalid once nothing runs with it.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/secrets/{name}/rotate", operation_id = "rotateSecret", tag = "secrets",
    params(("environment" = String, Path, description = "The environment."), ("name" = String, Path, description = "The secret.")),
    request_body = RotateSecret,
    responses((status = 200, description = "Where it stands; it goes on by itself.", body = RotationView)),
)]
pub(crate) async fn rotate(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    SecretBody(request): SecretBody<RotateSecret>,
) -> Result<Json<RotationView>, ApiError> {
    let (place, rotator, who) = asked(&app, &caller, &environment)?;
    let value = request.value.map(|value| SecretText::new(value.expose()));
    let generator = request.generate.as_deref().map(generator).transpose()?;
    if value.is_some() && generator.is_some() {
        return Err(ApiError::field("/generate", "a value is given, so none is made"));
    }
    let asked = Asked { value, generator, reason: words("/reason", request.reason)? };
    let world = rotator.start(&who, (&place, &name), asked).await?;
    latest(&app, &world, &place, &name)
}

/// Gives a rotation up: the old value is in force again, and the new one is made invalid once nothing runs with it.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/secrets/{name}/rotate/abort", operation_id = "abortRotation", tag = "secrets",
    params(("environment" = String, Path, description = "The environment."), ("name" = String, Path, description = "The secret.")),
    request_body = ChangeRotation,
    responses((status = 200, description = "Where it stands.", body = RotationView)),
)]
pub(crate) async fn abort(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    Body(request): Body<ChangeRotation>,
) -> Result<Json<RotationView>, ApiError> {
    let (place, rotator, who) = asked(&app, &caller, &environment)?;
    let world = rotator.abort(&who, (&place, &name), words("/reason", request.reason)?).await?;
    latest(&app, &world, &place, &name)
}

/// Has a rotation that waits tried again.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/secrets/{name}/rotate/retry", operation_id = "retryRotation", tag = "secrets",
    params(("environment" = String, Path, description = "The environment."), ("name" = String, Path, description = "The secret.")),
    request_body = ChangeRotation,
    responses((status = 200, description = "Where it stands.", body = RotationView)),
)]
pub(crate) async fn retry(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    Body(request): Body<ChangeRotation>,
) -> Result<Json<RotationView>, ApiError> {
    let (place, rotator, who) = asked(&app, &caller, &environment)?;
    words("/reason", request.reason)?;
    let world = rotator.retry(&who, (&place, &name)).await?;
    latest(&app, &world, &place, &name)
}

/// Makes a new data key: new values are encrypted by it at once, older ones by and by.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/rotations/data-key", operation_id = "rotateDataKey", tag = "secrets",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "The new key.", body = DataKeyRotated)),
)]
pub(crate) async fn data_key(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
) -> Result<Json<DataKeyRotated>, ApiError> {
    let (place, rotator, who) = asked(&app, &caller, &environment)?;
    let version = rotator.rotate_data_key(&who, &place).await?;
    let world = app.engine.world();
    let left = world.secrets(&place).map_or(0, |store| store.living().filter(|it| it.2.data_key != version).count());
    Ok(Json(DataKeyRotated { environment: place.to_string(), version, left }))
}

/// Lists every secret of the store with a due date, the most urgent first.
#[utoipa::path(get, path = "/api/v1/secrets/due", operation_id = "dueSecrets", tag = "secrets",
    responses((status = 200, description = "Which, when, and who answers for it.", body = DueSecrets)),
)]
pub(crate) async fn due(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, ApiError> {
    let now = app.engine.now();
    let secrets = dues(&app.engine.world()).into_iter().map(|due| DueSecretView {
        overdue: due.is_overdue(now),
        environment: due.environment.to_string(),
        name: due.name,
        version: due.version,
        written_at: due.written_at,
        due: due.due,
        owner: due.owner,
        automatic: due.automatic,
        rotating: due.rotating,
    });
    let list = DueSecrets { secrets: secrets.collect() };
    Ok(etag::tagged(&headers, &etag::version(&serde_json::to_value(&list).unwrap_or_default()), &list))
}

fn asked(
    app: &App,
    caller: &Caller,
    environment: &str,
) -> Result<(EnvironmentName, Arc<Rotator>, Principal), ApiError> {
    let environment = environment_name(environment)?;
    policy(&app.engine.world(), &environment)?;
    let rotator = app.options.rotator.clone().ok_or_else(|| {
        ApiError::unavailable("no_secret_store", "this server keeps no secrets: it was started without keys")
    })?;
    Ok((environment, rotator, Principal { name: caller.principal.clone(), cause: caller.request.clone() }))
}

fn generator(word: &str) -> Result<Generator, ApiError> {
    let known = Generator::usual().into_iter().find(|generator| generator.word() == word);
    known.ok_or_else(|| ApiError::field("/generate", "one of: password, token, hex, base64, uuid"))
}

fn latest(app: &App, world: &World, place: &EnvironmentName, name: &str) -> Result<Json<RotationView>, ApiError> {
    let latest = world.rotations(place).and_then(|rotations| rotations.latest.get(name));
    let latest = latest.ok_or_else(|| ApiError::not_found("there is no such rotation"))?;
    Ok(Json(view(world, place, name, latest, app.engine.now())))
}

fn view(world: &World, place: &EnvironmentName, name: &str, rotation: &Rotation, now: Timestamp) -> RotationView {
    RotationView {
        environment: place.to_string(),
        name: name.to_owned(),
        number: rotation.number,
        phase: rotation.phase.word().to_owned(),
        from: rotation.from,
        to: rotation.phase.new_version(),
        credential: match rotation.credential {
            Credential::Value => "value",
            Credential::Postgres { .. } => "postgres",
            Credential::Command { .. } => "command",
        }
        .to_owned(),
        started_at: rotation.started_at,
        started_by: rotation.started_by.to_string(),
        reason: rotation.reason.clone(),
        waits: waits_for(world, place, name, rotation, now),
        needs_person: rotation.waits_for_a_person(),
        over: rotation.phase.is_over(),
    }
}

impl From<RotationError> for ApiError {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::Secrets(error) => error.into(),
            RotationError::Backend(CredentialError::Away { .. }) => {
                Self::unavailable("backend_away", error.to_string())
            }
            RotationError::Backend(CredentialError::Refused { .. }) | RotationError::Generate(_) => {
                Self::invalid("rotation_refused", error.to_string())
            }
        }
    }
}
