//! Who is put where, and what spoils a running experiment.

use serde_json::json;

use super::*;
use crate::experiments::{Direction, ExposureRule, Method, Metric, MetricKind, MetricRole, SampleRatioRule};

fn definition() -> ExperimentDefinition {
    ExperimentDefinition {
        flag: FlagKey::new("checkout").unwrap(),
        hypothesis: None,
        owner: None,
        control: "off".to_owned(),
        treatments: Vec::new(),
        weights: BTreeMap::new(),
        salt: None,
        unit: "targetingKey".to_owned(),
        alpha: 0.05,
        method: Method::Sequential,
        minimum_sample: 10,
        cuped: None,
        exposure: ExposureRule::Single,
        on_sample_ratio: SampleRatioRule::Block,
        metrics: vec![Metric {
            name: "purchase".to_owned(),
            event: "purchase".to_owned(),
            per: None,
            kind: MetricKind::Proportion,
            value: 1.0,
            direction: Direction::Increase,
            role: MetricRole::Goal,
            minimum: None,
            cap: None,
            within: None,
            margin: 0.0,
        }],
    }
}

fn document(targeting: &Value) -> FlagDocument {
    serde_json::from_value(json!({
        "flags": {"checkout": {
            "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": targeting,
        }},
        "$evaluators": {
            "split": {"fractional": [{"var": "targetingKey"}, ["on", 30], ["off", 70]]},
            "other": {"==": [1, 1]},
        },
    }))
    .unwrap()
}

fn pinned(targeting: &Value) -> Result<Vec<(String, u32)>, Unfit> {
    let (_, pinned) = pin(&definition(), &document(targeting))?;
    Ok(pinned.arms.into_iter().map(|arm| (arm.variant, arm.weight)).collect())
}

#[test]
fn shares_are_those_of_the_rule_wherever_it_shares_out() {
    let both = |off: u32, on: u32| Ok(vec![("off".to_owned(), off), ("on".to_owned(), on)]);
    assert_eq!(pinned(&json!({"fractional": [["on", 50], ["off", 50]]})), both(50, 50));
    assert_eq!(pinned(&json!({"fractional": [["on"], ["off"]]})), both(1, 1));
    assert_eq!(
        pinned(
            &json!({"if": [{"==": [{"var": "a"}, 1]}, {"fractional": [{"var": "b"}, ["off", 9], ["on", 1]]}, null]})
        ),
        both(9, 1)
    );
    assert_eq!(pinned(&json!({"$ref": "split"})), both(70, 30));
}

#[test]
fn a_rule_that_shares_nothing_or_several_ways_or_nobody_in_is_refused() {
    let key = FlagKey::new("checkout").unwrap();
    assert_eq!(pinned(&json!({"==": [1, 1]})), Err(Unfit::NoFractional(key.clone())));
    assert_eq!(pinned(&json!({"fractional": [["on", 50]]})), Err(Unfit::NoFractional(key.clone())));
    let two = json!({"if": [true, {"fractional": [["on", 1], ["off", 1]]}, {"fractional": [["on", 1], ["off", 2]]}]});
    assert_eq!(pinned(&two), Err(Unfit::Ambiguous(key)));
    assert_eq!(pinned(&json!({"fractional": [["on", 0], ["off", 2]]})), Err(Unfit::NoShare("on".to_owned())));
}

#[test]
fn a_salt_that_the_rule_does_not_use_is_refused() {
    let salted = ExperimentDefinition { salt: Some("spring".to_owned()), ..definition() };
    let plain = document(&json!({"fractional": [["on", 1], ["off", 1]]}));
    assert!(matches!(pin(&salted, &plain), Err(Unfit::NoSalt { .. })));
    let arms = [Arm { variant: "off".to_owned(), weight: 1 }, Arm { variant: "on".to_owned(), weight: 1 }];
    let rule = document(&assignment(&arms, "spring", "targetingKey"));
    assert_eq!(pin(&salted, &rule).unwrap().1.arms, arms);
}

#[test]
fn only_what_decides_who_gets_what_spoils_a_running_experiment() {
    let rule = json!({"$ref": "split"});
    let before = document(&rule);
    let (definition, pinned) = pin(&definition(), &before).unwrap();
    let spoiled = |change: &dyn Fn(&mut FlagDocument)| {
        let mut after = before.clone();
        change(&mut after);
        spoils(&pinned, &definition.flag, &after)
    };
    assert_eq!(spoiled(&|_| {}), None);
    assert_eq!(spoiled(&|it| it.flags.values_mut().for_each(|flag| flag.towpath.owner = Some("ana".to_owned()))), None);
    assert_eq!(spoiled(&|it| drop(it.evaluators.insert("other".to_owned(), json!(1)))), None);
    assert!(spoiled(&|it| drop(it.evaluators.insert("split".to_owned(), json!(1)))).is_some());
    assert!(spoiled(&|it| it.flags.values_mut().for_each(|flag| flag.targeting = None)).is_some());
    assert!(spoiled(&|it| it.flags.values_mut().for_each(|flag| flag.state = FlagState::Disabled)).is_some());
    assert!(spoiled(&|it| it.flags.clear()).is_some());
}

#[test]
fn a_variant_that_is_mistyped_is_named_with_the_nearest() {
    let definition = ExperimentDefinition { control: "of".to_owned(), ..definition() };
    let error = pin(&definition, &document(&json!({"fractional": [["on", 1], ["off", 1]]}))).unwrap_err();
    assert_eq!(error.to_string(), "the flag `checkout` has no variant `of`; did you mean `off`?");
}
