//! What an analysis says. No number in it is infinite or not a number: what cannot be computed is absent, with the reason.

use serde::{Deserialize, Serialize};

use super::{Correction, Method, Metric, Scale};

/// Everything that sums say about an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// What may be concluded.
    pub verdict: Verdict,
    /// Whether units were split as was meant.
    pub split: Split,
    /// The variant the others are compared with.
    pub control: String,
    /// The metrics, in the order in which they were given.
    pub metrics: Vec<MetricResult>,
    /// By what was judged.
    pub judged_by: JudgedBy,
}

/// By what was judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct JudgedBy {
    /// The decision rule.
    pub method: Method,
    /// The scale on which lifts are shown.
    pub scale: Scale,
    /// How often, at most, something is concluded where there is nothing.
    pub alpha: f64,
    /// How that is kept over several comparisons.
    pub correction: Correction,
    /// How many comparisons goals make.
    pub comparisons: u64,
    /// The part of `alpha` that each of them gets; their intervals cover with 1 less this.
    pub alpha_each: f64,
    /// The part of `alpha` that each comparison of a guardrail gets.
    pub alpha_guardrail: f64,
    /// How many units each variant must have before anything is concluded.
    pub minimum_units: u64,
}

/// What may be concluded, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The conclusion.
    pub decision: Decision,
    /// The variant it is about: the one to take, or the one that does harm.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variant: Option<String>,
    /// Why, what weighs most first. Never empty.
    pub reasons: Vec<Reason>,
}

/// What may be concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// A guardrail is worse than its margin allows: stop. Not held back by a wrong split, because stopping is the safe side.
    Stop,
    /// The data cannot be trusted, so nothing may be concluded.
    Blocked,
    /// Too little was seen.
    Wait,
    /// A variant is better than control on a goal and worse on none.
    Better,
    /// A variant is better on one goal and worse on another: people have to weigh.
    Mixed,
    /// Every variant is worse than control on a goal and better on none.
    Worse,
    /// Enough was seen to conclude something, but no difference shows.
    Undecided,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What kind of reason; stable.
    pub code: ReasonCode,
    /// The metric it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metric: Option<String>,
    /// The variant it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variant: Option<String>,
    /// The reason as a sentence.
    pub text: String,
}

/// The kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// A guardrail is worse than its margin allows.
    GuardrailHarmed,
    /// Units were not split as was meant.
    SampleRatioMismatch,
    /// The settings make no sense.
    InvalidSettings,
    /// Variants, weights or metrics make no sense.
    InvalidObservations,
    /// Sums cannot come from units.
    InvalidSums,
    /// A variant has no units, or one, from which nothing can be computed.
    TooFewUnits,
    /// A variant has fewer units than the minimum.
    BelowMinimum,
    /// The planned number of units is not reached.
    BelowPlanned,
    /// A test for one look: it proves nothing if it was looked at before.
    OneLook,
    /// All units have the same value, so chance cannot be judged.
    NoVariance,
    /// Control's value is 0, so there is no relative lift.
    BaselineZero,
    /// The denominators of a ratio are missing or sum to 0.
    NoDenominator,
    /// Numbers are too large to compute with.
    Overflow,
    /// Difference and relative lift say different things; the difference decides.
    ScalesDiffer,
    /// What units did before cannot be used, so the metric is taken as it is.
    CovariateUnused,
    /// No unit or every unit did it: the variance is that of one more success and one more failure.
    VarianceSmoothed,
    /// The interval lies on the better side.
    GoalBetter,
    /// The interval lies on the worse side.
    GoalWorse,
    /// The interval holds both better and worse.
    NoDifference,
    /// No metric is a goal, so nothing can be concluded but harm.
    NoGoal,
    /// Several variants are better than control; among themselves they were not compared.
    SeveralBetter,
}

/// Whether units were split as was meant (sample ratio mismatch).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// How likely a split at least as far off is by chance; absent where nobody was exposed or weights make no sense.
    pub p_value: Option<f64>,
    /// Below this the split is not what was meant.
    pub threshold: f64,
    /// Whether the split may be what was meant.
    pub passed: bool,
    /// Each variant.
    pub variants: Vec<SplitArm>,
}

/// One variant of a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitArm {
    /// Its name.
    pub variant: String,
    /// How many units were exposed.
    pub units: u64,
    /// How many were to be expected.
    pub expected: Option<f64>,
}

/// What is known of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricResult {
    /// The metric.
    #[serde(flatten)]
    pub metric: Metric,
    /// Control.
    pub control: Estimate,
    /// Every other variant.
    pub variants: Vec<Comparison>,
}

/// The value of a metric for one variant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// How many units.
    pub n: u64,
    /// Share, mean or ratio, as it was counted.
    pub value: Option<f64>,
    /// The standard deviation between units (of a ratio, by the delta method).
    pub sd: Option<f64>,
}

/// A variant beside control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The variant.
    pub variant: String,
    /// Its own value.
    pub estimate: Estimate,
    /// What the difference allows to say.
    pub outcome: Outcome,
    /// The lift as a difference. It decides.
    pub absolute: Option<Effect>,
    /// The lift as a share of control's value, by the delta method. The same question in another unit, and less exact while
    /// control's value is uncertain.
    pub relative: Option<Effect>,
    /// How much of the variance the covariate took out, from 0 to 1; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variance_reduction: Option<f64>,
    /// Bayesian figures, for reading only: they decide nothing, and stopping on them is wrong far more often than `alpha`.
    pub reading: Option<Reading>,
    /// Whether a guardrail holds; absent for other metrics.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub guardrail: Option<GuardrailState>,
    /// What could not be computed or is to be known.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<Reason>,
}

/// What an interval allows to say of one variant and metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It lies on the better side.
    Better,
    /// It lies on the worse side.
    Worse,
    /// It holds both.
    Undecided,
    /// There is none.
    Unknown,
}

/// Whether a guardrail holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardrailState {
    /// Worse than the margin allows.
    Harmed,
    /// No worse than the margin allows.
    Safe,
    /// It may be either.
    Open,
    /// It cannot be said.
    Unknown,
}

/// A lift with how far chance reaches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The lift.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
    /// How likely a lift at least as far from 0 is where there is none: always valid or for one look, as the method is.
    pub p_value: f64,
    /// The p value after the correction; below `alpha` the lift is no chance.
    pub p_value_corrected: f64,
}

/// Bayesian figures, for reading only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The scale of lift and risks.
    pub scale: Scale,
    /// Chance that the variant is better than control.
    pub chance_to_win: f64,
    /// Mean of what is believed of the lift.
    pub lift: f64,
    /// Standard deviation of it.
    pub sd: f64,
    /// Lower end of the range that holds the lift with 1 less `alpha`.
    pub lower: f64,
    /// Upper end of it.
    pub upper: f64,
    /// What is lost on average by taking the variant, counted as 0 where it is better.
    pub risk: f64,
    /// What is lost on average by staying with control.
    pub risk_control: f64,
    /// Chance that the variant is better, computed exactly from a flat prior of each share; for proportions with few units
    /// that did it (or did not), where the normal approximation is poor.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub chance_to_win_exact: Option<f64>,
    /// The risk of the variant as a difference of shares, computed likewise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub risk_exact: Option<f64>,
}
