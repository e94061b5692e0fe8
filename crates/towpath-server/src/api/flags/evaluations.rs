//! How often flags were evaluated.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
};
use towpath_engine::ports::{EvaluationCount, SampleError};

use super::super::{
    look::policy,
    types::{EvaluationCountView, FlagEvaluations, FlagEvaluationsView},
};
use crate::{app::Shared, extract::environment_name, problem::ApiError};

/// Shows how often each flag of an environment was evaluated, to what, why and when last.
///
/// Flags that were never evaluated are there, too.
#[utoipa::path(get, path = "/api/v1/environments/{environment}/flag-evaluations", operation_id = "flagEvaluations", tag = "flags",
    params(("environment" = String, Path, description = "The environment.")),
    responses((status = 200, description = "Counts since the flag was first evaluated.", body = FlagEvaluations)),
)]
pub(crate) async fn evaluations(
    State(app): State<Shared>,
    Path(environment): Path<String>,
) -> Result<Json<FlagEvaluations>, ApiError> {
    let place = environment_name(&environment)?;
    policy(&app.engine.world(), &place)?;
    let now = app.engine.now();
    let counted = app.counts.list(&app.evaluating, &place, now).await?;
    let served = app.options.flags.served(&place);
    let served = served.iter().flat_map(|served| served.document.flags.keys());
    let mut flags: BTreeMap<String, FlagEvaluationsView> =
        served.map(|key| (key.to_string(), never(key.as_str(), true))).collect();
    for count in counted {
        let flag = flags.entry(count.flag.to_string()).or_insert_with(|| never(count.flag.as_str(), false));
        add(flag, count);
    }
    Ok(Json(FlagEvaluations { environment: place.to_string(), flags: flags.into_values().collect() }))
}

fn never(flag: &str, served: bool) -> FlagEvaluationsView {
    let flag = flag.to_owned();
    FlagEvaluationsView { flag, served, asked: 0, among_all: 0, first: None, last: None, results: Vec::new() }
}

fn add(flag: &mut FlagEvaluationsView, count: EvaluationCount) {
    let sum = if count.bulk { &mut flag.among_all } else { &mut flag.asked };
    *sum += count.count;
    flag.first = Some(flag.first.map_or(count.first, |first| first.min(count.first)));
    flag.last = flag.last.max(Some(count.last));
    let EvaluationCount { variant, reason, bulk: among_all, count, last, .. } = count;
    flag.results.push(EvaluationCountView { variant, reason, among_all, count, last });
}

impl From<SampleError> for ApiError {
    fn from(error: SampleError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "counts cannot be read");
        Self::unavailable("storage_failed", "the storage of counts failed; nothing was changed")
            .next("look for a full or read-only disk, then ask again")
    }
}
