//! Whole projects put together from pieces that reach deep into the schema: several files, layers over them, every command.
//!
//! Each byte of the input chooses a file, an indentation, a key, a value or the end of a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use towpath_core::{
    config::{
        Format, Inputs, Object, OverlayEntry, OverlayOrigin, SourceSet, compare, has_errors, load, render,
        render_diagnostics,
    },
    ids::PrincipalName,
};

const FILES: [&str; 5] = [
    "towpath.yaml",
    "environments/base.yaml",
    "environments/production.yaml",
    "environments/eu.yaml",
    "environments/us.yaml",
];

const KEYS: [&str; 64] = [
    "project",
    "people",
    "name",
    "roles",
    "services",
    "web",
    "api",
    "command",
    "image",
    "env",
    "replicas",
    "listen",
    "probes",
    "readiness",
    "liveness",
    "http",
    "tcp",
    "path",
    "headers",
    "pipeline",
    "after",
    "variables",
    "A",
    "B",
    "C",
    "type",
    "default",
    "pattern",
    "values",
    "min",
    "max",
    "required",
    "required_in",
    "forbidden_in",
    "secret",
    "deprecated",
    "extends",
    "tier",
    "aliases",
    "url",
    "deployment",
    "strategy",
    "canary",
    "blue-green",
    "rolling",
    "steps",
    "weight",
    "pause",
    "progress_deadline",
    "health_check",
    "gates",
    "approvals",
    "windows",
    "freeze",
    "cron",
    "duration",
    "verification",
    "resources",
    "security",
    "observability",
    "features",
    "infrastructure",
    "<<",
    "artifacts",
];

const VALUES: [&str; 64] = [
    "a",
    "web",
    "A",
    "~",
    "1",
    "-1",
    "1.5",
    "1e9",
    "true",
    "false",
    "${A}",
    "${B:-${A}}",
    "${A:?no}",
    "${B:+x}",
    "${secret:A}",
    "${services.web.replicas}",
    "$",
    "$$",
    "${",
    "[]",
    "{}",
    "[a, b]",
    "[A]",
    "[1, [2]]",
    "{a: 1}",
    "{A: x}",
    "&x {A: 1}",
    "&y [1]",
    "*x",
    "*y",
    "!append [1]",
    "!unset",
    "!replace {a: b}",
    "!merge-by:name [{name: a}]",
    "'q'",
    "\"\\n\"",
    "|\n        x",
    "10s",
    "512Mi",
    "500m",
    "99999999999999999999",
    "((",
    "[a-z]+",
    "0 0 * * *",
    "production",
    "eu",
    "us",
    "base",
    "int",
    "string",
    "enum",
    "url",
    "duration",
    "{type: int, default: 5, max: 9}",
    "{type: enum, values: [x, y]}",
    "{secret: true}",
    "{command: ./serve}",
    "{http: /health}",
    "canary",
    "8080",
    "https://example.org",
    "[{weight: 10}, {pause: 1s}]",
    "# c",
    "ü€",
];

fuzz_target!(|data: &[u8]| {
    let mut texts = [const { String::new() }; 5];
    texts[0].push_str("project: shop\npipeline: [production]\n");
    let mut file = 0;
    let mut depth = 0_usize;
    let mut choices = data.iter().copied();
    while let Some(choice) = choices.next() {
        let pick = usize::from(choice & 63);
        match choice >> 6 {
            0 => texts[file].push_str(&format!("{}{}:\n", "  ".repeat(depth), KEYS[pick])),
            1 => {
                let value = VALUES[usize::from(choices.next().unwrap_or(0) & 63)];
                texts[file].push_str(&format!("{}{}: {value}\n", "  ".repeat(depth), KEYS[pick]));
            }
            2 => texts[file].push_str(&format!("{}- {}\n", "  ".repeat(depth), VALUES[pick])),
            _ => {
                depth = pick & 7;
                file = (pick >> 3) % FILES.len();
            }
        }
    }
    let sources: SourceSet = FILES.iter().zip(&texts).map(|(path, text)| (*path, text.as_str())).collect();
    let loaded = load(&sources);
    let _ = loaded.project();
    let validated = loaded.validate();
    let _ = render_diagnostics(&sources, &validated, true);
    let sound = !has_errors(&validated);

    let origin = OverlayOrigin {
        sequence: 1,
        at: jiff::Timestamp::UNIX_EPOCH,
        principal: PrincipalName::new("ana").expect("a name"),
        reason: None,
    };
    let overlay = vec![OverlayEntry { key: "variables.A".to_owned(), value: Some("${B}".to_owned()), origin }];
    let laid = Inputs { overlay, flags: vec![("services.web.env.X".to_owned(), "1".to_owned())], ..Inputs::default() };
    let mut resolved = Vec::new();
    for name in loaded.environments() {
        let plain = loaded.resolve(name.as_str(), &Inputs::default());
        assert!(!sound || plain.environment.is_some(), "what has no mistakes resolves");
        let over = loaded.resolve(name.as_str(), &laid);
        let _ = render_diagnostics(&over.sources, &over.diagnostics, false);
        resolved.extend(plain.environment);
        resolved.extend(over.environment);
    }
    for environment in &resolved {
        for explanation in environment.explain_all() {
            // The key of an explanation leads to it again, unless a quote or a bracket is in it.
            let plain = !explanation.key.contains(['"', '[']);
            assert!(!plain || environment.explain(&explanation.key).is_ok(), "{}", explanation.key);
        }
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
});
