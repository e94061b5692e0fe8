//! Whether units were split as was meant: Pearson's chi-squared test of the counts (Fabijan et al., "Diagnosing Sample Ratio
//! Mismatch in Online Controlled Experiments", KDD 2019).
//!
//! It is looked at with every analysis, so its threshold is low: one false alarm in a thousand looks, not in twenty.

use super::{
    Arm, Split, SplitArm,
    distributions::{chi_squared_above, count},
};

/// Compares the counts of units with the weights. Weights that make no sense give no p value.
pub(super) fn split(variants: &[Arm], threshold: f64) -> Split {
    let units: f64 = variants.iter().map(|arm| count(arm.units)).sum();
    let weights: f64 = variants.iter().map(|arm| arm.weight).sum();
    let sensible = weights.is_finite() && weights > 0.0 && variants.iter().all(|arm| arm.weight >= 0.0);
    let expected = |arm: &Arm| arm.weight / weights * units;
    let p_value = if sensible && units > 0.0 { chance(variants, expected) } else { None };
    Split {
        p_value,
        threshold,
        passed: p_value.is_none_or(|p| p >= threshold),
        variants: variants
            .iter()
            .map(|arm| SplitArm {
                variant: arm.name.clone(),
                units: arm.units,
                expected: sensible.then(|| expected(arm)),
            })
            .collect(),
    }
}

fn chance(variants: &[Arm], expected: impl Fn(&Arm) -> f64) -> Option<f64> {
    let (mut distance, mut kinds) = (0.0, 0_u64);
    for arm in variants {
        let expected = expected(arm);
        if expected > 0.0 {
            distance += (count(arm.units) - expected).powi(2) / expected;
            kinds += 1;
        } else if arm.units > 0 {
            // Nobody was to be here.
            return Some(0.0);
        }
    }
    // With a single possible variant there is nothing to be wrong.
    if kinds < 2 { Some(1.0) } else { chi_squared_above(distance, count(kinds) - 1.0) }
}
