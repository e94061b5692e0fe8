//! The analysis: every metric of every variant beside control, then the verdict.

use super::{
    Analysis, Comparison, Correction, Direction, Effect, Estimate, GuardrailState, JudgedBy, Margin, Method,
    MetricResult, Observations, Observed, Outcome, Reason, ReasonCode, Role, Scale, Settings, Sums,
    distributions::count,
    effect::{Rule, beyond, effect, lift},
    moments::{Pair, moments, pair, value},
    reading, split, validate, verdict,
};

/// Says what sums prove. Total: whatever makes no sense is a reason in the verdict, and no number is infinite or not a number.
pub fn analyse(observations: &Observations, settings: &Settings) -> Analysis {
    let problems = validate::problems(observations, settings);
    let judged_by = judged_by(observations, settings);
    let metrics = if problems.is_empty() { compare(observations, settings, &judged_by) } else { Vec::new() };
    let split = split::split(&observations.variants, settings.split_threshold);
    Analysis {
        verdict: verdict::verdict(observations, settings, &split, &metrics, problems),
        split,
        control: observations.control.clone(),
        metrics,
        judged_by,
    }
}

fn judged_by(observations: &Observations, settings: &Settings) -> JudgedBy {
    let others = count_of(observations.variants.len()).saturating_sub(1);
    let with = |wanted: fn(&Role) -> bool| {
        let metrics = observations.metrics.iter().filter(|observed| wanted(&observed.metric.role)).count();
        others.saturating_mul(count_of(metrics)).max(1)
    };
    let comparisons = with(|role| *role == Role::Goal);
    let guardrails = with(|role| matches!(role, Role::Guardrail(_)));
    let part = |comparisons: u64| match settings.correction {
        Correction::Bonferroni | Correction::Holm => settings.alpha / count(comparisons),
        Correction::None => settings.alpha,
    };
    JudgedBy {
        method: settings.method,
        scale: settings.scale,
        alpha: settings.alpha,
        correction: settings.correction,
        comparisons,
        alpha_each: part(comparisons),
        alpha_guardrail: part(guardrails),
        minimum_units: settings.minimum_units,
    }
}

fn compare(observations: &Observations, settings: &Settings, by: &JudgedBy) -> Vec<MetricResult> {
    let mut metrics: Vec<MetricResult> = observations
        .metrics
        .iter()
        .map(|observed| Comparing { observations, settings, by, observed }.result())
        .collect();
    correct(&mut metrics, by);
    for result in &mut metrics {
        let better = result.metric.better;
        for comparison in &mut result.variants {
            let found = |effect: &Effect| outcome(effect, better, by.alpha);
            comparison.outcome = comparison.absolute.as_ref().map_or(Outcome::Unknown, found);
            if comparison.relative.as_ref().is_some_and(|relative| found(relative) != comparison.outcome) {
                let text = "judged by the difference; divided by control's value, which is uncertain itself, it looks otherwise";
                let note = Reason::new(ReasonCode::ScalesDiffer, text).of_metric(&result.metric.name);
                comparison.notes.push(note.of_variant(&comparison.variant));
            }
        }
    }
    metrics
}

/// One metric while it is computed.
struct Comparing<'o> {
    observations: &'o Observations,
    settings: &'o Settings,
    by: &'o JudgedBy,
    observed: &'o Observed,
}

impl Comparing<'_> {
    fn sums(&self, variant: &str) -> Sums {
        self.observed.sums.get(variant).copied().unwrap_or_default()
    }

    fn result(&self) -> MetricResult {
        let control = &self.observations.control;
        let others = self.observations.variants.iter().filter(|arm| arm.name != *control);
        MetricResult {
            metric: self.observed.metric.clone(),
            control: self.estimate(control),
            variants: others.map(|arm| self.comparison(&arm.name)).collect(),
        }
    }

    fn estimate(&self, variant: &str) -> Estimate {
        let (kind, sums) = (self.observed.metric.kind, self.sums(variant));
        let sd = moments(kind, &sums).ok().map(|moments| moments.variance.sqrt());
        Estimate { n: sums.n, value: value(kind, &sums), sd: sd.filter(|sd| sd.is_finite()) }
    }

    fn comparison(&self, variant: &str) -> Comparison {
        let metric = &self.observed.metric;
        let mut comparison = Comparison {
            variant: variant.to_owned(),
            estimate: self.estimate(variant),
            outcome: Outcome::Unknown,
            absolute: None,
            relative: None,
            variance_reduction: None,
            reading: None,
            guardrail: matches!(metric.role, Role::Guardrail(_)).then_some(GuardrailState::Unknown),
            notes: Vec::new(),
        };
        match self.pair(variant) {
            Ok(pair) => self.compute(&mut comparison, &pair),
            Err(reason) => comparison.notes.push(reason),
        }
        for note in &mut comparison.notes {
            note.metric = Some(metric.name.clone());
            note.variant.get_or_insert_with(|| variant.to_owned());
        }
        comparison
    }

    fn pair(&self, variant: &str) -> Result<Pair, Reason> {
        for name in [&self.observations.control, variant] {
            let exposed = self.observations.variants.iter().find(|arm| arm.name == *name).map_or(0, |arm| arm.units);
            let metric = self.sums(name);
            if metric.n > exposed {
                let text = format!("{} units have the metric, but only {exposed} were exposed", metric.n);
                return Err(Reason::new(ReasonCode::InvalidSums, text).of_variant(name));
            }
            moments(self.observed.metric.kind, &metric).map_err(|reason| reason.of_variant(name))?;
        }
        pair(self.observed.metric.kind, &self.sums(&self.observations.control), &self.sums(variant))
    }

    fn compute(&self, comparison: &mut Comparison, pair: &Pair) {
        let (metric, settings) = (&self.observed.metric, self.settings);
        let (rule, alpha) = self.rule();
        let lifts = [Scale::Absolute, Scale::Relative].map(|scale| lift(pair, scale));
        let [absolute, relative] = lifts.map(|lift| effect(pair, &lift?, rule, alpha));
        (comparison.absolute, comparison.relative) = (absolute, relative);
        comparison.variance_reduction = pair.variance_reduction;
        let scale = if relative.is_none() { Scale::Absolute } else { settings.scale };
        let [absolute, relative] = lifts;
        let lift = if scale == Scale::Absolute { absolute } else { relative };
        comparison.reading =
            lift.and_then(|lift| reading::reading(pair, &lift, scale, metric.better, settings.prior, settings.alpha));
        if let Some(reading) = &mut comparison.reading {
            let (control, variant) = (self.sums(&self.observations.control), self.sums(&comparison.variant));
            reading::exact(reading, metric.kind, metric.better, &control, &variant);
        }
        if let Role::Guardrail(margin) = metric.role {
            comparison.guardrail = Some(self.guardrail(comparison, pair, margin));
        }
        comparison.notes.extend(notes(comparison, pair));
    }

    /// Guardrails are watched all the time, so their interval is always valid.
    fn rule(&self) -> (Rule, f64) {
        let tuning = match self.settings.method {
            Method::Sequential { tuning } => tuning,
            Method::Fixed { .. } => 5000.0,
        };
        match (self.observed.metric.role, self.settings.method) {
            (Role::Guardrail(_), _) => (Rule::Sequential { tuning }, self.by.alpha_guardrail),
            (Role::Goal | Role::Secondary, Method::Sequential { .. }) => {
                (Rule::Sequential { tuning }, self.by.alpha_each)
            }
            (Role::Goal | Role::Secondary, Method::Fixed { .. }) => (Rule::Welch, self.by.alpha_each),
        }
    }

    /// A relative margin is judged twice: by the difference from so many times control, which is exact also where control is
    /// small or 0, and by the relative lift, so that what is shown never contradicts what is said.
    fn guardrail(&self, comparison: &Comparison, pair: &Pair, margin: Margin) -> GuardrailState {
        let better = self.observed.metric.better;
        let state = |interval: Option<Effect>, margin: f64| match (interval, better) {
            (None, _) => GuardrailState::Unknown,
            (Some(interval), Direction::Up) if interval.upper < -margin => GuardrailState::Harmed,
            (Some(interval), Direction::Down) if interval.lower > margin => GuardrailState::Harmed,
            (Some(interval), Direction::Up) if interval.lower >= -margin => GuardrailState::Safe,
            (Some(interval), Direction::Down) if interval.upper <= margin => GuardrailState::Safe,
            (Some(_), Direction::Up | Direction::Down) => GuardrailState::Open,
        };
        let margin = match margin {
            Margin::Absolute(margin) => return state(comparison.absolute, margin),
            Margin::Relative(margin) => margin,
        };
        let part = if pair.control.plain_mean < 0.0 { -margin } else { margin };
        let factor = if better == Direction::Up { 1.0 - part } else { 1.0 + part };
        let (rule, alpha) = self.rule();
        let exact = state(beyond(pair, factor).and_then(|lift| effect(pair, &lift, rule, alpha)), 0.0);
        match comparison.relative {
            Some(_) if state(comparison.relative, margin) != exact => GuardrailState::Open,
            Some(_) | None => exact,
        }
    }
}

fn notes(comparison: &Comparison, pair: &Pair) -> Vec<Reason> {
    let mut notes = Vec::new();
    if comparison.absolute.is_none() {
        notes.push(Reason::new(ReasonCode::Overflow, "the sums are too large to compute with"));
    } else if comparison.relative.is_none() {
        let text = "control's value is 0, so there is no relative lift; the difference is judged";
        notes.push(Reason::new(ReasonCode::BaselineZero, text));
    }
    if pair.control.smoothed || pair.variant.smoothed {
        let text =
            "no unit of a variant did it, or every one; one success and one failure more are assumed for its chance";
        notes.push(Reason::new(ReasonCode::VarianceSmoothed, text));
    }
    if pair.covariate_unused {
        let text = "what units did before cannot be used, so the metric is taken as it is";
        notes.push(Reason::new(ReasonCode::CovariateUnused, text));
    }
    notes
}

/// Returns the lift on the scale that is shown; the difference, where there is no relative one.
pub(super) fn shown(comparison: &Comparison, scale: Scale) -> Option<&Effect> {
    match scale {
        Scale::Relative => comparison.relative.as_ref().or(comparison.absolute.as_ref()),
        Scale::Absolute => comparison.absolute.as_ref(),
    }
}

fn outcome(effect: &Effect, better: Direction, alpha: f64) -> Outcome {
    if effect.p_value_corrected >= alpha || effect.estimate == 0.0 {
        return Outcome::Undecided;
    }
    if (effect.estimate > 0.0) == (better == Direction::Up) { Outcome::Better } else { Outcome::Worse }
}

/// Corrects the p values.
fn correct(metrics: &mut [MetricResult], by: &JudgedBy) {
    for result in &mut *metrics {
        let goals = by.alpha / by.alpha_each;
        let factor = match result.metric.role {
            Role::Goal | Role::Secondary => goals,
            Role::Guardrail(_) => by.alpha / by.alpha_guardrail,
        };
        for comparison in &mut result.variants {
            for effect in [&mut comparison.absolute, &mut comparison.relative].into_iter().flatten() {
                effect.p_value_corrected = (effect.p_value * factor).min(1.0);
            }
        }
    }
    if by.correction == Correction::Holm {
        holm(metrics, by.comparisons, |comparison| comparison.absolute.as_mut());
        holm(metrics, by.comparisons, |comparison| comparison.relative.as_mut());
    }
}

/// S. Holm, "A simple sequentially rejective multiple test procedure" (Scand. J. Statist. 6, 1979), over the goals. A
/// comparison that could not be computed counts as one that found nothing.
fn holm(metrics: &mut [MetricResult], comparisons: u64, choose: fn(&mut Comparison) -> Option<&mut Effect>) {
    let goals = metrics.iter_mut().filter(|result| result.metric.role == Role::Goal);
    let mut effects: Vec<&mut Effect> = goals.flat_map(|result| &mut result.variants).filter_map(choose).collect();
    effects.sort_by(|a, b| a.p_value.total_cmp(&b.p_value));
    let (mut left, mut least) = (comparisons, 0.0_f64);
    for effect in effects {
        least = least.max((effect.p_value * count(left)).min(1.0));
        effect.p_value_corrected = least;
        left = left.saturating_sub(1);
    }
}

fn count_of(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
