//! What the store adds up of an experiment: enough for every statistic, and nothing of a single unit.

use serde::{Deserialize, Serialize};

/// The sums of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSums {
    /// The control first, then the treatments.
    pub variants: Vec<VariantSums>,
    /// Units that were seen in more than one variant, and are in none of the sums.
    pub mixed: u64,
}

/// The sums of a variant.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VariantSums {
    /// Units.
    pub units: u64,
    /// By metric, in the order of the definition.
    pub metrics: Vec<MetricSums>,
}

/// The sums of a metric over the units of a variant; units without an event are in them as 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricSums {
    /// Of y, what was measured after exposure; for a ratio its numerator.
    pub sum: f64,
    /// Of y².
    pub squares: f64,
    /// Of d, the denominator of a ratio.
    pub denominator: f64,
    /// Of d².
    pub denominator_squares: f64,
    /// Of y·d.
    pub ratio_cross: f64,
    /// Of x, the same as y but before exposure.
    pub before: f64,
    /// Of x².
    pub before_squares: f64,
    /// Of y·x.
    pub before_cross: f64,
}

impl MetricSums {
    /// Adds one unit.
    pub fn add(&mut self, after: f64, denominator: f64, before: f64) {
        self.sum += after;
        self.squares += after * after;
        self.denominator += denominator;
        self.denominator_squares += denominator * denominator;
        self.ratio_cross += after * denominator;
        self.before += before;
        self.before_squares += before * before;
        self.before_cross += after * before;
    }
}
