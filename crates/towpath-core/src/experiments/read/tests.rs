//! Files of experiments, and every mistake with its place.

use super::*;
use crate::config::render_diagnostics;

fn read(text: &str) -> (DeclaredExperiments, String) {
    let sources: SourceSet = [("flags/experiments/checkout.yaml", text)].into_iter().collect();
    let (declared, diagnostics) = read_experiments(&sources);
    (declared, render_diagnostics(&sources, &diagnostics, false))
}

const SMALL: &str = "experiments:
  checkout:
    flag: new-checkout
    control: \"off\"
    metrics:
      - event: purchase
";

#[test]
fn what_is_not_said_has_a_usual_value() {
    let (declared, said) = read(SMALL);
    assert_eq!(said, "");
    let definition = &declared.values().next().unwrap().value;
    assert_eq!(definition.unit, "targetingKey");
    assert_eq!(
        (definition.alpha, definition.method, definition.exposure),
        (0.05, Method::Sequential, ExposureRule::Single)
    );
    let metric = &definition.metrics[0];
    assert_eq!(
        (metric.name.as_str(), metric.kind, metric.role),
        ("purchase", MetricKind::Proportion, MetricRole::Goal)
    );
}

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_what_to_do() {
    let (declared, said) = read(
        "experiments:
  checkout:
    flag: new-checkout
    control: \"off\"
    treatments: [\"off\"]
    alpha: 7
    cuped: 400d
    weights: {\"off\": 0, other: 3}
    metrics:
      - {event: purchase, role: guardrail, kind: ratio}
      - {event: purchase, role: secondary, margin: 0.5}
  empty: {}
  Bad Name: {flag: x, control: a, metrics: []}
  typo: {flag: x, control: a, metrics: [{event: x, kind: proportoin}]}
",
    );
    assert!(declared.is_empty());
    insta::assert_snapshot!(said);
}

#[test]
fn an_experiment_declared_twice_names_both_places() {
    let sources: SourceSet =
        [("flags/experiments/a.yaml", SMALL), ("flags/experiments/b.yaml", SMALL)].into_iter().collect();
    let (declared, diagnostics) = read_experiments(&sources);
    assert_eq!(declared.len(), 1);
    let said = render_diagnostics(&sources, &diagnostics, false);
    assert!(said.contains("declared twice") && said.contains("a.yaml") && said.contains("b.yaml"), "{said}");
}

#[test]
fn only_files_of_the_folder_are_read() {
    for (path, is) in [
        ("flags/experiments/a.yaml", true),
        ("flags/experiments/a.json", true),
        ("flags/experiments/.a.yaml", false),
        ("flags/experiments/deep/a.yaml", false),
        ("flags/a.yaml", false),
        ("flags/experiments/a.txt", false),
    ] {
        assert_eq!(is_experiment_file(path), is, "{path}");
    }
}

#[test]
fn what_is_read_is_the_same_after_the_ledger_kept_it() {
    let (declared, _) = read(SMALL);
    for declared in declared.values() {
        let text = serde_json::to_string(&declared.value).unwrap();
        assert_eq!(serde_json::from_str::<ExperimentDefinition>(&text).unwrap(), declared.value);
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in ".{0,200}") {
        read(&text);
        read(&format!("experiments: {text}"));
        read(&format!("experiments: {{a: {{flag: b, control: c, metrics: [{text}]}}}}"));
    }
}
