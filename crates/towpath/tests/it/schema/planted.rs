//! A project with a hundred mistakes: each is reported once, where it was made, and nothing else is.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use crate::project::Project;

/// Each `mistake` in a comment stands for one in its line.
const FILES: [(&str, &str); 6] = [
    ("towpath.yaml", include_str!("planted/towpath.yaml")),
    ("environments/base.yaml", include_str!("planted/base.yaml")),
    ("environments/development.yaml", include_str!("planted/development.yaml")),
    ("environments/testing.yaml", include_str!("planted/testing.yaml")),
    ("environments/staging.yaml", include_str!("planted/staging.yaml")),
    ("environments/production.yaml", include_str!("planted/production.yaml")),
];

type Counts = BTreeMap<(String, u64), usize>;

fn planted() -> Counts {
    let mut planted = Counts::new();
    for (path, text) in FILES {
        for (line, text) in (1..).zip(text.lines()) {
            let count = text.split_once('#').map_or(0, |(_, comment)| comment.matches("mistake").count());
            if count > 0 {
                planted.insert((path.to_owned(), line), count);
            }
        }
    }
    planted
}

fn project() -> Project {
    let project = Project::empty();
    for (path, text) in FILES {
        project.write(path, text);
    }
    project
}

fn reported(project: &Project) -> Vec<Value> {
    let problem: Value = serde_json::from_str(&project.fails("env validate -o json", 1)).unwrap();
    problem["errors"].as_array().unwrap().clone()
}

#[test]
fn a_hundred_planted_mistakes_are_reported_each_once_and_nothing_else() {
    let planted = planted();
    assert_eq!(planted.values().sum::<usize>(), 100);
    let reported = reported(&project());
    let mut found = Counts::new();
    let mut told = String::new();
    for one in &reported {
        let (path, line) = (one["path"].as_str().unwrap_or_default(), one["line"].as_u64().unwrap_or_default());
        *found.entry((path.to_owned(), line)).or_default() += 1;
        let text = |key: &str| one[key].as_str().unwrap_or("-").to_owned();
        writeln!(told, "{path}:{line}:{} {}: {}", one["column"], text("code"), text("message")).unwrap();
        writeln!(told, "    {}", text("help")).unwrap();
    }
    let missing: Vec<_> = planted.iter().filter(|(place, count)| found.get(place) != Some(count)).collect();
    let extra: Vec<_> = found.iter().filter(|(place, count)| planted.get(place) != Some(count)).collect();
    assert!(missing.is_empty() && extra.is_empty(), "planted {missing:#?}\nreported {extra:#?}\n{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn every_mistake_says_what_where_why_and_what_to_do() {
    for one in reported(&project()) {
        for key in [
            "code",
            "severity",
            "message",
            "help",
            "path",
            "line",
            "column",
            "end_line",
            "end_column",
            "excerpt",
            "related",
        ] {
            assert!(!one[key].is_null(), "no `{key}` in {one:#}");
        }
        let excerpt = one["excerpt"].as_str().unwrap();
        assert!(!excerpt.contains("hunter2"), "{excerpt}");
    }
}
