//! Sampling: what the proxy counted since the last look goes to the sample storage.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use towpath_core::{
    ids::Revision,
    traffic::{Counts, RouteId},
};

use crate::{Ports, ports::Sample};

/// Time between two samples, and between two roll-ups.
const SAMPLE_EVERY: SignedDuration = SignedDuration::from_secs(1);
const ROLL_UP_EVERY: SignedDuration = SignedDuration::from_secs(600);

/// What was counted up to the last look.
#[derive(Default)]
pub(crate) struct Sampler {
    seen: BTreeMap<(RouteId, Revision), Counts>,
    at: Option<Timestamp>,
    rolled_up_at: Option<Timestamp>,
}

impl Sampler {
    /// Writes what is new, if a second has passed or `force` asks for it. What cannot be written is tried again with the next.
    pub(crate) async fn flush(&mut self, ports: &Ports, now: Timestamp, force: bool) {
        let from = *self.at.get_or_insert(now);
        if now <= from || (!force && now.duration_since(from) < SAMPLE_EVERY) {
            return;
        }
        let counts = ports.traffic.counts();
        let samples: Vec<Sample> = counts
            .iter()
            .map(|((route, revision), counts)| {
                let seen = self.seen.get(&(route.clone(), *revision));
                let counts = seen.map_or_else(|| counts.clone(), |seen| counts.since(seen));
                Sample { route: route.clone(), revision: *revision, from, to: now, counts }
            })
            .filter(|sample| sample.counts.requests > 0 || sample.counts.upstream_errors > 0)
            .collect();
        if !samples.is_empty()
            && let Err(error) = ports.samples.record(&samples).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "samples were not kept; they are tried again");
            return;
        }
        self.seen = counts;
        self.at = Some(now);
        self.roll_up(ports, now).await;
    }

    async fn roll_up(&mut self, ports: &Ports, now: Timestamp) {
        let due = *self.rolled_up_at.get_or_insert(now);
        if now.duration_since(due) < ROLL_UP_EVERY {
            return;
        }
        self.rolled_up_at = Some(now);
        if let Err(error) = ports.samples.roll_up(now).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "samples were not rolled up");
        }
    }
}
