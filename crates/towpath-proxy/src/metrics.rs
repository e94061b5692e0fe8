//! Counters per route and revision, and their Prometheus text.
//!
//! Each worker has its own shard and is its only writer, so counting is a plain load and store; reading adds the shards.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use towpath_core::{
    ids::Revision,
    traffic::{Counts, LATENCY_BOUNDS_US, RouteId, latency_bucket},
};

use crate::table::Alone;

#[derive(Debug, Default)]
struct Shard {
    requests: AtomicU64,
    status: [AtomicU64; 5],
    upstream_errors: AtomicU64,
    retries: AtomicU64,
    latency: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
    latency_sum_us: AtomicU64,
}

/// The counters of one revision of one route.
#[derive(Debug)]
pub(crate) struct Series {
    shards: Box<[Alone<Shard>]>,
}

/// Adds to a counter that only this thread writes.
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(amount), Relaxed);
}

impl Series {
    pub(crate) fn new(workers: usize) -> Self {
        Self { shards: (0..workers).map(|_| Alone::default()).collect() }
    }

    /// Counts an answer of the upstream, when its head arrived.
    pub(crate) fn answered(&self, worker: usize, status: u16, took: Duration) {
        let Some(shard) = self.shards.get(worker) else { return };
        if let Some(class) = usize::from(status / 100).checked_sub(1).and_then(|class| shard.0.status.get(class)) {
            add(class, 1);
        }
        shard.0.request(took);
    }

    /// Counts a request that the proxy had to answer itself.
    pub(crate) fn failed(&self, worker: usize, took: Duration) {
        let Some(shard) = self.shards.get(worker) else { return };
        add(&shard.0.upstream_errors, 1);
        shard.0.request(took);
    }

    /// Counts an answer that broke off after its head was counted.
    pub(crate) fn truncated(&self, worker: usize) {
        if let Some(shard) = self.shards.get(worker) {
            add(&shard.0.upstream_errors, 1);
        }
    }

    /// Counts a second try.
    pub(crate) fn retried(&self, worker: usize) {
        if let Some(shard) = self.shards.get(worker) {
            add(&shard.0.retries, 1);
        }
    }

    /// Adds up the shards.
    pub(crate) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for shard in &self.shards {
            sum.add(&shard.0.counts());
        }
        sum
    }
}

impl Shard {
    fn request(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        add(&self.requests, 1);
        add(&self.latency_sum_us, micros);
        if let Some(bucket) = self.latency.get(latency_bucket(micros)) {
            add(bucket, 1);
        }
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts {
            requests: self.requests.load(Relaxed),
            upstream_errors: self.upstream_errors.load(Relaxed),
            retries: self.retries.load(Relaxed),
            latency_sum_us: self.latency_sum_us.load(Relaxed),
            ..Counts::default()
        };
        for (value, cell) in counts.status.iter_mut().zip(&self.status) {
            *value = cell.load(Relaxed);
        }
        for (value, cell) in counts.latency.iter_mut().zip(&self.latency) {
            *value = cell.load(Relaxed);
        }
        counts
    }
}

/// Renders text format 0.0.4. Label values need no escaping: names and revisions are letters, digits and `-`.
pub(crate) fn prometheus(
    series: &BTreeMap<(RouteId, Revision), Arc<Series>>,
    in_flight: &BTreeMap<(RouteId, Revision), u64>,
) -> String {
    let all: Vec<(String, Counts)> = series.iter().map(|(key, series)| (labels(key), series.counts())).collect();
    let mut text = String::with_capacity(2048 + all.len() * 4096);
    family(&mut text, "towpath_responses_total", "counter", "Answers of the instances by status class.");
    for (labels, counts) in &all {
        for (class, count) in (1..).zip(counts.status) {
            line(&mut text, "towpath_responses_total", &format!("{labels},code=\"{class}xx\""), count);
        }
    }
    for (name, help, value) in [
        (
            "towpath_requests_total",
            "Requests answered, failed ones included.",
            (|counts| counts.requests) as fn(&Counts) -> u64,
        ),
        (
            "towpath_upstream_errors_total",
            "Requests that the proxy had to answer itself or whose answer broke off.",
            |counts| counts.upstream_errors,
        ),
        ("towpath_retries_total", "Requests tried again on another instance.", |counts| counts.retries),
    ] {
        family(&mut text, name, "counter", help);
        for (labels, counts) in &all {
            line(&mut text, name, labels, value(counts));
        }
    }
    histograms(&mut text, &all);
    family(&mut text, "towpath_in_flight", "gauge", "Requests in flight.");
    for (key, count) in in_flight {
        line(&mut text, "towpath_in_flight", &labels(key), *count);
    }
    text
}

fn histograms(text: &mut String, all: &[(String, Counts)]) {
    let name = "towpath_request_duration_seconds";
    family(text, name, "histogram", "Time until the head of the answer.");
    for (labels, counts) in all {
        let mut below = 0;
        for (bound, count) in LATENCY_BOUNDS_US.iter().zip(counts.latency) {
            below += count;
            line(text, &format!("{name}_bucket"), &format!("{labels},le=\"{}\"", seconds(*bound)), below);
        }
        let total: u64 = counts.latency.iter().sum();
        line(text, &format!("{name}_bucket"), &format!("{labels},le=\"+Inf\""), total);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name}_sum{{{labels}}} {}", seconds(counts.latency_sum_us));
        line(text, &format!("{name}_count"), labels, total);
    }
}

/// Returns microseconds as seconds, exactly.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn labels((route, revision): &(RouteId, Revision)) -> String {
    format!("environment=\"{}\",service=\"{}\",revision=\"{revision}\"", route.environment, route.service)
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, name: &str, labels: &str, value: u64) {
    let _ = writeln!(text, "{name}{{{labels}}} {value}");
}

#[cfg(test)]
mod tests;
