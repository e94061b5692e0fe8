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
    if !(t.is_finite() && freedom > 0.0) {
        return None;
    }
    if freedom > 1e6 {
        // Abramowitz and Stegun 26.7.8. The beta function loses digits as its parameters grow.
        let z = t.abs() * (1.0 - 0.25 / freedom) / (1.0 + t * (t / freedom) / 2.0).sqrt();
        return Some((2.0 * Normal::standard().sf(z)).min(1.0));
    }
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some((2.0 * distribution.sf(t.abs())).min(1.0))
}

/// The number that Student's t is beyond, on both sides together, with chance `alpha`.
///
/// By the expansion of Abramowitz and Stegun 26.7.5 where there are many degrees of freedom; else by halving, which always ends
/// (the inverse of the beta function that a library offers does not, for some parameters).
pub(super) fn t_critical(alpha: f64, freedom: f64) -> Option<f64> {
    let z = -normal_quantile(alpha / 2.0)?;
    if freedom.is_nan() || freedom < 0.5 {
        return None;
    }
    if freedom >= 200.0 {
        let (s, n) = (z * z, freedom);
        let first = z * (s + 1.0) / 4.0;
        let second = z * (3.0 + s * (16.0 + s * 5.0)) / 96.0;
        let third = z * (-15.0 + s * (17.0 + s * (19.0 + s * 3.0))) / 384.0;
        let fourth = z * (-945.0 + s * (-1920.0 + s * (1482.0 + s * (776.0 + s * 79.0)))) / 92160.0;
        return Some(z + (first + (second + (third + fourth / n) / n) / n) / n);
    }
    let (mut low, mut high) = (0.0, z.max(1.0));
    while t_beyond(high, freedom)? > alpha {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if t_beyond(middle, freedom)? > alpha { low = middle } else { high = middle }
    }
    Some(high)
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
