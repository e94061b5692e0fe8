//! The distributions that are needed, total: outside their range they give nothing instead of a panic.

use statrs::distribution::{ChiSquared, Continuous as _, ContinuousCDF as _, Normal, StudentsT};

/// The chance that a standard normal number is at most `z`.
pub(super) fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The density of the standard normal distribution at `z`.
pub(super) fn normal_density(z: f64) -> f64 {
    Normal::standard().pdf(z)
}

/// The number that a standard normal number stays below with chance `p`, for `p` strictly between 0 and 1.
pub(super) fn normal_quantile(p: f64) -> Option<f64> {
    within(p).then(|| Normal::standard().inverse_cdf(p))
}

/// The chance that Student's t with these degrees of freedom is further from 0 than `t`.
pub(super) fn t_beyond(t: f64, freedom: f64) -> Option<f64> {
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
    t.is_finite().then(|| (2.0 * distribution.sf(t.abs())).min(1.0))
}

/// The number that Student's t stays below with chance `p`.
pub(super) fn t_quantile(p: f64, freedom: f64) -> Option<f64> {
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
    within(p).then(|| distribution.inverse_cdf(p)).filter(|t| t.is_finite())
}

/// The chance that chi-squared with these degrees of freedom is above `x`.
pub(super) fn chi_squared_above(x: f64, freedom: f64) -> Option<f64> {
    let distribution = ChiSquared::new(freedom).ok()?;
    if x.is_infinite() {
        return Some(0.0);
    }
    (x >= 0.0).then(|| distribution.sf(x).clamp(0.0, 1.0))
}

/// Returns a count as a number to compute with.
#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 units the last digit of a count decides nothing")]
pub(super) const fn count(n: u64) -> f64 {
    n as f64
}

fn within(p: f64) -> bool {
    p > 0.0 && p < 1.0
}
