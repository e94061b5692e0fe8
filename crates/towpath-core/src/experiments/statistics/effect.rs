//! From two variants to a lift with its interval and p value.
//!
//! The confidence sequence: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and asymptotic
//! confidence sequences" (arXiv 2103.06476 v7), equations 9 (interval), 155 (p value) and 161 (tuning). The relative lift by
//! the delta method (Deng et al., arXiv 1803.06336, section 2). Fixed horizon: B. L. Welch, "The generalization of
//! 'Student's' problem when several different population variances are involved" (Biometrika 34, 1947).

use super::{
    Effect, Scale,
    distributions::{t_beyond, t_critical},
    moments::{Moments, Pair},
};

/// How an interval is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rule {
    /// Valid at every look.
    Sequential { tuning: f64 },
    /// Valid at one.
    Welch,
}

/// A lift before its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lift {
    /// The lift.
    pub estimate: f64,
    /// The square of its standard error; above 0.
    pub variance: f64,
}

/// Returns the lift on a scale, or nothing where it cannot be computed: a share of 0 is none.
pub(super) fn lift(pair: &Pair, scale: Scale) -> Option<Lift> {
    let (a, b) = (&pair.control, &pair.variant);
    let lift = match scale {
        Scale::Absolute => Lift { estimate: b.mean - a.mean, variance: a.variance / a.n + b.variance / b.n },
        Scale::Relative if a.plain_mean == 0.0 => return None,
        Scale::Relative => {
            let base = a.plain_mean.abs();
            let ratio = b.plain_mean / base;
            Lift {
                estimate: (b.mean - a.mean) / base,
                variance: (b.variance / b.n + ratio * ratio * (a.variance / a.n)) / (base * base),
            }
        }
    };
    (lift.estimate.is_finite() && lift.variance.is_finite() && lift.variance > 0.0).then_some(lift)
}

/// Returns by how much a variant differs from `factor` times control. Linear, so it can be computed where control is 0.
pub(super) fn beyond(pair: &Pair, factor: f64) -> Option<Lift> {
    let (a, b) = (&pair.control, &pair.variant);
    let variance = b.variance / b.n + factor * factor * (a.variance / a.n);
    let lift = Lift { estimate: b.mean + pair.shift - factor * (a.mean + pair.shift), variance };
    (lift.estimate.is_finite() && variance.is_finite() && variance > 0.0).then_some(lift)
}

/// Returns a lift with the interval that covers it with chance 1 less `alpha`, and its p value.
pub(super) fn effect(pair: &Pair, lift: &Lift, rule: Rule, alpha: f64) -> Option<Effect> {
    let standard_error = lift.variance.sqrt();
    let (width, p_value) = match rule {
        Rule::Sequential { tuning } => {
            let n = pair.control.n + pair.variant.n;
            let sequence = Sequence::new(alpha, tuning);
            (sequence.width(n, alpha), sequence.p_value(n, lift.estimate / standard_error))
        }
        Rule::Welch => {
            let freedom = welch_freedom(&pair.control, &pair.variant);
            (t_critical(alpha, freedom)?, t_beyond(lift.estimate / standard_error, freedom)?)
        }
    };
    let half = width * standard_error;
    let effect = Effect {
        estimate: lift.estimate,
        standard_error,
        lower: lift.estimate - half,
        upper: lift.estimate + half,
        p_value,
        p_value_corrected: p_value,
    };
    [standard_error, effect.lower, effect.upper, p_value].iter().all(|number| number.is_finite()).then_some(effect)
}

/// The confidence sequence with its one free number chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence {
    rho_squared: f64,
}

impl Sequence {
    /// Returns the sequence that is narrowest at about `tuning` units (equation 161).
    pub(super) fn new(alpha: f64, tuning: f64) -> Self {
        let log = -2.0 * alpha.ln();
        Self { rho_squared: (log + (log + 1.0).ln()) / tuning }
    }

    /// Returns half the width of the interval at `n` units, in standard errors (equation 9).
    pub(super) fn width(self, n: f64, alpha: f64) -> f64 {
        let t = n * self.rho_squared + 1.0;
        (2.0 * t * (t.ln() / 2.0 - alpha.ln()) / (n * self.rho_squared)).sqrt()
    }

    /// Returns the p value at `n` units of a lift `z` standard errors from 0 (equation 155): 1 over the e-value, at most 1.
    fn p_value(self, n: f64, z: f64) -> f64 {
        let t = n * self.rho_squared + 1.0;
        // In logarithms, because the e-value of a clear difference is beyond all numbers.
        let log_e = n * self.rho_squared * (z * z) / (2.0 * t) - t.ln() / 2.0;
        (-log_e).exp().min(1.0)
    }
}

/// The degrees of freedom by Welch and Satterthwaite.
fn welch_freedom(a: &Moments, b: &Moments) -> f64 {
    // In units of the larger, so that tiny variances do not vanish when they are squared.
    let (a_part, b_part) = (a.variance / a.n, b.variance / b.n);
    let size = a_part.max(b_part);
    let (a_part, b_part) = (a_part / size, b_part / size);
    (a_part + b_part).powi(2) / (a_part * a_part / (a.n - 1.0) + b_part * b_part / (b.n - 1.0))
}
