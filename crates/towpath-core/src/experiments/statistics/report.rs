//! Results for people: rows of a table, a plot of text, a plot as SVG. All three say the same, from one model.
//!
//! Plain text and numbers: nothing here knows of terminals, colours or pages.

use super::{
    Analysis, Comparison, Decision, Direction, Effect, GuardrailState, MetricResult, Outcome, Role, Scale, Split, words,
};

mod picture;
mod plot;
mod svg;

pub use plot::{PlotLine, plot};
pub use svg::svg;

/// What something means for whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Good.
    Good,
    /// Bad.
    Bad,
    /// Neither.
    Neutral,
}

/// A row of the table of results: one variant of one metric. Cells that have nothing to say are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The variant.
    pub variant: String,
    /// How many units it has.
    pub units: String,
    /// Its value.
    pub value: String,
    /// Its lift over control.
    pub lift: String,
    /// Its interval.
    pub interval: String,
    /// The p value of the difference.
    pub p_value: String,
    /// The chance to win, for reading only.
    pub chance: String,
    /// What may be said.
    pub says: String,
    /// What that means.
    pub tone: Tone,
}

/// Returns the rows of a metric, control first.
pub fn rows(analysis: &Analysis, result: &MetricResult) -> Vec<Row> {
    let kind = result.metric.kind;
    let value = |value: Option<f64>| value.map(|value| words::value(kind, value)).unwrap_or_default();
    let mut rows = vec![Row {
        variant: analysis.control.clone(),
        units: result.control.n.to_string(),
        value: value(result.control.value),
        lift: String::new(),
        interval: String::new(),
        p_value: String::new(),
        chance: String::new(),
        says: "control".to_owned(),
        tone: Tone::Neutral,
    }];
    for comparison in &result.variants {
        let (scale, effect) = shown(analysis, comparison);
        let (says, tone) = says(comparison);
        let of = |text: &dyn Fn(&Effect) -> String| effect.map(text).unwrap_or_default();
        rows.push(Row {
            variant: comparison.variant.clone(),
            units: comparison.estimate.n.to_string(),
            value: value(comparison.estimate.value),
            lift: of(&|effect| words::lift(kind, scale, effect.estimate)),
            interval: of(&|effect| words::interval(kind, scale, effect)),
            p_value: comparison.absolute.map(|own| words::p_value(own.p_value_corrected)).unwrap_or_default(),
            chance: comparison.reading.map(|reading| chance(reading.chance_to_win)).unwrap_or_default(),
            says: says.to_owned(),
            tone,
        });
    }
    rows
}

/// Returns what a metric is for, in a few words: `goal, more is better`.
pub fn about(result: &MetricResult) -> String {
    let metric = &result.metric;
    let better = if metric.better == Direction::Up { "more is better" } else { "less is better" };
    match metric.role {
        Role::Goal => format!("goal, {better}"),
        Role::Secondary => format!("secondary, {better}"),
        Role::Guardrail(margin) => {
            format!("guardrail, allowed is a {}", words::margin(metric, margin)).replace("a increase", "an increase")
        }
    }
}

/// Returns the verdict in one line.
pub fn headline(analysis: &Analysis) -> String {
    let variant = analysis.verdict.variant.as_deref().unwrap_or_default();
    match analysis.verdict.decision {
        Decision::Stop => format!("Stop: `{variant}` does harm"),
        Decision::Blocked => "Blocked: the data cannot be trusted".to_owned(),
        Decision::Wait => "Wait: too little was seen".to_owned(),
        Decision::Better => format!("`{variant}` is better than `{}`", analysis.control),
        Decision::Mixed => format!("`{variant}` is better on one goal and worse on another"),
        Decision::Worse => format!("Every variant is worse than `{}`", analysis.control),
        Decision::Undecided => "Undecided: no difference shows".to_owned(),
    }
}

/// Returns what the verdict means.
pub fn tone(decision: Decision) -> Tone {
    match decision {
        Decision::Better => Tone::Good,
        Decision::Stop | Decision::Blocked | Decision::Worse => Tone::Bad,
        Decision::Wait | Decision::Mixed | Decision::Undecided => Tone::Neutral,
    }
}

/// Returns what is to be said of the split.
pub fn split_line(split: &Split) -> String {
    match split.p_value {
        None => "nobody was exposed yet".to_owned(),
        Some(p) if split.passed => format!("as was meant (p {})", words::p_value(p)),
        Some(p) => format!("not as was meant (p {})", words::p_value(p)),
    }
}

/// Returns the rule by which was judged, with its figures.
pub fn rule_line(analysis: &Analysis) -> String {
    let by = &analysis.judged_by;
    let rule = match by.method {
        super::Method::Sequential { .. } => "always-valid intervals",
        super::Method::Fixed { .. } => "Welch's test for one look",
    };
    let cover = words::percent(1.0 - by.alpha_each);
    let parts = if by.alpha_each < by.alpha {
        let how = if by.correction == super::Correction::Holm { "Holm" } else { "Bonferroni" };
        format!("; alpha {} over {} comparisons ({how})", words::number(by.alpha), by.comparisons)
    } else {
        format!("; alpha {}", words::number(by.alpha))
    };
    format!("{rule} of {cover}{parts}")
}

/// Returns a chance as a percentage. One that rounds to certainty is not certain.
pub fn chance(chance: f64) -> String {
    match chance {
        _ if chance > 0.999 => "> 99.9 %".to_owned(),
        _ if chance < 0.001 => "< 0.1 %".to_owned(),
        _ => format!("{:.1} %", chance * 100.0),
    }
}

/// Returns the scale on which a comparison is shown, and its lift there.
fn shown<'a>(analysis: &Analysis, comparison: &'a Comparison) -> (Scale, Option<&'a Effect>) {
    let scale = words::scale_of(comparison, analysis.judged_by.scale);
    (scale, super::analyse::shown(comparison, analysis.judged_by.scale))
}

fn says(comparison: &Comparison) -> (&'static str, Tone) {
    match (comparison.guardrail, comparison.outcome) {
        (Some(GuardrailState::Harmed), _) => ("harmed", Tone::Bad),
        (Some(GuardrailState::Safe), _) => ("safe", Tone::Good),
        (Some(GuardrailState::Open), _) => ("open", Tone::Neutral),
        (Some(GuardrailState::Unknown), _) | (None, Outcome::Unknown) => ("unknown", Tone::Neutral),
        (None, Outcome::Better) => ("better", Tone::Good),
        (None, Outcome::Worse) => ("worse", Tone::Bad),
        (None, Outcome::Undecided) => ("undecided", Tone::Neutral),
    }
}
