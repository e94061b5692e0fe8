//! Formats against the rules of their readers. The readers themselves are asked in the binary's tests.

use proptest::prelude::*;

use super::*;

mod compose;
mod docker;

fn plain(value: &str) -> Rendered {
    Rendered { value: value.to_owned(), secret: false, kind: None }
}

fn web() -> Object {
    Object { name: "web".to_owned(), ..Object::default() }
}

fn one(format: Format, value: &str) -> Result<String, RenderError> {
    let variable = Rendered { secret: format.takes() == Takes::Secret, ..plain(value) };
    render(format, &web(), &BTreeMap::from([("A".to_owned(), variable)]))
}

/// Texts made of what some reader treats specially, and of anything.
fn hostile() -> impl Strategy<Value = String> {
    let special = prop::sample::select(
        "'\"`\\$#!={}%()&|;<>*?~ \t\n\r,:[]anrt01ée\u{301}\u{85}\u{a0}\u{2028}\u{2029}\u{feff}\u{1f600}\u{7f}\u{1}"
            .chars()
            .collect::<Vec<char>>(),
    );
    let any = any::<char>().prop_filter("no process can be given it", |c| *c != '\0');
    prop::collection::vec(prop_oneof![8 => special, 1 => any], 0..12).prop_map(|chars| chars.into_iter().collect())
}

#[test]
fn every_format_quotes_what_its_reader_would_change() {
    let value = "it's \"5 $\" \\ ü";
    let all: Vec<String> = Format::ALL
        .iter()
        .map(|format| {
            let text = one(*format, value).unwrap_or_else(|error| error.to_string());
            format!("{}: {}", format.as_str(), text.trim_end())
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"), @r##"
    dotenv: a variable cannot be written as dotenv
    dotenv-python: A="it's \"5 $\" \\ ü"
    dotenv-node: A=`it's "5 $" \ ü`
    compose-env: A="it's \"5 \$\" \\ ü"
    docker-env: A=it's "5 $" \ ü
    shell: export A='it'\''s "5 $" \ ü'
    systemd: A="it's \"5 \$\" \\ ü"
    json: {
      "A": "it's \"5 $\" \\ ü"
    }
    yaml: A: "it's \"5 $\" \\ ü"
    configmap: apiVersion: v1
    kind: ConfigMap
    metadata:
      name: "web"
    data:
      A: "it's \"5 $\" \\ ü"
    k8s-secret: apiVersion: v1
    kind: Secret
    metadata:
      name: "web"
    type: Opaque
    data:
      A: "aXQncyAiNSAkIiBcIMO8"
    tfvars: A = "it's \"5 $\" \\ ü"
    tfvars-json: {
      "A": "it's \"5 $\" \\ ü"
    }
    "##);
}

#[test]
fn every_format_has_one_word() {
    for format in Format::ALL {
        assert_eq!(Format::of(format.as_str()), Some(format));
        assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
    }
    assert_eq!(Format::of("toml"), None);
}

#[test]
fn all_that_does_not_fit_is_named_at_once_with_what_would_hold_it() {
    let variables = BTreeMap::from([
        ("A".to_owned(), plain("1\n2")),
        ("B".to_owned(), plain("fine")),
        ("C".to_owned(), plain("'quoted'")),
        ("D".to_owned(), plain("a\0b")),
        ("E".to_owned(), plain(&"x".repeat(70_000))),
        ("F-G".to_owned(), plain("1")),
    ]);
    let error = render(Format::DockerEnv, &web(), &variables).unwrap_err();
    assert_eq!(error.to_string(), "5 variables cannot be written as docker-env");
    let RenderError::Unfit { variables, .. } = error else { unreachable!() };
    let lines: Vec<String> = variables.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r##"
    `A` has several lines; dotenv, dotenv-python, dotenv-node, compose-env and 7 more can hold it
    `C` begins and ends with a quote, which some versions of the reader take away; dotenv, dotenv-python, dotenv-node, compose-env and 7 more can hold it
    `D` has a NUL character, which no environment variable can hold
    `E` is longer than the 65535 bytes its reader takes in a line; dotenv, dotenv-python, dotenv-node, compose-env and 7 more can hold it
    `F-G` is not a name the format can hold; json, yaml, configmap can hold it
    "##);
}

#[test]
fn without_variables_every_format_is_sound() {
    for format in Format::ALL {
        let text = render(format, &web(), &BTreeMap::new()).unwrap();
        if matches!(format, Format::Json | Format::TfvarsJson | Format::Yaml) {
            assert_eq!(text, "{}\n");
        }
    }
    assert_eq!(one(Format::Shell, "").unwrap(), "export A=''\n");
}

#[test]
fn an_object_has_what_kubernetes_asks_for() {
    let object = Object {
        name: "web".to_owned(),
        namespace: Some("shop".to_owned()),
        labels: BTreeMap::from([("app.kubernetes.io/name".to_owned(), "web".to_owned())]),
    };
    let secret = Rendered { secret: true, ..plain("s3cret") };
    let text = render(Format::K8sSecret, &object, &BTreeMap::from([("KEY".to_owned(), secret)])).unwrap();
    insta::assert_snapshot!(text, @r##"
    apiVersion: v1
    kind: Secret
    metadata:
      name: "web"
      namespace: "shop"
      labels:
        "app.kubernetes.io/name": "web"
    type: Opaque
    data:
      KEY: "czNjcmV0"
    "##);
}

#[test]
fn names_that_kubernetes_refuses_are_refused() {
    let with = |change: fn(&mut Object)| {
        let mut object = web();
        change(&mut object);
        object.check().is_ok()
    };
    assert!(with(|_| ()));
    assert!(with(|object| object.name = "a.b-c.1".to_owned()));
    assert!(!with(|object| object.name = String::new()));
    assert!(!with(|object| object.name = "Web".to_owned()));
    assert!(!with(|object| object.name = "a..b".to_owned()));
    assert!(!with(|object| object.namespace = Some("a.b".to_owned())));
    assert!(!with(|object| object.namespace = Some("a".repeat(64))));
    assert!(with(|object| drop(object.labels.insert("a.b/c_d".to_owned(), String::new()))));
    assert!(!with(|object| drop(object.labels.insert("a b".to_owned(), String::new()))));
    assert!(!with(|object| drop(object.labels.insert("a".to_owned(), "-b".to_owned()))));
}

#[test]
fn secrets_and_the_rest_do_not_share_an_object() {
    let secret = BTreeMap::from([("KEY".to_owned(), Rendered { secret: true, ..plain("s3cret") })]);
    let error = render(Format::ConfigMap, &web(), &secret).unwrap_err();
    let RenderError::Unfit { variables, .. } = &error else { unreachable!() };
    assert_eq!(variables[0].why, Why::Kind);
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    assert!(render(Format::K8sSecret, &web(), &BTreeMap::from([("A".to_owned(), plain("1"))])).is_err());
}

#[test]
fn an_object_holds_a_mebibyte() {
    assert!(one(Format::ConfigMap, &"x".repeat(1 << 20)).is_ok());
    let error = one(Format::K8sSecret, &"x".repeat((1 << 20) + 1)).unwrap_err();
    assert!(matches!(error, RenderError::Size { bytes: 1_048_577, limit: 1_048_576 }));
}

#[test]
fn only_what_is_declared_a_number_or_a_truth_value_is_written_as_one_for_terraform() {
    let typed = |value: &str, kind| {
        let variable = Rendered { kind: Some(kind), ..plain(value) };
        render(Format::Tfvars, &web(), &BTreeMap::from([("A".to_owned(), variable)])).unwrap()
    };
    assert_eq!(typed("8080", VariableType::Port), "A = 8080\n");
    assert_eq!(typed("-1.5e3", VariableType::Float), "A = -1.5e3\n");
    assert_eq!(typed("true", VariableType::Bool), "A = true\n");
    assert_eq!(typed("8080", VariableType::String), "A = \"8080\"\n");
    // As a number it would lose its zeros.
    assert_eq!(typed("007", VariableType::Int), "A = \"007\"\n");
    assert_eq!(typed("+7", VariableType::Int), "A = \"+7\"\n");
    assert_eq!(one(Format::Tfvars, "${a} %{b} $${c}").unwrap(), "A = \"$${a} %%{b} $$${c}\"\n");
}

#[test]
fn what_terraform_would_normalise_is_refused() {
    for format in [Format::Tfvars, Format::TfvarsJson] {
        assert!(one(format, "\u{e9}").is_ok());
        assert!(one(format, "e\u{301}").is_err());
        assert!(one(format, "\u{212b}").is_err());
        // An accent that joins nothing.
        assert!(one(format, "1\u{301}").is_ok());
    }
}

#[test]
fn ten_thousand_variables_and_a_large_value_are_written_in_every_format() {
    let mut variables: BTreeMap<String, Rendered> =
        (0..10_000).map(|n| (format!("NAME_{n:05}"), plain("it is 'quoted'"))).collect();
    for format in Format::ALL.into_iter().filter(|format| format.takes() != Takes::Secret) {
        variables.remove("LARGE");
        if format != Format::DockerEnv {
            let size = if format.has_object() { 500_000 } else { 1_000_000 };
            variables.insert("LARGE".to_owned(), plain(&"é$".repeat(size / 3)));
        }
        let text = render(format, &web(), &variables).unwrap();
        assert!(text.len() > 10_000 * 20);
    }
}

#[test]
fn a_secret_value_is_not_debugged() {
    let secret = Rendered { secret: true, ..plain("s3cret") };
    assert_eq!(format!("{secret:?}"), crate::config::MASK);
}

/// What POSIX makes of the quoting.
fn unquote_shell(line: &str) -> String {
    let text = line.strip_prefix("export A=").unwrap().strip_suffix('\n').unwrap();
    let mut out = String::new();
    let mut chars = text.chars();
    let mut inside = false;
    while let Some(c) = chars.next() {
        match c {
            '\'' => inside = !inside,
            '\\' if !inside => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    assert!(!inside);
    out
}

fn yaml_data(text: &str) -> serde_json::Value {
    let (document, diagnostics) = crate::config::yaml::parse(crate::config::SourceId(0), text, 0);
    assert_eq!(diagnostics, []);
    let document = document.unwrap();
    crate::config::Value::of(&document, document.root(), crate::config::value::Nulls::Keep).to_json()
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in prop_oneof![hostile(), "[^\0]*"]) {
        prop_assert_eq!(yaml_data(&one(Format::Yaml, &value).unwrap()), serde_json::json!({ "A": value }));
        let json: serde_json::Value = serde_json::from_str(&one(Format::Json, &value).unwrap()).unwrap();
        prop_assert_eq!(json, serde_json::json!({ "A": value }));
        prop_assert_eq!(unquote_shell(&one(Format::Shell, &value).unwrap()), value.clone());
        prop_assert_eq!(&yaml_data(&one(Format::ConfigMap, &value).unwrap())["data"]["A"], &value);
        if let Ok(text) = one(Format::TfvarsJson, &value) {
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(json, serde_json::json!({ "A": value }));
        }
    }

    #[test]
    fn any_name_is_a_key_of_yaml(name in "[^\0=]+") {
        let text = render(Format::Yaml, &web(), &BTreeMap::from([(name.clone(), plain("1"))])).unwrap();
        prop_assert_eq!(yaml_data(&text), serde_json::json!({ name: "1" }));
    }

    #[test]
    fn what_compose_reads_is_what_was_meant(values in prop::collection::vec(hostile(), 1..4)) {
        for format in [Format::ComposeEnv, Format::Dotenv] {
            let fit = |value: &&String| one(format, value).is_ok();
            let variables: BTreeMap<String, Rendered> =
                values.iter().filter(fit).enumerate().map(|(n, value)| (format!("V{n}"), plain(value))).collect();
            let read = compose::read(&render(format, &web(), &variables).unwrap()).unwrap();
            let meant: BTreeMap<String, String> =
                variables.into_iter().map(|(name, variable)| (name, variable.value)).collect();
            prop_assert_eq!(read, meant);
        }
    }

    #[test]
    fn compose_can_hold_anything(value in hostile()) {
        prop_assert!(one(Format::ComposeEnv, &value).is_ok());
        prop_assert!(one(Format::DotenvPython, &value).is_ok());
    }

    #[test]
    fn what_docker_reads_is_what_was_meant(values in prop::collection::vec(hostile(), 1..4)) {
        let fit = |value: &&String| one(Format::DockerEnv, value).is_ok();
        let variables: BTreeMap<String, Rendered> =
            values.iter().filter(fit).enumerate().map(|(n, value)| (format!("V{n}"), plain(value))).collect();
        let text = render(Format::DockerEnv, &web(), &variables).unwrap();
        let meant: BTreeMap<String, String> =
            variables.into_iter().map(|(name, variable)| (name, variable.value)).collect();
        prop_assert_eq!(docker::read(&text, false).unwrap(), meant.clone());
        prop_assert_eq!(docker::read(&text, true).unwrap(), meant);
    }
}
