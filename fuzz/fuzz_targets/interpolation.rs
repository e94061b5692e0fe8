//! Lines of arbitrary text as values of variables and entries of `env` that refer to each other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use towpath_core::config::{Inputs, SourceSet, load, render_diagnostics};

fuzz_target!(|text: &str| {
    let names = ["A", "B", "C", "D", "E", "F"];
    let mut project = String::from("project: shop\npipeline: [testing]\nvariables:\n");
    let mut environment = String::from("url: https://example.org\nservices: {web: {command: ./serve, env: {");
    for (name, value) in names.iter().zip(text.lines()) {
        // JSON strings are YAML, so that every character reaches the value.
        let value = serde_json::Value::from(value);
        project += &format!("  {name}: {{default: {value}, secret: {}}}\n", *name == "F");
        environment += &format!("E_{name}: {value}, ");
    }
    environment += "}}}\n";
    let mut sources = SourceSet::new();
    sources.insert("towpath.yaml", project);
    sources.insert("environments/testing.yaml", environment);
    let loaded = load(&sources);
    let resolution = loaded.resolve("testing", &Inputs::default());
    let _ = render_diagnostics(&resolution.sources, &resolution.diagnostics, false);
    assert_eq!(resolution.environment.is_some(), !resolution.diagnostics.iter().any(|one| one.is_error()));
    for explanation in resolution.environment.iter().flat_map(|environment| environment.explain_all()) {
        assert!(explanation.value.is_none_or(|value| value.len() <= 8 << 20), "nothing grows without end");
    }
});
