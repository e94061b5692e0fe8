//! Judging those who have a flag beside everybody else.

use jiff::Timestamp;

use super::{Behind, measure_behind};
use crate::{
    analysis::Verdict,
    deployment::AnalysisSpec,
    traffic::{Counts, latency_bucket},
    units::{Millis, Percent},
};

fn spec() -> AnalysisSpec {
    AnalysisSpec {
        interval: Millis::from_secs(30),
        count: 3,
        failure_limit: 0,
        inconclusive_limit: 3,
        min_requests: 20,
        max_error_rate_bp: Some(100),
        max_p95: Some(Millis::from_secs(1)),
    }
}

fn counts(requests: u64, errors: u64, slow: u64) -> Counts {
    let mut counts = Counts { requests, ..Counts::default() };
    counts.status = [0, requests - errors, 0, 0, errors];
    counts.latency[latency_bucket(3000)] = requests - slow;
    counts.latency[latency_bucket(4_000_000)] = slow;
    counts
}

fn judged(now: &Counts, without: &Counts, share: u8) -> (Verdict, String) {
    let behind = Behind { share: Percent::new(share).unwrap(), without: without.clone() };
    let all = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
    let measured = measure_behind(&spec(), now, Some(&behind), all);
    (measured.verdict, measured.reason)
}

#[test]
fn errors_of_the_few_who_have_it_are_not_thinned_out_by_all_the_others() {
    // 40 of the 500 who have it: 8 % of them, 0.4 % of all.
    let (verdict, reason) = judged(&counts(10_000, 40, 0), &counts(10_000, 0, 0), 5);
    assert_eq!(verdict, Verdict::Fail);
    assert_eq!(
        reason,
        "40 of 10000 requests failed (0.4%); p95 2.9ms; of the 5% with the flag 8% failed, over the limit of 1%"
    );
}

#[test]
fn what_fails_without_the_flag_too_is_not_held_against_it() {
    let (verdict, reason) = judged(&counts(10_000, 45, 0), &counts(5000, 20, 0), 5);
    assert_eq!(verdict, Verdict::Pass, "{reason}");
}

#[test]
fn slowness_of_the_few_who_have_it_is_seen() {
    let (verdict, reason) = judged(&counts(10_000, 0, 200), &counts(10_000, 0, 0), 5);
    assert_eq!(verdict, Verdict::Fail);
    assert!(reason.ends_with("of the 5% with the flag 40% were slow, over the limit of 5% slower than 1s"), "{reason}");
}

#[test]
fn one_error_by_chance_among_few_is_no_breach() {
    let (verdict, reason) = judged(&counts(1000, 1, 0), &counts(1000, 0, 0), 5);
    assert_eq!(verdict, Verdict::Pass, "{reason}");
}

#[test]
fn too_few_who_have_it_say_nothing() {
    let (verdict, reason) = judged(&counts(300, 0, 0), &counts(300, 0, 0), 5);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(
        reason.contains("about 15 requests of the 5% with the flag, fewer than the 20 needed to judge"),
        "{reason}"
    );
}

#[test]
fn at_the_end_everybody_has_it_and_everything_is_its_doing() {
    assert_eq!(judged(&counts(1000, 2, 0), &counts(1000, 2, 0), 100).0, Verdict::Pass);
    assert_eq!(judged(&counts(1000, 30, 0), &counts(1000, 2, 0), 100).0, Verdict::Fail);
}

#[test]
fn no_count_however_odd_makes_it_panic() {
    let mut most = counts(10, 0, 0);
    most.requests = u64::MAX;
    most.status = [u64::MAX; 5];
    most.latency = [u64::MAX; 32];
    for now in [&most, &Counts::default()] {
        for without in [&most, &Counts::default()] {
            for share in [0, 1, 100] {
                drop(judged(now, without, share));
            }
        }
    }
}
