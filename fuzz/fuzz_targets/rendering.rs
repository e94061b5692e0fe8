//! Variables of arbitrary names and values, written in every format; what has a reader here is read again.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use towpath_core::config::{Format, Inputs, Object, Rendered, SourceSet, load, render};

fuzz_target!(|pairs: Vec<(String, String)>| {
    let variables: BTreeMap<String, String> = pairs.into_iter().collect();
    let object = Object { name: "name".to_owned(), ..Object::default() };
    let plain = |(name, value): (&String, &String)| {
        (name.clone(), Rendered { value: value.clone(), secret: false, kind: None })
    };
    let rendered: BTreeMap<String, Rendered> = variables.iter().map(plain).collect();
    for format in Format::ALL {
        if let Ok(text) = render(format, &object, &rendered) {
            assert!(!text.contains('\0'), "no format can hold a NUL");
        }
    }
    if let Ok(json) = render(Format::Json, &object, &rendered) {
        let again: BTreeMap<String, String> = serde_json::from_str(&json).expect("JSON is read");
        assert_eq!(again, variables);
    }
    let Ok(yaml) = render(Format::Yaml, &object, &rendered) else { return };
    let mut environment = String::from("tier: testing\nservices:\n  web:\n    command: ./serve\n    env:\n");
    for line in yaml.lines() {
        environment += "      ";
        environment += line;
        environment.push('\n');
    }
    let mut sources = SourceSet::new();
    sources.insert("towpath.yaml", "project: shop\npipeline: [a]\n");
    sources.insert("environments/a.yaml", environment);
    // Names of services' variables are narrower than those YAML can hold, and `$` means something: those are refused.
    if let Some(environment) = load(&sources).resolve("a", &Inputs::default()).environment {
        let service = environment.services.values().next().expect("there is one");
        if variables.values().all(|value| !value.contains('$')) && !variables.contains_key("<<") {
            assert_eq!(service.env, variables);
        }
    }
});
