//! What holds a verdict back, what makes one, and what only is to be read.

use super::*;

/// Returns a clear win of `b`: 10 % against 15 % of 5,000 each.
fn win() -> Observations {
    two(MetricKind::Proportion, share(5000, 500.0), share(5000, 750.0))
}

fn guarded(kind: MetricKind, better: Direction, margin: Margin, a: Sums, b: Sums) -> Observations {
    let mut observations = win();
    let mut guardrail = observed("errors", kind, Role::Guardrail(margin), &[("a", a), ("b", b)]);
    guardrail.metric.better = better;
    observations.metrics.push(guardrail);
    observations
}

#[test]
fn a_clear_difference_of_a_goal_is_a_verdict() {
    let analysis = analyse(&win(), &Settings::default());
    assert_eq!(analysis.verdict.decision, Decision::Better);
    assert_eq!(analysis.verdict.variant.as_deref(), Some("b"));
    assert_eq!(codes(&analysis), [ReasonCode::GoalBetter]);
}

#[test]
fn where_less_is_better_the_same_difference_is_worse() {
    let mut observations = win();
    observations.metrics[0].metric.better = Direction::Down;
    let analysis = analyse(&observations, &Settings::default());
    assert_eq!(analysis.verdict.decision, Decision::Worse);
    let reading = only(&analysis).reading.unwrap();
    assert!(reading.chance_to_win < 1e-6 && reading.chance_to_win_exact.is_none());
    assert!(reading.risk > 0.4 && reading.risk_control < 1e-6, "{reading:?}");
}

#[test]
fn a_wrong_split_blocks_the_verdict() {
    let mut observations = win();
    observations.variants[0].units = 5300;
    let analysis = analyse(&observations, &Settings::default());
    assert!(analysis.split.p_value.unwrap() < 0.004);
    assert!(analysis.split.passed, "{:?}", analysis.split);
    observations.variants[0].units = 5500;
    let analysis = analyse(&observations, &Settings::default());
    assert!(!analysis.split.passed);
    assert_eq!(analysis.verdict.decision, Decision::Blocked);
    assert_eq!(codes(&analysis), [ReasonCode::SampleRatioMismatch]);
    assert_eq!(only(&analysis).outcome, Outcome::Better, "the figures are still shown");
}

#[test]
fn the_split_is_compared_with_the_weights_that_were_meant() {
    let mut observations = two(MetricKind::Proportion, share(9000, 900.0), share(1000, 100.0));
    assert!(!analyse(&observations, &Settings::default()).split.passed);
    observations.variants[0].weight = 9.0;
    let split = analyse(&observations, &Settings::default()).split;
    assert_eq!((split.p_value, split.variants[1].expected), (Some(1.0), Some(1000.0)));
}

#[test]
fn units_in_a_variant_that_was_to_have_none_are_a_wrong_split() {
    let mut observations = win();
    let third = Arm { name: "c".into(), weight: 0.0, units: 1 };
    observations.variants.push(third);
    assert_eq!(analyse(&observations, &Settings::default()).split.p_value, Some(0.0));
}

#[test]
fn too_few_units_are_no_verdict_however_clear_they_look() {
    let observations = two(MetricKind::Proportion, share(99, 1.0), share(99, 98.0));
    let analysis = analyse(&observations, &Settings::default());
    assert_eq!(analysis.verdict.decision, Decision::Wait);
    assert_eq!(codes(&analysis), [ReasonCode::BelowMinimum, ReasonCode::BelowMinimum]);
    let settings = Settings { minimum_units: 0, ..Settings::default() };
    assert_eq!(analyse(&observations, &settings).verdict.decision, Decision::Better);
}

#[test]
fn a_fixed_test_waits_for_the_units_that_were_planned() {
    let planned = |units| Settings { method: Method::Fixed { planned_units: Some(units) }, ..Settings::default() };
    assert_eq!(codes(&analyse(&win(), &planned(5001))), [ReasonCode::BelowPlanned, ReasonCode::BelowPlanned]);
    assert_eq!(analyse(&win(), &planned(5000)).verdict.decision, Decision::Better);
    assert_eq!(codes(&analyse(&win(), &fixed())), [ReasonCode::GoalBetter, ReasonCode::OneLook]);
}

#[test]
fn a_guardrail_beyond_its_margin_stops_even_a_winner() {
    let (a, b) = (share(5000, 100.0), share(5000, 200.0));
    let observations = guarded(MetricKind::Proportion, Direction::Down, Margin::Relative(0.1), a, b);
    let analysis = analyse(&observations, &Settings::default());
    assert_eq!((analysis.verdict.decision, analysis.verdict.variant.as_deref()), (Decision::Stop, Some("b")));
    assert_eq!(codes(&analysis), [ReasonCode::GuardrailHarmed]);
    assert_eq!(analysis.metrics[1].variants[0].guardrail, Some(GuardrailState::Harmed));
}

#[test]
fn a_guardrail_stops_even_where_the_split_is_wrong_and_says_both() {
    let (a, b) = (share(5000, 100.0), share(5000, 200.0));
    let mut observations = guarded(MetricKind::Proportion, Direction::Down, Margin::Relative(0.1), a, b);
    observations.variants[0].units = 6000;
    let analysis = analyse(&observations, &Settings::default());
    assert_eq!(analysis.verdict.decision, Decision::Stop);
    assert_eq!(codes(&analysis), [ReasonCode::GuardrailHarmed, ReasonCode::SampleRatioMismatch]);
}

#[test]
fn a_guardrail_within_its_margin_is_safe_and_one_that_may_be_either_is_open() {
    let state = |margin, b: f64| {
        let (a, b) = (share(50_000, 25_000.0), share(50_000, b));
        let mut observations = guarded(MetricKind::Proportion, Direction::Up, margin, a, b);
        observations.variants.iter_mut().for_each(|arm| arm.units = 50_000);
        analyse(&observations, &Settings::default()).metrics[1].variants[0].guardrail
    };
    assert_eq!(state(Margin::Relative(0.05), 25_000.0), Some(GuardrailState::Safe));
    assert_eq!(state(Margin::Relative(0.0), 25_000.0), Some(GuardrailState::Open));
    assert_eq!(state(Margin::Relative(0.05), 22_000.0), Some(GuardrailState::Harmed));
    assert_eq!(state(Margin::Absolute(0.05), 22_000.0), Some(GuardrailState::Open));
    assert_eq!(state(Margin::Absolute(0.01), 22_000.0), Some(GuardrailState::Harmed));
}

#[test]
fn errors_that_control_does_not_have_at_all_are_harm() {
    let (a, b) = (share(5000, 0.0), share(5000, 300.0));
    for margin in [Margin::Relative(0.1), Margin::Absolute(0.01)] {
        let observations = guarded(MetricKind::Proportion, Direction::Down, margin, a, b);
        let analysis = analyse(&observations, &Settings::default());
        assert_eq!(analysis.verdict.decision, Decision::Stop, "{margin:?}");
        let notes: Vec<ReasonCode> = analysis.metrics[1].variants[0].notes.iter().map(|note| note.code).collect();
        assert_eq!(notes, [ReasonCode::BaselineZero, ReasonCode::VarianceSmoothed]);
    }
}

#[test]
fn a_guardrail_is_always_valid_also_where_goals_are_not() {
    let (a, b) = (share(5000, 100.0), share(5000, 135.0));
    let mut observations = guarded(MetricKind::Proportion, Direction::Down, Margin::Relative(0.0), a, b);
    observations.variants.iter_mut().for_each(|arm| arm.units = 5000);
    let analysis = analyse(&observations, &fixed());
    assert_eq!(analysis.metrics[1].variants[0].guardrail, Some(GuardrailState::Open), "Welch alone would see harm");
    observations.metrics[1].metric.role = Role::Secondary;
    assert_eq!(analyse(&observations, &fixed()).metrics[1].variants[0].outcome, Outcome::Worse);
}

#[test]
fn a_secondary_metric_decides_nothing() {
    let mut observations = win();
    observations.metrics[0].metric.role = Role::Secondary;
    let analysis = analyse(&observations, &Settings::default());
    assert_eq!(analysis.verdict.decision, Decision::Undecided);
    assert_eq!(codes(&analysis), [ReasonCode::NoGoal]);
}

#[test]
fn better_on_one_goal_and_worse_on_another_is_for_people_to_weigh() {
    let mut observations = win();
    let (a, b) = (share(5000, 2500.0), share(5000, 2000.0));
    observations.metrics.push(observed("kept", MetricKind::Proportion, Role::Goal, &[("a", a), ("b", b)]));
    let analysis = analyse(&observations, &Settings::default());
    assert_eq!((analysis.verdict.decision, analysis.verdict.variant.as_deref()), (Decision::Mixed, Some("b")));
    assert_eq!(codes(&analysis), [ReasonCode::GoalBetter, ReasonCode::GoalWorse]);
}

fn three(b: f64, c: f64) -> Observations {
    let sums = [("a", share(5000, 500.0)), ("b", share(5000, b)), ("c", share(5000, c))];
    Observations {
        control: "a".into(),
        variants: sums.iter().map(|(name, _)| Arm { name: (*name).into(), weight: 1.0, units: 5000 }).collect(),
        metrics: vec![observed("m", MetricKind::Proportion, Role::Goal, &sums)],
    }
}

#[test]
fn several_variants_share_alpha_and_that_is_said() {
    let analysis = analyse(&three(600.0, 500.0), &Settings::default());
    assert_eq!((analysis.judged_by.comparisons, analysis.judged_by.alpha_each), (2, 0.025));
    let [corrected, raw] = [Correction::Bonferroni, Correction::None].map(|correction| {
        let analysis = analyse(&three(600.0, 500.0), &Settings { correction, ..Settings::default() });
        analysis.metrics[0].variants[0].relative.unwrap()
    });
    assert!(corrected.upper - corrected.lower > raw.upper - raw.lower);
    assert!((corrected.p_value_corrected / corrected.p_value - 2.0).abs() < 1e-9);
}

#[test]
fn holm_finds_a_second_variant_that_bonferroni_misses() {
    let find = |correction| {
        let settings = Settings { correction, ..fixed() };
        let analysis = analyse(&three(750.0, 565.0), &settings);
        analysis.metrics[0].variants.iter().map(|comparison| comparison.outcome).collect::<Vec<_>>()
    };
    assert_eq!(find(Correction::Bonferroni), [Outcome::Better, Outcome::Undecided]);
    assert_eq!(find(Correction::Holm), [Outcome::Better, Outcome::Better]);
}

#[test]
fn of_several_winners_the_largest_lift_is_named_and_the_rest_is_said() {
    let analysis = analyse(&three(750.0, 900.0), &Settings::default());
    assert_eq!(analysis.verdict.variant.as_deref(), Some("c"));
    assert!(codes(&analysis).contains(&ReasonCode::SeveralBetter));
}

#[test]
fn one_variant_that_is_worse_is_not_all() {
    assert_eq!(analyse(&three(300.0, 500.0), &Settings::default()).verdict.decision, Decision::Undecided);
    assert_eq!(analyse(&three(300.0, 310.0), &Settings::default()).verdict.decision, Decision::Worse);
}

#[test]
fn no_bayesian_figure_takes_part_in_a_verdict() {
    // Certain of itself (a chance to win of 99 %), and still undecided.
    let observations = two(MetricKind::Proportion, share(5000, 500.0), share(5000, 575.0));
    let analysis = analyse(&observations, &Settings::default());
    assert!(only(&analysis).reading.unwrap().chance_to_win > 0.98);
    assert_eq!(analysis.verdict.decision, Decision::Undecided);
    let prior = Some(Prior { mean: 3.0, sd: 0.01 });
    let believing = analyse(&observations, &Settings { prior, ..Settings::default() });
    assert!(only(&believing).reading.unwrap().lift > 2.0);
    assert_eq!(believing.verdict, analysis.verdict);
}

#[test]
fn what_units_did_before_takes_chance_out() {
    let units = |shift: f64| -> Sums {
        (0..4000)
            .map(|i| {
                let before = f64::from(i % 97);
                let value = before + f64::from(i * 7 % 13) + shift;
                Unit { value, covariate: Some(before), denominator: None }
            })
            .collect()
    };
    let observations = two(MetricKind::Mean, units(0.0), units(1.0));
    let analysis = analyse(&observations, &Settings::default());
    let comparison = only(&analysis);
    assert!(comparison.variance_reduction.unwrap() > 0.9, "{comparison:?}");
    assert_eq!(analysis.verdict.decision, Decision::Better);
    let mut blind = observations;
    blind.metrics[0].sums.values_mut().for_each(|sums| sums.covariate = None);
    assert_eq!(analyse(&blind, &Settings::default()).verdict.decision, Decision::Undecided);
}

#[test]
fn a_margin_is_of_the_value_and_not_of_what_a_covariate_leaves_of_it() {
    // Nearly all of the value was there before: what is left has a mean near 0, and a share of that would be nothing.
    let units = |factor: f64| -> Sums {
        let unit = |i: i32| {
            let before = 100.0 + f64::from(i % 37);
            Unit { value: (before + f64::from(i % 5)) * factor, covariate: Some(before), denominator: None }
        };
        (0..4000).map(unit).collect()
    };
    let state = |factor| {
        let mut observations = two(MetricKind::Mean, units(1.0), units(factor));
        observations.metrics[0].metric.role = Role::Guardrail(Margin::Relative(0.02));
        let analysis = analyse(&observations, &Settings::default());
        assert!(only(&analysis).variance_reduction.unwrap() > 0.9);
        only(&analysis).guardrail
    };
    assert_eq!(state(0.99), Some(GuardrailState::Safe));
    assert_eq!(state(0.97), Some(GuardrailState::Harmed));
}

#[test]
fn the_json_of_an_analysis_is_stable_and_reads_back() {
    let (a, b) = (share(5000, 100.0), share(5000, 90.0));
    let observations = guarded(MetricKind::Proportion, Direction::Down, Margin::Relative(0.1), a, b);
    let analysis = analyse(&observations, &Settings::default());
    let text = serde_json::to_string_pretty(&analysis).unwrap();
    assert_eq!(serde_json::from_str::<Analysis>(&text).unwrap(), analysis);
    let digits = regex::Regex::new(r"(\d\.\d{6})\d+").unwrap();
    insta::assert_snapshot!(digits.replace_all(&text, "$1"));
}
