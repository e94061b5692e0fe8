//! Analysis: judging a revision by what the proxy saw of it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{deployment::AnalysisSpec, traffic::Counts};

mod flag;

pub use flag::{Behind, measure_behind};

/// What one measurement, or a whole analysis, says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within the limits.
    Pass,
    /// Outside a limit.
    Fail,
    /// Too little was seen to say.
    Inconclusive,
}

/// One measurement with what it was judged by: the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    /// Beginning of what was measured.
    pub from: Timestamp,
    /// End of it.
    pub to: Timestamp,
    /// Requests seen.
    pub requests: u64,
    /// Failed requests among them.
    pub errors: u64,
    /// Estimated 95th percentile of latency in microseconds, if anything was seen.
    pub p95_us: Option<u64>,
    /// The judgement.
    pub verdict: Verdict,
    /// The judgement in words.
    pub reason: String,
}

/// How far an analysis has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Measurements made.
    pub made: u32,
    /// Those outside a limit.
    pub failed: u32,
    /// Those without enough to judge.
    pub inconclusive: u32,
}

impl Tally {
    /// Counts one more measurement.
    pub fn count(&mut self, verdict: Verdict) {
        self.made = self.made.saturating_add(1);
        match verdict {
            Verdict::Pass => {}
            Verdict::Fail => self.failed = self.failed.saturating_add(1),
            Verdict::Inconclusive => self.inconclusive = self.inconclusive.saturating_add(1),
        }
    }

    /// Returns what the whole analysis says once it can say it. Limits are exceeded, not reached: a limit of 1 allows
    /// one. A failure weighs more than doubt.
    pub fn verdict(&self, spec: &AnalysisSpec) -> Option<Verdict> {
        if self.failed > spec.failure_limit {
            Some(Verdict::Fail)
        } else if self.inconclusive > spec.inconclusive_limit {
            Some(Verdict::Inconclusive)
        } else if self.made >= spec.count {
            Some(Verdict::Pass)
        } else {
            None
        }
    }
}

/// Judges what was counted between two moments.
pub fn measure(spec: &AnalysisSpec, counts: &Counts, from: Timestamp, to: Timestamp) -> Measurement {
    let errors = counts.errors();
    let p95_us = counts.quantile_us(0.95);
    let (verdict, reason) = judge(spec, counts.requests, errors, p95_us);
    Measurement { from, to, requests: counts.requests, errors, p95_us, verdict, reason }
}

fn judge(spec: &AnalysisSpec, requests: u64, errors: u64, p95_us: Option<u64>) -> (Verdict, String) {
    if requests < spec.min_requests.max(1) {
        let reason = format!("{requests} requests, fewer than the {} needed to judge", spec.min_requests.max(1));
        return (Verdict::Inconclusive, reason);
    }
    let mut seen = vec![format!("{errors} of {requests} requests failed ({})", Share::of(errors, requests))];
    if let Some(limit) = spec.max_error_rate_bp {
        let limit_share = Share(u64::from(limit));
        // Compared by multiplication, so that no rounding hides a breach.
        if u128::from(errors) * 10_000 > u128::from(limit) * u128::from(requests) {
            return (Verdict::Fail, format!("{}, over the limit of {limit_share}", seen.join("; ")));
        }
    }
    if let (Some(p95), Some(limit)) = (p95_us, spec.max_p95) {
        let text = format!("p95 {}", Latency(p95));
        if p95 > limit.0.saturating_mul(1000) {
            return (Verdict::Fail, format!("{text}, over the limit of {limit}"));
        }
        seen.push(text);
    }
    (Verdict::Pass, seen.join("; "))
}

/// A share in hundredths of a percent, for people.
pub struct Share(pub u64);

impl Share {
    /// Returns `part` of `whole`.
    pub fn of(part: u64, whole: u64) -> Self {
        Self(part.saturating_mul(10_000).checked_div(whole).unwrap_or(0))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.0 / 100, self.0 % 100);
        match hundredths {
            0 => write!(f, "{whole}%"),
            part if part.is_multiple_of(10) => write!(f, "{whole}.{}%", part / 10),
            part => write!(f, "{whole}.{part:02}%"),
        }
    }
}

/// Microseconds, for people.
pub struct Latency(pub u64);

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            us if us < 1000 => write!(f, "{us}µs"),
            us if us < 100_000 => write!(f, "{}.{}ms", us / 1000, us % 1000 / 100),
            us => write!(f, "{}ms", us / 1000),
        }
    }
}

#[cfg(test)]
mod tests;
