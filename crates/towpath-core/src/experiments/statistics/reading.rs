//! Bayesian figures, for reading only: nothing in here takes part in a verdict.
//!
//! The normal model of the lift is that of gbstats (a normal prior of the effect, updated by its
//! estimate; risk is the expected loss of Stucchio, "Bayesian A/B Testing at VWO", 2015). The exact figures are of two shares
//! with flat beta priors; the sum is that of Miller, "Formulas for Bayesian A/B Testing" (evanmiller.org, 2015), equation 5.

use statrs::function::beta::ln_beta;

use super::{
    Direction, MetricKind, Prior, Reading, Scale, Sums,
    distributions::{count, normal_cdf, normal_density, normal_quantile},
    effect::Lift,
    moments::Pair,
};

/// With at least so many units of each kind the normal approximation is good.
const MANY: f64 = 100.0;

/// Returns what is to be believed of a lift.
pub(super) fn reading(
    pair: &Pair,
    lift: &Lift,
    scale: Scale,
    better: Direction,
    prior: Option<Prior>,
    alpha: f64,
) -> Option<Reading> {
    let base = if scale == Scale::Relative { 1.0 } else { pair.control.plain_mean.abs() };
    let (mean, variance) = match prior {
        None => (lift.estimate, lift.variance),
        // A lift that is known to be a share of 0 is 0.
        Some(_) if base == 0.0 => return None,
        Some(prior) => {
            let (mean, variance) = (prior.mean * base, (prior.sd * base).powi(2));
            let precision = 1.0 / lift.variance + 1.0 / variance;
            ((lift.estimate / lift.variance + mean / variance) / precision, 1.0 / precision)
        }
    };
    let sd = variance.sqrt();
    let above = normal_cdf(mean / sd);
    // E max(lift, 0), and E max(-lift, 0).
    let gain = (mean * above + sd * normal_density(mean / sd)).max(0.0);
    let loss = (sd * normal_density(mean / sd) - mean * normal_cdf(-mean / sd)).max(0.0);
    let z = -normal_quantile(alpha / 2.0)?;
    let (chance_to_win, risk, risk_control) = match better {
        Direction::Up => (above, loss, gain),
        Direction::Down => (normal_cdf(-mean / sd), gain, loss),
    };
    let reading = Reading {
        scale,
        chance_to_win,
        lift: mean,
        sd,
        lower: mean - z * sd,
        upper: mean + z * sd,
        risk,
        risk_control,
        chance_to_win_exact: None,
        risk_exact: None,
    };
    let numbers = [mean, sd, reading.lower, reading.upper, risk, risk_control, chance_to_win];
    numbers.iter().all(|number| number.is_finite()).then_some(reading)
}

/// Adds the exact figures where the normal approximation is poor.
pub(super) fn exact(reading: &mut Reading, kind: MetricKind, better: Direction, control: &Sums, variant: &Sums) {
    if kind != MetricKind::Proportion {
        return;
    }
    let (a, b) = (Beta::of(control), Beta::of(variant));
    if a.least().min(b.least()) >= MANY {
        return;
    }
    let (win, risk) = match better {
        Direction::Up => (b.above(&a), a.loss_against(&b)),
        Direction::Down => (a.above(&b), b.loss_against(&a)),
    };
    if win.is_finite() && risk.is_finite() {
        reading.chance_to_win_exact = Some(win.clamp(0.0, 1.0));
        reading.risk_exact = Some(risk.max(0.0));
    }
}

/// What is believed of a share: a beta distribution.
#[derive(Debug, Clone, Copy)]
struct Beta {
    yes: f64,
    no: f64,
}

impl Beta {
    fn of(sums: &Sums) -> Self {
        Self { yes: sums.sum + 1.0, no: count(sums.n) - sums.sum + 1.0 }
    }

    fn least(&self) -> f64 {
        self.yes.min(self.no)
    }

    fn mean(&self) -> f64 {
        self.yes / (self.yes + self.no)
    }

    fn mirrored(&self) -> Self {
        Self { yes: self.no, no: self.yes }
    }

    /// Returns the chance that this share is above another. Of the four equal sums the shortest is taken.
    fn above(&self, other: &Self) -> f64 {
        let (own, its) = (self.mirrored(), other.mirrored());
        let shortest = self.least().min(other.least());
        if self.yes <= shortest {
            sum_above(self, other)
        } else if other.no <= shortest {
            // The other's complement is above this one's complement in the same cases.
            sum_above(&its, &own)
        } else if other.yes <= shortest {
            1.0 - sum_above(other, self)
        } else {
            1.0 - sum_above(&own, &its)
        }
    }

    /// Returns the mean of how much this share is above another, counted as 0 where it is below.
    fn loss_against(&self, other: &Self) -> f64 {
        let more = |share: &Self| Self { yes: share.yes + 1.0, ..*share };
        self.mean() * more(self).above(other) - other.mean() * self.above(&more(other))
    }
}

/// The sum over `b.yes` terms of the chance that a share `b` is above a share `a`; `b.yes` is a whole number.
fn sum_above(b: &Beta, a: &Beta) -> f64 {
    let (mut sum, mut i) = (0.0, 0.0);
    // In logarithms: the first term is often too small for a number.
    let mut term = ln_beta(a.yes, a.no + b.no) - ln_beta(a.yes, a.no);
    while i < b.yes.round() {
        sum += term.exp();
        term += ((a.yes + i) / (a.yes + i + a.no + b.no) * ((b.no + i) / (1.0 + i))).ln();
        i += 1.0;
    }
    sum
}
