//! Tests of `plain_secrets`.

use crate::config::{Bundle, Inputs, SourceSet, has_errors, load, render_diagnostics};

const PROJECT: &str = "project: shop
services: {web: {command: x}}
variables:
  A: {secret: true, min: 3, pattern: '(?s)S.*', default: SEKRET-default}
  B: {secret: true, type: int, min: 5}
  C: {secret: true, required: true}
  D: {secret: true, type: json}
  E: {secret: true, default: 'x-${secret:C}-y'}
  OPEN: {default: seen}
pipeline: [staging, production]
";
const STAGING: &str = "extends: production
variables: {A: 'SEKRET-\u{fc} one', B: 918273645, OPEN: shown}
";
const PRODUCTION: &str = "variables:
  A: |
    SEKRET two
    SEKRET lines
  B: 12345678901
  C: \"SEKRET \\\"quoted\\\"\"
  D: {a: SEKRET-json, b: [SEKRET-item, {c: SEKRET-deep}]}
  OPEN: [wrong]
";

fn sources(production: &str) -> SourceSet {
    let files = [
        ("towpath.yaml", PROJECT),
        ("environments/staging.yaml", STAGING),
        ("environments/production.yaml", production),
    ];
    files.into_iter().collect()
}

#[test]
fn a_bundle_holds_no_value_of_a_secret_and_is_as_sound_as_the_files() {
    let loaded = load(&sources(&PRODUCTION.replace("[wrong]", "right")));
    assert!(!has_errors(&loaded.validate()), "{}", render_diagnostics(loaded.sources(), &loaded.validate(), false));
    let bundle = Bundle::of(loaded.sources());
    let bytes = String::from_utf8(bundle.to_bytes()).unwrap();
    for secret in ["SEKRET", "918273645", "12345678901"] {
        assert!(!bytes.contains(secret), "{bytes}");
    }
    assert!(bytes.contains("shown") && bytes.contains("x-${secret:C}-y"), "{bytes}");
    let again = load(&bundle.to_sources());
    assert!(!has_errors(&again.validate()), "{}", render_diagnostics(again.sources(), &again.validate(), false));
    for environment in ["staging", "production"] {
        let open = |loaded: &crate::config::Loaded| {
            let resolved = loaded.resolve(environment, &Inputs::default()).environment.unwrap();
            resolved.variables.into_iter().filter(|(_, value)| !value.secret).collect::<Vec<_>>()
        };
        assert_eq!(format!("{:?}", open(&loaded)), format!("{:?}", open(&again)));
    }
    assert_eq!(Bundle::of(again.sources()).digest(), bundle.digest());
}

#[test]
fn a_secret_that_another_layer_overrules_is_not_shown_beside_a_mistake() {
    let loaded = load(&sources(PRODUCTION));
    let inputs = Inputs {
        flags: [("A", "Someone"), ("B", "7")].map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        ..Inputs::default()
    };
    let (diagnostics, sources) = loaded.validate_with(&inputs);
    let shown = render_diagnostics(&sources, &diagnostics, false);
    assert!(shown.contains("OPEN"), "{shown}");
    assert!(!shown.contains("SEKRET") && !shown.contains("12345678901"), "{shown}");
}
