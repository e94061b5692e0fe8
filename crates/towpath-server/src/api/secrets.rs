//! The server's own store of secrets: listing, setting, reading, history, restoring, destroying.
//!
//! Values come in bodies and go out in answers that nobody may keep; they are in no path, query, log, event or kept answer.
//! Reading one is an event with who and why.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use towpath_core::{
    decide::secrets as rules,
    ids::EnvironmentName,
    secrets::{
        SecretText,
        store::{SecretOrigin, SecretStore},
    },
};
use towpath_engine::secrets::{Changed, Kept, Principal, Secrets, SecretsError, Shown, Wish};

use super::{
    look::policy,
    rollouts::confirmed,
    types::{
        DestroySecret, KeptWhy, ReadSecret, ReadSecrets, RestoreSecret, RestoreSecrets, RestoredView, SecretChanged,
        SecretHistory, SecretList, SecretShown, SecretValue, SecretsRestored, SecretsShown, SetSecret,
    },
    view,
};
use crate::{
    app::{App, Shared},
    etag,
    extract::{Body, Caller, Params, SecretBody, environment_name, words},
    problem::ApiError,
};

/// Lists the secrets that the server keeps for an environment, never their values.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/secrets", operation_id = "listSecrets", tag = "secrets",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "Names, versions, who and when.", body = SecretList)),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let name = environment_name(&environment)?;
    let world = app.engine.world();
    policy(&world, &name)?;
    let store = world.secrets(&name).cloned().unwrap_or_default();
    Ok(etag::tagged(&headers, &etag::version(&store.mark), &view::secrets(&world, &name, &store)))
}

/// Gives a secret a value.
///
/// It is encrypted before it is kept. What it changes in what runs is asked for in the same step, as a promotion of the release
/// that runs with its gates, its approvals and a rollout; unless `recordOnly` is given.
#[utoipa::path(put, path = "/api/v1/environments/{environment}/secrets/{name}", operation_id = "setSecret", tag = "secrets",
    params(("environment" = String, Path, description = "The environment."), ("name" = String, Path, description = "The secret."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of its history: refused with 412 when it has changed since.")),
    request_body = SetSecret,
    responses((status = 200, description = "The version that is in force now, and what it does to what runs.", body = SecretChanged)),
)]
pub(crate) async fn set(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    headers: HeaderMap,
    SecretBody(request): SecretBody<SetSecret>,
) -> Result<Json<SecretChanged>, ApiError> {
    let asked = Asked::new(&app, &caller, &environment)?;
    let wish = asked.wish(&name, request.reason, request.record_only, &headers)?;
    let value = SecretText::new(request.value.expose());
    if value.is_empty() {
        return Err(ApiError::field("/value", "the value is empty").next("unset the secret if it is to have no value"));
    }
    drop(request.value);
    let set = asked.secrets.set(&asked.who, &asked.environment, &name, &value, SecretOrigin::Given, &wish).await?;
    Ok(Json(asked.changed(&name, &set)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UnsetQuery {
    reason: Option<String>,
    #[serde(default)]
    record_only: bool,
}

/// Takes the value of a secret away: the next source that has it gives it, if there is one.
///
/// Its versions stay and can be restored; destroying is what erases them.
#[utoipa::path(delete, path = "/api/v1/environments/{environment}/secrets/{name}", operation_id = "unsetSecret", tag = "secrets",
    params(("environment" = String, Path, description = "The environment."), ("name" = String, Path, description = "The secret."),
        ("reason" = Option<String>, Query, description = "Why; needed where users are (tier production)."),
        ("recordOnly" = Option<bool>, Query, description = "Only records it; nothing is asked for."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of its history: refused with 412 when it has changed since.")),
    responses((status = 200, description = "What it does to what runs.", body = SecretChanged)),
)]
pub(crate) async fn unset(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    headers: HeaderMap,
    Params(query): Params<UnsetQuery>,
) -> Result<Json<SecretChanged>, ApiError> {
    let asked = Asked::new(&app, &caller, &environment)?;
    let wish = asked.wish(&name, query.reason, query.record_only, &headers)?;
    let unset = asked.secrets.unset(&asked.who, &asked.environment, &name, &wish).await?;
    Ok(Json(asked.changed(&name, &unset)))
}

/// Shows the value of a secret to a person.
///
/// It is written down who sees it and why before it is answered; the answer may not be kept by anybody on the way.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/secrets/{name}/read", operation_id = "readSecret", tag = "secrets",
    params(("environment" = String, Path, description = "The environment."), ("name" = String, Path, description = "The secret.")),
    request_body = ReadSecret,
    responses((status = 200, description = "The value.", body = SecretShown)),
)]
pub(crate) async fn read(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    Body(request): Body<ReadSecret>,
) -> Result<Response, ApiError> {
    let asked = Asked::new(&app, &caller, &environment)?;
    let reason = words("/reason", request.reason)?;
    let wanted = [(name, request.version)];
    let shown = asked.secrets.get(&asked.who, &asked.environment, &wanted, reason.as_ref()).await?;
    let shown = shown.into_iter().next().map(shown_view);
    let shown = shown.ok_or_else(|| ApiError::not_found("there is no such secret"))?;
    Ok(not_kept(Json(shown)))
}

/// Shows the values of several secrets to a person, as one event.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/secrets/-/read", operation_id = "readSecrets", tag = "secrets",
    params(("environment" = String, Path, description = "The environment.")),
    request_body = ReadSecrets,
    responses((status = 200, description = "The values.", body = SecretsShown)),
)]
pub(crate) async fn read_all(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    Body(request): Body<ReadSecrets>,
) -> Result<Response, ApiError> {
    let asked = Asked::new(&app, &caller, &environment)?;
    let reason = words("/reason", request.reason)?;
    let names = if request.names.is_empty() {
        asked.store().in_force().into_keys().collect()
    } else {
        request.names.into_iter().collect::<BTreeSet<_>>()
    };
    let wanted: Vec<(String, Option<u32>)> = names.into_iter().map(|name| (name, None)).collect();
    let secrets = if wanted.is_empty() {
        Vec::new()
    } else {
        asked.secrets.get(&asked.who, &asked.environment, &wanted, reason.as_ref()).await?
    };
    let secrets = secrets.into_iter().map(shown_view).collect();
    Ok(not_kept(Json(SecretsShown { environment: asked.environment.to_string(), secrets })))
}

/// Shows the versions of a secret: who wrote each, when and why; never a value.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/secrets/{name}/history", operation_id = "secretHistory", tag = "secrets",
    params(("environment" = String, Path, description = "The environment."), ("name" = String, Path, description = "The secret.")),
    responses((status = 200, description = "Its versions, the newest first.", body = SecretHistory)),
)]
pub(crate) async fn history(
    State(app): State<Shared>,
    Path((environment, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let place = environment_name(&environment)?;
    let world = app.engine.world();
    policy(&world, &place)?;
    let store = world.secrets(&place).cloned().unwrap_or_default();
    let secret = rules::secret(&place, &store, &name)?;
    let history = view::secret_history(&place, &name, secret);
    Ok(etag::tagged(&headers, &view::secret_version(&store, &name), &history))
}

/// Gives a secret the value of one of its versions again, as a new version.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/secrets/{name}/restore", operation_id = "restoreSecret", tag = "secrets",
    params(("environment" = String, Path, description = "The environment."), ("name" = String, Path, description = "The secret."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of its history: refused with 412 when it has changed since.")),
    request_body = RestoreSecret,
    responses((status = 200, description = "The version that is in force now, and what it does to what runs.", body = SecretChanged)),
)]
pub(crate) async fn restore(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    headers: HeaderMap,
    Body(request): Body<RestoreSecret>,
) -> Result<Json<SecretChanged>, ApiError> {
    let asked = Asked::new(&app, &caller, &environment)?;
    let wish = asked.wish(&name, request.reason, request.record_only, &headers)?;
    let restored = asked.secrets.restore(&asked.who, &asked.environment, &name, request.version, &wish).await?;
    Ok(Json(asked.changed(&name, &restored)))
}

/// Gives every secret of an environment the value again that was in force at a moment.
///
/// All of them or none, and one promotion. Secrets that came later stay; values that were destroyed cannot come back.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/secrets/-/restore", operation_id = "restoreSecrets", tag = "secrets",
    params(("environment" = String, Path, description = "The environment.")),
    request_body = RestoreSecrets,
    responses((status = 200, description = "What came of it, or with `dryRun` what would.", body = SecretsRestored)),
)]
pub(crate) async fn restore_all(
    State(app): State<Shared>,
    caller: Caller,
    Path(environment): Path<String>,
    Body(request): Body<RestoreSecrets>,
) -> Result<Json<SecretsRestored>, ApiError> {
    let asked = Asked::new(&app, &caller, &environment)?;
    if request.at > app.engine.now() {
        return Err(ApiError::field("/at", "this is a moment that has not come yet"));
    }
    let reason = words("/reason", request.reason)?;
    let wish = Wish { reason, expected: None, record_only: request.record_only };
    let secrets = &asked.secrets;
    let done = secrets.restore_to(&asked.who, &asked.environment, request.at, &wish, request.dry_run).await?;
    let kept = |why: &Kept| match why {
        Kept::Same => KeptWhy::Same,
        Kept::NotThere => KeptWhy::NotThere,
        Kept::Destroyed => KeptWhy::Destroyed,
    };
    Ok(Json(SecretsRestored {
        environment: asked.environment.to_string(),
        at: request.at,
        restored: done.restored.into_iter().map(|(name, (of, version))| (name, RestoredView { of, version })).collect(),
        kept: done.kept.iter().map(|(name, why)| (name.clone(), kept(why))).collect(),
        effect: done.changed.as_ref().map(|changed| view::effect(changed.effect)),
        promotion: done.changed.and_then(|changed| changed.promotion),
    }))
}

/// Destroys versions of a secret for good: what is encrypted is erased, the ledger keeps the fact.
///
/// What a revision runs with cannot be destroyed.
#[utoipa::path(post, path = "/api/v1/environments/{environment}/secrets/{name}/destroy", operation_id = "destroySecret", tag = "secrets",
    params(("environment" = String, Path, description = "The environment."), ("name" = String, Path, description = "The secret."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of its history: refused with 412 when it has changed since.")),
    request_body = DestroySecret,
    responses((status = 200, description = "What is left in force, and what it does to what runs.", body = SecretChanged)),
)]
pub(crate) async fn destroy(
    State(app): State<Shared>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    headers: HeaderMap,
    Body(request): Body<DestroySecret>,
) -> Result<Json<SecretChanged>, ApiError> {
    let asked = Asked::new(&app, &caller, &environment)?;
    let wish = asked.wish(&name, request.reason, request.record_only, &headers)?;
    let versions: BTreeSet<u32> = request.versions.into_iter().collect();
    let world = app.engine.world();
    let secret = rules::secret(&asked.environment, &asked.store(), &name).cloned()?;
    for version in &versions {
        // What cannot be done needs no confirmation first.
        rules::living(&asked.environment, &name, &secret, *version)?;
    }
    rules::may_destroy(&world, &asked.environment, &asked.who.name)?;
    confirmed(&world, &asked.environment, request.confirm.as_deref())?;
    let gone = asked.secrets.destroy(&asked.who, &asked.environment, &name, &versions, &wish).await?;
    Ok(Json(asked.changed(&name, &gone)))
}

/// What every request about secrets needs.
struct Asked<'a> {
    app: &'a App,
    secrets: Arc<Secrets>,
    environment: EnvironmentName,
    who: Principal,
}

impl<'a> Asked<'a> {
    fn new(app: &'a App, caller: &Caller, environment: &str) -> Result<Self, ApiError> {
        let environment = environment_name(environment)?;
        policy(&app.engine.world(), &environment)?;
        let secrets = app.options.secrets.clone().ok_or_else(|| {
            ApiError::unavailable("no_secret_store", "this server keeps no secrets: it was started without keys")
        })?;
        let who = Principal { name: caller.principal.clone(), cause: caller.request.clone() };
        Ok(Self { app, secrets, environment, who })
    }

    fn store(&self) -> Arc<SecretStore> {
        self.app.engine.world().secrets(&self.environment).cloned().unwrap_or_default()
    }

    fn wish(
        &self,
        name: &str,
        reason: Option<String>,
        record_only: bool,
        headers: &HeaderMap,
    ) -> Result<Wish, ApiError> {
        let store = self.store();
        etag::unchanged(headers, &view::secret_version(&store, name))?;
        // What was read must still hold when it is written, not only now.
        let expected = headers.contains_key(header::IF_MATCH).then(|| store.current(name));
        Ok(Wish { reason: words("/reason", reason)?, expected, record_only })
    }

    fn changed(&self, name: &str, changed: &Changed) -> SecretChanged {
        SecretChanged {
            environment: self.environment.to_string(),
            name: name.to_owned(),
            version: changed.version.as_ref().and_then(|version| version.0.parse().ok()),
            effect: view::effect(changed.effect),
            promotion: changed.promotion,
            closed: changed.closed.clone(),
        }
    }
}

fn shown_view(shown: Shown) -> SecretShown {
    SecretShown {
        name: shown.name,
        version: shown.version.0.parse().unwrap_or_default(),
        value: SecretValue::new(shown.value.expose()),
    }
}

/// Answers with something that nobody on the way may keep, this server included.
fn not_kept(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl From<SecretsError> for ApiError {
    fn from(error: SecretsError) -> Self {
        use http::StatusCode;
        use towpath_engine::ports::KeyError;

        use super::types::ProblemKind;
        let logged = || tracing::error!(error = &error as &dyn std::error::Error, "secrets cannot be used");
        let failed = |code: &str, text: String| Self::unavailable(code, text);
        match error {
            SecretsError::Submit(error) => error.into(),
            SecretsError::Blob(error) => error.into(),
            SecretsError::Resolve(error) => error.into(),
            SecretsError::Changed { .. } => {
                Self::new(StatusCode::PRECONDITION_FAILED, ProblemKind::Conflict, "stale", error.to_string())
                    .next("read it again and decide anew")
            }
            SecretsError::Key(ref key) => {
                logged();
                let next = match key {
                    KeyError::Away { .. } => "try again when it can be reached",
                    KeyError::Refused { .. } => "correct the key's configuration",
                    KeyError::Damaged { .. } => "bring the key back that was used before",
                };
                failed("key_unusable", key.to_string()).next(next)
            }
            SecretsError::Tampered { .. } => {
                logged();
                failed("secrets_tampered", error.to_string()).next("towpath audit verify, and restore a backup")
            }
            SecretsError::Damaged { ref source, .. } => {
                logged();
                failed("secret_damaged", format!("{error}: {source}")).next("restore another version of it")
            }
            SecretsError::OtherKey { .. } | SecretsError::NotThisKey { .. } => {
                logged();
                failed("key_unusable", error.to_string()).next("bring the key back that was used before")
            }
            SecretsError::NoEntropy(_) | SecretsError::Seal(_) => {
                logged();
                failed("not_encrypted", format!("{error}; nothing was changed"))
            }
            SecretsError::Stopping => failed("stopping", error.to_string()).next("ask again once it runs"),
        }
    }
}
