//! What may be concluded. Harm comes first, then whether the data can be trusted, then whether there is enough of it, then
//! what the goals say.

use super::{
    Comparison, Decision, GuardrailState, Method, MetricResult, Observations, Outcome, Reason, ReasonCode, Role,
    Settings, Split, Verdict, analyse::shown, words,
};

impl Reason {
    /// Returns a reason about the whole experiment.
    pub fn new(code: ReasonCode, text: impl Into<String>) -> Self {
        Self { code, metric: None, variant: None, text: text.into() }
    }

    /// Says of which metric.
    #[must_use]
    pub fn of_metric(mut self, metric: &str) -> Self {
        self.metric = Some(metric.to_owned());
        self
    }

    /// Says of which variant.
    #[must_use]
    pub fn of_variant(mut self, variant: &str) -> Self {
        self.variant = Some(variant.to_owned());
        self
    }
}

/// Returns the verdict over everything that was computed; `problems` are what makes computing useless.
pub(super) fn verdict(
    observations: &Observations,
    settings: &Settings,
    split: &Split,
    metrics: &[MetricResult],
    problems: Vec<Reason>,
) -> Verdict {
    if !problems.is_empty() {
        return Verdict { decision: Decision::Blocked, variant: None, reasons: problems };
    }
    let judging = Judging { observations, settings, metrics };
    let untrusted = judging.untrusted(split);
    let harms = judging.harms();
    if let Some(first) = harms.first() {
        let variant = first.variant.clone();
        return Verdict { decision: Decision::Stop, variant, reasons: [harms, untrusted].concat() };
    }
    if !untrusted.is_empty() {
        return Verdict { decision: Decision::Blocked, variant: None, reasons: untrusted };
    }
    let few = judging.few();
    if !few.is_empty() {
        return Verdict { decision: Decision::Wait, variant: None, reasons: few };
    }
    judging.goals()
}

struct Judging<'a> {
    observations: &'a Observations,
    settings: &'a Settings,
    metrics: &'a [MetricResult],
}

impl<'a> Judging<'a> {
    fn comparisons(&self, wanted: fn(&Role) -> bool) -> impl Iterator<Item = (&'a MetricResult, &'a Comparison)> {
        let metrics = self.metrics.iter().filter(move |result| wanted(&result.metric.role));
        metrics.flat_map(|result| result.variants.iter().map(move |comparison| (result, comparison)))
    }

    fn enough(&self, result: &MetricResult, comparison: &Comparison) -> bool {
        result.control.n.min(comparison.estimate.n) >= self.settings.minimum_units
    }

    /// Guardrails that are harmed.
    fn harms(&self) -> Vec<Reason> {
        let guardrails = self.comparisons(|role| matches!(role, Role::Guardrail(_)));
        guardrails
            .filter(|(result, comparison)| {
                comparison.guardrail == Some(GuardrailState::Harmed) && self.enough(result, comparison)
            })
            .map(|(result, comparison)| {
                Reason::new(ReasonCode::GuardrailHarmed, words::harm(&result.metric, comparison))
                    .of_metric(&result.metric.name)
                    .of_variant(&comparison.variant)
            })
            .collect()
    }

    /// Why the data cannot be trusted.
    fn untrusted(&self, split: &Split) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if !split.passed {
            reasons.push(Reason::new(ReasonCode::SampleRatioMismatch, words::mismatch(split)));
        }
        for (result, comparison) in self.comparisons(|_| true) {
            let wrong = |code: ReasonCode| {
                let senseless = [ReasonCode::InvalidSums, ReasonCode::Overflow].contains(&code);
                // In the beginning there is nothing yet to be a share of.
                senseless || (code == ReasonCode::NoDenominator && self.enough(result, comparison))
            };
            for note in comparison.notes.iter().filter(|note| wrong(note.code)) {
                // Control is beside every variant, but wrong once.
                if !reasons.contains(note) {
                    reasons.push(note.clone());
                }
            }
        }
        reasons
    }

    /// Why there is too little.
    fn few(&self) -> Vec<Reason> {
        let minimum = self.settings.minimum_units;
        let planned = match self.settings.method {
            Method::Fixed { planned_units } => planned_units.unwrap_or(0),
            Method::Sequential { .. } => 0,
        };
        let mut reasons = Vec::new();
        // A variant that is to have no units cannot be waited for.
        for arm in self.observations.variants.iter().filter(|arm| arm.weight > 0.0) {
            let reason = if arm.units < minimum {
                let text = format!("variant `{}` has {} of at least {minimum} units", arm.name, arm.units);
                Reason::new(ReasonCode::BelowMinimum, text)
            } else if arm.units < planned {
                let text = format!("variant `{}` has {} of {planned} planned units", arm.name, arm.units);
                Reason::new(ReasonCode::BelowPlanned, text)
            } else {
                continue;
            };
            reasons.push(reason.of_variant(&arm.name));
        }
        reasons
    }

    fn goals(&self) -> Verdict {
        let mut reasons = Vec::new();
        for (result, comparison) in self.comparisons(|role| *role == Role::Goal) {
            reasons.push(self.goal(result, comparison));
        }
        if reasons.is_empty() {
            let text = "no metric is a goal, so nothing can be concluded but harm";
            reasons.push(Reason::new(ReasonCode::NoGoal, text));
            return Verdict { decision: Decision::Undecided, variant: None, reasons };
        }
        if let Method::Fixed { planned_units: None } = self.settings.method {
            let text =
                "a fixed test proves something at one look only, at a number of units that was planned beforehand";
            reasons.push(Reason::new(ReasonCode::OneLook, text));
        }
        let outcomes = self.outcomes();
        let of = |wanted: Decision| outcomes.iter().filter(move |(_, decision, _)| *decision == wanted);
        let best = of(Decision::Better).max_by(|a, b| a.2.total_cmp(&b.2));
        let decision = if best.is_some() {
            Decision::Better
        } else if of(Decision::Mixed).next().is_some() {
            Decision::Mixed
        } else if of(Decision::Worse).count() == outcomes.len() {
            Decision::Worse
        } else {
            Decision::Undecided
        };
        if of(Decision::Better).count() > 1 {
            let text = "several variants are better than control; the one with the largest lift is named, but among \
                        themselves they were not compared";
            reasons.push(Reason::new(ReasonCode::SeveralBetter, text));
        }
        reasons.sort_by_key(|reason| rank(reason, best.map(|best| best.0)));
        let about = best.or_else(|| of(decision).next().filter(|_| decision == Decision::Mixed));
        Verdict { decision, variant: about.map(|about| about.0.to_owned()), reasons }
    }

    /// Each variant with what its goals say together, and its lift of the first goal that is better.
    fn outcomes(&self) -> Vec<(&'a str, Decision, f64)> {
        let names = self.observations.variants.iter().map(|arm| &arm.name);
        names
            .filter(|name| **name != self.observations.control)
            .map(|name| {
                let own = || {
                    self.comparisons(|role| *role == Role::Goal)
                        .filter(|(result, comparison)| comparison.variant == *name && self.enough(result, comparison))
                };
                let some = |wanted: Outcome| own().find(move |(_, comparison)| comparison.outcome == wanted);
                let decision = match (some(Outcome::Better), some(Outcome::Worse)) {
                    (Some(_), Some(_)) => Decision::Mixed,
                    (Some(_), None) => Decision::Better,
                    (None, Some(_)) => Decision::Worse,
                    (None, None) => Decision::Undecided,
                };
                let effect = some(Outcome::Better).and_then(|(_, comparison)| shown(comparison, self.settings.scale));
                (name.as_str(), decision, effect.map_or(0.0, |effect| effect.estimate.abs()))
            })
            .collect()
    }

    fn goal(&self, result: &MetricResult, comparison: &Comparison) -> Reason {
        let minimum = self.settings.minimum_units;
        let reason = if self.enough(result, comparison) {
            let code = match comparison.outcome {
                Outcome::Better => ReasonCode::GoalBetter,
                Outcome::Worse => ReasonCode::GoalWorse,
                Outcome::Undecided => ReasonCode::NoDifference,
                Outcome::Unknown => {
                    return comparison.notes.first().cloned().unwrap_or_else(|| {
                        Reason::new(ReasonCode::NoVariance, "nothing could be computed")
                            .of_metric(&result.metric.name)
                            .of_variant(&comparison.variant)
                    });
                }
            };
            Reason::new(code, words::goal(&result.metric, comparison, self.settings.scale))
        } else {
            let text = format!("metric `{}` has less than {minimum} units in a variant", result.metric.name);
            Reason::new(ReasonCode::BelowMinimum, text)
        };
        reason.of_metric(&result.metric.name).of_variant(&comparison.variant)
    }
}

/// What weighs most first: what is said of the variant that is named, then what was found, then the rest.
fn rank(reason: &Reason, named: Option<&str>) -> (bool, u8) {
    let other = named.is_some() && reason.variant.as_deref() != named;
    let found = if matches!(reason.code, ReasonCode::GoalBetter | ReasonCode::GoalWorse) {
        0
    } else if reason.code == ReasonCode::NoDifference {
        1
    } else {
        2
    };
    (other, found)
}
