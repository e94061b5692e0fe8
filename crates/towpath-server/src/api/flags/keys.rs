//! Keys of applications: making, listing, revoking.
//!
//! A key's text is made here, goes out in one answer that nobody may keep, and is forgotten: the ledger has its digest.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use towpath_core::{
    command::Command,
    flags::{ApplicationKey, KeyChange, KeyCommand, KeyKind, NewKey},
    ids::{Digest, EnvironmentName, KeyName},
};
use towpath_engine::secrets::{Entropy as _, SystemEntropy};
use zeroize::Zeroizing;

use super::super::{
    look::policy,
    types::{FlagKeyKind, FlagKeyList, FlagKeyShown, FlagKeyView, MakeFlagKey, RevokeFlagKey, SecretValue},
};
use crate::{
    app::{App, Shared},
    etag,
    extract::{Body, Caller, environment_name, words},
    problem::ApiError,
};

/// Lists the keys with which applications evaluate the flags of an environment, never their texts.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/flag-keys", operation_id = "listFlagKeys", tag = "flags",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "Names, kinds, who made and who revoked them.", body = FlagKeyList)),
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
    let keys = world.environments.get(&place).into_iter().flat_map(|state| state.flag_keys.0.iter());
    let list = FlagKeyList { keys: keys.map(|(name, key)| view(name, key, now)).collect() };
    Ok(etag::tagged(&headers, &etag::version(&list), &list))
}

/// Makes a key with which applications evaluate the flags of an environment.
///
/// Its text is in the answer and nowhere else: who loses it makes another.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/flag-keys", operation_id = "makeFlagKey", tag = "flags",
    params(("environment" = String, Path, description = "The environment.")),
    request_body = MakeFlagKey,
    responses((status = 201, description = "The key.", body = FlagKeyShown)),
)]
pub(crate) async fn make(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    Body(request): Body<MakeFlagKey>,
) -> Result<Response, ApiError> {
    let place = environment_name(&environment)?;
    let (kind, word) = match request.kind {
        FlagKeyKind::Server => (KeyKind::Server, "server"),
        FlagKeyKind::Client => (KeyKind::Client, "client"),
    };
    let mut random = Zeroizing::new([0; 32]);
    SystemEntropy
        .fill(random.as_mut())
        .map_err(|_| ApiError::unavailable("no_entropy", "the system gives no random bytes; nothing was changed"))?;
    let text = Zeroizing::new(format!("tow_{word}_{}", hex::encode(*random)));
    let new = NewKey {
        kind,
        digest: Digest::of(text.as_bytes()),
        origins: request.origins,
        per_second: request.per_second,
        expires_at: request.expires_at,
    };
    let view = changed(&app, &caller, &place, &request.name, KeyChange::Make(new), request.reason).await?;
    let key = SecretValue::new(text.as_str());
    let shown = FlagKeyShown { environment: place.to_string(), key, view };
    let mut response = (StatusCode::CREATED, Json(shown)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Revokes a key: it is refused from the next request on.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/flag-keys/{name}/revoke", operation_id = "revokeFlagKey", tag = "flags",
    params(("environment" = String, Path, description = "The environment."), ("name" = String, Path, description = "The key.")),
    request_body = RevokeFlagKey,
    responses((status = 200, description = "What is known of it.", body = FlagKeyView)),
)]
pub(crate) async fn revoke(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    Body(request): Body<RevokeFlagKey>,
) -> Result<Json<FlagKeyView>, ApiError> {
    let place = environment_name(&environment)?;
    changed(&app, &caller, &place, &name, KeyChange::Revoke, request.reason).await.map(Json)
}

async fn changed(
    app: &App,
    caller: &Caller,
    place: &EnvironmentName,
    name: &str,
    change: KeyChange,
    reason: Option<String>,
) -> Result<FlagKeyView, ApiError> {
    policy(&app.engine.world(), place)?;
    let name = KeyName::new(name).map_err(|error| ApiError::field("/name", error.to_string()))?;
    let reason = words("/reason", reason)?;
    let command = KeyCommand { environment: place.clone(), name: name.clone(), change, reason };
    let done = app.submit(caller, Command::ChangeFlagKeys(Box::new(command))).await?;
    let state = done.world.environments.get(place);
    let key = state.and_then(|state| state.flag_keys.0.get(&name));
    let key = key.ok_or_else(|| ApiError::not_found(format!("{place} has no key `{name}`")))?;
    Ok(view(&name, key, app.engine.now()))
}

fn view(name: &KeyName, key: &ApplicationKey, now: Timestamp) -> FlagKeyView {
    let revoked = key.revoked.as_ref();
    FlagKeyView {
        name: name.to_string(),
        kind: match key.kind {
            KeyKind::Server => FlagKeyKind::Server,
            KeyKind::Client => FlagKeyKind::Client,
        },
        origins: key.origins.clone(),
        per_second: key.per_second,
        expires_at: key.expires_at,
        made_at: key.at,
        made_by: key.by.to_string(),
        reason: key.reason.clone(),
        valid: key.is_valid(now),
        revoked_at: revoked.map(|revoked| revoked.at),
        revoked_by: revoked.map(|revoked| revoked.by.to_string()),
        revoked_reason: revoked.and_then(|revoked| revoked.reason.clone()),
    }
}
