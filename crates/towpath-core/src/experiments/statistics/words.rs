//! Numbers and findings in words, the same in verdicts, tables and plots.

use super::{Comparison, Direction, Effect, Margin, Metric, MetricKind, Outcome, Role, Scale, Split, analyse::shown};

/// Returns a share as a percentage with a sign: `+4.08 %`.
pub fn signed_percent(share: f64) -> String {
    signed(share * 100.0) + " %"
}

/// Returns a share as a percentage: `4.08 %`.
pub fn percent(share: f64) -> String {
    number(share * 100.0) + " %"
}

/// Returns a number with three digits that count, at least: `0.0408`, `4.08`, `40.8`, `4080`, `1.2e-9`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => return "0".to_owned(),
        _ if !(1e-4..1e9).contains(&size) => return format!("{value:.2e}"),
        _ if size >= 99.95 => format!("{value:.0}"),
        _ if size >= 9.995 => format!("{value:.1}"),
        _ if size >= 0.9995 => format!("{value:.2}"),
        _ if size >= 0.0995 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    };
    if text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.')) { "0".to_owned() } else { text }
}

/// Returns a number with its sign: `+4.08`, `−4.08`, `0`.
pub fn signed(value: f64) -> String {
    let text = number(value.abs());
    match (text.as_str(), value < 0.0) {
        ("0", _) => text,
        (_, true) => format!("−{text}"),
        (_, false) => format!("+{text}"),
    }
}

/// Returns a p value: `0.0202`, `< 0.0001`.
pub fn p_value(p: f64) -> String {
    if p < 1e-4 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

/// Returns the value of a metric: `12.1 %` of a proportion, else a number.
pub fn value(kind: MetricKind, value: f64) -> String {
    match kind {
        MetricKind::Proportion => percent(value),
        MetricKind::Mean | MetricKind::Ratio => number(value),
    }
}

/// Returns a lift: `+4.08 %` relative; of a proportion `+0.49 points`; else in the metric's own unit.
pub fn lift(kind: MetricKind, scale: Scale, lift: f64) -> String {
    match (scale, kind) {
        (Scale::Relative, _) => signed_percent(lift),
        (Scale::Absolute, MetricKind::Proportion) => signed(lift * 100.0) + " pp",
        (Scale::Absolute, MetricKind::Mean | MetricKind::Ratio) => signed(lift),
    }
}

/// Returns an interval: `+0.8 % … +7.4 %`.
pub fn interval(kind: MetricKind, scale: Scale, effect: &Effect) -> String {
    format!("{} … {}", lift(kind, scale, effect.lower), lift(kind, scale, effect.upper))
}

/// Returns the scale on which a comparison is shown: differences, where there is no relative lift.
pub fn scale_of(comparison: &Comparison, scale: Scale) -> Scale {
    if comparison.relative.is_none() { Scale::Absolute } else { scale }
}

/// Says what a goal shows of a variant.
pub(super) fn goal(metric: &Metric, comparison: &Comparison, scale: Scale) -> String {
    let own = scale_of(comparison, scale);
    let found = match comparison.outcome {
        Outcome::Better => "better",
        Outcome::Worse => "worse",
        Outcome::Undecided | Outcome::Unknown => "not told apart",
    };
    let Some(effect) = shown(comparison, scale) else {
        return format!("`{}`: `{}` cannot be compared", metric.name, comparison.variant);
    };
    format!(
        "`{}`: `{}` is {found} by {} ({})",
        metric.name,
        comparison.variant,
        lift(metric.kind, own, effect.estimate),
        interval(metric.kind, own, effect),
    )
    .replace("not told apart by", "not told apart from control at")
}

/// Says how a guardrail is harmed.
pub(super) fn harm(metric: &Metric, comparison: &Comparison) -> String {
    let allowed = match metric.role {
        Role::Guardrail(margin) => self::margin(metric, margin),
        Role::Goal | Role::Secondary => String::new(),
    };
    let scale = match metric.role {
        Role::Guardrail(Margin::Absolute(_)) => Scale::Absolute,
        Role::Guardrail(Margin::Relative(_)) | Role::Goal | Role::Secondary => scale_of(comparison, Scale::Relative),
    };
    let effect = match scale {
        Scale::Relative => comparison.relative,
        Scale::Absolute => comparison.absolute,
    };
    let interval = effect.map(|effect| interval(metric.kind, scale, &effect)).unwrap_or_default();
    format!("`{}` of `{}` is at {interval}, beyond the {allowed} that is allowed", metric.name, comparison.variant)
}

/// Returns how much worse a guardrail may become: `1 % decrease`.
pub fn margin(metric: &Metric, margin: Margin) -> String {
    let worse = if metric.better == Direction::Up { "decrease" } else { "increase" };
    match margin {
        Margin::Relative(0.0) | Margin::Absolute(0.0) => format!("{worse} of 0"),
        Margin::Relative(margin) => format!("{worse} of {}", percent(margin)),
        Margin::Absolute(margin) => {
            let size = lift(metric.kind, Scale::Absolute, margin);
            format!("{worse} of {}", size.trim_start_matches('+'))
        }
    }
}

/// Says how a split is off.
pub(super) fn mismatch(split: &Split) -> String {
    let arms: Vec<String> = split
        .variants
        .iter()
        .map(|arm| match arm.expected {
            Some(expected) => format!("`{}` {} instead of {expected:.0}", arm.variant, arm.units),
            None => format!("`{}` {}", arm.variant, arm.units),
        })
        .collect();
    format!(
        "units were not split as was meant: {} (p {}); find out why, no figure can be trusted until then",
        arms.join(", "),
        split.p_value.map_or_else(|| "unknown".to_owned(), p_value),
    )
}
