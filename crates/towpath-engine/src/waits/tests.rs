//! Tests of `waits`.

use super::*;

#[test]
fn each_wait_is_twice_as_long_up_to_a_minute_and_success_ends_it() {
    let mut waits = Waits::default();
    let what = || What::Start(PromotionNumber(7));
    let mut now = Timestamp::UNIX_EPOCH;
    for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert!(!waits.holds(&what(), now), "{expected}");
        waits.failed(what(), now);
        now += SignedDuration::from_secs(expected) - SignedDuration::from_millis(1);
        assert!(waits.holds(&what(), now), "{expected}");
        now += SignedDuration::from_millis(1);
    }
    waits.failed(what(), now);
    waits.succeeded(&what());
    assert!(!waits.holds(&what(), now));
}
