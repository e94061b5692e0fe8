//! The forms a strategy, a pipeline and a value may take.

use std::collections::BTreeSet;

use super::*;
use crate::{
    deployment::{CanaryStep, FlagStep, FlagStrategy, Strategy, Via},
    units::{Millis, Percent},
};

fn project(rest: &str) -> String {
    format!(
        "== towpath.yaml\nproject: shop\nservices: {{web: {{command: ./serve}}}}\npipeline: [production]\n== environments/production.yaml\n{rest}"
    )
}

fn strategy(text: &str) -> Strategy {
    resolved(&project(&format!("deployment:\n  strategy: {text}\n")), "production").strategy
}

fn first(text: &str) -> String {
    let sources = sources(text);
    load(&sources).validate().first().map(|one| one.message.clone()).unwrap_or_default()
}

#[test]
fn strategies_are_named_or_spelled_out() {
    assert_eq!(strategy("recreate"), Strategy::Recreate);
    assert_eq!(strategy("{recreate: }"), Strategy::Recreate);
    assert_eq!(strategy("rolling"), Strategy::Rolling { max_surge: 1, max_unavailable: 0 });
    assert_eq!(strategy("{rolling: {max_unavailable: 2}}"), Strategy::Rolling { max_surge: 1, max_unavailable: 2 });
    let Strategy::BlueGreen { auto_promote_after, analysis, keep_old } =
        strategy("{blue-green: {auto_promote_after: 5m, analysis: {max_p95: 200ms}}}")
    else {
        panic!()
    };
    assert_eq!((auto_promote_after, keep_old), (Some(Millis::from_secs(300)), Millis::from_secs(600)));
    assert_eq!(
        analysis.map(|analysis| (analysis.max_p95, analysis.max_error_rate_bp)),
        Some((Some(Millis(200)), None))
    );
    let Strategy::Canary { steps } = strategy("{canary: {steps: [{weight: 5%}, {pause: manual}, {analysis: }]}}")
    else {
        panic!()
    };
    assert_eq!(steps[1], CanaryStep::Pause { duration: None });
    assert!(matches!(&steps[2], CanaryStep::Analysis(analysis) if analysis.max_error_rate_bp == Some(100)));
}

const FLAGS: &str = r#"== flags/checkout.yaml
flags:
  new-checkout: {variants: {"on": true, "off": false}, defaultVariant: "off"}
  old-checkout: {variants: {"on": true, "off": false}, defaultVariant: "on"}
  killed: {state: DISABLED, variants: {"on": true, "off": false}, defaultVariant: "off"}
  gold: {variants: {"on": true, "off": false}, defaultVariant: "off", targeting: {"==": [{var: tier}, gold]}}
"#;

#[test]
fn a_strategy_by_a_flag_has_the_flag_as_the_files_define_it() {
    let flagged = |rest: &str| -> FlagStrategy {
        let text = project(&format!("deployment:\n  strategy: {{flag: {rest}}}\n")) + FLAGS;
        let strategy = resolved(&text, "production").strategy;
        let Strategy::Flag(flag) = strategy else { panic!("{strategy:?}") };
        *flag
    };
    let usual = flagged("{key: new-checkout}");
    assert_eq!((usual.variant.as_str(), usual.via), ("on", Via::Rolling));
    assert_eq!(usual.definition.as_ref().and_then(|it| it.default_variant.as_deref()), Some("off"));
    let percents: Vec<u8> = usual
        .steps
        .iter()
        .filter_map(|step| if let FlagStep::Percent { percent } = step { Some(percent.get()) } else { None })
        .collect();
    assert_eq!(percents, [5, 25, 50, 100]);
    assert!(matches!(usual.steps[1], FlagStep::Analysis(_)), "what is dark is judged first");
    let own = flagged(
        "{key: old-checkout, variant: 'off', via: blue-green, steps: [{percent: 20%}, {pause: 10m}, {analysis: }]}",
    );
    assert_eq!((own.variant.as_str(), own.via), ("off", Via::BlueGreen));
    assert_eq!(own.steps[0], FlagStep::Percent { percent: Percent::new(20).unwrap() });
}

#[test]
fn a_flag_that_a_rollout_could_not_turn_on_is_refused_where_it_is_named() {
    let wrong = |rest: &str| first(&(project(&format!("deployment:\n  strategy: {{flag: {rest}}}\n")) + FLAGS));
    assert_eq!(
        wrong("{key: new-chekout}"),
        "there is no flag `new-chekout` in `flags/`, which the rollout would turn on"
    );
    assert_eq!(
        wrong("{key: new-checkout, variant: blue}"),
        "a rollout cannot turn on `new-checkout`: it has no variant `blue`: it has `off`, `on`"
    );
    assert!(
        wrong("{key: old-checkout}")
            .starts_with("a rollout cannot turn on `old-checkout`: `on` is its default variant")
    );
    assert_eq!(wrong("{key: killed}"), "a rollout cannot turn on `killed`: it is `DISABLED`, so nobody would get it");
    assert!(wrong("{key: gold}").contains("its targeting cannot be edited by a percentage"));
    assert!(
        wrong("{key: new-checkout, steps: [{percent: 50}, {percent: 10}]}").contains("must rise: 10% comes after 50%")
    );
    assert!(wrong("{key: new-checkout, steps: [{percent: 0}]}").contains("a share of 0 gives the flag to nobody"));
    assert!(wrong("{key: new-checkout, steps: [{pause: 5s}]}").contains("no step gives the flag to anybody"));
    assert!(wrong("{key: new-checkout, steps: [{percent: 5, pause: 5s}]}").contains("exactly one of"));
    assert!(wrong("{steps: [{percent: 5}]}").contains("key"));
    assert!(wrong("{key: ''}").contains("is not the key of a flag"));
    let text = project("deployment:\n  strategy: flag\n") + FLAGS;
    assert!(first(&text).contains("needs to know which flag"), "{}", first(&text));
}

#[test]
fn strategies_that_cannot_be_are_refused() {
    let wrong = |text: &str| first(&project(&format!("deployment:\n  strategy: {text}\n")));
    assert_eq!(wrong("bluegreen"), "`deployment.strategy` cannot be `bluegreen`");
    assert!(wrong("{rolling: {}, canary: {}}").contains("exactly one of"));
    assert!(wrong("{rolling: {max_surge: 0}}").contains("no instance could be replaced"));
    assert!(wrong("{canary: {steps: [{weight: 50}, {weight: 10}]}}").contains("must rise"));
    assert!(wrong("{canary: {steps: [{weight: 50, pause: 5s}]}}").contains("exactly one of"));
    assert!(wrong("{canary: {steps: [{analysis: {failure_limit: 3, count: 3}}]}}").contains("could never fail"));
}

#[test]
fn a_strategy_of_a_lower_layer_gives_way_to_another() {
    let text = project("deployment: {strategy: recreate}\n")
        + "== environments/base.yaml\ndeployment: {strategy: {canary: {steps: [{weight: 10}]}}}\n";
    assert_eq!(resolved(&text, "production").strategy, Strategy::Recreate);
}

#[test]
fn a_pipeline_that_goes_round_is_shown() {
    let text = "== towpath.yaml\nproject: shop\npipeline:\n  a: {after: c}\n  b: {after: a}\n  c: {after: b}\n  d: {after: a}\n";
    let envs: String =
        ["a", "b", "c", "d"].map(|name| format!("== environments/{name}.yaml\ntier: testing\n")).concat();
    assert_eq!(first(&format!("{text}{envs}")), "the pipeline has no beginning: a after c after b after a");
}

#[test]
fn a_value_made_of_a_secret_is_refused_outside_secrets() {
    let text = "== towpath.yaml
project: shop
services: {web: {command: x, env: {URL: 'postgres://u:${KEY}@db'}}}
pipeline: [production]
variables: {KEY: {secret: true}, COPY: {default: '${KEY}'}}
== environments/production.yaml
";
    let inputs = Inputs { process: map(&[("KEY", "hunter2")]), ..Inputs::default() };
    let resolution = resolve(&sources(text), "production", &inputs);
    let messages: Vec<&str> = resolution.diagnostics.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        messages,
        ["`services.web.env.URL` is made of a secret", "`COPY` is made of a secret but not declared `secret: true`"]
    );
    let shown = render_diagnostics(&resolution.sources, &resolution.diagnostics, false);
    assert!(!shown.contains("hunter2"));
}

#[test]
fn a_secret_that_comes_from_elsewhere_may_be_referred_to_by_secrets_only() {
    let text = "== towpath.yaml
project: shop
services: {web: {command: x, env: {URL: 'postgres://u:${KEY}@db'}}}
pipeline: [production]
variables:
  KEY: {secret: true}
  URL: {secret: true, default: 'postgres://u:${secret:KEY}@db'}
  SURE: {secret: true, default: '${secret:KEY:?say which}'}
  COPY: {default: '${KEY}'}
  AGAIN: {default: '${URL}'}
  OTHER: {default: '${KEY:-none}'}
== environments/production.yaml
";
    let resolution = resolve(&sources(text), "production", &Inputs::default());
    let messages: Vec<&str> = resolution.diagnostics.iter().map(|one| one.message.as_str()).collect();
    let expected = [
        "`services.web.env.URL` is made of a secret",
        "`AGAIN` is made of a secret but not declared `secret: true`",
        "`COPY` is made of a secret but not declared `secret: true`",
    ];
    assert_eq!(BTreeSet::from_iter(messages), BTreeSet::from(expected));
}

#[test]
fn secrets_are_not_in_what_a_release_runs_with() {
    let text = "== towpath.yaml\nproject: shop\nservices: {web: {command: x}}\npipeline: [production]\nvariables: {KEY: {secret: true}}\n== environments/production.yaml\n";
    let inputs = Inputs { process: map(&[("KEY", "hunter2")]), ..Inputs::default() };
    let environment = resolved_with(text, "production", &inputs);
    let (_, blobs) = environment.to_deployment_spec(&BTreeMap::new()).unwrap();
    assert!(blobs.values().all(|blob| !blob.0.contains_key("KEY")));
    assert!(!format!("{:?}", environment.variables).contains("hunter2"));
}

#[test]
fn a_variable_keeps_its_text_as_written() {
    let text = "== towpath.yaml
project: shop
pipeline: [production]
variables: {VERSION: string, ON: bool, LIST: json, SIZE: bytes}
== environments/production.yaml
variables: {VERSION: 1.10, ON: True, LIST: [1, {a: b}], SIZE: 5Mi}
";
    let variables = resolved(text, "production").variables;
    let values: Vec<&str> = variables.values().map(|variable| variable.value.as_str()).collect();
    assert_eq!(values, ["[1,{\"a\":\"b\"}]", "true", "5Mi", "1.10"]);
}
