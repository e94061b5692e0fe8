//! From sums to means and variances: of proportions, means and ratios, with or without a covariate.
//!
//! Ratios by the delta method: Deng, Knoblich, Lu, "Applying the Delta Method in Metric Analytics" (KDD 2018,
//! arXiv 1803.06336), section 3. The covariate (CUPED): Deng, Xu, Kohavi, Walker, "Improving the Sensitivity of Online
//! Controlled Experiments by Utilizing Pre-Experiment Data" (WSDM 2013), section 3.

use super::{MetricKind, Paired, Reason, ReasonCode, Sums, distributions::count};

/// Below this share of the mean square a variance is the rounding of sums, not chance.
const ROUNDING: f64 = 1e-12;

/// How far sums may be off what units can add up to, as a share: they were rounded when they were added.
const TOLERANCE: f64 = 1e-9;

/// What is known of the values of one variant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moments {
    /// How many units.
    pub n: f64,
    /// The mean, with the covariate taken out.
    pub mean: f64,
    /// The mean as it was counted.
    pub plain_mean: f64,
    /// The variance between units, with the covariate taken out; above 0.
    pub variance: f64,
    /// Whether the variance is that of one more success and one more failure.
    pub smoothed: bool,
}

/// Two variants to be compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub control: Moments,
    pub variant: Moments,
    /// The share of the variance that the covariate took out.
    pub variance_reduction: Option<f64>,
    /// What the covariate took off both means alike: their values are the means and this.
    pub shift: f64,
    /// A covariate was there and could not be used.
    pub covariate_unused: bool,
}

/// Returns the value of a metric as it was counted, if there are units; whatever is wrong with its variance.
pub(super) fn value(kind: MetricKind, sums: &Sums) -> Option<f64> {
    let value = match (kind, sums.denominator) {
        (MetricKind::Proportion | MetricKind::Mean, _) => sums.sum / count(sums.n),
        (MetricKind::Ratio, Some(denominator)) => sums.sum / denominator.sum,
        (MetricKind::Ratio, None) => return None,
    };
    value.is_finite().then_some(value)
}

/// Returns the mean and variance of one variant, or why there is none.
pub(super) fn moments(kind: MetricKind, sums: &Sums) -> Result<Moments, Reason> {
    check(kind, sums)?;
    if sums.n < 2 {
        let text = if sums.n == 0 { "there are no units" } else { "there is only one unit" };
        return Err(Reason::new(ReasonCode::TooFewUnits, text));
    }
    let n = count(sums.n);
    match (kind, sums.denominator) {
        (MetricKind::Proportion, _) => Ok(proportion(n, sums.sum)),
        (MetricKind::Mean, _) => {
            let variance = sample_variance(n, sums.sum, sums.sum_squares);
            plain(n, sums.sum / n, variance, sums.sum_squares / n)
        }
        (MetricKind::Ratio, Some(denominator)) => ratio(n, sums, &denominator),
        (MetricKind::Ratio, None) => Err(no_denominator()),
    }
}

/// Returns control and a variant, with the covariate taken out where both have one, or why they cannot be compared.
pub(super) fn pair(kind: MetricKind, control: &Sums, variant: &Sums) -> Result<Pair, Reason> {
    let plain = Pair {
        control: moments(kind, control)?,
        variant: moments(kind, variant)?,
        variance_reduction: None,
        shift: 0.0,
        covariate_unused: control.covariate.is_some() || variant.covariate.is_some(),
    };
    if kind == MetricKind::Ratio {
        return Ok(plain);
    }
    Ok(adjusted(kind, control, variant, &plain).unwrap_or(plain))
}

/// Takes the covariate out of both: `mean - theta * mean of covariate`, `theta` over both together.
fn adjusted(kind: MetricKind, control: &Sums, variant: &Sums, plain: &Pair) -> Option<Pair> {
    let mut both = *control;
    both.merge(variant);
    let shares = kind == MetricKind::Proportion && is_share(control.covariate?) && is_share(variant.covariate?);
    let joint = joint(&both, shares, kind)?;
    if joint.post <= 0.0 || joint.pre <= 0.0 {
        return None;
    }
    let theta = joint.covariance / joint.pre;
    let arm = |sums: &Sums, plain: &Moments| {
        let own = self::joint(sums, shares, kind)?;
        let n = count(sums.n);
        let variance = own.post + theta * theta * own.pre - 2.0 * theta * own.covariance;
        let mean = plain.plain_mean - theta * sums.covariate?.sum / n;
        let usable = variance > own.post * ROUNDING && variance.is_finite() && mean.is_finite() && !plain.smoothed;
        usable.then_some((Moments { mean, variance, ..*plain }, own.post))
    };
    let (a, b) = (arm(control, &plain.control)?, arm(variant, &plain.variant)?);
    let before = a.1 / a.0.n + b.1 / b.0.n;
    let after = a.0.variance / a.0.n + b.0.variance / b.0.n;
    Some(Pair {
        control: a.0,
        variant: b.0,
        variance_reduction: Some((1.0 - after / before).clamp(0.0, 1.0)),
        shift: theta * both.covariate?.sum / count(both.n),
        covariate_unused: false,
    })
}

/// Variances of a value and its covariate, and their covariance.
struct Joint {
    post: f64,
    pre: f64,
    covariance: f64,
}

/// As gbstats has it, shares have the variance `p (1 - p)` where value and covariate both are shares.
fn joint(sums: &Sums, shares: bool, kind: MetricKind) -> Option<Joint> {
    let (n, pre) = (count(sums.n), sums.covariate?);
    let of = |sum: f64, squares: f64| {
        if shares { sum / n * (1.0 - sum / n) } else { sample_variance(n, sum, squares) }
    };
    let squares = if kind == MetricKind::Proportion { sums.sum } else { sums.sum_squares };
    let covariance = (pre.sum_products - sums.sum * pre.sum / n) / (n - 1.0);
    let joint = Joint { post: of(sums.sum, squares), pre: of(pre.sum, pre.sum_squares), covariance };
    [joint.post, joint.pre, joint.covariance].iter().all(|number| number.is_finite()).then_some(joint)
}

/// Every value is 0 or 1 exactly where the sum of squares is the sum.
fn is_share(covariate: Paired) -> bool {
    (covariate.sum - covariate.sum_squares).abs() <= TOLERANCE * covariate.sum.abs()
}

/// The variance of a share of 0 or 1 would be 0, as if it were certain. Then one success and one failure more are assumed
/// (Laplace's rule of succession), which errs towards more chance.
fn proportion(n: f64, sum: f64) -> Moments {
    let mean = sum / n;
    let smoothed = sum <= 0.0 || sum >= n;
    let share = if smoothed { (sum + 1.0) / (n + 2.0) } else { mean };
    Moments { n, mean, plain_mean: mean, variance: share * (1.0 - share), smoothed }
}

fn ratio(n: f64, sums: &Sums, denominator: &Paired) -> Result<Moments, Reason> {
    let (m, d) = (sums.sum / n, denominator.sum / n);
    if denominator.sum == 0.0 {
        return Err(no_denominator());
    }
    let covariance = (denominator.sum_products - sums.sum * denominator.sum / n) / (n - 1.0);
    let (var_m, var_d) =
        (sample_variance(n, sums.sum, sums.sum_squares), sample_variance(n, denominator.sum, denominator.sum_squares));
    let r = m / d;
    let variance = (var_m - 2.0 * r * covariance + r * r * var_d) / (d * d);
    let size = (var_m + r * r * var_d) / (d * d);
    plain(n, r, variance, size)
}

fn plain(n: f64, mean: f64, variance: f64, size: f64) -> Result<Moments, Reason> {
    if !(mean.is_finite() && variance.is_finite()) {
        return Err(overflow());
    }
    if variance <= size.abs() * ROUNDING {
        return Err(Reason::new(ReasonCode::NoVariance, "all units have the same value, so chance cannot be judged"));
    }
    Ok(Moments { n, mean, plain_mean: mean, variance, smoothed: false })
}

fn sample_variance(n: f64, sum: f64, sum_squares: f64) -> f64 {
    (sum_squares - sum * (sum / n)) / (n - 1.0)
}

/// Says what is wrong with sums that no units can have.
fn check(kind: MetricKind, sums: &Sums) -> Result<(), Reason> {
    let n = count(sums.n);
    if kind == MetricKind::Proportion {
        finite(&[sums.sum])?;
        if sums.sum < 0.0 || sums.sum > n {
            return Err(invalid("a proportion counts between none and all of its units"));
        }
    } else {
        second_moment(n, sums.sum, sums.sum_squares)?;
    }
    let squares = if kind == MetricKind::Proportion { sums.sum } else { sums.sum_squares };
    let denominator = sums.denominator.filter(|_| kind == MetricKind::Ratio);
    for second in [denominator, sums.covariate].into_iter().flatten() {
        second_moment(n, second.sum, second.sum_squares)?;
        finite(&[second.sum_products])?;
        // Cauchy and Schwarz: no units have products that large.
        if second.sum_products.abs() > squares.sqrt() * second.sum_squares.sqrt() * (1.0 + TOLERANCE) {
            return Err(invalid("the sum of products is larger than the sums of squares allow"));
        }
    }
    Ok(())
}

fn second_moment(n: f64, sum: f64, sum_squares: f64) -> Result<(), Reason> {
    finite(&[sum, sum_squares])?;
    if sum_squares < 0.0 {
        return Err(invalid("a sum of squares is negative"));
    }
    if n < 1.0 {
        return if sum == 0.0 && sum_squares == 0.0 { Ok(()) } else { Err(invalid("there are sums but no units")) };
    }
    let least = sum * (sum / n);
    if !least.is_finite() {
        return Err(overflow());
    }
    if sum_squares < least * (1.0 - TOLERANCE) {
        return Err(invalid("a sum of squares is smaller than its sum and number of units allow"));
    }
    Ok(())
}

fn finite(numbers: &[f64]) -> Result<(), Reason> {
    if numbers.iter().all(|number| number.is_finite()) {
        return Ok(());
    }
    Err(invalid("a sum is not a finite number"))
}

fn invalid(text: &str) -> Reason {
    Reason::new(ReasonCode::InvalidSums, text)
}

fn overflow() -> Reason {
    Reason::new(ReasonCode::Overflow, "the sums are too large to compute with")
}

fn no_denominator() -> Reason {
    Reason::new(ReasonCode::NoDenominator, "the denominators of the ratio are missing or sum to 0")
}
