//! From a run and its sums to what the statistics say of it.

use super::{
    Direction, ExperimentDefinition, Method, Metric, MetricKind, MetricRole, MetricSums, Pinned, RunSums,
    statistics::{self as stats, Analysis, Decision, Observations, Observed, Paired, ReasonCode, Settings, Sums},
};

/// Returns what was seen in a run, in the form the statistics take.
pub fn observations(definition: &ExperimentDefinition, pinned: &Pinned, sums: &RunSums) -> Observations {
    let arms = pinned.arms.iter().enumerate().map(|(place, arm)| stats::Arm {
        name: arm.variant.clone(),
        weight: f64::from(arm.weight),
        units: sums.variants.get(place).map_or(0, |variant| variant.units),
    });
    let metrics = definition.metrics.iter().enumerate().map(|(place, metric)| {
        let sums = pinned.arms.iter().zip(&sums.variants).map(|(arm, variant)| {
            let counted = variant.metrics.get(place).copied().unwrap_or_default();
            (arm.variant.clone(), of_variant(definition, metric, variant.units, &counted))
        });
        Observed { metric: of_metric(metric), sums: sums.collect() }
    });
    Observations { control: definition.control.clone(), variants: arms.collect(), metrics: metrics.collect() }
}

/// Returns how a definition wants to be judged.
pub fn settings(definition: &ExperimentDefinition) -> Settings {
    Settings {
        alpha: definition.alpha,
        method: match definition.method {
            Method::Sequential => stats::Method::SEQUENTIAL,
            Method::Fixed => stats::Method::Fixed { planned_units: Some(definition.minimum_sample) },
        },
        minimum_units: definition.minimum_sample,
        ..Settings::default()
    }
}

/// Returns what the sums of a run say.
pub fn judge(definition: &ExperimentDefinition, pinned: &Pinned, sums: &RunSums) -> Analysis {
    stats::analyse(&observations(definition, pinned, sums), &settings(definition))
}

/// Returns why nothing may be concluded from a run, if so.
pub fn blocked(analysis: &Analysis, altered: Option<&str>) -> Option<String> {
    let first = || analysis.verdict.reasons.first().map(|reason| reason.text.clone()).unwrap_or_default();
    let changed = altered.map(|what| format!("{what} while it ran"));
    changed.or_else(|| (analysis.verdict.decision == Decision::Blocked).then(first))
}

/// Says whether units were not split as was meant, and how far off they are.
pub fn mismatch(analysis: &Analysis) -> Option<&str> {
    let reason = analysis.verdict.reasons.iter().find(|reason| reason.code == ReasonCode::SampleRatioMismatch);
    reason.map(|reason| reason.text.as_str())
}

fn of_metric(metric: &Metric) -> stats::Metric {
    stats::Metric {
        name: metric.name.clone(),
        kind: match metric.kind {
            MetricKind::Proportion => stats::MetricKind::Proportion,
            MetricKind::Mean | MetricKind::Count => stats::MetricKind::Mean,
            MetricKind::Ratio => stats::MetricKind::Ratio,
        },
        better: match metric.direction {
            Direction::Increase => stats::Direction::Up,
            Direction::Decrease => stats::Direction::Down,
        },
        role: match metric.role {
            MetricRole::Goal => stats::Role::Goal,
            MetricRole::Secondary => stats::Role::Secondary,
            MetricRole::Guardrail => stats::Role::Guardrail(stats::Margin::Relative(metric.margin)),
        },
    }
}

fn of_variant(definition: &ExperimentDefinition, metric: &Metric, units: u64, counted: &MetricSums) -> Sums {
    let ratio = metric.kind == MetricKind::Ratio;
    let denominator = Paired {
        sum: counted.denominator,
        sum_squares: counted.denominator_squares,
        sum_products: counted.ratio_cross,
    };
    let covariate =
        Paired { sum: counted.before, sum_squares: counted.before_squares, sum_products: counted.before_cross };
    Sums {
        n: units,
        sum: counted.sum,
        sum_squares: counted.squares,
        denominator: ratio.then_some(denominator),
        covariate: (definition.cuped.is_some() && !ratio).then_some(covariate),
    }
}

#[cfg(test)]
mod tests;
