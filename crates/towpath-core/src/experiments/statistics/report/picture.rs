//! What is drawn: intervals of one metric on one axis, before it is known with what.

use super::{
    super::{Analysis, Direction, Effect, Margin, MetricKind, MetricResult, Role, Scale, words},
    Tone, about, says, shown,
};

/// The intervals of one metric.
pub(super) struct Picture {
    pub name: String,
    pub about: String,
    pub kind: MetricKind,
    pub scale: Scale,
    /// Where the axis begins and ends; 0 is between.
    pub low: f64,
    pub high: f64,
    /// Places on the axis with their labels.
    pub ticks: Vec<(f64, String)>,
    /// Where harm begins, if it is a guardrail with a margin on this scale.
    pub margin: Option<f64>,
    pub bars: Vec<Bar>,
}

/// One interval.
pub(super) struct Bar {
    pub variant: String,
    pub effect: Option<Effect>,
    pub says: &'static str,
    pub tone: Tone,
    /// Why there is no interval.
    pub why: String,
}

/// Returns a picture per metric.
pub(super) fn pictures(analysis: &Analysis) -> Vec<Picture> {
    analysis.metrics.iter().map(|result| picture(analysis, result)).collect()
}

fn picture(analysis: &Analysis, result: &MetricResult) -> Picture {
    let any_relative = result.variants.iter().any(|comparison| comparison.relative.is_some());
    let scale = if any_relative { analysis.judged_by.scale } else { Scale::Absolute };
    let bars: Vec<Bar> = result
        .variants
        .iter()
        .map(|comparison| {
            let (own, effect) = shown(analysis, comparison);
            let (says, tone) = says(comparison);
            let why = comparison.notes.first().map(|note| note.text.clone()).unwrap_or_default();
            let effect = effect.filter(|_| own == scale).copied();
            Bar { variant: clean(&comparison.variant), effect, says, tone, why }
        })
        .collect();
    let margin = match (result.metric.role, scale) {
        (Role::Guardrail(Margin::Relative(margin)), Scale::Relative)
        | (Role::Guardrail(Margin::Absolute(margin)), Scale::Absolute) => Some(match result.metric.better {
            Direction::Up => -margin,
            Direction::Down => margin,
        }),
        (Role::Guardrail(_) | Role::Goal | Role::Secondary, _) => None,
    };
    let ends = bars.iter().filter_map(|bar| bar.effect).flat_map(|effect| [effect.lower, effect.upper]).chain(margin);
    let (low, high) = ends.fold((0.0_f64, 0.0_f64), |(low, high), end| (low.min(end), high.max(end)));
    let room = if high > low { (high - low) * 0.04 } else { 1.0 };
    let (low, high) = ((low - room).max(f64::MIN), (high + room).min(f64::MAX));
    let kind = result.metric.kind;
    let ticks = ticks(low, high).into_iter().map(|at| (at, words::lift(kind, scale, at))).collect();
    Picture { name: clean(&result.metric.name), about: about(result), kind, scale, low, high, ticks, margin, bars }
}

/// Returns round places on an axis, about four, 0 among them.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) {
        return vec![0.0];
    }
    let power = 10.0_f64.powf((span / 4.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|part| part * power).into_iter().find(|step| span / step <= 5.0);
    let Some(step) = step.filter(|step| *step > 0.0 && step.is_finite()) else { return vec![0.0] };
    let first = (low / step).ceil();
    (0..8).map(f64::from).map(|at| (first + at) * step).filter(|at| *at <= high).map(|at| at + 0.0).collect()
}

impl Picture {
    /// Returns where on the axis a number is, from 0 to 1.
    pub(super) fn place(&self, at: f64) -> f64 {
        // Halved, so that the ends of all numbers have a distance.
        ((at / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0)).clamp(0.0, 1.0)
    }
}

/// Returns what people named without what would move the cursor.
fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

/// Returns a name in so many characters.
pub(super) fn short(name: &str, longest: usize) -> String {
    if name.chars().count() <= longest {
        return name.to_owned();
    }
    name.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}
