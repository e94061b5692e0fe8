//! The feature files of flagd's test bed, run as they are.
//!
//! The files are read where the conformance suites lie; where they are absent, that is said and the test ends. A row that
//! names a generation of bucketing runs under that one, any other row under all. What clients do themselves is done here as they
//! do it: the caller's default, and whether the type fits.

#![expect(clippy::disallowed_methods, reason = "the suites are files, read by the test and not by the crate")]
#![expect(clippy::print_stdout, reason = "what is not tested is said")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use cucumber::{World as _, WriterExt as _, cli, feature::Ext as _, gherkin, given, parser, then, when, writer};
use futures_util::stream;
use serde_json::{Map, Value, json};
use towpath_core::flags::{Bucketing, FlagDocument, FlagSet};

const GENERATIONS: [(&str, Bucketing); 3] =
    [("fractional-v1", Bucketing::V1), ("fractional-v2", Bucketing::V2), ("fractional-v3", Bucketing::V3)];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/openfeature/flagd-testbed")
}

/// One scenario.
#[derive(Debug, Default, cucumber::World)]
struct World {
    generations: Vec<Bucketing>,
    document: Value,
    options: BTreeMap<String, String>,
    context: Map<String, Value>,
    flag: Flag,
    answers: Vec<Answer>,
}

/// What is asked for.
#[derive(Debug, Default)]
struct Flag {
    kind: String,
    key: String,
    fallback: Value,
}

/// What the application gets.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    value: Value,
    reason: String,
    error: Option<String>,
    metadata: Value,
}

fn document(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The files that belong together, as flagd's own image merges them.
fn merged() -> Value {
    let mut whole = json!({"flags": {}, "$evaluators": {}});
    for entry in std::fs::read_dir(folder().join("flags")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("selector") {
            continue;
        }
        let file = document(&path);
        for section in ["flags", "$evaluators"] {
            let members = file.get(section).and_then(Value::as_object).cloned().unwrap_or_default();
            whole[section].as_object_mut().unwrap().extend(members);
        }
    }
    whole
}

/// Returns a cell as the value of a type. Texts are as they stand there: a `\u0000` is six characters.
fn value(kind: &str, text: &str) -> Value {
    let json = |text: &str| serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    match kind {
        "String" => text.into(),
        "Boolean" | "Integer" | "Float" => json(text),
        "Object" => json(&text.replace("\\\"", "\"")),
        _ => panic!("no type: {kind}"),
    }
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "Boolean" => value.is_boolean(),
        "String" => value.is_string(),
        "Integer" => value.is_i64(),
        "Float" => value.is_number(),
        "Object" => value.is_object(),
        _ => false,
    }
}

#[given("an evaluator")]
fn evaluator(world: &mut World) {
    world.document = document(&folder().join("evaluator/flags/testkit-flags.json"));
}

#[given(regex = r#"^an option "(.*)" of type ".*" with value "(.*)"$"#)]
fn option(world: &mut World, name: String, value: String) {
    world.options.insert(name, value);
}

#[given("a stable flagd provider")]
fn stable(world: &mut World) {
    world.document = merged();
}

#[given("a metadata flagd provider")]
fn with_metadata(world: &mut World) {
    let file = world.options["selector"].strip_prefix("rawflags/").unwrap();
    world.document = document(&folder().join("flags").join(file));
}

#[given(regex = r#"^an? (\w+)-flag with key "(.*)" and a (?:default|fallback) value "(.*)"$"#)]
fn flag(world: &mut World, kind: String, key: String, fallback: String) {
    world.flag = Flag { fallback: value(&kind, &fallback), kind, key };
}

#[given(regex = r#"^a context containing a key "(.*)", with type "(.*)" and with value "(.*)"$"#)]
fn member(world: &mut World, key: String, kind: String, text: String) {
    world.context.insert(key, value(&kind, &text));
}

#[given(
    regex = r#"^a context containing a nested property with outer key "(.*)" and inner key "(.*)", with value "(.*)"$"#
)]
fn nested(world: &mut World, outer: String, inner: String, value: String) {
    world.context.insert(outer, json!({ inner: value }));
}

#[given(regex = r#"^a context containing a targeting key with value "(.*)"$"#)]
fn targeting_key(world: &mut World, value: String) {
    world.context.insert("targetingKey".into(), value.into());
}

#[when("the flag was evaluated with details")]
fn evaluate(world: &mut World) {
    let answers = world.generations.iter().map(|bucketing| ask(world, *bucketing));
    world.answers = answers.collect();
}

fn ask(world: &World, bucketing: Bucketing) -> Answer {
    let mut document: FlagDocument = serde_json::from_value(world.document.clone()).unwrap();
    document.flags.values_mut().for_each(|flag| flag.towpath.bucketing = Some(bucketing));
    let set = FlagSet::compile(&document);
    let Flag { kind, key, fallback } = &world.flag;
    let failed = |code: &str, metadata| Answer {
        value: fallback.clone(),
        reason: "ERROR".into(),
        error: Some(code.to_owned()),
        metadata,
    };
    let Some(flag) = set.get(key) else { return failed("FLAG_NOT_FOUND", Value::Null) };
    let context = Value::Object(world.context.clone()).to_string();
    let context = set.context(context.as_bytes()).unwrap();
    let found = set.evaluate(flag, &context, "2026-11-21T12:00:00Z".parse().unwrap());
    let metadata = found.metadata.map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    if let Some(error) = found.error {
        return failed(error.code(), metadata);
    }
    let value = found.value.map(|text| serde_json::from_str::<Value>(text).unwrap());
    match value {
        Some(value) if !fits(kind, &value) => failed("TYPE_MISMATCH", metadata),
        value => Answer {
            value: value.unwrap_or_else(|| fallback.clone()),
            reason: found.reason.as_str().to_owned(),
            error: None,
            metadata,
        },
    }
}

#[then(regex = r#"^the resolved details value should be "(.*)"$"#)]
fn resolved(world: &mut World, expected: String) {
    let expected = value(&world.flag.kind, &expected);
    for answer in &world.answers {
        // 10 and 10.0 are the same float.
        let same = answer.value == expected || answer.value.as_f64().is_some_and(|it| Some(it) == expected.as_f64());
        assert!(same, "{expected} expected, but got {answer:?}");
    }
}

#[then(regex = r#"^the reason should be "(.*)"$"#)]
fn reason(world: &mut World, expected: String) {
    world.answers.iter().for_each(|answer| assert_eq!(answer.reason, expected, "{answer:?}"));
}

#[then(regex = r#"^the error-code should be "(.*)"$"#)]
fn error(world: &mut World, expected: String) {
    let expected = Some(expected).filter(|code| !code.is_empty());
    world.answers.iter().for_each(|answer| assert_eq!(answer.error, expected, "{answer:?}"));
}

#[then("the resolved metadata should contain")]
fn metadata(world: &mut World, step: &gherkin::Step) {
    for row in step.table.as_ref().unwrap().rows.iter().skip(1) {
        let [name, kind, expected] = row.as_slice() else { panic!("{row:?}") };
        let expected = value(kind, expected);
        world.answers.iter().for_each(|answer| assert_eq!(answer.metadata[name], expected, "{answer:?}"));
    }
}

#[then("the resolved metadata is empty")]
fn no_metadata(world: &mut World) {
    world.answers.iter().for_each(|answer| assert_eq!(answer.metadata, Value::Null));
}

/// Reads one feature file as the reference implementation of Gherkin does: in a cell, a backslash before anything but `n`, `|`
/// and `\\` is a backslash. The crate's own reader refuses it.
#[derive(Debug)]
struct Lenient;

impl parser::Parser<PathBuf> for Lenient {
    type Cli = cli::Empty;
    type Output = stream::Iter<std::option::IntoIter<parser::Result<gherkin::Feature>>>;

    fn parse(self, path: PathBuf, _: cli::Empty) -> Self::Output {
        let mut text = String::new();
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let in_table = line.trim_start().starts_with('|');
            let mut letters = line.chars().peekable();
            while let Some(letter) = letters.next() {
                text.push(letter);
                if in_table && letter == '\\' {
                    text.push(letters.next_if(|it| "n|\\".contains(*it)).unwrap_or('\\'));
                }
            }
            text.push('\n');
        }
        let feature = gherkin::Feature::parse(text, gherkin::GherkinEnv::default()).unwrap();
        stream::iter(Some(Ok(feature.expand_examples().unwrap())))
    }
}

/// Runs feature files: every step of every scenario must pass, and there must be as many scenarios as are expected at least.
fn run(files: &[&str], at_least: usize) {
    if !folder().is_dir() {
        println!("skipped: {} is not here", folder().display());
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut scenarios = 0;
    for file in files {
        let run = World::cucumber::<PathBuf>()
            .with_parser(Lenient)
            .with_writer(writer::Basic::new(std::io::stdout(), writer::Coloring::Never, 0).summarized())
            .with_default_cli()
            .before(|_, _, scenario, world| {
                let tagged = |(tag, _): &&(&str, Bucketing)| scenario.tags.iter().any(|it| it == tag);
                let tags = GENERATIONS.iter().filter(tagged).map(|(_, generation)| *generation);
                world.generations = tags.collect();
                if world.generations.is_empty() {
                    world.generations = GENERATIONS.map(|(_, generation)| generation).to_vec();
                }
                Box::pin(std::future::ready(()))
            });
        let done = runtime.block_on(run.run(folder().join(file)));
        let count = done.scenarios_stats();
        assert!(!writer::Stats::<World>::execution_has_failed(&done), "{file}");
        assert_eq!(count.passed, count.total(), "{file}");
        scenarios += count.total();
    }
    assert!(scenarios >= at_least, "only {scenarios} scenarios ran");
}

#[test]
fn every_scenario_of_the_evaluators_suite_holds() {
    let files = [
        "disabled",
        "errors",
        "evaluation",
        "evaluator-refs",
        "fractional",
        "metadata",
        "semver",
        "string",
        "targeting",
        "zero-values",
    ];
    let files = files.map(|name| format!("evaluator/gherkin/{name}.feature"));
    run(&files.each_ref().map(String::as_str), 100);
}

#[test]
fn every_scenario_of_the_providers_suite_about_evaluation_holds() {
    let files = ["disabled", "evaluation", "metadata", "targeting"].map(|name| format!("gherkin/{name}.feature"));
    run(&files.each_ref().map(String::as_str), 150);
}
