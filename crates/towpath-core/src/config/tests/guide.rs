//! The guide's examples are a project that works.

use super::*;

const GUIDE: &str = include_str!("../../../../../docs/src/configuration.md");

const VARIABLES: &str = include_str!("../../../../../docs/src/variables.md");

/// The YAML blocks of the guide that begin with a comment naming a file, in order.
fn examples() -> Vec<(String, String)> {
    examples_of(GUIDE)
}

fn examples_of(page: &str) -> Vec<(String, String)> {
    page.split("```yaml\n")
        .skip(1)
        .filter_map(|block| block.split_once("```"))
        .filter_map(|(block, _)| {
            let (head, _) = block.split_once('\n')?;
            Some((head.strip_prefix("# ")?.to_owned(), block.to_owned()))
        })
        .collect()
}

#[test]
fn every_example_of_the_guide_validates() {
    let examples = examples();
    assert_eq!(examples.len(), 4);
    let smallest = [examples[0].clone()].into_iter();
    let smallest: SourceSet = smallest
        .chain(["development", "production"].map(|name| (format!("environments/{name}.yaml"), String::new())))
        .collect();
    let whole = examples[1..].iter().cloned();
    let whole: SourceSet = whole.chain([("environments/development.yaml".to_owned(), String::new())]).collect();
    for sources in [smallest, whole] {
        let diagnostics = load(&sources).validate();
        assert_eq!(render_diagnostics(&sources, &diagnostics, false), "");
    }
}

#[test]
fn the_tags_of_the_guide_do_what_it_says() {
    let sources: SourceSet =
        examples()[1..].iter().cloned().chain([("environments/development.yaml".to_owned(), String::new())]).collect();
    let staging = resolve(&sources, "staging", &Inputs::default()).environment.unwrap();
    let web = staging.services.values().next().unwrap();
    assert_eq!((web.replicas, web.command.last().unwrap().as_str()), (1, "--verbose"));
    assert_eq!(staging.gates.approvals, None);
    let names: Vec<&str> = staging.verification.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["home page", "status"]);
}

#[test]
fn the_variables_of_the_guide_are_what_it_says() {
    let development = ("environments/development.yaml".to_owned(), String::new());
    let sources: SourceSet = examples_of(VARIABLES).into_iter().chain([development]).collect();
    let loaded = load(&sources);
    assert_eq!(render_diagnostics(&sources, &loaded.validate(), false), "");
    let production = loaded.resolve("production", &Inputs::default()).environment.unwrap();
    let value = |name: &str| production.variables.get(name).map(|variable| variable.value.as_str());
    assert_eq!(value("PUBLIC_URL"), Some("https://www.example.org/start?from=production"));
    assert_eq!(value("LIMITS"), Some(r#"{"uploads":100}"#));
    assert_eq!(value("TRACE"), None);
}
