//! `towpath experiments analyse`.

use std::fs;

use towpath_core::experiments::statistics::{
    Analysis, Correction, Decision, Method, Prior, ReasonCode, Scale, Settings, analyse, report,
};

use super::{read, show};
use crate::{
    cli::{AnalyseArgs, JudgedAs, KeepBy, Rule},
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
};

pub(super) fn run(context: &Context, args: &AnalyseArgs) -> Outcome {
    let mut read = read::observations(&args.file)?;
    if let Some(control) = &args.control {
        read.observations.control.clone_from(control);
    }
    change(&mut read.settings, args)?;
    let analysis = analyse(&read.observations, &read.settings);
    useless(&analysis, args)?;
    if let Some(path) = &args.svg {
        fs::write(path, report::svg(&analysis)).map_err(|error| {
            Failure::new(Exit::Failed, "not_written", format!("cannot write `{}`", path.display())).because(&error)
        })?;
    }
    context.out.show(&analysis, |paint| show::text(&analysis, args.plot, paint))?;
    if let Some(path) = &args.svg {
        context.out.progress(&format!("drawn into {}", path.display()));
    }
    Ok(Exit::Done)
}

/// Lays the command line over what the file says.
fn change(settings: &mut Settings, args: &AnalyseArgs) -> Result<(), Failure> {
    let Settings { alpha, method, correction, scale, minimum_units, split_threshold: _, prior } = settings;
    *alpha = args.alpha.unwrap_or(*alpha);
    *minimum_units = args.minimum_units.unwrap_or(*minimum_units);
    match args.correction {
        Some(KeepBy::Bonferroni) => *correction = Correction::Bonferroni,
        Some(KeepBy::Holm) => *correction = Correction::Holm,
        Some(KeepBy::None) => *correction = Correction::None,
        None => {}
    }
    match args.scale {
        Some(JudgedAs::Relative) => *scale = Scale::Relative,
        Some(JudgedAs::Absolute) => *scale = Scale::Absolute,
        None => {}
    }
    match (args.method, *method) {
        (Some(Rule::Sequential), Method::Fixed { .. }) => *method = Method::SEQUENTIAL,
        (Some(Rule::Fixed), Method::Sequential { .. }) => *method = Method::Fixed { planned_units: None },
        (Some(Rule::Sequential | Rule::Fixed) | None, _) => {}
    }
    match method {
        Method::Sequential { tuning } => {
            *tuning = args.tuning.unwrap_or(*tuning);
            if args.planned.is_some() {
                return Err(Failure::usage("`--planned` is for `--method fixed`: the sequence needs no plan"));
            }
        }
        Method::Fixed { planned_units } => {
            *planned_units = args.planned.or(*planned_units);
            if args.tuning.is_some() {
                return Err(Failure::usage("`--tuning` is for `--method sequential`"));
            }
        }
    }
    if let Some(sd) = args.prior_sd {
        *prior = Some(Prior { mean: prior.map_or(0.0, |prior| prior.mean), sd });
    }
    Ok(())
}

/// Input that nothing can be computed from is a mistake, not a verdict.
fn useless(analysis: &Analysis, args: &AnalyseArgs) -> Result<(), Failure> {
    let wrong = [ReasonCode::InvalidSettings, ReasonCode::InvalidObservations];
    let mistakes = analysis.verdict.reasons.iter().filter(|reason| wrong.contains(&reason.code));
    if analysis.verdict.decision != Decision::Blocked || mistakes.clone().next().is_none() {
        return Ok(());
    }
    let message = format!("`{}` cannot be analysed as it is", args.file.display());
    let failure = Failure::new(Exit::Usage, "invalid_observations", message);
    Err(mistakes.fold(failure, |failure, reason| failure.fact("wrong", reason.text.clone())))
}
