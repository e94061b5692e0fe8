//! The features of OpenFeature's test bed for providers, through flagd's Python provider in both of its modes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{Asking, Served, python, read_json, script, write_flags};
use crate::project::Project;

/// Rows that hold for what every client shares.
const THIRD: &str = "not @fractional-v1 and not @fractional-v2";

fn bed() -> Option<PathBuf> {
    let bed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/openfeature/flagd-testbed");
    if !bed.is_dir() {
        println!("skipped: there is no {}", bed.display());
        return None;
    }
    Some(bed)
}

/// A project that serves the flags of the test bed in development; in staging and production with the generations of bucketing
/// before the one of today.
fn project(bed: &Path) -> Project {
    let project = Project::small();
    let mut keys = Vec::new();
    for file in fs::read_dir(bed.join("flags")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("selector") {
            continue;
        }
        let document = read_json(&path);
        keys.extend(document["flags"].as_object().unwrap().keys().cloned());
        write_flags(&project, name, &document);
    }
    write_flags(&project, "context.json", &json!({ "flags": {}, "metadata": { "context.injectedmetadata": "set" } }));
    for (environment, generation) in [("staging", "v2"), ("production", "v1")] {
        let pinned = keys.iter().map(|key| (key.clone(), json!({ "towpath": { "bucketing": generation } })));
        let pinned: serde_json::Map<_, _> = pinned.collect();
        write_flags(&project, &format!("environments/{environment}.json"), &json!({ "flags": pinned }));
    }
    project
}

/// Runs the rows that `tags` choose and returns how many there were.
fn run(served: &mut Served, bed: &Path, environment: &str, mode: &str, tags: &str) -> u32 {
    let Some(mut python) = python() else { return 0 };
    python.arg(script("gherkin.py")).arg(bed.join("gherkin")).args([mode, tags]);
    let settings = json!({
        "port": served.port,
        "key": served.token(),
        "environment": environment,
        "selectors": { "rawflags/selector-flag-combined-metadata.json": "combined" },
    });
    let mut on = true;
    let last = Asking::start(python, &settings).serve(|request| match request {
        "down" => served.down(),
        "up" => served.up(),
        "modify" => {
            on = !on;
            let variant = if on { "foo" } else { "bar" };
            let patch = json!({ "changes": [{ "flag": "changing-flag", "to": { "defaultVariant": variant } }] });
            served.change(environment, patch);
        }
        other => panic!("nobody knows how to do: {other}"),
    });
    println!("{environment} {mode} {tags}: {last}");
    last.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn the_provider_that_asks_passes_every_row_that_is_for_it() {
    let Some(bed) = bed() else { return };
    let mut served = Served::start(project(&bed));
    let passed = run(&mut served, &bed, "development", "rpc", &format!("@rpc and {THIRD}"));
    assert!(passed == 0 || passed > 100, "{passed}");
    run(&mut served, &bed, "staging", "rpc", "@rpc and @fractional-v2");
    run(&mut served, &bed, "production", "rpc", "@rpc and @fractional-v1");
}

#[test]
fn the_provider_that_evaluates_itself_passes_every_row_that_is_for_it() {
    let Some(bed) = bed() else { return };
    let mut served = Served::start(project(&bed));
    let passed = run(
        &mut served,
        &bed,
        "development",
        "in-process",
        &format!("@in-process and {THIRD} and not @metadata-provider"),
    );
    assert!(passed == 0 || passed > 100, "{passed}");
}
