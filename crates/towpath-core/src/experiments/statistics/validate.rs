//! Whether observations and settings make sense at all.

use std::collections::BTreeSet;

use super::{Margin, Method, Observations, Reason, ReasonCode, Role, Settings};

/// Returns everything that is wrong.
pub(super) fn problems(observations: &Observations, settings: &Settings) -> Vec<Reason> {
    let mut problems = Vec::new();
    of_settings(settings, &mut |text: &str| problems.push(Reason::new(ReasonCode::InvalidSettings, text)));
    of_variants(observations, &mut problems);
    of_metrics(observations, &mut problems);
    problems
}

fn of_settings(settings: &Settings, say: &mut dyn FnMut(&str)) {
    if !(settings.alpha > 0.0 && settings.alpha <= 0.5) {
        say("`alpha` is above 0 and at most 0.5");
    }
    if !(0.0..1.0).contains(&settings.split_threshold) {
        say("`split_threshold` is at least 0 and below 1");
    }
    match settings.method {
        Method::Sequential { tuning } if !(tuning >= 1.0 && tuning.is_finite()) => {
            say("`tuning` is a number of units, at least 1");
        }
        Method::Fixed { planned_units: Some(0) } => say("`planned_units` is at least 1"),
        Method::Sequential { .. } | Method::Fixed { .. } => {}
    }
    if settings.prior.is_some_and(|prior| !(prior.mean.is_finite() && prior.sd > 0.0 && prior.sd.is_finite())) {
        say("a prior has a finite mean and an `sd` above 0");
    }
}

fn of_variants(observations: &Observations, problems: &mut Vec<Reason>) {
    let mut say = |text: String| problems.push(Reason::new(ReasonCode::InvalidObservations, text));
    let mut names = BTreeSet::new();
    for arm in &observations.variants {
        if !names.insert(arm.name.as_str()) {
            say(format!("variant `{}` is given twice", arm.name));
        }
        if !(arm.weight >= 0.0 && arm.weight.is_finite()) {
            say(format!("the weight of variant `{}` is not a number of 0 or more", arm.name));
        }
    }
    if observations.variants.len() < 2 {
        say("an experiment has at least two variants".to_owned());
    }
    if !names.contains(observations.control.as_str()) {
        say(format!("control `{}` is none of the variants", observations.control));
    }
    let weights: f64 = observations.variants.iter().map(|arm| arm.weight).sum();
    if weights == 0.0 || weights.is_infinite() {
        say("the weights of the variants sum to 0 or to more than can be computed with".to_owned());
    }
}

fn of_metrics(observations: &Observations, problems: &mut Vec<Reason>) {
    let mut say = |text: String| problems.push(Reason::new(ReasonCode::InvalidObservations, text));
    let mut names = BTreeSet::new();
    for observed in &observations.metrics {
        let metric = &observed.metric;
        if !names.insert(metric.name.as_str()) {
            say(format!("metric `{}` is given twice", metric.name));
        }
        if let Role::Guardrail(Margin::Relative(margin) | Margin::Absolute(margin)) = metric.role
            && !(margin >= 0.0 && margin.is_finite())
        {
            say(format!("the margin of guardrail `{}` is not a number of 0 or more", metric.name));
        }
        for variant in observed.sums.keys() {
            if !observations.variants.iter().any(|arm| arm.name == *variant) {
                say(format!("metric `{}` has sums of `{variant}`, which is none of the variants", metric.name));
            }
        }
    }
}
