//! What sums prove.

use std::collections::BTreeMap;

use super::*;

mod golden;
mod hostile;
mod planning;
mod reports;
mod simulation;
mod verdicts;

/// Returns control and one variant of one metric.
fn two(kind: MetricKind, a: Sums, b: Sums) -> Observations {
    let arm = |name: &str, sums: &Sums| Arm { name: name.into(), weight: 1.0, units: sums.n };
    Observations {
        control: "a".into(),
        variants: vec![arm("a", &a), arm("b", &b)],
        metrics: vec![observed("m", kind, Role::Goal, &[("a", a), ("b", b)])],
    }
}

fn observed(name: &str, kind: MetricKind, role: Role, sums: &[(&str, Sums)]) -> Observed {
    let metric = Metric { name: name.into(), kind, better: Direction::Up, role };
    let sums: BTreeMap<String, Sums> = sums.iter().map(|(name, sums)| ((*name).to_owned(), *sums)).collect();
    Observed { metric, sums }
}

fn share(n: u64, sum: f64) -> Sums {
    Sums { n, sum, ..Sums::default() }
}

fn mean(n: u64, sum: f64, sum_squares: f64) -> Sums {
    Sums { n, sum, sum_squares, ..Sums::default() }
}

fn only(analysis: &Analysis) -> &Comparison {
    &analysis.metrics[0].variants[0]
}

fn fixed() -> Settings {
    Settings { method: Method::Fixed { planned_units: None }, ..Settings::default() }
}

fn codes(analysis: &Analysis) -> Vec<ReasonCode> {
    analysis.verdict.reasons.iter().map(|reason| reason.code).collect()
}
