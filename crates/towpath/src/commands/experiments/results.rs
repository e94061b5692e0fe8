//! `towpath experiments results|export`: what was counted and what that says.

use std::fmt::Write as _;

use serde_json::{Value, json};
use towpath_core::experiments::statistics::{
    Analysis, Observations,
    report::{self, Tone},
};
use towpath_server::api::types::ExperimentResults;

use crate::{
    cli::{ExportExperimentArgs, ExportFormat, ResultsArgs},
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    output::{Paint, Table},
    words::time,
};

/// How wide the picture of intervals is.
const WIDTH: usize = 100;

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

fn toned(text: &str, tone: Tone, paint: Paint) -> String {
    match tone {
        Tone::Good => paint.green(text),
        Tone::Bad => paint.red(text),
        Tone::Neutral => text.to_owned(),
    }
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
    lines.push(toned(&report::headline(analysis), report::tone(analysis.verdict.decision), paint));
    if let Some(altered) = &view.altered {
        lines.push(paint.yellow(&format!("{} while it ran, so its numbers may mean nothing", altered.what)));
    }
    lines.extend(analysis.verdict.reasons.iter().map(|reason| format!("  {}", reason.text)));
    for result in &analysis.metrics {
        lines.push(format!("\n{} ({})", paint.bold(&result.metric.name), report::about(result)));
        let mut table = Table::new(&["VARIANT", "UNITS", "VALUE", "LIFT", "INTERVAL", "P", "CHANCE", ""]);
        for row in report::rows(analysis, result) {
            let says = toned(&row.says, row.tone, paint);
            table.row(vec![row.variant, row.units, row.value, row.lift, row.interval, row.p_value, row.chance, says]);
        }
        lines.push(table.text(paint).trim_end().to_owned());
    }
    lines.push(String::new());
    for line in report::plot(analysis, WIDTH) {
        lines.push(if line.heading { paint.bold(&line.text) } else { toned(&line.text, line.tone, paint) });
    }
    lines.push(String::new());
    lines.push(report::split_line(&analysis.split));
    lines.push(report::rule_line(analysis));
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
            format!("{:#}\n", json!({ "settings": results.settings, "observations": results.observations }))
        }
        ExportFormat::Csv => csv(&understood(&results.observations)?),
    };
    context.out.data(&text)?;
    Ok(Exit::Done)
}

fn csv(observations: &Observations) -> String {
    let mut text = "metric,variant,units,sum,sum_squares,denominator_sum,denominator_squares,denominator_products,\
                    covariate_sum,covariate_squares,covariate_products\n"
        .to_owned();
    for observed in &observations.metrics {
        for (variant, sums) in &observed.sums {
            let pair = |pair: &Option<towpath_core::experiments::statistics::Paired>| match pair {
                Some(pair) => format!("{},{},{}", pair.sum, pair.sum_squares, pair.sum_products),
                None => ",,".to_owned(),
            };
            let (metric, variant) = (quoted(&observed.metric.name), quoted(variant));
            let (denominator, covariate) = (pair(&sums.denominator), pair(&sums.covariate));
            // Writing to a text never fails.
            let _ = writeln!(
                text,
                "{metric},{variant},{},{},{},{denominator},{covariate}",
                sums.n, sums.sum, sums.sum_squares
            );
        }
    }
    text
}

/// Quotes a field as RFC 4180 does; spreadsheets must not take one for a formula either.
fn quoted(text: &str) -> String {
    let guarded = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if guarded.contains([',', '"', '\n', '\r']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}
