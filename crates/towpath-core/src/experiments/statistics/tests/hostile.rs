//! Input that no experiment has.

use proptest::prelude::*;

use super::*;

fn code_of(kind: MetricKind, a: Sums, b: Sums) -> Option<ReasonCode> {
    only(&analyse(&two(kind, a, b), &Settings::default())).notes.first().map(|note| note.code)
}

#[test]
fn sums_that_no_units_have_are_named() {
    let good = mean(200, 100.0, 150.0);
    let cases = [
        (mean(0, 0.0, 0.0), ReasonCode::TooFewUnits),
        (mean(1, 3.0, 9.0), ReasonCode::TooFewUnits),
        (mean(0, 3.0, 9.0), ReasonCode::InvalidSums),
        (mean(200, 200.0, 200.0), ReasonCode::NoVariance),
        (mean(200, 0.0, 0.0), ReasonCode::NoVariance),
        (mean(200, 200.0, 100.0), ReasonCode::InvalidSums),
        (mean(200, 200.0, -1.0), ReasonCode::InvalidSums),
        (mean(200, f64::NAN, 1.0), ReasonCode::InvalidSums),
        (mean(200, 1.0, f64::INFINITY), ReasonCode::InvalidSums),
        (mean(200, 1e200, 1e300), ReasonCode::Overflow),
        (mean(200, 1e160, 1e308), ReasonCode::Overflow),
    ];
    for (sums, code) in cases {
        assert_eq!(code_of(MetricKind::Mean, good, sums), Some(code), "{sums:?}");
        assert_eq!(code_of(MetricKind::Mean, sums, good), Some(code), "{sums:?}");
    }
    assert_eq!(code_of(MetricKind::Mean, good, good), None);
}

#[test]
fn a_value_that_is_the_same_for_all_has_no_variance_however_its_sums_were_rounded() {
    for value in [0.1, 1e-9, 123_456.789, -7.3] {
        let sums: Sums = (0..10_000).map(|_| Unit::of(value)).collect();
        assert_eq!(code_of(MetricKind::Mean, sums, sums), Some(ReasonCode::NoVariance), "{value}");
    }
}

#[test]
fn a_proportion_counts_no_more_than_its_units() {
    let good = share(200, 20.0);
    assert_eq!(code_of(MetricKind::Proportion, good, share(200, 201.0)), Some(ReasonCode::InvalidSums));
    assert_eq!(code_of(MetricKind::Proportion, good, share(200, -1.0)), Some(ReasonCode::InvalidSums));
    assert_eq!(code_of(MetricKind::Proportion, good, share(200, 200.0)), Some(ReasonCode::VarianceSmoothed));
}

#[test]
fn a_ratio_needs_denominators() {
    let with = |denominator| Sums { denominator, ..mean(200, 100.0, 150.0) };
    let some = Paired { sum: 400.0, sum_squares: 1200.0, sum_products: 250.0 };
    let zero = Paired { sum: 0.0, sum_squares: 10.0, sum_products: 0.0 };
    let impossible = Paired { sum_products: 1e6, ..some };
    assert_eq!(code_of(MetricKind::Ratio, with(Some(some)), with(Some(some))), None);
    assert_eq!(code_of(MetricKind::Ratio, with(Some(some)), with(None)), Some(ReasonCode::NoDenominator));
    assert_eq!(code_of(MetricKind::Ratio, with(Some(zero)), with(Some(some))), Some(ReasonCode::NoDenominator));
    assert_eq!(code_of(MetricKind::Ratio, with(Some(some)), with(Some(impossible))), Some(ReasonCode::InvalidSums));
}

#[test]
fn a_covariate_that_says_nothing_is_left_out_and_that_is_said() {
    let same = Some(Paired { sum: 200.0, sum_squares: 200.0, sum_products: 100.0 });
    let with = |covariate| Sums { covariate, ..mean(200, 100.0, 150.0) };
    assert_eq!(code_of(MetricKind::Mean, with(same), with(same)), Some(ReasonCode::CovariateUnused));
    assert_eq!(code_of(MetricKind::Mean, with(same), with(None)), Some(ReasonCode::CovariateUnused));
}

#[test]
fn a_metric_of_more_units_than_were_exposed_blocks() {
    let mut observations = two(MetricKind::Proportion, share(500, 50.0), share(500, 60.0));
    observations.variants[1].units = 499;
    let analysis = analyse(&observations, &Settings::default());
    assert_eq!(analysis.verdict.decision, Decision::Blocked);
    assert_eq!(codes(&analysis), [ReasonCode::InvalidSums]);
}

#[test]
fn a_negative_baseline_does_not_turn_a_lift_around() {
    let (a, b) = (mean(500, -1000.0, 4000.0), mean(500, -500.0, 3000.0));
    let analysis = analyse(&two(MetricKind::Mean, a, b), &Settings::default());
    assert!((only(&analysis).relative.unwrap().estimate - 0.5).abs() < 1e-12);
}

#[test]
fn observations_that_make_no_sense_block_with_every_mistake() {
    let mut observations = two(MetricKind::Proportion, share(500, 50.0), share(500, 60.0));
    observations.control = "none".into();
    observations.variants[1] = Arm { name: "a".into(), weight: -1.0, units: 3 };
    observations.metrics.push(observations.metrics[0].clone());
    let settings = Settings { alpha: f64::NAN, prior: Some(Prior { mean: 0.0, sd: 0.0 }), ..Settings::default() };
    let analysis = analyse(&observations, &settings);
    let text: Vec<&str> = analysis.verdict.reasons.iter().map(|reason| reason.text.as_str()).collect();
    insta::assert_snapshot!(text.join("\n"));
    let analysis = analyse(&Observations::default(), &Settings::default());
    assert_eq!(analysis.verdict.decision, Decision::Blocked);
}

/// Numbers of every size and kind, the ones that hurt among them.
fn any_number() -> impl Strategy<Value = f64> {
    let odd = prop::sample::select(vec![
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        100.0,
        1e-300,
        1e15,
        1e100,
        1e154,
        1e200,
        1e308,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        5e-324,
    ]);
    prop_oneof![odd, 0.0..1000.0_f64, -10.0..1e6_f64]
}

fn any_paired() -> impl Strategy<Value = Option<Paired>> {
    let paired = (any_number(), any_number(), any_number());
    prop::option::of(paired.prop_map(|(sum, sum_squares, sum_products)| Paired { sum, sum_squares, sum_products }))
}

fn any_sums() -> impl Strategy<Value = Sums> {
    let n = prop::sample::select(vec![0, 1, 2, 3, 100, 1000, 1_000_000, 1 << 53, u64::MAX]);
    (n, any_number(), any_number(), any_paired(), any_paired())
        .prop_map(|(n, sum, sum_squares, denominator, covariate)| Sums { n, sum, sum_squares, denominator, covariate })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let alpha = prop::sample::select(vec![0.05, 0.5, 1e-12, 1e-300, 0.0, 1.0, f64::NAN]);
    let method = prop::sample::select(vec![
        Method::SEQUENTIAL,
        Method::Sequential { tuning: 1.0 },
        Method::Sequential { tuning: 1e308 },
        Method::Fixed { planned_units: None },
        Method::Fixed { planned_units: Some(u64::MAX) },
    ]);
    let correction = prop::sample::select(vec![Correction::Bonferroni, Correction::Holm, Correction::None]);
    let scale = prop::sample::select(vec![Scale::Relative, Scale::Absolute]);
    let prior = prop::option::of((any_number(), any_number()).prop_map(|(mean, sd)| Prior { mean, sd }));
    (alpha, method, correction, scale, prior).prop_map(|(alpha, method, correction, scale, prior)| Settings {
        alpha,
        method,
        correction,
        scale,
        prior,
        minimum_units: 0,
        ..Settings::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]
    // JSON has no infinity and no not-a-number: they would be written as `null`, and a `null` does not read back as a number.
    #[test]
    fn whatever_the_sums_no_number_of_an_analysis_is_infinite_or_not_a_number(
        sums in prop::collection::vec(any_sums(), 4),
        settings in any_settings(),
        kind in prop::sample::select(vec![MetricKind::Proportion, MetricKind::Mean, MetricKind::Ratio]),
        role in prop::sample::select(vec![Role::Goal, Role::Guardrail(Margin::Relative(0.1)), Role::Guardrail(Margin::Absolute(0.1))]),
    ) {
        let mut observations = two(kind, sums[0], sums[1]);
        observations.metrics.push(observed("g", kind, role, &[("a", sums[2]), ("b", sums[3])]));
        observations.variants.iter_mut().for_each(|arm| arm.units = u64::MAX);
        let mut analysis = analyse(&observations, &settings);
        // The settings come back as they went in.
        if !settings.alpha.is_finite() {
            (analysis.judged_by.alpha, analysis.judged_by.alpha_each, analysis.judged_by.alpha_guardrail) = (0.0, 0.0, 0.0);
        }
        let text = serde_json::to_string(&analysis).unwrap();
        prop_assert_eq!(serde_json::from_str::<Analysis>(&text).unwrap(), analysis, "{}", text);
    }

    #[test]
    fn whatever_the_plan_it_is_a_number_or_an_error(
        (share, mean, sd) in (any_number(), any_number(), any_number()),
        (alpha, target, ratio, effect) in (any_number(), any_number(), any_number(), any_number()),
        (variants, goals, total) in (0..4_u32, 0..4_u32, prop::sample::select(vec![0, 1, 2, 10, 10_000, u64::MAX])),
        sequential in any::<bool>(),
        proportion in any::<bool>(),
    ) {
        use power::{Baseline, Change, Plan};
        let method = if sequential { Method::SEQUENTIAL } else { Method::Fixed { planned_units: None } };
        let baseline = if proportion { Baseline::Proportion { share } } else { Baseline::Mean { mean, sd } };
        let plan = Plan { baseline, alpha, power: target, method, variants, goals, ratio };
        for change in [Change::Relative(effect), Change::Absolute(effect)] {
            if let Ok(size) = power::sample_size(&plan, change) {
                prop_assert!(size.power >= target && size.total >= size.control);
            }
            if let Ok(power) = power::power(&plan, total, change) {
                prop_assert!((0.0..=1.0 + 1e-9).contains(&power), "{}", power);
            }
        }
        for scale in [Scale::Relative, Scale::Absolute] {
            if let Ok(effect) = power::detectable(&plan, total, scale, effect) {
                prop_assert!(effect.is_finite());
            }
        }
    }
}
