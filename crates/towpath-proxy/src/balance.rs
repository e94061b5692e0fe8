//! Who gets a request: the split over revisions, and the choice among a revision's instances.
//!
//! A bucket is a number from 0 to 9999. The highest revision owns `[0, weight)`, the next the following ones, and so on:
//! raising the weight of the newest only adds buckets to it, so nobody who was on it goes back.

use std::{hash::Hasher as _, rc::Rc};

use siphasher::sip::SipHasher13;

use crate::{
    pool::{Flight, LocalEndpoint},
    worker::{LocalGroup, LocalRoute},
};

/// Buckets per percent of weight.
const PER_PERCENT: u16 = 100;
/// The name of the cookie that keeps a client on its bucket.
pub(crate) const COOKIE: &str = "towpath-split";
/// The longest cookie value that is looked at.
const LONGEST: usize = 64;

/// Returns the bucket of a cookie's value. The route's salt is hashed too, so that the same few clients are not first everywhere.
pub(crate) fn bucket(key: &[u8; 16], salt: u64, cookie: &[u8]) -> u16 {
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write_u64(salt);
    hasher.write(cookie);
    u16::try_from(hasher.finish() % u64::from(100 * PER_PERCENT)).unwrap_or(0)
}

/// Returns the value of our cookie among those a client sent.
pub(crate) fn cookie_of(headers: &http::HeaderMap) -> Option<&[u8]> {
    let mut pairs = headers
        .get_all(http::header::COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii));
    pairs.find_map(|pair| {
        let value = pair.strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"=")?;
        (!value.is_empty() && value.len() <= LONGEST).then_some(value)
    })
}

/// Returns the place in `weights` (from the highest revision down) that owns the bucket; `None` where all are 0.
pub(crate) fn owner(weights: impl Iterator<Item = u8>, bucket: u16) -> Option<usize> {
    let mut end = 0;
    let mut last = None;
    for (place, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0) {
        end += u16::from(weight) * PER_PERCENT;
        last = Some(place);
        if bucket < end {
            return last;
        }
    }
    // Weights that sum to less than 100 leave buckets over; the lowest revision takes them.
    last
}

/// Chooses the revision for a bucket. One without instances passes its share on, as long as another has some.
pub(crate) fn choose_group(route: &LocalRoute, bucket: u16) -> Option<&LocalGroup> {
    let owner = owner(route.groups.iter().map(|group| group.weight), bucket)?;
    let chosen = route.groups.get(owner).filter(|group| !group.endpoints.is_empty());
    chosen.or_else(|| route.groups.iter().find(|group| group.weight > 0 && !group.endpoints.is_empty()))
}

/// Chooses the instance with the fewest requests in flight of this worker, in turn where several have, leaving out ejected
/// ones and `avoid` as long as there is another; and counts the request there from now on.
pub(crate) fn choose_endpoint(group: &LocalGroup, avoid: Option<u64>, now_ms: u64) -> Option<Flight> {
    let all = &group.endpoints;
    if let [only] = all.as_slice() {
        return Some(Flight::begin(only));
    }
    let turn = group.turn.get().wrapping_add(1);
    group.turn.set(turn);
    let start = turn.checked_rem(all.len())?;
    let in_turn = || all.iter().skip(start).chain(all.iter().take(start));
    let usable = |end: &&Rc<LocalEndpoint>| !end.shared.health.is_ejected(now_ms) && Some(end.shared.key) != avoid;
    let best = in_turn()
        .filter(usable)
        .min_by_key(|end| end.in_flight())
        .or_else(|| in_turn().filter(|end| Some(end.shared.key) != avoid).min_by_key(|end| end.in_flight()))
        .or_else(|| in_turn().next())?;
    Some(Flight::begin(best))
}

#[cfg(test)]
mod tests;
