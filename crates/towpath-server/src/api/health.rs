//! Whether the control plane is alive and ready. Asked by machines, so without a token, and it says nothing secret.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tokio::time::timeout;

use super::types::{Health, HealthCheck, HealthStatus};
use crate::app::{App, Shared};

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Says whether the control plane is alive and ready.
#[utoipa::path(get, path = "/api/health", operation_id = "health", tag = "health", responses(
    (status = 200, description = "Alive and ready.", body = Health),
    (status = 503, description = "Alive, but not ready; the checks say why.", body = Health),
))]
pub(crate) async fn health(State(app): State<Shared>) -> Response {
    let mut checks = vec![alive()];
    checks.extend(readiness(&app).await);
    answer(checks)
}

/// Says whether the process answers.
#[utoipa::path(get, path = "/api/health/live", operation_id = "healthLive", tag = "health", responses(
    (status = 200, description = "Alive.", body = Health),
))]
pub(crate) async fn live() -> Response {
    answer(vec![alive()])
}

/// Says whether the control plane can do its work.
#[utoipa::path(get, path = "/api/health/ready", operation_id = "healthReady", tag = "health", responses(
    (status = 200, description = "Ready.", body = Health),
    (status = 503, description = "Not ready; the checks say why.", body = Health),
))]
pub(crate) async fn ready(State(app): State<Shared>) -> Response {
    answer(readiness(&app).await)
}

fn alive() -> HealthCheck {
    check("process", Ok("it answers".to_owned()))
}

async fn readiness(app: &App) -> Vec<HealthCheck> {
    let ports = app.engine.ports();
    let ledger = match timeout(PATIENCE, ports.ledger.head()).await {
        Ok(Ok(_)) => Ok("it can be read".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it does not answer".to_owned()),
    };
    let target = match timeout(PATIENCE, ports.target.observe()).await {
        Ok(Ok(instances)) => Ok(format!("{} instances", instances.len())),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it does not answer".to_owned()),
    };
    let closed = ports
        .traffic
        .status()
        .routes
        .into_iter()
        .filter_map(|(route, status)| status.error.map(|error| format!("{route}: {error}")));
    let closed: Vec<String> = closed.collect();
    let traffic = if closed.is_empty() { Ok("every route is served".to_owned()) } else { Err(closed.join("; ")) };
    let stopping =
        if app.stopping.is_cancelled() { Err("it is stopping".to_owned()) } else { Ok("it runs".to_owned()) };
    vec![check("ledger", ledger), check("target", target), check("traffic", traffic), check("server", stopping)]
}

fn check(name: &str, found: Result<String, String>) -> HealthCheck {
    let (status, message) = match found {
        Ok(message) => (HealthStatus::Pass, message),
        Err(message) => (HealthStatus::Fail, message),
    };
    HealthCheck { name: name.to_owned(), status, message }
}

fn answer(checks: Vec<HealthCheck>) -> Response {
    let failed = checks.iter().any(|check| check.status == HealthStatus::Fail);
    let (code, status) = if failed {
        (StatusCode::SERVICE_UNAVAILABLE, HealthStatus::Fail)
    } else {
        (StatusCode::OK, HealthStatus::Pass)
    };
    (code, Json(Health { status, checks })).into_response()
}
