//! Tests of `analysis`.

use proptest::prelude::*;

use super::*;
use crate::{traffic::latency_bucket, units::Millis};

fn spec() -> AnalysisSpec {
    AnalysisSpec {
        interval: Millis::from_secs(10),
        count: 3,
        failure_limit: 1,
        inconclusive_limit: 1,
        min_requests: 20,
        max_error_rate_bp: Some(100),
        max_p95: Some(Millis(500)),
    }
}

fn counts(good: u64, bad: u64, micros: u64) -> Counts {
    let mut counts = Counts { requests: good + bad, ..Counts::default() };
    counts.status[1] = good;
    counts.status[4] = bad;
    counts.latency[latency_bucket(micros)] = good + bad;
    counts
}

fn judged(counts: &Counts) -> String {
    let now = Timestamp::UNIX_EPOCH;
    let measurement = measure(&spec(), counts, now, now);
    format!("{:?}: {}", measurement.verdict, measurement.reason)
}

#[test]
fn a_measurement_says_what_it_saw_and_which_limit_it_broke() {
    insta::assert_snapshot!(
        [
            judged(&counts(1000, 0, 3000)),
            judged(&counts(990, 10, 3000)),
            judged(&counts(989, 11, 3000)),
            judged(&counts(1000, 0, 900_000)),
            judged(&counts(19, 0, 3000)),
            judged(&counts(0, 0, 3000)),
        ]
        .join("\n")
    );
}

#[test]
fn limits_are_exceeded_not_reached() {
    let mut tally = Tally::default();
    tally.count(Verdict::Fail);
    assert_eq!(tally.verdict(&spec()), None);
    tally.count(Verdict::Fail);
    assert_eq!(tally.verdict(&spec()), Some(Verdict::Fail));
    let mut tally = Tally { made: 1, failed: 0, inconclusive: 1 };
    assert_eq!(tally.verdict(&spec()), None);
    tally.count(Verdict::Inconclusive);
    assert_eq!(tally.verdict(&spec()), Some(Verdict::Inconclusive));
}

proptest! {
    #[test]
    fn an_analysis_always_comes_to_a_verdict(verdicts in proptest::collection::vec(0..3_u8, 3..20)) {
        let mut tally = Tally::default();
        for verdict in verdicts {
            tally.count([Verdict::Pass, Verdict::Fail, Verdict::Inconclusive][usize::from(verdict)]);
        }
        prop_assert!(tally.verdict(&spec()).is_some());
    }

    #[test]
    fn a_share_over_the_limit_fails_however_many_requests_there_are(good in 0..1_000_000_u64, bad in 0..1_000_000_u64) {
        prop_assume!(good + bad >= 20);
        let measurement = measure(&spec(), &counts(good, bad, 1000), Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        prop_assert_eq!(measurement.verdict == Verdict::Fail, bad * 100 > good + bad);
    }
}
