//! The demo, as anybody runs it.

use std::fs;

use crate::project::{Project, ran};

#[test]
fn the_demo_happens_as_it_says_and_leaves_nothing_behind() {
    let project = Project::empty();
    let folder = project.file("tmp");
    fs::create_dir(&folder).unwrap();
    let demo = ran(project.command(["demo", "-o", "json"]).env("TMPDIR", &folder).output().unwrap());
    assert_eq!(demo.exit, 0, "{}{}", demo.out, demo.err);
    let value: serde_json::Value = serde_json::from_str(&demo.out).unwrap();
    let bad = &value["summary"]["rolledBack"];
    let (failed, requests) = (bad["failed"].as_u64().unwrap(), bad["requests"].as_u64().unwrap());
    assert!(failed > 0 && failed * 10 <= requests, "{value:#}");
    assert!(value["tookMs"].as_u64().unwrap() < 90_000, "{value:#}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn the_example_validates_as_it_is() {
    let project = Project::example();
    assert!(project.ok("env validate").contains("3 environments, no mistakes"));
    assert_eq!(project.json("env show production")["variables"]["MAIL_URL"]["value"], "log:");
}
