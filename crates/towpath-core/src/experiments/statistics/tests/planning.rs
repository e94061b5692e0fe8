//! How many units are needed.

use super::*;
use crate::experiments::statistics::power::{Baseline, Change, Plan, PlanError, detectable, power, sample_size};

fn plan(method: Method) -> Plan {
    let baseline = Baseline::Proportion { share: 0.1 };
    Plan { baseline, alpha: 0.05, power: 0.8, method, variants: 1, goals: 1, ratio: 1.0 }
}

const FIXED: Method = Method::Fixed { planned_units: None };

#[test]
fn a_fixed_test_needs_what_the_textbook_says() {
    // (z 0.975 + z 0.8)^2 * (0.1 * 0.9 + 0.12 * 0.88) / 0.02^2 = 3838.1
    let size = sample_size(&plan(FIXED), Change::Absolute(0.02)).unwrap();
    assert_eq!((size.control, size.each_variant, size.total), (3839, 3839, 7678));
    // 2 * (z 0.975 + z 0.8)^2 * 1 / 0.1^2 = 1569.8
    let mean = Plan { baseline: Baseline::Mean { mean: 0.0, sd: 1.0 }, ..plan(FIXED) };
    assert_eq!(sample_size(&mean, Change::Absolute(0.1)).unwrap().control, 1570);
}

#[test]
fn looking_whenever_one_likes_costs_units() {
    let fixed = sample_size(&plan(FIXED), Change::Relative(0.2)).unwrap();
    let sequential = sample_size(&plan(Method::SEQUENTIAL), Change::Relative(0.2)).unwrap();
    let ratio = sequential.total * 100 / fixed.total;
    assert!((180..260).contains(&ratio), "{ratio} %");
}

#[test]
fn what_so_many_units_show_is_the_effect_that_needs_so_many() {
    for method in [FIXED, Method::SEQUENTIAL] {
        for (scale, change) in [(Scale::Relative, Change::Relative(0.15)), (Scale::Absolute, Change::Absolute(0.015))] {
            let plan = Plan { variants: 3, goals: 2, ratio: 0.5, ..plan(method) };
            let size = sample_size(&plan, change).unwrap();
            let (Change::Relative(effect) | Change::Absolute(effect)) = change;
            let shown = detectable(&plan, size.total, scale, 1.0).unwrap();
            assert!((shown / effect - 1.0).abs() < 1e-3, "{shown} {effect}");
            assert!((power(&plan, size.total, change).unwrap() - 0.8).abs() < 1e-3);
        }
    }
}

#[test]
fn a_decrease_can_be_planned_too() {
    let size = sample_size(&plan(FIXED), Change::Absolute(-0.02)).unwrap();
    assert!(size.control < 3839, "a smaller share varies less: {size:?}");
    let shown = detectable(&plan(FIXED), size.total, Scale::Absolute, -1.0).unwrap();
    assert!((shown + 0.02).abs() < 1e-5, "{shown}");
}

#[test]
fn plans_that_make_no_sense_say_why() {
    let with = |baseline| Plan { baseline, ..plan(FIXED) };
    let cases = [
        (Plan { alpha: 0.0, ..plan(FIXED) }, Change::Relative(0.1), PlanError::Alpha),
        (Plan { power: 1.0, ..plan(FIXED) }, Change::Relative(0.1), PlanError::Power),
        (Plan { variants: 0, ..plan(FIXED) }, Change::Relative(0.1), PlanError::Shape),
        (Plan { ratio: 0.0, ..plan(FIXED) }, Change::Relative(0.1), PlanError::Shape),
        (plan(Method::Sequential { tuning: 0.0 }), Change::Relative(0.1), PlanError::Tuning),
        (with(Baseline::Proportion { share: 1.0 }), Change::Relative(0.1), PlanError::Baseline),
        (with(Baseline::Mean { mean: 0.0, sd: 1.0 }), Change::Relative(0.1), PlanError::BaselineZero),
        (plan(FIXED), Change::Relative(0.0), PlanError::Effect),
        (plan(FIXED), Change::Relative(9.0), PlanError::BeyondShare),
        (plan(FIXED), Change::Absolute(1e-12), PlanError::Unreachable),
    ];
    for (plan, change, error) in cases {
        assert_eq!(sample_size(&plan, change), Err(error), "{plan:?}");
    }
    assert_eq!(detectable(&plan(Method::SEQUENTIAL), 3, Scale::Relative, -1.0), Err(PlanError::Unreachable));
}
