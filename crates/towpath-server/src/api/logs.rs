//! Logs of instances.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use towpath_core::{
    ids::{EnvironmentName, Revision, ServiceName},
    instance::{InstanceId, SetId},
};
use towpath_engine::ports::{LogQuery, TargetError};
use utoipa::IntoParams;

use super::{
    look::{Look, newest, policy},
    types::{LogChunk, Logs},
};
use crate::{
    app::Shared,
    extract::{Params, environment_name},
    problem::ApiError,
};

/// Most instances whose logs are read at once.
const MOST_INSTANCES: usize = 64;
/// Most bytes of one chunk.
const MOST_BYTES: usize = 256 << 10;
const MOST_LINES: usize = 10_000;

/// Which part of which logs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogsQuery {
    /// The service; all unless told.
    service: Option<String>,
    /// The revision whose instances run; the newest unless told.
    revision: Option<u64>,
    /// The index of the instance; all unless told.
    index: Option<u32>,
    /// Where to go on reading: the `next` of the chunk before. Needs `service` and `index`.
    from: Option<u64>,
    /// Lines before the end, where `from` is not given; 100 unless told.
    #[param(maximum = 10_000)]
    tail: Option<usize>,
}

/// Reads the logs of instances, also of those that have ended.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/logs", operation_id = "readLogs", tag = "environments",
    params(("environment" = String, Path, description = "The environment."), LogsQuery),
    responses((status = 200, description = "A chunk for each instance, with where to go on.", body = Logs)),
)]
pub(crate) async fn logs(
    State(app): State<Shared>,
    Path(environment): Path<String>,
    Params(query): Params<LogsQuery>,
) -> Result<Json<Logs>, ApiError> {
    let name = environment_name(&environment)?;
    let look = app.look().await?;
    policy(&look.world, &name)?;
    if query.from.is_some() && (query.service.is_none() || query.index.is_none()) {
        return Err(ApiError::invalid("query_invalid", "`from` is a place in one log: it needs `service` and `index`"));
    }
    let part =
        LogQuery { from: query.from, tail_lines: query.tail.unwrap_or(100).min(MOST_LINES), max_bytes: MOST_BYTES };
    let mut chunks = Vec::new();
    let meant = instances(&look, &name, &query)?;
    for id in meant.iter().take(MOST_INSTANCES) {
        match app.engine.ports().target.logs(id, part).await {
            Ok(chunk) => chunks.push(LogChunk {
                service: id.set.service.to_string(),
                revision: id.set.revision.0,
                index: id.index,
                text: chunk.text,
                next: chunk.next,
            }),
            // Not started yet, or long gone.
            Err(TargetError::Unknown(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if chunks.is_empty() && (query.index.is_some() || query.service.is_some()) {
        return Err(ApiError::not_found(format!("there is no such instance in {name}, and no log of it"))
            .next(format!("GET /api/v1/environments/{name}/instances")));
    }
    Ok(Json(Logs { chunks }))
}

/// The instances that are or should be there.
fn instances(look: &Look, name: &EnvironmentName, query: &LogsQuery) -> Result<BTreeSet<InstanceId>, ApiError> {
    let service = query.service.as_deref().map(ServiceName::new).transpose();
    let service = service.map_err(|error| ApiError::invalid("query_invalid", error.to_string()))?;
    let deployment = match query.revision {
        Some(number) => look.world.deployments.get(&Revision(number)).filter(|found| found.environment == *name),
        None => newest(&look.world, name),
    };
    let Some(deployment) = deployment else {
        return match query.revision {
            Some(number) => Err(ApiError::not_found(format!("{name} has no revision {}", Revision(number)))),
            None => Ok(BTreeSet::new()),
        };
    };
    let declared = deployment.spec.services.iter().flat_map(|(service, spec)| {
        let set = SetId { environment: name.clone(), service: service.clone(), revision: deployment.runs };
        let most = u32::try_from(MOST_INSTANCES).unwrap_or(u32::MAX);
        (0..spec.replicas.min(most)).map(move |index| InstanceId { set: set.clone(), index })
    });
    let existing = look.observation.instances.keys().cloned();
    Ok(declared
        .chain(existing)
        .filter(|id| id.set.environment == *name && id.set.revision == deployment.runs)
        .filter(|id| service.as_ref().is_none_or(|service| id.set.service == *service))
        .filter(|id| query.index.is_none_or(|index| id.index == index))
        .collect())
}
