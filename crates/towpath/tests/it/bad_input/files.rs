//! Files that are wrong: place, excerpt, cause and fix of each mistake reach the screen.

use std::{fs, os::unix::fs::symlink};

use serde_json::Value;

use super::{is_error, says};
use crate::project::Project;

/// A file, what it is filled with, and what the error must say.
type Wrong = (&'static str, &'static str, &'static [&'static str]);

const WRONG: [Wrong; 12] = [
    ("environments/staging.yaml", "a: [1, {b: }\n", &["environments/staging.yaml:1:4", "not valid YAML", "a: [1"]),
    ("environments/staging.yaml", "a: \"never closed\n", &["environments/staging.yaml:1", "not valid YAML"]),
    ("environments/staging.yaml", "services:\n\tweb: {}\n", &["environments/staging.yaml:", "not valid YAML"]),
    ("environments/staging.yaml", "servces: {}\n", &["staging.yaml:1:1", "`servces`", "did you mean `services`"]),
    ("environments/staging.yaml", "services: {web: {replcas: 2}}\n", &["staging.yaml:1:18", "did you mean `replicas`"]),
    ("environments/staging.yaml", "services: {web: {replicas: many}}\n", &["staging.yaml:1:28", "many"]),
    (
        "environments/staging.yaml",
        "services: {wab: {replicas: 2}}\n",
        &["staging.yaml:1:17", "services.wab", "did you mean `web`"],
    ),
    ("environments/staging.yaml", "- a\n- b\n", &["staging.yaml:1:", "must be a map"]),
    ("environments/staging.yaml", "extends: production\n", &["cycle", "production → staging", "extends: production"]),
    ("environments/staging.yaml", "extends: prodution\n", &["staging.yaml:1:10", "did you mean `production`"]),
    ("environments/staging.yaml", "variables: {RESPONSE_DELAY_MS: soon}\n", &["staging.yaml:1:32", "soon"]),
    ("environments/staging.yaml", "services: &a {web: *a}\n", &["staging.yaml:1"]),
];

#[test]
fn each_mistake_is_shown_at_its_place_with_its_line_and_what_to_do() {
    for (path, text, parts) in WRONG {
        let project = Project::small();
        project.write("environments/production.yaml", "extends: staging\n");
        project.write(path, text);
        let ran = project.run("env validate");
        assert_eq!(ran.exit, 1, "{text}{}{}", ran.out, ran.err);
        is_error(&ran, 1);
        says(&ran.err, parts);
        says(&ran.err, &["kept", "next", text.lines().next().unwrap().trim()]);
        assert_eq!(project.read(path), text, "files are not touched");
    }
}

#[test]
fn what_cannot_be_read_as_a_file_is_named() {
    let project = Project::small();
    let path = project.file("environments/staging.yaml");
    fs::remove_file(&path).unwrap();
    // A folder, and a link to nothing, instead of a file.
    fs::create_dir(&path).unwrap();
    let ran = project.run("env validate");
    assert_ne!(ran.exit, 0, "{}", ran.out);
    says(&ran.err, &["staging"]);
    fs::remove_dir(&path).unwrap();
    symlink("nowhere.yaml", &path).unwrap();
    let ran = project.run("env validate");
    is_error(&ran, 1);
    says(&ran.err, &["staging.yaml"]);
    fs::remove_file(&path).unwrap();
    // Named in the pipeline and missing.
    let ran = project.run("env validate");
    is_error(&ran, 1);
    says(&ran.err, &["towpath.yaml", "staging", "pipeline"]);
    fs::remove_file(project.file("towpath.yaml")).unwrap();
    let ran = project.run("env validate");
    is_error(&ran, 2);
    says(&ran.err, &["towpath.yaml", "towpath init"]);
}

#[test]
fn a_huge_file_is_refused_and_not_read_for_ever() {
    let project = Project::small();
    project.write("environments/staging.yaml", &"a: 1\n".repeat(2_000_000));
    is_error(&project.run("env validate"), 1);
    // A few lines that would unfold to more than memory holds.
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        let line = format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", "));
        bomb.push_str(&line);
    }
    project.write("environments/staging.yaml", &bomb);
    is_error(&project.run("env validate"), 1);
}

#[test]
fn mistakes_are_json_where_json_is_asked_for_whatever_kind_they_are() {
    let project = Project::small();
    project.write("environments/staging.yaml", "servces: {}\n");
    let commands = [
        ("env validate", 1),
        ("env show prodction", 2),
        ("status", 5),
        ("relese create", 2),
        ("promote", 2),
        ("up --listen nonsense", 2),
        ("-C /nowhere/at/all status", 2),
    ];
    for (line, exit) in commands {
        let ran = project.run(&format!("{line} -o json"));
        let problem: Value = serde_json::from_str(&ran.err).unwrap_or_else(|_| panic!("{line}: {}", ran.err));
        assert_eq!((ran.exit, &problem["exitStatus"]), (exit, &Value::from(exit)), "{line}: {problem:#}");
        assert!(problem["code"].is_string() && problem["detail"].is_string(), "{line}: {problem:#}");
        assert_eq!(ran.out, "", "{line}");
    }
}
