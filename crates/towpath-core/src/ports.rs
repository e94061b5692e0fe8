//! Which TCP ports are given where none is declared.

use std::ops::Range;

/// Ports to give: below those that Linux gives to outgoing connections (32768 on, `ip(7)`), of which any could be taken
/// between the choice of a port and the moment somebody listens on it or listens on it again after a restart, and below the
/// node ports of Kubernetes (30000 on).
pub const GIVEN: Range<u16> = 20_000..30_000;

/// Returns every port of [`GIVEN`] once, from a place on that depends on the seed: servers beside each other with other seeds
/// look elsewhere first.
pub fn given(seed: u64) -> impl Iterator<Item = u16> {
    let skip = seed % u64::from(GIVEN.end - GIVEN.start);
    let begin = GIVEN.start + u16::try_from(skip).unwrap_or_default();
    (begin..GIVEN.end).chain(GIVEN.start..begin)
}

#[cfg(test)]
mod tests;
