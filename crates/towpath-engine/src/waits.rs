//! How long to wait before what failed for somebody else's sake is tried again: longer each time, so that nobody who is away
//! is asked several times a second, and no program of a user is started that often.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use towpath_core::{
    ids::{EnvironmentName, PromotionNumber, ReleaseNumber},
    instance::SetId,
};

/// The first wait.
const FIRST: SignedDuration = SignedDuration::from_secs(1);
/// The longest.
const LONGEST: SignedDuration = SignedDuration::from_secs(60);

/// What is tried again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// Starting instances, so many.
    Scale(SetId, u32),
    /// Starting the rollout of a promotion.
    Start(PromotionNumber),
    /// Asking for a release that enters by itself.
    Request(EnvironmentName, ReleaseNumber),
}

/// What failed, with the wait before the next try and when that is.
#[derive(Debug, Default)]
pub(crate) struct Waits(BTreeMap<What, (SignedDuration, Timestamp)>);

impl Waits {
    /// Says whether something is to be left alone for now.
    pub(crate) fn holds(&self, what: &What, now: Timestamp) -> bool {
        self.0.get(what).is_some_and(|(_, again)| now < *again)
    }

    /// Notes that something failed: the next wait is twice as long.
    pub(crate) fn failed(&mut self, what: What, now: Timestamp) {
        // What nobody tries any more is forgotten some time after it could have been.
        self.0.retain(|_, (_, again)| now.duration_since(*again) < LONGEST);
        let wait = self.0.get(&what).map_or(FIRST, |(wait, _)| (*wait * 2).min(LONGEST));
        let again = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        self.0.insert(what, (wait, again));
    }

    /// Notes that something went well.
    pub(crate) fn succeeded(&mut self, what: &What) {
        self.0.remove(what);
    }
}

#[cfg(test)]
mod tests;
