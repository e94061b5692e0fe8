//! Measures how long configuration takes: a usual project, and a large one.
//!
//! `cargo run --release -p towpath-core --example config_speed`
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement prints what the clock says")]

use std::{fmt::Write as _, hint::black_box, time::Instant};

use towpath_core::config::{Inputs, SourceSet, has_errors, load};

const ENVIRONMENTS: [&str; 4] = ["development", "testing", "staging", "production"];

fn usual() -> SourceSet {
    let mut project = String::from("project: shop\npipeline: [development, testing, staging, production]\nservices:\n");
    for n in 0..5 {
        let _ = writeln!(project, "  service-{n}:\n    command: [./serve, --port, '${{PORT}}']");
        let _ = writeln!(
            project,
            "    env: {{NAME: service-{n}, REGION: '${{VALUE_7}}'}}\n    probes: {{readiness: {{http: /health}}}}"
        );
    }
    project.push_str("variables:\n");
    for n in 0..150 {
        let _ = writeln!(project, "  VALUE_{n}: {{type: string, default: 'value {n}', doc: What it is for.}}");
    }
    let mut sources = SourceSet::new();
    sources.insert("towpath.yaml", project);
    sources.insert("environments/base.yaml", "services:\n  service-1: {replicas: 2}\n");
    for (n, name) in ENVIRONMENTS.into_iter().enumerate() {
        let mut text =
            String::from("services:\n  service-0: {replicas: 3}\ndeployment: {strategy: canary}\nvariables:\n");
        for n in (n..150).step_by(2) {
            let _ = writeln!(text, "  VALUE_{n}: {name} {n}");
        }
        sources.insert(format!("environments/{name}.yaml"), text);
    }
    sources
}

fn large() -> SourceSet {
    let mut sources = SourceSet::new();
    sources.insert("towpath.yaml", "project: shop\nservices: {web: {command: ./serve}}\npipeline: [eu]\n");
    let mut base = String::from("features:\n");
    for n in 0..20_000 {
        let _ = writeln!(base, "  feature_number_{n}: true");
    }
    sources.insert("environments/eu.yaml", format!("tier: production\n{base}"));
    for name in ["eu-a", "eu-b", "eu-c", "eu-d"] {
        let mut text = String::from("extends: eu\nfeatures:\n");
        for n in (0..20_000).step_by(100) {
            let _ = writeln!(text, "  feature_number_{n}: false");
        }
        sources.insert(format!("environments/{name}.yaml"), text);
    }
    sources
}

/// Prints and returns the median in milliseconds.
fn measure(what: &str, rounds: usize, mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let median = times.get(rounds / 2).copied().unwrap_or(0.0);
    let best = times.first().copied().unwrap_or(0.0);
    println!("{what:<58} median {median:7.2} ms   best {best:7.2} ms");
    median
}

fn main() {
    let usual = usual();
    assert!(!has_errors(&load(&usual).validate()), "the usual project must be sound");
    measure("usual (4 environments, 150 variables): load", 200, || drop(black_box(load(&usual))));
    let usual_ms = measure("usual: load, resolve and validate all", 200, || drop(black_box(load(&usual).validate())));
    let loaded = load(&usual);
    measure("usual: resolve production", 200, || drop(black_box(loaded.resolve("production", &Inputs::default()))));
    let large = large();
    assert!(!has_errors(&load(&large).validate()), "the large project must be sound");
    let large_ms = measure("large (20,000 keys, 5 environments built on them): all", 20, || {
        drop(black_box(load(&large).validate()));
    });
    println!("{{\"usual_ms\": {usual_ms:.2}, \"large_ms\": {large_ms:.2}}}");
}
