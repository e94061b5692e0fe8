//! Planning: how many units an experiment needs to see an effect, and which effect so many units can show.
//!
//! Two-sided power of a difference of two means with unequal variances (Chow, Shao, Wang, "Sample Size Calculations in
//! Clinical Research", section 3.2), with the interval that will decide: for the confidence sequence its own, wider one at
//! the last look. Looks before that only add power, so the number is what suffices when nobody looks early.

use serde::{Deserialize, Serialize};

use super::{
    Method, MetricKind, Scale,
    distributions::{count, normal_cdf, normal_quantile},
    effect::Sequence,
};

/// More units than this are no plan.
const MOST: f64 = 1e15;

/// What is planned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What is known of control.
    pub baseline: Baseline,
    /// How often, at most, something is concluded where there is nothing.
    pub alpha: f64,
    /// How often the effect is to be found where it is, such as 0.8.
    pub power: f64,
    /// The decision rule.
    pub method: Method,
    /// How many variants there are beside control; `alpha` is divided among them (Bonferroni).
    pub variants: u32,
    /// How many goals there are; `alpha` is divided among them too.
    pub goals: u32,
    /// Units of each variant for every unit of control: 1 where all get the same share.
    pub ratio: f64,
}

/// What is known of control.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Baseline {
    /// The share of units that do it.
    Proportion {
        /// Above 0 and below 1.
        share: f64,
    },
    /// A mean per unit.
    Mean {
        /// The mean.
        mean: f64,
        /// The standard deviation between units, above 0.
        sd: f64,
    },
}

/// The effect to be found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// As a share of control's value: 0.05 is 5 % more.
    Relative(f64),
    /// In the metric's own unit.
    Absolute(f64),
}

/// How many units are needed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SampleSize {
    /// Units of control.
    pub control: u64,
    /// Units of each variant.
    pub each_variant: u64,
    /// All units together.
    pub total: u64,
    /// The power that these units have.
    pub power: f64,
    /// The part of `alpha` that each comparison gets.
    pub alpha_each: f64,
}

/// Why nothing can be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The part of false alarms.
    #[error("alpha is above 0 and at most 0.5")]
    Alpha,
    /// The power.
    #[error("power is above alpha and below 1")]
    Power,
    /// The shape of the experiment.
    #[error("an experiment has at least one variant beside control and one goal, and a ratio of units above 0")]
    Shape,
    /// The tuning of the sequence.
    #[error("the tuning of the confidence sequence is a number of units, at least 1")]
    Tuning,
    /// What is known of control.
    #[error("the baseline is a share between 0 and 1, or a mean with a standard deviation above 0")]
    Baseline,
    /// A relative effect of nothing.
    #[error("a relative effect needs a baseline that is not 0: give the effect as a difference")]
    BaselineZero,
    /// No effect.
    #[error("an effect is a number that is not 0")]
    Effect,
    /// An effect beyond what a share can be.
    #[error("with this effect the share would be 0 or less, or 1 or more")]
    BeyondShare,
    /// Too many units.
    #[error("no number of units that can be had is enough for this effect")]
    Unreachable,
}

/// Returns how many units show a change with the planned power.
pub fn sample_size(plan: &Plan, change: Change) -> Result<SampleSize, PlanError> {
    let design = Design::new(plan)?;
    let effect = design.effect(change)?;
    let (mut low, mut high) = (1.0, 2.0);
    while design.power(effect, high) < plan.power {
        (low, high) = (high, high * 2.0);
        if high > MOST {
            return Err(PlanError::Unreachable);
        }
    }
    while high - low > 1.0 {
        let middle = f64::midpoint(low, high).floor();
        if design.power(effect, middle) < plan.power { low = middle } else { high = middle }
    }
    let control = high;
    let each_variant = (control * plan.ratio).ceil();
    let total = control + each_variant * f64::from(plan.variants);
    if total > MOST {
        return Err(PlanError::Unreachable);
    }
    Ok(SampleSize {
        control: whole(control),
        each_variant: whole(each_variant),
        total: whole(total),
        power: design.power(effect, control),
        alpha_each: design.alpha,
    })
}

/// Returns the smallest increase (or, asked for with a negative sign, decrease) that so many units in all show with the planned
/// power, on a scale.
pub fn detectable(plan: &Plan, total: u64, scale: Scale, sign: f64) -> Result<f64, PlanError> {
    let design = Design::new(plan)?;
    let control = count(total) / (1.0 + plan.ratio * f64::from(plan.variants));
    if control < 1.0 {
        return Err(PlanError::Unreachable);
    }
    let change = |size: f64| match scale {
        Scale::Relative => Change::Relative(size.copysign(sign)),
        Scale::Absolute => Change::Absolute(size.copysign(sign)),
    };
    let power = |size: f64| design.effect(change(size)).map(|effect| design.power(effect, control));
    let mut low = 0.0;
    let mut high = design.largest(scale, sign)?;
    while power(high)? < plan.power {
        // Of a share that was the largest change; a mean can change more.
        if plan.baseline.kind() == MetricKind::Proportion || high > MOST * design.unit(scale) {
            return Err(PlanError::Unreachable);
        }
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        // An effect so small that it vanishes shows nothing.
        if power(middle).unwrap_or(0.0) < plan.power { low = middle } else { high = middle }
    }
    Ok(high.copysign(sign))
}

/// Returns the power that so many units in all have for a change.
pub fn power(plan: &Plan, total: u64, change: Change) -> Result<f64, PlanError> {
    let design = Design::new(plan)?;
    let control = count(total) / (1.0 + plan.ratio * f64::from(plan.variants));
    if control < 1.0 {
        return Err(PlanError::Unreachable);
    }
    Ok(design.power(design.effect(change)?, control))
}

/// A plan whose numbers make sense.
struct Design<'p> {
    plan: &'p Plan,
    alpha: f64,
    /// The standard normal number beyond which a fixed test finds something.
    critical: f64,
}

/// A change in terms of what is measured.
#[derive(Clone, Copy)]
struct Size {
    /// The difference, which decides.
    lift: f64,
    /// The variance of control's part of the lift, times its units.
    control: f64,
    /// The variance of the variant's part, times its units.
    variant: f64,
}

impl<'p> Design<'p> {
    fn new(plan: &'p Plan) -> Result<Self, PlanError> {
        let alpha = plan.alpha / (f64::from(plan.variants) * f64::from(plan.goals));
        if !(plan.alpha > 0.0 && plan.alpha <= 0.5) {
            return Err(PlanError::Alpha);
        }
        if plan.variants == 0 || plan.goals == 0 || !(plan.ratio > 0.0 && plan.ratio.is_finite()) {
            return Err(PlanError::Shape);
        }
        if !(plan.power > plan.alpha && plan.power < 1.0) {
            return Err(PlanError::Power);
        }
        if matches!(plan.method, Method::Sequential { tuning } if !(tuning >= 1.0 && tuning.is_finite())) {
            return Err(PlanError::Tuning);
        }
        let sensible = match plan.baseline {
            Baseline::Proportion { share } => share > 0.0 && share < 1.0,
            Baseline::Mean { mean, sd } => mean.is_finite() && sd > 0.0 && sd.is_finite(),
        };
        if !sensible {
            return Err(PlanError::Baseline);
        }
        let critical = normal_quantile(alpha / 2.0).map(|z| -z).ok_or(PlanError::Alpha)?;
        Ok(Self { plan, alpha, critical })
    }

    fn mean(&self) -> f64 {
        match self.plan.baseline {
            Baseline::Proportion { share } => share,
            Baseline::Mean { mean, .. } => mean,
        }
    }

    fn effect(&self, change: Change) -> Result<Size, PlanError> {
        let base = self.mean();
        let difference = match change {
            Change::Absolute(difference) => difference,
            Change::Relative(_) if base == 0.0 => return Err(PlanError::BaselineZero),
            Change::Relative(share) => share * base.abs(),
        };
        if difference == 0.0 || !difference.is_finite() {
            return Err(PlanError::Effect);
        }
        let changed = base + difference;
        let (control, variant) = match self.plan.baseline {
            Baseline::Mean { sd, .. } => (sd * sd, sd * sd),
            Baseline::Proportion { .. } if changed <= 0.0 || changed >= 1.0 => return Err(PlanError::BeyondShare),
            Baseline::Proportion { share } => (share * (1.0 - share), changed * (1.0 - changed)),
        };
        Ok(Size { lift: difference, control, variant })
    }

    /// Returns the power of an interval at so many units of control.
    fn power(&self, size: Size, control: f64) -> f64 {
        let variant = control * self.plan.ratio;
        let error = (size.control / control + size.variant / variant).sqrt();
        let critical = match self.plan.method {
            Method::Fixed { .. } => self.critical,
            Method::Sequential { tuning } => Sequence::new(self.alpha, tuning).width(control + variant, self.alpha),
        };
        let z = size.lift.abs() / error;
        normal_cdf(z - critical) + normal_cdf(-z - critical)
    }

    /// Returns the largest change of a share; of a mean, which has none, one of the size of chance.
    fn largest(&self, scale: Scale, sign: f64) -> Result<f64, PlanError> {
        let base = self.mean();
        if scale == Scale::Relative && base == 0.0 {
            return Err(PlanError::BaselineZero);
        }
        let Baseline::Proportion { share } = self.plan.baseline else { return Ok(self.unit(scale)) };
        let room = if sign < 0.0 { share } else { 1.0 - share };
        // Not all of it: nothing varies where everybody or nobody does it.
        let room = room * (1.0 - 1e-9);
        Ok(if scale == Scale::Relative { room / share } else { room })
    }

    /// Returns a change of the size of chance.
    fn unit(&self, scale: Scale) -> f64 {
        let sd = match self.plan.baseline {
            Baseline::Proportion { share } => (share * (1.0 - share)).sqrt(),
            Baseline::Mean { sd, .. } => sd,
        };
        if scale == Scale::Relative { sd / self.mean().abs() } else { sd }
    }
}

impl Baseline {
    /// Returns the kind of metric.
    pub const fn kind(&self) -> MetricKind {
        match self {
            Self::Proportion { .. } => MetricKind::Proportion,
            Self::Mean { .. } => MetricKind::Mean,
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number from 1 to 1e15")]
fn whole(units: f64) -> u64 {
    units as u64
}
