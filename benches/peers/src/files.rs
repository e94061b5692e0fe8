//! The files that are resolved: a base and environments over it, in keys that all contenders take alike.

use std::fmt::Write as _;

/// Files and how often they are resolved.
pub struct Shape {
    pub name: &'static str,
    pub what: &'static str,
    /// Name and text; the first is the base.
    pub files: Vec<(String, String)>,
    pub json: bool,
    pub rounds: usize,
}

pub const SHAPES: &[fn() -> Shape] = &[small, one, all, json];

/// Which keys a file has: a share of the base's, and some of its own.
struct Keys {
    features: usize,
    services: usize,
    env: usize,
    step: usize,
    own: usize,
}

fn yaml(word: &str, keys: &Keys) -> String {
    let mut out = String::from(if keys.step == 1 { "" } else { "tier: staging\n" });
    out.push_str("features:\n");
    for n in (0..keys.features).step_by(keys.step) {
        let _ = writeln!(out, "  feature_number_{n}: {}", n % 2 == 0);
    }
    for n in 0..keys.own {
        let _ = writeln!(out, "  only_{word}_{n}: true");
    }
    out.push_str("services:\n");
    for service in 0..keys.services {
        let _ = writeln!(out, "  service-{service}:");
        if keys.step == 1 {
            let _ = writeln!(out, "    image: registry.example/shop/service:1.{service}");
        }
        out.push_str("    env:\n");
        for n in (0..keys.env).step_by(keys.step) {
            let _ = writeln!(out, "      setting_{n}: value {n} of {word}");
        }
    }
    out
}

fn base(features: usize, services: usize, env: usize) -> (String, String) {
    ("base".into(), yaml("base", &Keys { features, services, env, step: 1, own: 0 }))
}

fn over(name: &str, features: usize, services: usize, env: usize, own: usize) -> (String, String) {
    (name.into(), yaml(name, &Keys { features, services, env, step: 4, own }))
}

fn small() -> Shape {
    let mut files = vec![base(60, 3, 30)];
    files.extend(["development", "testing", "staging", "production"].map(|name| over(name, 60, 3, 30, 5)));
    Shape { name: "small", what: "150 keys, 4 environments over them", files, json: false, rounds: 201 }
}

fn one() -> Shape {
    let files = vec![base(10_000, 100, 100), over("production", 10_000, 100, 100, 2_500)];
    let what = "20,000 keys, one environment that sets 5,000 of them and 2,500 others; every file is read once";
    Shape { name: "one", what, files, json: false, rounds: 15 }
}

fn all() -> Shape {
    let mut files = vec![base(10_000, 100, 100)];
    files.extend(["alpha", "beta", "gamma", "delta", "production"].map(|name| over(name, 10_000, 100, 100, 500)));
    let what = "20,000 keys, 5 environments that set 5,000 of them and 500 others each; the base is read once by all";
    Shape { name: "all", what, files, json: false, rounds: 11 }
}

fn json() -> Shape {
    let shape = one();
    let mut files = Vec::new();
    for (name, text) in shape.files {
        let figment = figment::Figment::from(<figment::providers::Yaml as figment::providers::Format>::string(&text));
        let value: serde_json::Value = figment.extract().expect("our own YAML");
        files.push((name, serde_json::to_string_pretty(&value).expect("a tree")));
    }
    Shape { name: "json", what: "the files of `one` as JSON", files, json: true, rounds: 15 }
}
