//! From sums to verdicts as the definition of an experiment wants them.

use super::*;
use crate::{
    config::SourceSet,
    experiments::{Arm, VariantSums, read_experiments},
    ids::Digest,
};

const METRICS: &str = "[{event: buy}, {name: spent, event: buy, kind: mean, role: secondary}, \
    {name: share, event: buy, kind: ratio, per: view, role: secondary}, \
    {event: error, direction: decrease, role: guardrail, margin: 0.1}]";

fn judged(more: &str, units: [u32; 2], buys: [f64; 2], errors: [f64; 2]) -> Analysis {
    let text = format!("experiments: {{a: {{flag: f, control: a, treatments: [b], metrics: {METRICS}{more}}}}}");
    let sources: SourceSet = [("flags/experiments/a.yaml", text)].into_iter().collect();
    let definition = read_experiments(&sources).0.into_values().next().unwrap().value;
    let arm = |variant: &str| Arm { variant: variant.to_owned(), weight: 1 };
    let pinned = Pinned { arms: vec![arm("a"), arm("b")], digest: Digest::of(b"") };
    let any = |sum: f64| MetricSums { sum, squares: sum, ..MetricSums::default() };
    // Everybody who buys spends 2.
    let spent = |buys: f64| MetricSums { squares: 4.0 * buys, ..any(2.0 * buys) };
    let share =
        |of: f64| MetricSums { denominator: 2.0 * of, denominator_squares: 6.0 * of, ratio_cross: of, ..any(0.5 * of) };
    let variant = |place: usize| VariantSums {
        units: units[place].into(),
        metrics: vec![any(buys[place]), spent(buys[place]), share(units[place].into()), any(errors[place])],
    };
    judge(&definition, &pinned, &RunSums { variants: vec![variant(0), variant(1)], mixed: 0 })
}

#[test]
fn what_was_counted_is_judged_as_it_was_declared() {
    let decision = |more, units, buys, errors| judged(more, units, buys, errors).verdict.decision;
    let (even, same) = ([5000, 5000], [100.0, 100.0]);
    assert_eq!(decision("", even, [1000.0, 1500.0], same), Decision::Better);
    assert_eq!(decision("", even, [1500.0, 1000.0], same), Decision::Worse);
    assert_eq!(decision("", even, [1000.0, 1005.0], same), Decision::Undecided);
    assert_eq!(decision("", [50, 50], [10.0, 40.0], [1.0, 1.0]), Decision::Wait);
    assert_eq!(decision(", minimum_sample: 9000", even, [1000.0, 1500.0], same), Decision::Wait);
    assert_eq!(decision("", even, [1000.0, 1500.0], [500.0, 1000.0]), Decision::Stop);
    assert_eq!(decision("", [5000, 5000], [1000.0, 1000.0], [1000.0, 500.0]), Decision::Undecided);
}

#[test]
fn shares_that_are_not_as_meant_and_a_changed_flag_block() {
    let off = judged("", [5000, 6000], [1000.0, 1900.0], [100.0, 100.0]);
    assert_eq!(off.verdict.decision, Decision::Blocked);
    assert!(mismatch(&off).is_some() && blocked(&off, None).is_some());
    let sound = judged("", [5000, 5000], [1000.0, 1500.0], [100.0, 100.0]);
    assert_eq!((mismatch(&sound), blocked(&sound, None)), (None, None));
    assert_eq!(blocked(&sound, Some("the flag was changed")).unwrap(), "the flag was changed while it ran");
}

#[test]
fn an_experiment_with_nobody_in_it_waits() {
    assert_eq!(judged("", [0, 0], [0.0, 0.0], [0.0, 0.0]).verdict.decision, Decision::Wait);
}
