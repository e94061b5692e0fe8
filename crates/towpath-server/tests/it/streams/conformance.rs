//! The features of OpenFeature's test bed for providers, through flagd's Python provider in both of its modes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{Line, asking::Asking};

/// Rows of the generation of bucketing that is the default, and those that hold for each.
const THIRD: &str = "not @fractional-v1 and not @fractional-v2";

fn bed() -> Option<PathBuf> {
    let bed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/openfeature/flagd-testbed");
    if !bed.is_dir() {
        eprintln!("skipped: there is no {}", bed.display());
        return None;
    }
    Some(bed)
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Returns the flags of the test bed in one document, and static context as its image has it.
fn flags(bed: &Path) -> Value {
    let mut whole = json!({ "flags": {}, "$evaluators": {}, "metadata": { "context.injectedmetadata": "set" } });
    for file in fs::read_dir(bed.join("flags")).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("selector") {
            continue;
        }
        let document = read(&path);
        for member in ["flags", "$evaluators"] {
            for (name, value) in document[member].as_object().into_iter().flatten() {
                whole[member][name] = value.clone();
            }
        }
    }
    whole
}

/// Pins every flag to a generation of bucketing.
fn pinned(mut document: Value, generation: &str) -> Value {
    for flag in document["flags"].as_object_mut().unwrap().values_mut() {
        flag["towpath"] = json!({ "bucketing": generation });
    }
    document
}

/// A server with the flags of the test bed in development, in staging with what the test bed selects by a file, and in production
/// pinned to a generation of bucketing.
async fn line(bed: &Path, generation: &str) -> Line {
    let line = Line::new().await;
    line.publish("development", flags(bed));
    line.publish("staging", read(&bed.join("flags/selector-flag-combined-metadata.json")));
    line.publish("production", pinned(flags(bed), generation));
    line
}

/// Runs the rows that `tags` choose and returns how many there were.
async fn run(line: &mut Line, bed: &Path, environment: &str, mode: &str, tags: &str) -> Option<u32> {
    let settings = json!({
        "port": line.port,
        "key": "ana-token",
        "environment": environment,
        "selectors": { "rawflags/selector-flag-combined-metadata.json": "staging" },
    });
    let features = bed.join("gherkin");
    let mut asking = Asking::python("features.py", &[features.to_str().unwrap(), mode, tags], &settings).await?;
    let mut document = flags(bed);
    let last = loop {
        match asking.next().await {
            Ok(request) => match request.as_str() {
                "down" => line.down().await,
                "up" => line.up().await,
                "modify" => {
                    let variant = &mut document["flags"]["changing-flag"]["defaultVariant"];
                    *variant = if *variant == "foo" { "bar".into() } else { "foo".into() };
                    line.publish(environment, document.clone());
                }
                other => panic!("nobody knows how to do: {other}"),
            },
            Err(last) => break last,
        }
        asking.done().await;
    };
    eprintln!("{environment} {mode} {tags}: {last}");
    Some(last.split(' ').nth(1).unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_that_asks_passes_every_row_that_is_for_it() {
    let Some(bed) = bed() else { return };
    let mut line = line(&bed, "v2").await;
    let Some(rows) = run(&mut line, &bed, "development", "rpc", &format!("@rpc and {THIRD}")).await else { return };
    assert!(rows > 100, "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_are_bucketed_by_the_generation_that_they_are_pinned_to() {
    let Some(bed) = bed() else { return };
    for generation in ["v1", "v2"] {
        let mut line = line(&bed, generation).await;
        let tags = format!("@rpc and @fractional-{generation}");
        let Some(rows) = run(&mut line, &bed, "production", "rpc", &tags).await else { return };
        assert!(rows > 10, "{rows}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_that_evaluates_itself_passes_every_row_that_is_for_it() {
    let Some(bed) = bed() else { return };
    let mut line = line(&bed, "v2").await;
    let Some(rows) = run(&mut line, &bed, "development", "in-process", &format!("@in-process and {THIRD}")).await
    else {
        return;
    };
    assert!(rows > 100, "{rows}");
}
