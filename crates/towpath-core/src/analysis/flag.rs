//! Judging what is behind a flag that only some of the users have.
//!
//! The revision serves everybody, so what the flag breaks is thinned out by everybody who does not have it: at 5 % a flag that
//! fails half of its requests makes 2.5 % of all fail. Here what was seen without the flag is taken off and the rest is held
//! against the requests of those who have it. Requests are taken to be spread over the users as the flag is.

use jiff::Timestamp;

use super::{Measurement, Share, Verdict, measure};
use crate::{
    deployment::AnalysisSpec,
    traffic::{Counts, LATENCY_BOUNDS_US},
    units::Percent,
};

/// What was seen without the flag, and how many have it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The share of the users that has it and had not when `without` was counted.
    pub share: Percent,
    /// What was counted without it.
    pub without: Counts,
}

/// Judges what was counted between two moments while a share of the users had a flag: first everything by the limits, then
/// what is behind the flag by the same limits.
pub fn measure_behind(
    spec: &AnalysisSpec,
    counts: &Counts,
    behind: Option<&Behind>,
    (from, to): (Timestamp, Timestamp),
) -> Measurement {
    let mut whole = measure(spec, counts, from, to);
    let Some(behind) = behind.filter(|behind| behind.share > Percent::ZERO) else { return whole };
    if whole.verdict != Verdict::Pass {
        return whole;
    }
    let (verdict, words) = judge(spec, counts, behind);
    whole.verdict = verdict;
    whole.reason = format!("{}; {words}", whole.reason);
    whole
}

/// What a limit allows of a kind of request.
struct Kind {
    name: &'static str,
    seen: u64,
    without: u64,
    /// In hundredths of a percent.
    limit: u64,
    limit_words: String,
}

fn judge(spec: &AnalysisSpec, counts: &Counts, behind: &Behind) -> (Verdict, String) {
    let share = behind.share;
    // Those who have it, of all who asked.
    let with = counts.requests.saturating_mul(u64::from(share.get())) / 100;
    let enough = spec.min_requests.max(1);
    if with < enough {
        let words =
            format!("about {with} requests of the {share} with the flag, fewer than the {enough} needed to judge");
        return (Verdict::Inconclusive, words);
    }
    let failed = spec.max_error_rate_bp.map(|limit| Kind {
        name: "failed",
        seen: counts.errors(),
        without: behind.without.errors(),
        limit: u64::from(limit),
        limit_words: Share(u64::from(limit)).to_string(),
    });
    let slow = spec.max_p95.map(|limit| Kind {
        name: "were slow",
        seen: slower(counts, limit.0.saturating_mul(1000)),
        without: slower(&behind.without, limit.0.saturating_mul(1000)),
        // A 95th percentile within a limit is a twentieth of the requests beyond it.
        limit: 500,
        limit_words: format!("5% slower than {limit}"),
    });
    let mut words = Vec::new();
    for kind in failed.into_iter().chain(slow) {
        let more = kind.more(counts.requests, behind.without.requests);
        let text = format!("of the {share} with the flag {} {}", Share::of(more.min(with), with), kind.name);
        if kind.exceeds(more, with, counts.requests, behind.without.requests) {
            return (Verdict::Fail, format!("{text}, over the limit of {}", kind.limit_words));
        }
        words.push(text);
    }
    (Verdict::Pass, words.join("; "))
}

impl Kind {
    /// What was to be expected of everybody had nobody the flag.
    fn expected(&self, all: u64, all_without: u64) -> u64 {
        if all_without == 0 {
            return 0;
        }
        let expected = u128::from(self.without) * u128::from(all) / u128::from(all_without);
        u64::try_from(expected).unwrap_or(u64::MAX)
    }

    fn more(&self, all: u64, all_without: u64) -> u64 {
        self.seen.saturating_sub(self.expected(all, all_without))
    }

    /// Says whether there are more than the limit allows, and more than chance makes: three standard deviations of a count
    /// whose mean is what is allowed (Poisson), of which what was seen without the flag knows only an estimate.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn exceeds(&self, more: u64, with: u64, all: u64, all_without: u64) -> bool {
        let allowed = with as f64 * self.limit as f64 / 10_000.0;
        let expected = self.expected(all, all_without) as f64;
        // The estimate is as uncertain as the count that it was scaled from.
        let scale = if all_without == 0 { 0.0 } else { all as f64 / all_without as f64 };
        let spread = (allowed + expected + expected * scale).sqrt();
        more as f64 > allowed + 3.0 * spread
    }
}

/// Counts the requests that took longer; those of the bucket in which the limit lies are taken to be within it.
fn slower(counts: &Counts, limit_us: u64) -> u64 {
    let within = LATENCY_BOUNDS_US.partition_point(|bound| *bound < limit_us);
    counts.latency.iter().skip(within + 1).fold(0, |sum, count| sum.saturating_add(*count))
}

#[cfg(test)]
mod tests;
