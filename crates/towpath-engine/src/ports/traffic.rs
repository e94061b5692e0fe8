//! The traffic port: what splits requests over revisions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use towpath_core::{
    ids::Revision,
    traffic::{Counts, RouteId, RouteTable, TrafficStatus},
};

/// Why the routes could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    /// The data plane is gone.
    #[error("the proxy does not answer")]
    Gone,
    /// The data plane failed otherwise.
    #[error("the proxy failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What splits requests over revisions: our proxy, a Gateway.
#[async_trait]
pub trait Traffic: Send + Sync {
    /// Makes this the whole routing. When it returns, no new request is routed by the table before; requests in flight go on.
    /// An address that cannot be listened on is reported in the status, and the other routes work.
    async fn apply(&self, table: &RouteTable) -> Result<(), TrafficError>;

    /// Says what is listened on and what is in flight.
    fn status(&self) -> TrafficStatus;

    /// Returns what each revision did for each service since the process began. Preview requests are not counted.
    fn counts(&self) -> BTreeMap<(RouteId, Revision), Counts>;

    /// Returns the metrics in Prometheus text format 0.0.4.
    fn prometheus(&self) -> String;
}
