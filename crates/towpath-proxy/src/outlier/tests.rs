//! Tests of `outlier`.

use super::*;

fn endpoints(count: u32) -> Vec<Endpoint> {
    let set = towpath_core::instance::SetId {
        environment: "production".parse().unwrap(),
        service: "web".parse().unwrap(),
        revision: towpath_core::ids::Revision(1),
    };
    let make = |index: u32| {
        let instance = towpath_core::instance::InstanceId { set: set.clone(), index };
        Endpoint::new(u64::from(index), instance, ([127, 0, 0, 1], 1).into(), 1)
    };
    (0..count).map(make).collect()
}

fn fail_until_ejected(all: &[Endpoint], which: usize, now_ms: u64) -> bool {
    (0..CONSECUTIVE).any(|_| failed(&all[which], all.iter(), now_ms))
}

#[test]
fn five_failures_in_a_row_eject_and_a_success_between_does_not() {
    let all = endpoints(2);
    for _ in 0..20 {
        assert!(!failed(&all[0], all.iter(), 0));
        all[0].health.succeeded(0);
    }
    assert!(fail_until_ejected(&all, 0, 0));
    assert!(all[0].health.is_ejected(999) && !all[0].health.is_ejected(1000));
}

#[test]
fn each_further_ejection_is_twice_as_long_up_to_a_minute() {
    let all = endpoints(2);
    let mut now = 0;
    for period in [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
        assert!(fail_until_ejected(&all, 0, now));
        assert!(all[0].health.is_ejected(now + period - 1) && !all[0].health.is_ejected(now + period));
        now += period;
    }
}

#[test]
fn never_more_than_half_and_never_the_last() {
    for (count, most) in [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2)] {
        let all = endpoints(count);
        let ejected = (0..all.len()).filter(|which| fail_until_ejected(&all, *which, 0)).count();
        assert_eq!(ejected, most, "of {count}");
    }
}
