//! What is taken in, what is known already, and what is refused with a reason.

use towpath_core::{
    event::{Event, Fact},
    experiments::{Arm, ExperimentStarted, Pinned, read_experiments},
    ids::{Digest, PrincipalName},
};

use super::*;

fn at(seconds: i64) -> Timestamp {
    "2026-11-02T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn known() -> Known {
    let text = "experiments: {one: {flag: f, control: a, treatments: [b], metrics: [{event: purchase}]}}";
    let (declared, _) = read_experiments(&[("flags/experiments/a.yaml", text)].into_iter().collect());
    let definition = Box::new(declared.values().next().unwrap().value.clone());
    let arm = |variant: &str| Arm { variant: variant.to_owned(), weight: 1 };
    let pinned = Pinned { arms: vec![arm("a"), arm("b")], digest: Digest::of(b"") };
    let experiment = "one".parse().unwrap();
    let event = Event {
        sequence: 0,
        at: at(0),
        principal: PrincipalName::new("ana").unwrap(),
        cause: "test".to_owned(),
        environment: Some("production".parse().unwrap()),
        fact: Fact::ExperimentStarted(ExperimentStarted { experiment, run: 1, definition, pinned, reason: None }),
    };
    let environment = "production".parse().unwrap();
    let world = towpath_core::world::World::default().apply(&event);
    Known::new(&environment, world.experiments(&environment).map(AsRef::as_ref), &declared)
}

fn key() -> DigestKey {
    DigestKey::of_bytes([3; 32])
}

fn exposure(experiment: &str, variant: &str, seconds: i64) -> Result<Vec<Gained>, &'static str> {
    let it = ReportedExposure {
        experiment: Some(experiment.to_owned()),
        flag: None,
        variant: variant.to_owned(),
        unit: "u-1".to_owned(),
        at: Some(at(seconds)),
    };
    known().exposure(&key(), &it, at(1000)).map_err(|refused| refused.code)
}

fn event(name: &str, value: f64, seconds: i64) -> Result<Gained, &'static str> {
    let (id, event, unit) = ("1".to_owned(), name.to_owned(), "u-1".to_owned());
    let it = ReportedEvent { id, event, unit, value: Some(value), at: Some(at(seconds)) };
    known().event(&key(), &it, at(1000)).map_err(|refused| refused.code)
}

#[test]
fn what_fits_is_kept_with_a_hash_for_its_unit() {
    let kept = format!("{:?}", exposure("one", "b", 10).unwrap());
    assert!(kept.contains("variant: 1") && !kept.contains("u-1"), "{kept}");
    let kept = format!("{:?}", event("purchase", 2.5, 10).unwrap());
    assert!(kept.contains("2.5") && !kept.contains("u-1"), "{kept}");
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason_of_its_own() {
    assert_eq!(exposure("on", "a", 10), Err("unknown_experiment"));
    assert_eq!(exposure("one", "z", 10), Err("unknown_variant"));
    assert_eq!(exposure("one", "a", -3600), Err("not_running"));
    assert_eq!(exposure("one", "a", 1000 + 301), Err("in_the_future"));
    assert_eq!(exposure("one", "a", -91 * 86_400), Err("too_old"));
    assert_eq!(event("purchas", 1.0, 10), Err("unknown_event"));
    assert_eq!(event("purchase", f64::NAN, 10), Err("invalid"));
    assert_eq!(event("purchase", 1e16, 10), Err("invalid"));
}

#[test]
fn a_clock_that_is_a_little_behind_exposes_nobody_before_the_experiment_began() {
    let kept = exposure("one", "a", -200).unwrap();
    let [Gained::Exposure(kept)] = kept.as_slice() else { panic!("one exposure is kept") };
    assert_eq!(kept.at, at(0));
}

#[test]
fn a_flag_stands_for_every_experiment_on_it_and_a_unit_is_another_in_another_environment() {
    let by_flag = ReportedExposure {
        experiment: None,
        flag: Some("f".to_owned()),
        variant: "a".to_owned(),
        unit: "u-1".to_owned(),
        at: None,
    };
    assert_eq!(known().exposure(&key(), &by_flag, at(5)).unwrap().len(), 1);
    let (production, staging) = ("production".parse().unwrap(), "staging".parse().unwrap());
    assert_ne!(unit(&key(), &production, "u-1"), unit(&key(), &staging, "u-1"));
}
