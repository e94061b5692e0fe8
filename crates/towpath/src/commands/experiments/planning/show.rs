//! An analysis for people: verdict, table, plot.

use towpath_core::experiments::statistics::{
    Analysis, MetricResult,
    report::{self, Tone},
};

use crate::output::{Paint, Table};

/// Returns the verdict with its reasons, what it rests on, and a table per metric; with `plot`, the intervals drawn.
pub(in crate::commands) fn text(analysis: &Analysis, plot: bool, paint: Paint) -> String {
    let mut text = format!("{}\n", toned(paint, report::tone(analysis.verdict.decision), &report::headline(analysis)));
    for reason in &analysis.verdict.reasons {
        text.push_str(&format!("  {}\n", visible(&reason.text)));
    }
    text.push('\n');
    let mut facts = Table::new(&[]);
    facts.row(vec![paint.dim("split"), report::split_line(&analysis.split)]);
    facts.row(vec![paint.dim("judged by"), report::rule_line(analysis)]);
    text.push_str(&facts.text(paint));
    for result in &analysis.metrics {
        text.push('\n');
        text.push_str(&metric(analysis, result, paint));
    }
    if plot && !analysis.metrics.is_empty() {
        text.push('\n');
        for line in report::plot(analysis, 80) {
            let painted = if line.heading { paint.bold(&line.text) } else { toned(paint, line.tone, &line.text) };
            text.push_str(&format!("{painted}\n"));
        }
    }
    text
}

fn metric(analysis: &Analysis, result: &MetricResult, paint: Paint) -> String {
    let about = report::about(result);
    let mut text = format!("{}  {}\n", paint.bold(&visible(&result.metric.name)), paint.dim(&about));
    let mut table = Table::new(&["  VARIANT", "UNITS", "VALUE", "LIFT", "INTERVAL", "P", "RESULT"]);
    for row in report::rows(analysis, result) {
        let variant = format!("  {}", visible(&row.variant));
        let says = toned(paint, row.tone, &row.says);
        table.row(vec![variant, row.units, row.value, row.lift, row.interval, row.p_value, says]);
    }
    text.push_str(&table.text(paint));
    for comparison in &result.variants {
        for note in &comparison.notes {
            let of = note.variant.as_deref().unwrap_or(&comparison.variant);
            text.push_str(&paint.dim(&format!("  {}: {}", visible(of), visible(&note.text))));
            text.push('\n');
        }
        if let Some(reading) = &comparison.reading {
            let exact = reading.chance_to_win_exact;
            let chance = report::chance(exact.unwrap_or(reading.chance_to_win));
            let line = format!("  for reading only: chance that {} is better {chance}", visible(&comparison.variant));
            text.push_str(&paint.dim(&line));
            text.push('\n');
        }
    }
    text
}

fn toned(paint: Paint, tone: Tone, text: &str) -> String {
    match tone {
        Tone::Good => paint.green(text),
        Tone::Bad => paint.red(text),
        Tone::Neutral => text.to_owned(),
    }
}

/// Returns what people wrote without what would move the cursor.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}
