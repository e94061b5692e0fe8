//! Tests of `traffic`.

use proptest::prelude::*;

use super::*;

fn counts(latencies_us: &[u64]) -> Counts {
    let mut counts = Counts::default();
    for latency in latencies_us {
        counts.requests += 1;
        counts.status[1] += 1;
        counts.latency[latency_bucket(*latency)] += 1;
        counts.latency_sum_us += latency;
    }
    counts
}

#[test]
fn errors_are_answers_of_class_5xx_and_what_the_proxy_had_to_answer() {
    let counts = Counts { status: [1, 2, 3, 4, 5], upstream_errors: 7, ..Counts::default() };
    assert_eq!(counts.errors(), 12);
}

#[test]
fn a_bucket_includes_its_upper_bound() {
    assert_eq!(latency_bucket(0), 0);
    assert_eq!(latency_bucket(100), 0);
    assert_eq!(latency_bucket(101), 1);
    assert_eq!(latency_bucket(50_000_000), LATENCY_BOUNDS_US.len() - 1);
    assert_eq!(latency_bucket(u64::MAX), LATENCY_BOUNDS_US.len());
}

#[test]
fn a_quantile_is_interpolated_within_its_bucket() {
    // Ten requests between 1 ms and 2 ms: the median is taken to be in the middle.
    let ten = counts(&[1500; 10]);
    assert_eq!(ten.quantile_us(0.5), Some(1500));
    assert_eq!(ten.quantile_us(1.0), Some(2000));
    assert_eq!(ten.quantile_us(0.0), Some(1000));
}

#[test]
fn a_quantile_above_the_last_bound_is_the_last_bound() {
    assert_eq!(counts(&[60_000_000]).quantile_us(0.95), Some(50_000_000));
}

#[test]
fn there_is_no_quantile_of_nothing_or_at_nonsense() {
    assert_eq!(Counts::default().quantile_us(0.95), None);
    for q in [-0.1, 1.1, f64::NAN] {
        assert_eq!(counts(&[1]).quantile_us(q), None, "{q}");
    }
}

#[test]
fn a_counter_that_began_anew_is_no_negative_difference() {
    assert_eq!(counts(&[1]).since(&counts(&[1, 2, 3])), Counts::default());
}

proptest! {
    #[test]
    fn what_was_added_is_what_is_new_since(
        before in prop::collection::vec(0..60_000_000_u64, 0..20),
        after in prop::collection::vec(0..60_000_000_u64, 0..20),
    ) {
        let (before, after) = (counts(&before), counts(&after));
        let mut sum = before.clone();
        sum.add(&after);
        prop_assert_eq!(sum.since(&before), after);
    }

    #[test]
    fn an_estimated_quantile_is_in_the_bucket_of_the_true_one(
        mut latencies in prop::collection::vec(0..50_000_000_u64, 1..200), q in 0.0..=1.0_f64,
    ) {
        latencies.sort_unstable();
        let estimate = counts(&latencies).quantile_us(q).unwrap();
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let rank = ((q * latencies.len() as f64).ceil() as usize).clamp(1, latencies.len());
        let bucket = latency_bucket(latencies[rank - 1]);
        let lower = if bucket == 0 { 0 } else { LATENCY_BOUNDS_US[bucket - 1] };
        prop_assert!((lower..=LATENCY_BOUNDS_US[bucket]).contains(&estimate), "{} in bucket {}", estimate, bucket);
    }
}
