//! What is analysed: the variants, the metrics, and how to judge them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Sums;

/// What is known of an experiment when it is looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observations {
    /// The variant the others are compared with, by name.
    #[serde(default)]
    pub control: String,
    /// Every variant, control among them.
    pub variants: Vec<Arm>,
    /// What was counted.
    pub metrics: Vec<Observed>,
}

/// One variant and how many units were exposed to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// Its share of the units as it was meant, in any unit: only the proportions count.
    #[serde(default = "one")]
    pub weight: f64,
    /// How many units were exposed to it, each counted once.
    pub units: u64,
}

/// One metric with its sums per variant. Written with the metric's own members beside the sums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Observed {
    /// Which.
    pub metric: Metric,
    /// The sums, by name of the variant.
    pub sums: BTreeMap<String, Sums>,
}

/// An [`Observed`] as it is written: flat, and a misspelt member is an error.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    kind: MetricKind,
    #[serde(default)]
    better: Direction,
    #[serde(default)]
    role: Role,
    sums: BTreeMap<String, Sums>,
}

impl From<Written> for Observed {
    fn from(written: Written) -> Self {
        let Written { name, kind, better, role, sums } = written;
        Self { metric: Metric { name, kind, better, role }, sums }
    }
}

impl From<Observed> for Written {
    fn from(observed: Observed) -> Self {
        let Observed { metric: Metric { name, kind, better, role }, sums } = observed;
        Self { name, kind, better, role, sums }
    }
}

/// What is measured and what it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// How units add up to it.
    pub kind: MetricKind,
    /// Whether more is better.
    #[serde(default)]
    pub better: Direction,
    /// What it is for.
    #[serde(default)]
    pub role: Role,
}

/// How units add up to a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// The share of units that did something.
    Proportion,
    /// The mean of a value per unit. Counts are means.
    Mean,
    /// A sum over all units divided by another, such as errors per request; the units are what was assigned by chance.
    Ratio,
}

/// Which way a metric is to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    #[default]
    Up,
    /// Less is better.
    Down,
}

/// What a metric is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It decides.
    #[default]
    Goal,
    /// It is looked at and decides nothing.
    Secondary,
    /// It decides nothing but that the experiment stops, where it is worse than control by more than a margin.
    Guardrail(Margin),
}

/// How much worse a guardrail may become, 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Margin {
    /// As a share of control's value: 0.02 means 2 % worse.
    Relative(f64),
    /// In the metric's own unit. The one to choose where control's value may be 0.
    Absolute(f64),
}

/// How to judge. To be chosen before the first look: settings that change with the data prove nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How often, at most, something is concluded where there is nothing (0.05 is one in twenty).
    pub alpha: f64,
    /// The decision rule.
    pub method: Method,
    /// How `alpha` is kept where several comparisons are made.
    pub correction: Correction,
    /// Whether lifts are shown as shares of control's value or as differences. The difference decides in any case: a share
    /// of an uncertain value is wrong more often than it says.
    pub scale: Scale,
    /// How many units each variant must have before anything is concluded, a guardrail's harm included.
    pub minimum_units: u64,
    /// Below which p value the split is not what was meant, which blocks every verdict.
    pub split_threshold: f64,
    /// What is believed of relative lifts beforehand, for the Bayesian reading. Without one it is flat, as in gbstats.
    pub prior: Option<Prior>,
}

/// The decision rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum Method {
    /// An always-valid confidence sequence: look as often as you like.
    Sequential {
        /// The number of units (all compared variants together) at which the interval is narrowest for its kind.
        #[serde(default = "tuning")]
        tuning: f64,
    },
    /// Welch's t test, valid for one look at a number of units that was planned.
    Fixed {
        /// How many units per variant were planned. Before that nothing is concluded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        planned_units: Option<u64>,
    },
}

/// How `alpha` is kept where several comparisons are made: every goal of every variant other than control is one, and so is
/// every guardrail, counted apart from the goals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Each comparison gets an equal part of `alpha`; intervals hold together.
    #[default]
    Bonferroni,
    /// Holm's step-down procedure on p values; intervals are those of Bonferroni. Finds a little more.
    Holm,
    /// Each comparison gets the whole of `alpha`.
    None,
}

/// On which scale lifts are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// As a share of control's value.
    #[default]
    Relative,
    /// As a difference, in the metric's own unit.
    Absolute,
}

/// A normal distribution of relative lifts that is believed beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// Its mean.
    #[serde(default)]
    pub mean: f64,
    /// Its standard deviation, above 0.
    pub sd: f64,
}

impl Method {
    /// The default rule: the confidence sequence, narrowest near 5,000 units as in gbstats.
    pub const SEQUENTIAL: Self = Self::Sequential { tuning: 5000.0 };
}

impl Default for Method {
    fn default() -> Self {
        Self::SEQUENTIAL
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            method: Method::SEQUENTIAL,
            correction: Correction::Bonferroni,
            scale: Scale::Relative,
            minimum_units: 100,
            split_threshold: 0.001,
            prior: None,
        }
    }
}

const fn one() -> f64 {
    1.0
}

const fn tuning() -> f64 {
    5000.0
}
