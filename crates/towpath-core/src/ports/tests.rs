//! Tests of `ports`.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_port_comes_once_whatever_the_seed() {
    for seed in [0, 1, 9_999, 10_000, u64::MAX] {
        let ports: Vec<u16> = given(seed).collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), GIVEN.len(), "{seed}");
        assert_eq!(ports.len(), GIVEN.len());
        assert!(ports.iter().all(|port| GIVEN.contains(port)));
    }
    assert_ne!(given(1).next(), given(2).next());
}
