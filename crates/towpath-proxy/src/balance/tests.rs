//! Tests of `balance`.

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_higher_weight_of_the_newest_takes_nobody_from_it(low in 0..=100_u8, more in 0..=100_u8, bucket in 0..10_000_u16) {
        let high = low.saturating_add(more).min(100);
        let before = owner([low, 100 - low].into_iter(), bucket);
        let after = owner([high, 100 - high].into_iter(), bucket);
        prop_assert!(before != Some(0) || after == Some(0));
    }

    #[test]
    fn each_revision_owns_exactly_its_share_of_the_buckets(a in 0..=100_u8, b in 0..=100_u8) {
        let b = b.min(100 - a);
        let weights = [a, b, 100 - a - b];
        let mut owned = [0_u32; 3];
        for bucket in 0..10_000 {
            owned[owner(weights.into_iter(), bucket).unwrap()] += 1;
        }
        prop_assert_eq!(owned, weights.map(|weight| u32::from(weight) * 100));
    }
}

#[test]
fn without_any_weight_nobody_owns_a_bucket() {
    assert_eq!(owner([0, 0].into_iter(), 0), None);
}

#[test]
fn the_bucket_depends_on_key_route_and_cookie_only() {
    // The value is part of the contract: another hash would move every client.
    assert_eq!(bucket(&[1; 16], 2, b"abc"), bucket(&[1; 16], 2, b"abc"));
    let buckets: std::collections::BTreeSet<u16> =
        [([1; 16], 2, b"abc"), ([9; 16], 2, b"abc"), ([1; 16], 3, b"abc"), ([1; 16], 2, b"abd")]
            .iter()
            .map(|(key, salt, cookie)| bucket(key, *salt, *cookie))
            .collect();
    assert_eq!(buckets.len(), 4);
}

#[test]
fn our_cookie_is_found_among_others() {
    let found = |text: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::COOKIE, HeaderValue::from_static(text));
        cookie_of(&headers).map(<[u8]>::to_vec)
    };
    assert_eq!(found("a=b; towpath-split=xyz; c=d"), Some(b"xyz".to_vec()));
    assert_eq!(found("towpath-splitter=xyz"), None);
    assert_eq!(found("towpath-split="), None);
    assert_eq!(cookie_of(&HeaderMap::new()), None);
}
