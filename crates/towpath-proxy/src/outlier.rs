//! Passive ejection: an instance that fails several times in a row is left out for a while.
//!
//! It is shared by all workers but written only when something fails or recovers. It never ejects more than half of a
//! revision's instances nor the last one, and it never moves traffic between revisions: that is the rollout's business.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::table::Endpoint;

/// Failures in a row that eject.
const CONSECUTIVE: u32 = 5;
/// The first ejection; each further one doubles it.
const BASE_MS: u64 = 1000;
/// The longest ejection.
const LONGEST_MS: u64 = 60_000;
/// The largest share of a revision's instances that may be out, in percent.
const MAX_EJECTED_PERCENT: usize = 50;

/// What is known of an endpoint's failures. Times are milliseconds since the proxy started.
#[derive(Debug, Default)]
pub(crate) struct Health {
    consecutive: AtomicU32,
    ejections: AtomicU32,
    until_ms: AtomicU64,
}

impl Health {
    /// Says whether it is left out now.
    pub(crate) fn is_ejected(&self, now_ms: u64) -> bool {
        self.until_ms.load(Relaxed) > now_ms
    }

    /// Notes an answer that is no failure.
    pub(crate) fn succeeded(&self, now_ms: u64) {
        if self.consecutive.load(Relaxed) != 0 {
            self.consecutive.store(0, Relaxed);
        }
        // One good ejection period forgives one ejection.
        let ejections = self.ejections.load(Relaxed);
        if ejections != 0 && now_ms > self.until_ms.load(Relaxed).saturating_add(period_ms(ejections)) {
            self.ejections.store(ejections - 1, Relaxed);
            self.until_ms.store(now_ms, Relaxed);
        }
    }

    /// Notes a failure and says whether it is one too many.
    fn failed(&self) -> bool {
        self.consecutive.fetch_add(1, Relaxed) + 1 >= CONSECUTIVE
    }

    fn eject(&self, now_ms: u64) {
        let ejections = self.ejections.fetch_add(1, Relaxed) + 1;
        self.consecutive.store(0, Relaxed);
        self.until_ms.store(now_ms + period_ms(ejections), Relaxed);
    }
}

fn period_ms(ejections: u32) -> u64 {
    BASE_MS.checked_shl(ejections.saturating_sub(1)).unwrap_or(LONGEST_MS).clamp(BASE_MS, LONGEST_MS)
}

/// Notes a failure of `endpoint` and ejects it if its `peers` (itself among them) allow. Returns whether it was ejected.
pub(crate) fn failed<'a>(endpoint: &Endpoint, peers: impl Iterator<Item = &'a Endpoint>, now_ms: u64) -> bool {
    if !endpoint.health.failed() || endpoint.health.is_ejected(now_ms) {
        return false;
    }
    let (mut all, mut out) = (0, 0);
    for peer in peers {
        all += 1;
        out += usize::from(peer.health.is_ejected(now_ms));
    }
    let allowed = out + 1 < all && (out + 1) * 100 <= all * MAX_EJECTED_PERCENT;
    if allowed {
        endpoint.health.eject(now_ms);
    }
    allowed
}

#[cfg(test)]
mod tests;
