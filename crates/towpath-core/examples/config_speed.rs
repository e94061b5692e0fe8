//! Measures how long configuration takes: a usual project, a large one, and one that says everything in every file.
//!
//! `cargo run --release -p towpath-core --example config_speed`; with `write SHAPE FOLDER` it writes the files instead, for a
//! measurement of whole processes.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement prints what the clock says")]

use std::{fmt::Write as _, fs, hint::black_box, path::Path, time::Instant};

use towpath_core::config::{Inputs, SourceSet, has_errors, load};

const ENVIRONMENTS: [&str; 4] = ["development", "testing", "staging", "production"];

/// Four environments, 150 variables of five kinds, three services.
fn usual() -> SourceSet {
    let mut project = String::from("project: shop\npipeline: [development, testing, staging, production]\nservices:\n");
    for n in 0..3 {
        let _ = writeln!(project, "  service-{n}:\n    command: [./serve, --port, '${{PORT}}']");
        let _ = writeln!(
            project,
            "    env: {{NAME: service-{n}, REGION: '${{VALUE_10}}'}}\n    probes: {{readiness: {{http: /health}}}}"
        );
    }
    project.push_str("variables:\n");
    for n in 0..150 {
        let declaration = match n % 5 {
            0 => format!("type: string, default: 'value {n}'"),
            1 => format!("type: int, min: 0, max: 9000, default: {n}"),
            2 => format!("type: string, pattern: '[a-z]+-[0-9]{{1,{}}}', default: value-{n}", 3 + n % 6),
            3 => format!("type: url, default: 'https://example.org/{n}'"),
            _ => "type: enum, values: [debug, info, warn], default: info".to_owned(),
        };
        let _ = writeln!(project, "  VALUE_{n}: {{{declaration}, doc: What it is for.}}");
    }
    let mut sources = SourceSet::new();
    sources.insert("towpath.yaml", project);
    sources.insert("environments/base.yaml", "services:\n  service-1: {replicas: 2}\n");
    for (first, name) in ENVIRONMENTS.into_iter().enumerate() {
        let mut text =
            String::from("services:\n  service-0: {replicas: 3}\ndeployment: {strategy: canary}\nvariables:\n");
        for n in (first..150).step_by(2) {
            let value = match n % 5 {
                0 => format!("{name} {n}"),
                1 => format!("{}", n * 3),
                2 => format!("{name}-{n}"),
                3 => format!("https://{name}.example.org/{n}"),
                _ => "warn".to_owned(),
            };
            let _ = writeln!(text, "  VALUE_{n}: {value}");
        }
        sources.insert(format!("environments/{name}.yaml"), text);
    }
    sources
}

/// An environment of 20,000 keys and four built on it, which change 200 of them each.
fn large() -> SourceSet {
    let mut sources = SourceSet::new();
    sources.insert("towpath.yaml", "project: shop\nservices: {web: {command: ./serve}}\npipeline: [eu]\n");
    sources.insert("environments/eu.yaml", format!("tier: production\nfeatures:\n{}", features(1, true)));
    for name in ["eu-a", "eu-b", "eu-c", "eu-d"] {
        sources
            .insert(format!("environments/{name}.yaml"), format!("extends: eu\nfeatures:\n{}", features(100, false)));
    }
    sources
}

/// Five environments that say all 20,000 keys themselves.
fn full() -> SourceSet {
    let mut sources = SourceSet::new();
    sources.insert("towpath.yaml", "project: shop\nservices: {web: {command: ./serve}}\npipeline: [eu-a]\n");
    for name in ["eu-a", "eu-b", "eu-c", "eu-d", "eu-e"] {
        sources.insert(format!("environments/{name}.yaml"), format!("tier: testing\nfeatures:\n{}", features(1, true)));
    }
    sources
}

fn features(step: usize, value: bool) -> String {
    (0..20_000).step_by(step).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "  feature_number_{n}: {value}");
        text
    })
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

fn sources_of(shape: &str) -> SourceSet {
    match shape {
        "usual" => usual(),
        "large" => large(),
        _ => full(),
    }
}

fn write(shape: &str, folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder.join("environments"))?;
    sources_of(shape).files().try_for_each(|(path, text)| fs::write(folder.join(path), text))
}

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, shape, folder] = words.as_slice()
        && word == "write"
    {
        return write(shape, Path::new(folder));
    }
    let mut figures = String::new();
    for (shape, rounds) in [("usual", 200), ("large", 20), ("full", 20)] {
        let sources = sources_of(shape);
        let diagnostics = load(&sources).validate();
        assert!(!has_errors(&diagnostics), "{shape} must be sound: {diagnostics:?}");
        measure(&format!("{shape}: load"), rounds, || drop(black_box(load(&sources))));
        let all = measure(&format!("{shape}: load, resolve and validate all"), rounds, || {
            drop(black_box(load(&sources).validate()));
        });
        let _ = write!(figures, "{}\"{shape}_in_process_ms\": {all:.2}", if figures.is_empty() { "" } else { ", " });
    }
    let usual = load(&usual());
    measure("usual: resolve production", 200, || drop(black_box(usual.resolve("production", &Inputs::default()))));
    println!("{{{figures}}}");
    Ok(())
}
