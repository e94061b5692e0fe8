//! What was counted of one variant for one metric: sums over its units, from which everything else follows.
//!
//! Sums can be added, so they are kept and moved instead of what single units did.

use serde::{Deserialize, Serialize};

/// Sums over the units of one variant. A unit that was exposed and did nothing counts with 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// How many units.
    pub n: u64,
    /// The sum of their values; of a proportion, how many units did it; of a ratio, the sum of the numerators.
    pub sum: f64,
    /// The sum of the squares of their values. Not looked at for a proportion, where it is the sum itself.
    #[serde(default)]
    pub sum_squares: f64,
    /// The denominators of a ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denominator: Option<Paired>,
    /// What the same units did before they were exposed, by which chance can be taken out of the metric (CUPED).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covariate: Option<Paired>,
}

/// Sums of a second value of the same units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paired {
    /// The sum of the second values.
    pub sum: f64,
    /// The sum of their squares.
    pub sum_squares: f64,
    /// The sum of the products of first and second value.
    pub sum_products: f64,
}

/// What one unit did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Unit {
    /// Its value; of a ratio its numerator.
    pub value: f64,
    /// Its denominator, if the metric is a ratio.
    pub denominator: Option<f64>,
    /// Its value before it was exposed, if that is known of every unit (0 counts as known).
    pub covariate: Option<f64>,
}

impl Unit {
    /// Returns a unit with a value and nothing else.
    pub const fn of(value: f64) -> Self {
        Self { value, denominator: None, covariate: None }
    }
}

impl Sums {
    /// Counts one more unit. Either every unit has a denominator (a covariate) or none.
    pub fn add(&mut self, unit: Unit) {
        self.n = self.n.saturating_add(1);
        self.sum += unit.value;
        self.sum_squares += unit.value * unit.value;
        for (sums, second) in [(&mut self.denominator, unit.denominator), (&mut self.covariate, unit.covariate)] {
            if let Some(second) = second {
                sums.get_or_insert_default().add(unit.value, second);
            }
        }
    }

    /// Adds the sums of other units.
    pub fn merge(&mut self, other: &Self) {
        self.n = self.n.saturating_add(other.n);
        self.sum += other.sum;
        self.sum_squares += other.sum_squares;
        for (sums, more) in [(&mut self.denominator, other.denominator), (&mut self.covariate, other.covariate)] {
            if let Some(more) = more {
                sums.get_or_insert_default().merge(&more);
            }
        }
    }
}

impl Paired {
    fn add(&mut self, first: f64, second: f64) {
        self.merge(&Self { sum: second, sum_squares: second * second, sum_products: first * second });
    }

    fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.sum_squares += other.sum_squares;
        self.sum_products += other.sum_products;
    }
}

impl Extend<Unit> for Sums {
    fn extend<T: IntoIterator<Item = Unit>>(&mut self, units: T) {
        units.into_iter().for_each(|unit| self.add(unit));
    }
}

impl FromIterator<Unit> for Sums {
    fn from_iter<T: IntoIterator<Item = Unit>>(units: T) -> Self {
        let mut sums = Self::default();
        sums.extend(units);
        sums
    }
}
