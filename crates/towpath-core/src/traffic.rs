//! Traffic: how requests of a service are split over revisions, and what is known of them.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{EnvironmentName, Revision, ServiceName},
    instance::InstanceId,
    units::{Millis, Percent},
};

/// A service of an environment as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteId {
    /// Where.
    pub environment: EnvironmentName,
    /// What.
    pub service: ServiceName,
}

/// How requests of one service are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where the proxy listens; `None` takes a free port on loopback and keeps it.
    pub listen: Option<SocketAddr>,
    /// Where the proxy shows `preview_revision`; `None` takes a free port when there is one to show.
    pub preview: Option<SocketAddr>,
    /// Who gets what.
    ///
    /// INVARIANT: weights sum to 100, or all are 0 while nothing can serve.
    pub backends: BTreeMap<Revision, Backend>,
    /// Which revision the preview address shows. Its endpoints are in `backends`, with weight 0 before the switch.
    pub preview_revision: Option<Revision>,
    /// How long a request may wait in the proxy while no backend has an endpoint; then it gets 503.
    pub hold: Millis,
    /// How long requests in flight may go on at an endpoint that left the route.
    pub drain: Millis,
}

/// One revision's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Share of the requests.
    pub weight: Percent,
    /// Ready instances.
    pub endpoints: BTreeMap<InstanceId, SocketAddr>,
}

/// Every route of the proxy. What is not in the table is closed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteTable(pub BTreeMap<RouteId, Route>);

/// What the proxy says of its routes and endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficStatus {
    /// By route.
    pub routes: BTreeMap<String, RouteStatus>,
    /// Requests in flight by instance (its display form), also at those that left their route; 0 is listed as long as the
    /// instance is routed to.
    pub in_flight: BTreeMap<String, u64>,
}

/// What the proxy says of one route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStatus {
    /// Where it listens now.
    pub listen: Option<SocketAddr>,
    /// Where it shows the preview now.
    pub preview: Option<SocketAddr>,
    /// Why it could not listen (`address already in use`).
    pub error: Option<String>,
}

/// Upper bounds, in microseconds, of the buckets of a latency histogram; the last bucket has no bound.
///
/// Closest between 10 ms and 1 s, where limits are usually set: an estimate inside a bucket is off by at most its width.
pub const LATENCY_BOUNDS_US: [u64; 31] = [
    100, 200, 500, 1000, 2000, 3000, 5000, 7500, 10_000, 15_000, 20_000, 30_000, 40_000, 50_000, 75_000, 100_000,
    125_000, 150_000, 200_000, 250_000, 300_000, 400_000, 500_000, 750_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000,
    5_000_000, 10_000_000, 50_000_000,
];

/// What a revision did for a service: requests, errors by class, latency. Counts only grow, or are a difference of two such.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests answered, failed ones included.
    pub requests: u64,
    /// Answers by status class 1xx to 5xx as the upstream gave them.
    pub status: [u64; 5],
    /// Requests that the proxy had to answer itself: no connection, reset, truncated, timed out.
    pub upstream_errors: u64,
    /// Requests tried again on another instance.
    pub retries: u64,
    /// Requests per bucket of [`LATENCY_BOUNDS_US`], and above the last.
    pub latency: [u64; LATENCY_BOUNDS_US.len() + 1],
    /// Sum of latencies in microseconds.
    pub latency_sum_us: u64,
}

impl Counts {
    /// Returns how many requests failed: answers of class 5xx, and those the proxy had to answer itself.
    pub fn errors(&self) -> u64 {
        let [.., server_errors] = self.status;
        server_errors.saturating_add(self.upstream_errors)
    }

    /// Returns what was added since `earlier`; what is less than then (a counter that began anew) counts as 0.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        self.zip(earlier, u64::saturating_sub)
    }

    /// Adds the counts of another part of the same whole.
    pub fn add(&mut self, other: &Self) {
        *self = self.zip(other, u64::saturating_add);
    }

    /// Estimates the `q` quantile (0 to 1) of the latency in microseconds, by linear interpolation within its bucket as
    /// Prometheus' `histogram_quantile` does: above the last bound it is the last bound. `None` without a request, or
    /// where `q` is no number from 0 to 1.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate; counts are far below 2^52 and bounds are positive"
    )]
    pub fn quantile_us(&self, q: f64) -> Option<u64> {
        let total = self.latency.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        if total == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = q * total as f64;
        let (mut below, mut lower) = (0.0, 0_u64);
        for (count, upper) in self.latency.iter().zip(LATENCY_BOUNDS_US) {
            let inside = *count as f64;
            if inside > 0.0 && below + inside >= rank {
                let share = ((rank - below) / inside).clamp(0.0, 1.0);
                return Some(lower + (share * (upper - lower) as f64).round() as u64);
            }
            below += inside;
            lower = upper;
        }
        Some(lower)
    }

    fn zip(&self, other: &Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        let mut result = self.clone();
        result.requests = combine(self.requests, other.requests);
        result.upstream_errors = combine(self.upstream_errors, other.upstream_errors);
        result.retries = combine(self.retries, other.retries);
        result.latency_sum_us = combine(self.latency_sum_us, other.latency_sum_us);
        for (value, with) in result.status.iter_mut().zip(other.status) {
            *value = combine(*value, with);
        }
        for (value, with) in result.latency.iter_mut().zip(other.latency) {
            *value = combine(*value, with);
        }
        result
    }
}

/// Returns the place in [`Counts::latency`] of a request that took this long.
pub fn latency_bucket(micros: u64) -> usize {
    LATENCY_BOUNDS_US.partition_point(|bound| *bound < micros)
}

#[cfg(test)]
mod tests;
