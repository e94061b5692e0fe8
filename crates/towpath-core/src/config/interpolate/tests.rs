//! References, operators, paths, and what goes round.

use proptest::prelude::*;

use super::*;
use crate::config::{
    schema::{
        project::DeclaredVariable,
        variable::{Declaration, VariableType},
    },
    source::{SourceId, Span},
    value::Nulls,
    yaml,
};

const TREE: &str = "
url: https://${A}.example.org
description: a $$ b
infrastructure: {region: eu, zones: [a, b]}
services:
  web: {listen: 8080, replicas: 3, command: 'serve ${PORT}', env: {MODE: fast}}
  api-two: {listen: '[::]:${A}0'}
  worker: {command: work}
";

struct Outcome {
    texts: BTreeMap<String, Option<String>>,
    errors: Vec<String>,
}

fn run(values: &[(&str, &str)]) -> Outcome {
    let label = Label { source: SourceId(0), span: Span::default() };
    let (document, _) = yaml::parse(SourceId(0), TREE, 0);
    let document = document.unwrap();
    let mut tree = Value::of(&document, document.root(), Nulls::Remove);
    let declaration = |secret| {
        let declaration = Declaration { secret, r#type: VariableType::String, ..Declaration::default() };
        DeclaredVariable { label, declaration: Some(declaration) }
    };
    let mut variables: BTreeMap<String, DeclaredVariable> =
        values.iter().map(|(name, _)| ((*name).to_owned(), declaration(name.starts_with("SECRET")))).collect();
    variables.insert("UNSET".to_owned(), declaration(false));
    variables.insert("SECRET_UNSET".to_owned(), declaration(true));
    let declared = Declared::new(variables, &mut Vec::new());
    let raw_of = |name: &str, text: &str| Raw::new(text.into(), label, name.starts_with("SECRET"), false);
    let document = values.iter().fold("variables:\n".to_owned(), |all, (name, _)| format!("{all}  {name}: x\n"));
    let (document, _) = yaml::parse(SourceId(1), &document, 0);
    crate::config::merge::lay(&mut tree, &document.unwrap(), &crate::config::merge::Rule::NONE, |_| true);
    let mut raw: BTreeMap<Name<'_>, Raw> =
        values.iter().map(|(name, text)| (Name::Variable(name), raw_of(name, text))).collect();
    raw.insert(Name::Env("web", "MODE"), raw_of("MODE", "fast"));
    raw.insert(Name::Leaf(Path::of_keys(["url"])), raw_of("url", "https://${A:-a}.example.org"));
    raw.insert(Name::Leaf(Path::of_keys(["description"])), raw_of("description", "a $$ b"));
    let listen = Path::of_keys(["services", "api-two", "listen"]);
    raw.insert(Name::Leaf(listen), raw_of("listen", "[::]:${A:-1}0"));
    let outputs = Outputs { environment: "staging", tier: Some("staging"), project: None };
    let mut diagnostics = Vec::new();
    let replaced = interpolate(
        &Scope { raw: &raw, declared: &declared, tree: &tree, outputs, needed: std::collections::BTreeSet::new() },
        &mut diagnostics,
    );
    let texts = replaced.beside(&raw).map(|(name, _, text)| (name.said(), text.map(|text| text.text.to_owned())));
    Outcome { texts: texts.collect(), errors: diagnostics.into_iter().map(|one| one.message).collect() }
}

fn one(text: &str) -> String {
    let mut found = run(&[("A", "1"), ("EMPTY", ""), ("SECRET", "hunter2"), ("X", text)]);
    found.errors.pop().or_else(|| found.texts.remove("X").flatten()).unwrap_or_default()
}

#[test]
fn references_and_dollars_are_replaced() {
    assert_eq!(one("a${A}b"), "a1b");
    assert_eq!(one("$$ $5 $${A} $"), "$ $5 ${A} $");
    assert_eq!(one("$$$$${A}$$"), "$$1$");
    assert_eq!(one("{${A}}"), "{1}");
    assert_eq!(one("${secret:SECRET}"), "hunter2");
    assert_eq!(one("ä${A}→"), "ä1→");
}

#[test]
fn operators_do_what_they_do_in_a_shell() {
    let table = [
        ("${UNSET:-x}", "x"),
        ("${UNSET-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${A:-}", "1"),
        ("${A-x}", "1"),
        ("${UNSET:-${A}${A}}!", "11!"),
        ("${UNSET:-${EMPTY:-${A}}}", "1"),
        ("${UNSET:-a-b:c}", "a-b:c"),
        ("${UNSET-:x}", ":x"),
        ("${UNSET:-$${A\\}}", "${A\\}"),
        ("${A:+yes ${A}}", "yes 1"),
        ("${A+yes}", "yes"),
        ("${EMPTY:+yes}", ""),
        ("${EMPTY+yes}", "yes"),
        ("${UNSET+yes}", ""),
        ("${UNSET:+yes}", ""),
        ("${A:?must be}", "1"),
        ("${A?}", "1"),
        ("${EMPTY?}", ""),
        ("${UNSET:?say who, ${A}}", "`UNSET` has no value here: say who, 1"),
        ("${UNSET?}", "`UNSET` has no value here"),
        ("${EMPTY:?too bad}", "what is referred to is empty: too bad"),
        ("${SECRET_UNSET:-none}", "none"),
        ("${UNSET:?${SECRET}}", "`UNSET` has no value here"),
    ];
    for (text, wanted) in table {
        assert_eq!(one(text), wanted, "{text}");
    }
}

#[test]
fn paths_lead_into_the_environment_and_to_what_is_computed_of_it() {
    let table = [
        ("${infrastructure.region}", "eu"),
        ("${infrastructure.zones[1]}", "b"),
        ("${services.web.replicas}", "3"),
        ("${services.web.listen}", "8080"),
        ("${services.web.port}", "8080"),
        ("${services.web.address}", "127.0.0.1:8080"),
        ("${services.web.url}/x", "http://127.0.0.1:8080/x"),
        ("${services.api-two.port}", "10"),
        ("${services.api-two.url}", "http://[::1]:10"),
        ("${services.web.env.MODE}", "fast"),
        ("${variables.A}", "1"),
        ("${environment.name} ${environment.tier}", "staging staging"),
        ("${environment.url}", "https://1.example.org"),
        ("${description}", "there is no variable `description`"),
        ("${infrastructure.provider:-none}", "none"),
        ("${infrastructure.provider:+some}", ""),
        ("${project.name:-unnamed}", "unnamed"),
        ("${services.worker.port:-80}", "80"),
    ];
    for (text, wanted) in table {
        assert_eq!(one(text), wanted, "{text}");
    }
}

#[test]
fn what_cannot_be_replaced_is_said() {
    let form = parts::FORM;
    let table = [
        ("${A", "`${` is not closed by `}`"),
        ("${a b}", form),
        ("${}", form),
        ("${1}", form),
        ("${A:}", form),
        ("${A:1:2}", form),
        ("${A/x/y}", form),
        ("${secret:}", form),
        ("${env:A}", form),
        ("${UNSET}", "`UNSET` has no value here"),
        ("${B}", "there is no variable `B`"),
        ("${B:-x}", "there is no variable `B`"),
        ("${PORT}", "`PORT` is known only when an instance starts"),
        ("${TOWPATH_SERVICE:-x}", "`TOWPATH_SERVICE` is known only when an instance starts"),
        ("${secret:A}", "`A` is not a secret"),
        ("${secret:NONE}", "there is no secret `NONE`"),
        ("${infrastructure}", "there is no variable `infrastructure`"),
        ("${infrastructure.zones}", "`infrastructure.zones` is a list, not one value"),
        ("${services.web}", "`services.web` is a map, not one value"),
        ("${infrastructure.regio}", "`infrastructure.regio` has no value here"),
        ("${infra.region:-x}", "an environment has nothing at `infra.region`"),
        ("${services.wbe.port}", "there is no service `wbe`"),
        ("${services.worker.port}", "`services.worker.port` has no value here"),
        (
            "${services.web.command}",
            "`services.web.command` is a command, which is completed only when an instance starts",
        ),
        ("${a..b}", "`a..b` is not a path such as `services.web.port`"),
    ];
    for (text, wanted) in table {
        assert_eq!(one(text), wanted, "{text}");
    }
}

#[test]
fn what_goes_round_is_shown_whole() {
    let found = run(&[("A", "${B}"), ("B", "x${variables.C}"), ("C", "${UNSET:-${A:-1}}"), ("D", "${A}")]);
    assert_eq!(found.errors, ["`A` refers to itself: A → B → C → A"]);
    assert_eq!(found.texts["D"], None);
    let found = run(&[("A", "${environment.url}")]);
    assert_eq!(found.errors, ["`A` refers to itself: A → url → A"]);
    assert_eq!(run(&[("A", "${A}")]).errors, ["`A` refers to itself: A → A"]);
}

#[test]
fn a_bomb_is_stopped() {
    let values: Vec<(String, String)> =
        (0..40).map(|n| (format!("V{n:02}"), format!("${{V{:02}}}${{V{:02}}}", n + 1, n + 1))).collect();
    let mut values: Vec<(&str, &str)> = values.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    values.push(("V40", "boom"));
    let found = run(&values);
    assert!(found.errors.iter().any(|error| error.contains("grows beyond")), "{:?}", found.errors);
    // Many values of a fair size each are too much together.
    let big = "x".repeat(1 << 20);
    let names: Vec<String> = (0..100).map(|n| format!("W{n}")).collect();
    let mut values: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "${BIG}!")).collect();
    values.push(("BIG", &big));
    let found = run(&values);
    assert!(found.errors.iter().any(|error| error.contains("all values together")), "{:?}", found.errors);
}

#[test]
fn asking_a_big_value_often_costs_no_copy_each_time() {
    let often = "${BIG:+}".repeat(200_000);
    assert_eq!(run(&[("BIG", &"x".repeat(4 << 20)), ("X", &often)]).texts["X"], Some(String::new()));
    let absent = "${infrastructure.none:-}${services.web:+}".repeat(50_000);
    assert_eq!(run(&[("X", &absent)]).errors.len(), MAX_MISTAKES);
    // As many wrong ones are not all told.
    let wrong = "${NOBODY}".repeat(200_000);
    assert_eq!(run(&[("X", &wrong)]).errors.len(), MAX_MISTAKES);
}

#[test]
fn a_long_chain_is_refused_not_a_crash() {
    let values: Vec<(String, String)> =
        (0..5000).map(|n| (format!("V{n:05}"), format!("${{V{:05}}}", n + 1))).collect();
    let values: Vec<(&str, &str)> = values.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert!(!run(&values).errors.is_empty());
    let deep = format!("{}1{}", "${UNSET:-".repeat(5000), "}".repeat(5000));
    assert_eq!(one(&deep), "the defaults nest too deeply");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(a in ".*", b in "[${}:?+.\\-\\[\\]\"AB]*", c in "(\\$\\{(A|B|C|UNSET|services\\.web\\.port|secret:A)(:?[-?+])?|\\}|x|\\$)*") {
        run(&[("A", &a), ("B", &b), ("C", &c)]);
    }

    #[test]
    fn every_text_survives_when_its_dollars_are_doubled(text in "[a$A{}:\\-ä→ \n]*") {
        prop_assert_eq!(&one(&text.replace('$', "$$")), &text);
    }

    #[test]
    fn the_same_values_give_the_same_texts(a in "[${}:\\-AB1]*", b in "[${}:\\-AB1]*") {
        let (one, other) = (run(&[("A", &a), ("B", &b)]), run(&[("A", &a), ("B", &b)]));
        prop_assert_eq!(one.texts, other.texts);
        prop_assert_eq!(one.errors, other.errors);
    }
}
