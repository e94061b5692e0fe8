//! Whatever the files say, the answer is an environment or diagnostics that can be shown.

use proptest::prelude::*;

use super::*;

const KEYS: &[&str] = &[
    "project",
    "people",
    "services",
    "web",
    "command",
    "env",
    "probes",
    "http",
    "pipeline",
    "after",
    "variables",
    "type",
    "default",
    "pattern",
    "required_in",
    "extends",
    "tier",
    "aliases",
    "deployment",
    "strategy",
    "canary",
    "steps",
    "weight",
    "gates",
    "windows",
    "freeze",
    "cron",
    "duration",
    "verification",
    "features",
    "<<",
    "ü",
];
const VALUES: &[&str] = &[
    "a",
    "b",
    "web",
    "~",
    "1",
    "-1",
    "1e9",
    "true",
    "${A}",
    "${A:-${A}}",
    "$",
    "[]",
    "{}",
    "[a, b]",
    "[1, [2]]",
    "{a: 1}",
    "&x [1]",
    "*x",
    "!append [1]",
    "!unset",
    "!replace {a: b}",
    "!merge-by:a [{a: 1}]",
    "'",
    "\"\\u0000\"",
    "|\n  x",
    "10s",
    "99999999999999999999",
    "((",
    "0 0 * * *",
    "production",
    "int",
    "ü€\u{1F600}",
];

/// Pieces that reach deep into the schema, put together at random.
fn piece() -> impl Strategy<Value = String> {
    let line = (0..3_usize, proptest::sample::select(KEYS), proptest::sample::select(VALUES), any::<bool>()).prop_map(
        |(depth, key, value, bare)| {
            let indent = "  ".repeat(depth);
            if bare { format!("{indent}{key}:\n") } else { format!("{indent}{key}: {value}\n") }
        },
    );
    proptest::collection::vec(line, 0..14).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn no_project_makes_it_panic(project in piece(), base in piece(), a in piece(), b in piece(), text in "\\PC*") {
        let mut sources = SourceSet::new();
        sources.insert("towpath.yaml", project);
        sources.insert("environments/base.yaml", base);
        sources.insert("environments/production.yaml", a);
        sources.insert("environments/a.yaml", b);
        sources.insert("environments/b.yaml", text.clone());
        let loaded = load(&sources);
        render_diagnostics(&sources, &loaded.validate(), false);
        let flags = vec![("services.web.env.A".to_owned(), text.clone()), (text, "1".to_owned())];
        let resolution = loaded.resolve("production", &Inputs { flags, ..Inputs::default() });
        render_diagnostics(&resolution.sources, &resolution.diagnostics, true);
        if let Some(environment) = resolution.environment {
            environment.explain_all();
            diff(&environment, &environment);
        }
    }

    #[test]
    fn what_has_no_mistakes_resolves(project in piece(), a in piece()) {
        let mut sources = SourceSet::new();
        sources.insert("towpath.yaml", format!("project: shop\npipeline: [a]\n{project}"));
        sources.insert("environments/a.yaml", format!("tier: testing\n{a}"));
        let loaded = load(&sources);
        let sound = !has_errors(&loaded.validate());
        prop_assert_eq!(sound, resolve(&sources, "a", &Inputs::default()).environment.is_some());
    }
}
