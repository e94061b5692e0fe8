//! Events: the ledger as a list.

use axum::{extract::State, response::Response};
use http::Uri;
use serde::Deserialize;
use towpath_core::{
    ids::{EnvironmentName, PrincipalName},
    ledger::Entry,
};
use towpath_engine::ports::EntryFilter;
use utoipa::{IntoParams, ToSchema};

use super::{
    environments::linked,
    types::{EventView, Page},
};
use crate::{
    app::{App, Shared},
    extract::{Params, environment_name},
    problem::ApiError,
};

/// Entries read at once, and most entries looked through for one page.
const AT_ONCE: usize = 512;
const MOST_SEEN: u64 = 20_000;

/// Which way to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Oldest first.
    #[default]
    Asc,
    /// Newest first.
    Desc,
}

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Only those behind the event with this sequence in reading order: the `next` of the page before.
    after: Option<u64>,
    /// How many items at most, 1 to 1000; 100 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Only those of an environment.
    environment: Option<String>,
    /// Only those of a kind, such as `rollout_completed`.
    kind: Option<String>,
    /// Only those that somebody caused.
    principal: Option<String>,
    /// Which way to read; oldest first unless told.
    #[param(inline)]
    order: Option<Order>,
}

/// What to look for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) environment: Option<EnvironmentName>,
    pub(crate) kind: Option<String>,
    pub(crate) principal: Option<PrincipalName>,
}

impl Wanted {
    pub(crate) fn new(
        environment: Option<&str>,
        kind: Option<String>,
        principal: Option<&str>,
    ) -> Result<Self, ApiError> {
        let environment = environment.map(environment_name).transpose()?;
        let principal = principal.map(PrincipalName::new).transpose();
        let principal = principal.map_err(|error| ApiError::invalid("query_invalid", error.to_string()))?;
        Ok(Self { environment, kind, principal })
    }

    pub(crate) fn matches(&self, entry: &Entry) -> bool {
        self.environment.as_ref().is_none_or(|name| entry.environment.as_ref() == Some(name))
            && self.kind.as_ref().is_none_or(|kind| entry.kind == *kind)
            && self.principal.as_ref().is_none_or(|name| entry.principal == *name)
    }
}

/// Lists events.
///
/// A page may have fewer items than asked for and still a `next`, where the filter passes over many.
#[utoipa::path(get, path = "/api/v1/events", operation_id = "listEvents", tag = "events", params(EventsQuery), responses(
    (status = 200, description = "The events.", body = Page<EventView>),
))]
pub(crate) async fn events(
    State(app): State<Shared>,
    Params(query): Params<EventsQuery>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let limit = query.limit.unwrap_or(100).clamp(1, 1000);
    let wanted = Wanted::new(query.environment.as_deref(), query.kind, query.principal.as_deref())?;
    let page = match query.order.unwrap_or_default() {
        Order::Asc => oldest_first(&app, &wanted, query.after, limit).await?,
        Order::Desc => newest_first(&app, wanted, query.after, limit).await?,
    };
    Ok(linked(&uri, page))
}

async fn oldest_first(
    app: &App,
    wanted: &Wanted,
    after: Option<u64>,
    limit: usize,
) -> Result<Page<EventView>, ApiError> {
    let start = after.map_or(0, |after| after.saturating_add(1));
    let size = app.engine.world().size;
    let (mut at, mut items) = (start, Vec::new());
    while at < size && at - start < MOST_SEEN {
        let leaves = app.engine.ports().ledger.read(at, AT_ONCE).await?;
        if leaves.is_empty() {
            break;
        }
        for leaf in leaves {
            at = leaf.entry.sequence.saturating_add(1);
            if wanted.matches(&leaf.entry) {
                items.push(event(leaf.entry));
                if items.len() == limit {
                    let next = (at < size).then(|| (at - 1).to_string());
                    return Ok(Page { items, next });
                }
            }
        }
    }
    Ok(Page { items, next: (at < size && at > start).then(|| (at - 1).to_string()) })
}

async fn newest_first(
    app: &App,
    wanted: Wanted,
    before: Option<u64>,
    limit: usize,
) -> Result<Page<EventView>, ApiError> {
    let Wanted { environment, kind, principal } = wanted;
    let filter = EntryFilter { environment, kind, principal, before, limit: limit + 1, ..EntryFilter::default() };
    let found = app.engine.ports().ledger.search(&filter).await?;
    Ok(super::environments::page(found.into_iter().map(event).collect(), limit, |it: &EventView| {
        it.sequence.to_string()
    }))
}

/// Shows an entry.
pub(crate) fn event(entry: Entry) -> EventView {
    EventView {
        sequence: entry.sequence,
        at: entry.at,
        principal: entry.principal.to_string(),
        cause: entry.cause,
        environment: entry.environment.map(|name| name.to_string()),
        kind: entry.kind,
        version: entry.version,
        body: entry.body,
    }
}
