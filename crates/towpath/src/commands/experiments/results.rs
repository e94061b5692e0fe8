//! `towpath experiments results|export`: what was counted and what that says.

use std::fmt::Write as _;

use serde_json::Value;
use towpath_core::experiments::statistics::{
    Analysis, Arm, Margin, Observations, Observed, Paired, Role, Sums, report,
};
use towpath_server::api::types::ExperimentResults;

use super::planning::show;
use crate::{
    cli::{ExportExperimentArgs, ExportFormat, ResultsArgs},
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    output::Paint,
    words::{time, word},
};

pub(super) async fn results(context: &Context, args: &ResultsArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let results = context.client()?.experiment_results(&environment, &args.experiment, args.run).await?;
    let analysis: Analysis = understood(&results.analysis)?;
    if let Some(path) = &args.svg {
        let written = std::fs::write(path, report::svg(&analysis));
        written.map_err(|error| crate::folder::unwritable(path, &error))?;
    }
    context.out.show(&results, |paint| text(&results, &analysis, paint))?;
    Ok(Exit::Done)
}

fn understood<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    serde_json::from_value(value.clone()).map_err(|error| {
        Failure::new(Exit::Failed, "unexpected_answer", "the answer of the server cannot be understood")
            .because(&error)
            .next("use the same version of towpath here and there")
    })
}

fn text(results: &ExperimentResults, analysis: &Analysis, paint: Paint) -> String {
    let view = &results.experiment;
    let run = view.run.unwrap_or_default();
    let mut lines = vec![format!(
        "{} in {}, run {run}, {} at {}",
        paint.bold(&view.name),
        view.environment,
        view.state,
        time(results.at)
    )];
    if let Some(altered) = &view.altered {
        lines.push(paint.yellow(&format!("{} while it ran, so its numbers may mean nothing", altered.what)));
    }
    lines.push(show::text(analysis, true, paint).trim_end().to_owned());
    if results.mixed > 0 {
        lines.push(format!("{} units were seen in several variants and are left out", results.mixed));
    }
    if results.dropped > 0 {
        let dropped = format!("{} evaluations could not be counted: more came than could be written", results.dropped);
        lines.push(paint.yellow(&dropped));
    }
    lines.join("\n") + "\n"
}

pub(super) async fn export(context: &Context, args: &ExportExperimentArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let results = context.client()?.experiment_results(&environment, &args.experiment, args.run).await?;
    let text = match args.format {
        ExportFormat::Json => {
            // As `experiments analyse` reads it.
            let mut whole = results.observations;
            if let Value::Object(whole) = &mut whole {
                whole.insert("settings".to_owned(), results.settings);
            }
            format!("{whole:#}\n")
        }
        ExportFormat::Csv => csv(&understood(&results.observations)?),
    };
    context.out.data(&text)?;
    Ok(Exit::Done)
}

/// Returns a row for each metric and variant, as `experiments analyse` reads them.
fn csv(observations: &Observations) -> String {
    let mut text = "metric,variant,kind,n,sum,sum_squares,better,role,margin,weight,units,denominator_sum,\
                    denominator_sum_squares,denominator_sum_products,covariate_sum,covariate_sum_squares,\
                    covariate_sum_products\n"
        .to_owned();
    let control = |arm: &&Arm| arm.name != observations.control;
    let mut arms: Vec<&Arm> = observations.variants.iter().collect();
    arms.sort_by_key(control);
    for Observed { metric, sums } in &observations.metrics {
        let (role, margin) = match metric.role {
            Role::Goal => ("goal", String::new()),
            Role::Secondary => ("secondary", String::new()),
            Role::Guardrail(Margin::Relative(margin) | Margin::Absolute(margin)) => ("guardrail", margin.to_string()),
        };
        for (arm, sums) in arms.iter().filter_map(|arm| Some((arm, sums.get(&arm.name)?))) {
            let (name, variant) = (quoted(&metric.name), quoted(&arm.name));
            let (kind, better) = (word(&metric.kind), word(&metric.better));
            let (denominator, covariate) = (pair(sums.denominator.as_ref()), pair(sums.covariate.as_ref()));
            let Sums { n, sum, sum_squares, .. } = sums;
            let Arm { weight, units, .. } = arm;
            // Writing to a text never fails.
            let _ = writeln!(
                text,
                "{name},{variant},{kind},{n},{sum},{sum_squares},{better},{role},{margin},{weight},{units},{denominator},{covariate}"
            );
        }
    }
    text
}

fn pair(pair: Option<&Paired>) -> String {
    pair.map_or_else(|| ",,".to_owned(), |pair| format!("{},{},{}", pair.sum, pair.sum_squares, pair.sum_products))
}

/// Quotes a field as RFC 4180 does; spreadsheets must not take one for a formula either.
fn quoted(text: &str) -> String {
    let guarded = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if guarded.contains([',', '"', '\n', '\r']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}
