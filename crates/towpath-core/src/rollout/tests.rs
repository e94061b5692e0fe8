//! Tests of `rollout`: the steps of every strategy, and the shares of traffic under them.

use proptest::prelude::*;

use super::*;
use crate::{
    deployment::{AnalysisSpec, CanaryStep, Check, CheckAction, FlagStep, FlagStrategy, Strategy, Via},
    flags::FlagKey,
    testing::spec,
    units::Percent,
};

fn analysis() -> AnalysisSpec {
    AnalysisSpec {
        interval: Millis::from_secs(10),
        count: 3,
        failure_limit: 0,
        inconclusive_limit: 0,
        min_requests: 1,
        max_error_rate_bp: Some(100),
        max_p95: None,
    }
}

fn shown(strategy: Strategy, has_stable: bool, is_rollback: bool) -> String {
    let mut spec = spec(strategy, 4);
    spec.verification = vec![Check {
        name: "smoke".to_owned(),
        action: CheckAction::Command { command: vec!["true".to_owned()] },
        timeout: Millis::from_secs(1),
        retries: 0,
    }];
    steps(&spec, has_stable, is_rollback, Percent::ZERO).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn strategies() -> [Strategy; 5] {
    let weight = |percent| CanaryStep::Weight { percent: Percent::new(percent).unwrap() };
    [
        Strategy::Recreate,
        Strategy::Rolling { max_surge: 0, max_unavailable: 0 },
        Strategy::BlueGreen { auto_promote_after: None, analysis: Some(analysis()), keep_old: Millis(0) },
        Strategy::Canary {
            steps: vec![
                weight(10),
                CanaryStep::Pause { duration: Some(Millis(500)) },
                CanaryStep::Analysis(analysis()),
            ],
        },
        flag(Via::Rolling),
    ]
}

fn flag(via: Via) -> Strategy {
    let at = |percent| FlagStep::Percent { percent: Percent::new(percent).unwrap() };
    let pause = FlagStep::Pause { duration: Some(Millis(500)) };
    let steps = vec![
        FlagStep::Analysis(analysis()),
        at(5),
        pause.clone(),
        FlagStep::Analysis(analysis()),
        at(50),
        pause,
        at(100),
        FlagStep::Analysis(analysis()),
    ];
    let definition = serde_json::from_value(serde_json::json!({
        "variants": { "on": true, "off": false }, "defaultVariant": "off",
    }));
    let (key, variant) = (FlagKey::new("new-checkout").unwrap(), "on".to_owned());
    Strategy::Flag(Box::new(FlagStrategy { key, variant, via, definition: definition.unwrap(), steps }))
}

#[test]
fn a_flag_goes_on_once_the_revision_serves_everything() {
    let all = [Via::Rolling, Via::BlueGreen, Via::Recreate]
        .map(|via| format!("{}: {}", via.as_str(), shown(flag(via), true, false)));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn steps_up_to_what_users_have_already_are_left_out() {
    let left = |served| {
        let steps = steps(&spec(flag(Via::Rolling), 4), true, false, Percent::new(served).unwrap());
        steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    insta::assert_snapshot!([4, 5, 50, 99, 100].map(left).join("\n"));
}

#[test]
fn every_strategy_is_a_list_of_steps() {
    let all = strategies().map(|strategy| {
        format!(
            "later:    {}\nfirst:    {}\nrollback: {}",
            shown(strategy.clone(), true, false),
            shown(strategy.clone(), false, false),
            shown(strategy, true, true)
        )
    });
    insta::assert_snapshot!(all.join("\n\n"));
}

proptest! {
    #[test]
    fn every_list_of_steps_ends_with_everything_on_the_new_revision(which in 0..5_usize, stable: bool, rollback: bool) {
        let strategy = strategies()[which].clone();
        let all = steps(&spec(strategy, 3), stable, rollback, Percent::ZERO);
        let behind =
            |step: &Step| matches!(step, Step::Verify | Step::Analysis(_) | Step::Pause { .. } | Step::Flag { .. });
        let last = all.iter().rev().find(|step| !behind(step));
        let full = matches!(last, Some(Step::Weight { percent: Percent::FULL } | Step::Replace { .. }));
        prop_assert!(full);
    }
}
