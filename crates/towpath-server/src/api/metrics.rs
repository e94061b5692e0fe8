//! DORA metrics, and the control plane's own figures for Prometheus.

use std::{collections::BTreeMap, fmt::Write as _};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use towpath_core::{
    dora::{self, Span},
    event::{Event, Fact},
    ids::{EnvironmentName, Revision},
    instance::InstancePhase,
    rollout::Deployment,
};
use towpath_engine::ports::EntryFilter;
use utoipa::IntoParams;

use super::{
    look::{Look, pipeline, policy},
    types::{ChangeFailureRate, DeploymentFrequency, Dora, DoraEnvironment, Durations},
};
use crate::{
    app::{App, Shared},
    extract::{Params, environment_name},
    problem::ApiError,
};

const MOST_DAYS: u32 = 366;
const USUAL_DAYS: u32 = 30;
const SECONDS_A_DAY: i64 = 86_400;
/// Most failures that are looked at for one environment.
const MOST_FAILURES: usize = 10_000;

/// Over what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DoraQuery {
    /// The environment; all but previews unless told.
    environment: Option<String>,
    /// Days back from now, 1 to 366; 30 unless told.
    #[param(minimum = 1, maximum = 366)]
    days: Option<u32>,
}

/// Shows the DORA metrics with the definitions they were computed by.
#[utoipa::path(get, path = "/api/v1/metrics/dora", operation_id = "showDora", tag = "metrics", params(DoraQuery), responses(
    (status = 200, description = "Deployment frequency, lead time, change failure rate, time to restore.", body = Dora),
))]
pub(crate) async fn dora(State(app): State<Shared>, Params(query): Params<DoraQuery>) -> Result<Json<Dora>, ApiError> {
    let days = query.days.unwrap_or(USUAL_DAYS);
    if days == 0 || days > MOST_DAYS {
        return Err(ApiError::invalid("query_invalid", format!("`days` is 1 to {MOST_DAYS}")));
    }
    let world = app.engine.world();
    let to = app.engine.now();
    let from = to.checked_sub(SignedDuration::from_secs(i64::from(days) * SECONDS_A_DAY)).unwrap_or(Timestamp::MIN);
    let names: Vec<EnvironmentName> = if let Some(name) = &query.environment {
        let name = environment_name(name)?;
        policy(&world, &name)?;
        vec![name]
    } else {
        // A preview comes and goes on the side; how a team delivers is seen in the pipeline.
        let all = pipeline(&world).into_iter().map(|(name, _)| name);
        all.filter(|name| !world.previews.contains_key(*name)).cloned().collect()
    };
    let mut environments = Vec::with_capacity(names.len());
    for name in names {
        let failed = failures(&app, &name).await?;
        let found = dora::dora(&world, &name, &failed, Span { from, to });
        environments.push(shown(&name, &found, days));
    }
    Ok(Json(Dora { from, to, days, environments }))
}

/// When rollouts failed.
async fn failures(app: &App, name: &EnvironmentName) -> Result<BTreeMap<Revision, Timestamp>, ApiError> {
    let filter = EntryFilter {
        environment: Some(name.clone()),
        kind: Some("rollout_failed".to_owned()),
        limit: MOST_FAILURES,
        ..EntryFilter::default()
    };
    let entries = app.engine.ports().ledger.search(&filter).await?;
    let events = entries.into_iter().filter_map(|entry| Event::from_entry(entry).ok());
    Ok(events
        .filter_map(|event| {
            let Fact::RolloutFailed { revision, .. } = event.fact else { return None };
            Some((revision, event.at))
        })
        .collect())
}

#[expect(clippy::cast_precision_loss, reason = "shown to two decimals")]
fn shown(name: &EnvironmentName, found: &dora::Dora, days: u32) -> DoraEnvironment {
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    let share = found.failed as f64 * 100.0 / (found.started as f64).max(1.0);
    DoraEnvironment {
        environment: name.to_string(),
        deployment_frequency: DeploymentFrequency {
            deployments: found.completed,
            per_day: rounded(found.completed as f64 / f64::from(days)),
            definition: dora::FREQUENCY.to_owned(),
        },
        lead_time: durations(found.lead_time, dora::LEAD_TIME),
        change_failure_rate: ChangeFailureRate {
            failed: found.failed,
            started: found.started,
            percent: (found.started > 0).then(|| rounded(share)),
            definition: dora::FAILURE_RATE.to_owned(),
        },
        time_to_restore: durations(found.restore, dora::RESTORE),
    }
}

fn durations(found: dora::Durations, definition: &str) -> Durations {
    Durations {
        count: found.count,
        median_ms: found.median.map(|length| length.0),
        p90_ms: found.p90.map(|length| length.0),
        definition: definition.to_owned(),
    }
}

/// Shows the figures of the proxy and of the control plane for Prometheus.
///
/// Asked by machines, so without a token; it has counts and names of environments and services, and nothing secret.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "metrics", responses(
    (status = 200, description = "Prometheus text format 0.0.4.", body = String, content_type = "text/plain"),
))]
pub(crate) async fn prometheus(State(app): State<Shared>) -> Result<Response, ApiError> {
    let look = app.look().await?;
    let mut text = app.engine.ports().traffic.prometheus();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    own(&mut text, &look, app.requests());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn own(text: &mut String, look: &Look, requests: u64) {
    let mut family = |name: &str, kind: &str, help: &str, lines: Vec<(String, u64)>| {
        // Writing to a string cannot fail, so the results carry nothing.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in lines {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let world = &look.world;
    let bare = |value: u64| vec![(String::new(), value)];
    family("towpath_ledger_events", "gauge", "Events in the ledger.", bare(world.size));
    family("towpath_api_requests_total", "counter", "Requests to the API since the server began.", bare(requests));
    family("towpath_promotions_waiting", "gauge", "Promotions that wait for their gates.", {
        count(world.waiting().map(|it| format!("{{environment=\"{}\"}}", it.environment)))
    });
    let under_way = |it: &Deployment| format!("{{environment=\"{}\",status=\"{}\"}}", it.environment, it.status());
    family("towpath_deployments", "gauge", "Deployments by how they stand.", {
        count(world.deployments.values().map(|it| under_way(it)))
    });
    family("towpath_instances", "gauge", "Instances by where they are in their life.", {
        count(look.observation.instances.values().map(|it| {
            let set = &it.id.set;
            let (environment, service, phase) = (&set.environment, &set.service, phase(it.phase));
            format!("{{environment=\"{environment}\",service=\"{service}\",phase=\"{phase}\"}}")
        }))
    });
    family("towpath_instances_wanted", "gauge", "Instances that should be there.", {
        let mut wanted = BTreeMap::new();
        for (set, replicas) in &look.desired.sets {
            let labels = format!("{{environment=\"{}\",service=\"{}\"}}", set.environment, set.service);
            *wanted.entry(labels).or_default() += u64::from(*replicas);
        }
        wanted.into_iter().collect()
    });
}

fn count(labels: impl Iterator<Item = String>) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::new();
    for labels in labels {
        *counts.entry(labels).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn phase(phase: InstancePhase) -> &'static str {
    match phase {
        InstancePhase::Starting => "starting",
        InstancePhase::Ready => "ready",
        InstancePhase::Unready => "unready",
        InstancePhase::BackOff { .. } => "back_off",
        InstancePhase::CrashLoop { .. } => "crash_loop",
        InstancePhase::Stopping => "stopping",
    }
}
