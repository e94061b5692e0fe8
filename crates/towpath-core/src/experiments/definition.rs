//! What an experiment compares and how it is judged, as it is frozen when it starts.
//!
//! Plain data, kept in the ledger for ever: fields are added, never renamed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{config::read::words, flags::FlagKey, units::Millis};

words! {
    /// How the goal of an experiment is judged.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Method {
        /// An always-valid confidence sequence: it may be looked at as often as one likes.
        Sequential = "sequential",
        /// Welch's test at the end: looking before the planned number of units makes it wrong.
        Fixed = "fixed",
    }
}

words! {
    /// What counts as an exposure beside what applications report.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ExposureRule {
        /// Nothing.
        Tracked = "tracked",
        /// Evaluations of the flag by itself, not those of all flags at once, which pages ask for before anybody sees anything.
        Single = "single",
        /// Every evaluation.
        Served = "served",
    }
}

words! {
    /// What happens when variants get shares of units other than they should.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum SampleRatioRule {
        /// There is no verdict.
        Block = "block",
        /// There is no verdict, and the experiment stops.
        Stop = "stop",
    }
}

words! {
    /// What is computed for each unit.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum MetricKind {
        /// Whether there was an event.
        Proportion = "proportion",
        /// The sum of the values of its events.
        Mean = "mean",
        /// The number of its events.
        Count = "count",
        /// The sum of the values of its events over that of another event, over all units.
        Ratio = "ratio",
    }
}

words! {
    /// Which way is better.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Direction {
        /// More.
        Increase = "increase",
        /// Less.
        Decrease = "decrease",
    }
}

words! {
    /// What a metric is for.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum MetricRole {
        /// It decides.
        Goal = "goal",
        /// It is shown.
        Secondary = "secondary",
        /// It must not get worse by more than its margin.
        Guardrail = "guardrail",
    }
}

/// What an experiment compares and how it is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentDefinition {
    /// The flag whose variants are compared.
    pub flag: FlagKey,
    /// What is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothesis: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The variant the others are compared with.
    pub control: String,
    /// The others; none means every other variant of the flag.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub treatments: Vec<String>,
    /// How many units each variant gets, in relation to each other; none means as the flag's `fractional` says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, u32>,
    /// What the flag's `fractional` mixes with the unit, so that this experiment draws apart from others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// The member of the context that names the unit.
    pub unit: String,
    /// The chance of finding an effect where there is none, over all goals and treatments.
    pub alpha: f64,
    /// How the goal is judged.
    pub method: Method,
    /// How many units each variant needs before there is a verdict.
    pub minimum_sample: u64,
    /// How long before its exposure the events of a unit are used to reduce noise; none does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuped: Option<Millis>,
    /// What counts as an exposure beside what applications report.
    pub exposure: ExposureRule,
    /// What happens when the shares of units are not what they should be.
    pub on_sample_ratio: SampleRatioRule,
    /// What is measured.
    pub metrics: Vec<Metric>,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// What it is called.
    pub name: String,
    /// The event it is computed from.
    pub event: String,
    /// For a ratio the event of the denominator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// What is computed for each unit.
    pub kind: MetricKind,
    /// What an event is worth that carries no value.
    pub value: f64,
    /// Which way is better.
    pub direction: Direction,
    /// What it is for.
    pub role: MetricRole,
    /// The smallest effect worth finding, in relation to the control: for planning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// The most that counts of one unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    /// How long after its exposure the events of a unit count; none means until the experiment ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Millis>,
    /// For a guardrail how much worse it may get, in relation to the control.
    pub margin: f64,
}

// INVARIANT: the numbers of a definition are finite: its reader refuses others, and JSON cannot write them.
impl Eq for ExperimentDefinition {}
impl Eq for Metric {}

impl ExperimentDefinition {
    /// Returns the control and then the treatments, as far as they are named.
    pub fn variants(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.control).chain(&self.treatments).map(String::as_str)
    }

    /// Returns the place of a variant: 0 for the control.
    pub fn place(&self, variant: &str) -> Option<usize> {
        self.variants().position(|known| known == variant)
    }

    /// Returns the names of events that it measures, each once.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        let all: std::collections::BTreeSet<&str> =
            self.metrics.iter().flat_map(|it| std::iter::once(&it.event).chain(&it.per)).map(String::as_str).collect();
        all.into_iter()
    }
}
