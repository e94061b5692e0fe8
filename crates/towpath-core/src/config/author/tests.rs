//! Texts of environment files: each is resolved with the project before it is believed.

use super::*;
use crate::config::{Live, SourceSet, load};

const PROJECT: &str = "project: shop\nservices:\n  web: {command: [./serve], listen: 127.0.0.1:8080}\nvariables:\n  \
                       LEVEL: {type: int, default: 1}\n  KEY: {secret: true}\n  NAME: string\npipeline: [staging]\n";

fn sources() -> SourceSet {
    [
        ("towpath.yaml", PROJECT),
        ("environments/staging.yaml", "# yaml-language-server: $schema=../s.json\n# Rehearsal.\nurl: https://s.example.org # people\naliases:\n  - pre\n  - last\nservices:\n  web:\n    # its own\n    listen: 127.0.0.1:8081\n    replicas: 2 # two\nvariables: {NAME: \"a\", KEY: hush}\ngates: {checklist: [read]}\n"),
        ("environments/other.yml", "extends: staging\ntier: testing\nservices: {web: {replicas: 3}}\n"),
    ]
    .into_iter()
    .collect()
}

fn resolved(name: &str, text: &str) -> ResolvedEnvironment {
    let name = EnvironmentName::new(name).unwrap();
    let live = Live { file: Some(text.to_owned()), ..Live::NONE };
    let loaded = load(&live.sources(&sources(), &name));
    let resolution = loaded.resolve(name.as_str(), &Inputs::default());
    assert!(loaded.diagnostics().is_empty(), "{:?}\n{text}", loaded.diagnostics());
    resolution.environment.unwrap_or_else(|| panic!("{:?}\n{text}", resolution.diagnostics))
}

fn name(text: &str) -> EnvironmentName {
    EnvironmentName::new(text).unwrap()
}

#[test]
fn a_new_file_says_what_was_asked_for_and_shares_no_address() {
    let new = NewEnvironment {
        extends: Some("staging".to_owned()),
        tier: Some(Tier::Testing),
        description: Some("with \"quotes\": and # more\nlines".to_owned()),
        aliases: vec!["q".to_owned(), "qs".to_owned()],
        set: vec![("services.web.replicas".to_owned(), "4".to_owned()), ("LEVEL".to_owned(), "7".to_owned())],
    };
    let text = load(&sources()).new_file(&name("qa"), &new).unwrap();
    assert!(text.starts_with("# yaml-language-server: $schema=../s.json\n"), "{text}");
    let resolved = resolved("qa", &text);
    assert_eq!((resolved.tier, resolved.url.as_deref()), (Tier::Testing, None));
    assert_eq!(resolved.description.as_deref(), Some("with \"quotes\": and # more\nlines"));
    let web = resolved.services.values().next().unwrap();
    assert_eq!((web.replicas, web.listen), (4, None));
    assert_eq!(resolved.variables["LEVEL"].value, "7");
}

#[test]
fn a_new_file_that_says_nothing_is_an_environment_too() {
    let text = load(&sources()).new_file(&name("qa"), &NewEnvironment::default()).unwrap();
    assert_eq!(resolved("qa", &text).tier, Tier::Testing);
    let text = load(&sources()).new_file(&name("production"), &NewEnvironment::default()).unwrap();
    assert_eq!(resolved("production", &text).tier, Tier::Production);
}

#[test]
fn a_preview_has_neither_gates_nor_addresses_of_what_it_is_built_on() {
    let new = NewEnvironment {
        extends: Some("staging".to_owned()),
        set: vec![("NAME".to_owned(), "it's: \"odd\" ${LEVEL}".to_owned())],
        ..NewEnvironment::default()
    };
    let text = load(&sources()).preview_file(&name("pr-42"), &new).unwrap();
    let resolved = resolved("pr-42", &text);
    assert_eq!((resolved.tier, resolved.url.as_deref(), resolved.services.len()), (Tier::Staging, None, 1));
    assert!(resolved.services.values().all(|web| web.listen.is_none() && web.replicas == 2));
    assert_eq!(resolved.gates, crate::project::GatePolicy::default());
    assert_eq!(resolved.variables["NAME"].value, "it's: \"odd\" 1");
}

#[test]
fn what_cannot_be_is_refused_with_what_could() {
    let loaded = load(&sources());
    let new = |text: &str| loaded.new_name(text).unwrap_err().to_string();
    assert_eq!(new("staging"), "there is an environment `staging` already");
    assert_eq!(loaded.new_name("staging").unwrap_err().free(), Some("staging-2"));
    assert_eq!(new("pre"), "`pre` already means `staging`");
    assert_eq!(new("stage"), "`stage` already means `staging`");
    assert!(new("base").contains("lies under every one"));
    assert!(new("Pre View").contains("lower-case"));
    assert_eq!(loaded.new_name("pr-42"), Ok(name("pr-42")));
    let preview = |extends: &str, key: &str| {
        let set = vec![(key.to_owned(), "1".to_owned())];
        let new = NewEnvironment { extends: Some(extends.to_owned()), set, ..NewEnvironment::default() };
        loaded.preview_file(&name("pr-42"), &new).unwrap_err().to_string()
    };
    assert!(preview("stagin", "LEVEL").contains("did you mean `staging`"));
    assert!(preview("staging", "LEVL").contains("did you mean `LEVEL`"));
    assert!(preview("staging", "KEY").contains("secret"));
    assert!(preview("staging", "services.web.listen").contains("free ports"));
    assert!(preview("staging", "services..web").contains("no key"));
}

#[test]
fn a_copy_keeps_comments_and_order_and_not_what_two_cannot_share() {
    let copied = load(&sources()).copy_file(&name("staging"), false).unwrap();
    insta::assert_snapshot!(copied.text, @r#"
    # yaml-language-server: $schema=../s.json
    # Rehearsal.
    url: null # people
    aliases: []
    services:
      web:
        # its own
        listen: null
        replicas: 2 # two
    variables: {NAME: "a", KEY: null}
    gates: {checklist: [read]}
    "#);
    let keys: Vec<&str> = copied.cleared.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["url", "aliases", "services.web.listen", "variables.KEY"]);
    assert!(copied.shared.is_empty());
    let text = format!("{}tier: testing\n", copied.text);
    assert!(resolved("copy", &text).services.values().all(|web| web.listen.is_none() && web.replicas == 2));
}

#[test]
fn a_flat_copy_says_itself_what_the_original_takes_from_others() {
    let loaded = load(&sources());
    let plain = loaded.copy_file(&name("other"), false).unwrap();
    assert!(plain.shared.contains(&"services.web.listen".to_owned()), "{plain:?}");
    let copied = loaded.copy_file(&name("other"), true).unwrap();
    let resolved = resolved("copy", &copied.text);
    let web = resolved.services.values().next().unwrap();
    assert_eq!((resolved.tier, resolved.url.as_deref(), web.replicas), (Tier::Testing, None, 3));
    assert_eq!(resolved.gates.checklist, ["read"]);
    assert!(!copied.text.contains("hush") && !copied.text.contains("extends"), "{}", copied.text);
}
