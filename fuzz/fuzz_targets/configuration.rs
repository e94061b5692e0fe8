//! Arbitrary text as a project's files: read, laid over each other, checked, explained, rendered, and its mistakes drawn.
//!
//! The text is cut at lines of `=== PATH`; what comes before the first is `towpath.yaml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use towpath_core::{
    config::{
        Bundle, Format, Inputs, Object, OverlayEntry, OverlayOrigin, SourceSet, compare, is_source, load, render,
        render_diagnostics,
    },
    ids::PrincipalName,
};

fuzz_target!(|text: &str| {
    let mut sources = SourceSet::new();
    let mut path = "towpath.yaml";
    let mut body = String::new();
    for line in text.lines() {
        match line.strip_prefix("=== ") {
            Some(next) if is_source(next) => {
                sources.insert(path, std::mem::take(&mut body));
                path = next;
            }
            _ => {
                body += line;
                body += "\n";
            }
        }
    }
    sources.insert(path, body);

    let loaded = load(&sources);
    let (_, diagnostics) = loaded.project();
    let _ = render_diagnostics(&sources, &diagnostics, false);
    let validated = loaded.validate();
    let _ = render_diagnostics(&sources, &validated, true);
    let views: Vec<_> = validated.iter().map(|diagnostic| diagnostic.view(&sources)).collect();
    serde_json::to_string(&views).expect("mistakes can be written as JSON");

    // The same text once more as values set by API and flags, which reach the resolver by other ways.
    let first = text.lines().next().unwrap_or_default().to_owned();
    let origin = OverlayOrigin {
        sequence: 1,
        at: jiff::Timestamp::UNIX_EPOCH,
        principal: PrincipalName::new("ana").expect("a name"),
        reason: None,
    };
    let overlay = vec![OverlayEntry { key: first.clone(), value: Some(first.clone()), origin }];
    let inputs = Inputs { overlay, flags: vec![(first.clone(), first)], ..Inputs::default() };
    let mut resolved = Vec::new();
    for name in loaded.environments() {
        for inputs in [&Inputs::default(), &inputs] {
            let resolution = loaded.resolve(name.as_str(), inputs);
            let _ = render_diagnostics(&resolution.sources, &resolution.diagnostics, false);
            resolved.extend(resolution.environment);
        }
    }
    for environment in &resolved {
        let _ = environment.explain_all();
        for service in environment.services.keys() {
            let variables = loaded.rendered(environment, Some(service));
            let object = Object { name: "name".to_owned(), ..Object::default() };
            for format in Format::ALL {
                let _ = render(format, &object, &variables);
            }
        }
    }
    let all: Vec<_> = resolved.iter().take(4).collect();
    let _ = compare(&all);

    let bundle = Bundle::of(&sources);
    let again = Bundle::from_bytes(&bundle.to_bytes()).expect("a bundle reads what it wrote");
    assert_eq!(again.digest(), bundle.digest());
});
