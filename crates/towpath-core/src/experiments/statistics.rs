//! The statistics of experiments: pure functions from sums per variant to intervals and verdicts.
//!
//! Three things are kept apart. **Decision rules** (the confidence sequence, on request Welch's test, guardrails) make a
//! [`Verdict`]; **checks** (split, minimum, validity of sums) hold one back; **reading aids** (chance to win, risk) are shown
//! and decide nothing. Nothing here knows where sums come from, when, or what is done about a verdict.

mod analyse;
mod analysis;
mod distributions;
mod effect;
mod input;
mod moments;
pub mod power;
mod reading;
pub mod report;
mod split;
mod sums;
mod validate;
mod verdict;
pub mod words;

pub use analyse::analyse;
pub use analysis::{
    Analysis, Comparison, Decision, Effect, Estimate, GuardrailState, JudgedBy, MetricResult, Outcome, Reading, Reason,
    ReasonCode, Split, SplitArm, Verdict,
};
pub use input::{
    Arm, Correction, Direction, Margin, Method, Metric, MetricKind, Observations, Observed, Prior, Role, Scale,
    Settings,
};
pub use sums::{Paired, Sums, Unit};

#[cfg(test)]
mod tests;
