//! What may be laid over what: tags that stand wrong, and what references do in the texts of an environment.

use super::*;
use crate::ids::ServiceName;

const HEAD: &str = "== towpath.yaml
project: shop
services: {web: {command: './serve ${PORT}', listen: 8080}}
variables:
  DOMAIN: {default: example.org}
  COPIES: {type: int, default: 3}
  TOKEN: {secret: true}
pipeline: [staging]
== environments/staging.yaml
";

fn lines(text: &str) -> String {
    let sources = sources(&format!("{HEAD}{text}"));
    let diagnostics = load(&sources).validate();
    let said = diagnostics.iter().map(|one| {
        let place = one.primary.map(|label| sources.place(label)).unwrap_or_default();
        let help = one.help.as_ref().map(|help| format!(" [{help}]")).unwrap_or_default();
        format!("{place} {}{help}\n", one.message)
    });
    said.collect()
}

#[test]
fn a_tag_in_the_wrong_place_is_a_mistake() {
    insta::assert_snapshot!(lines(
        "features: !append {dark: true}
url: !append http://a.b
description: !replace words
verification: !merge-by:name
  - {name: a, http: {service: web}}
  - {http: {service: web}}
  - {name: a, http: {service: web}}
  - just a text
services:
  web:
    command: [a, !unset b]
    replicas: !prepend 3
gates: !mergeby:name {}
api_url: !append
"
    ));
}

#[test]
fn texts_of_the_environment_refer_to_variables() {
    let staging = resolved(
        &format!(
            "{HEAD}url: https://${{DOMAIN}}
description: '${{environment.name}} of ${{project.name}} costs $$5'
services: {{web: {{replicas: '${{COPIES}}', probes: {{readiness: {{http: '/${{environment.tier}}'}}}}}}}}
verification: [{{name: 'at ${{DOMAIN}}', http: {{service: web}}, retries: '${{services.web.replicas}}'}}]
"
        ),
        "staging",
    );
    assert_eq!(staging.url.as_deref(), Some("https://example.org"));
    assert_eq!(staging.description.as_deref(), Some("staging of shop costs $5"));
    let web = &staging.services[&ServiceName::new("web").unwrap()];
    assert_eq!((web.replicas, web.command[2].as_str()), (3, "./serve ${PORT}"));
    assert_eq!((staging.verification[0].name.as_str(), staging.verification[0].retries), ("at example.org", 3));
}

#[test]
fn a_wrong_reference_is_said_once_and_what_it_makes_is_checked() {
    insta::assert_snapshot!(lines(
        "url: https://${DOMIAN}
api_url: ${DOMAIN}
description: ${secret:TOKEN}
services: {web: {replicas: '${DOMAIN}', env: {A: '${services.web.env.B}', B: '${A}'}}}
features: {dark: '${COPIES}'}
verification: [{name: '${PORT}', http: {service: '${environment.name}'}}]
variables: {TOKEN: hunter2}
"
    ));
}

#[test]
fn a_forbidden_variable_is_neither_set_nor_defaulted() {
    let text = "== towpath.yaml
project: shop
variables:
  TRACE: {type: bool, default: true, forbidden_in: [production]}
  DEBUG: {forbidden_in: [prod, staging]}
pipeline: [development, staging, production, production-eu]
== environments/development.yaml
== environments/staging.yaml
variables: {DEBUG: 1}
== environments/production.yaml
== environments/production-eu.yaml
extends: production
";
    let said = report(text);
    assert!(said.contains("`DEBUG` must not be set in `staging`") && said.contains("forbidden here"), "{said}");
    let sound = text.replace("variables: {DEBUG: 1}\n", "");
    assert_eq!(report(&sound), "");
    assert_eq!(resolved(&sound, "staging").variables["TRACE"].value, "true");
    for name in ["production", "production-eu"] {
        assert!(resolved(&sound, name).variables.is_empty(), "{name}");
    }
}

#[test]
fn environments_that_must_differ_are_compared_without_showing_secrets() {
    let text = "== towpath.yaml
project: shop
variables:
  KEY: {secret: true, must_differ_between: [staging, production]}
  HOST: {must_differ_between: [development, stage, prod], default: localhost}
pipeline: [development, staging, production, production-eu]
== environments/development.yaml
== environments/staging.yaml
variables: {KEY: hunter2}
== environments/production.yaml
variables: {KEY: hunter2, HOST: a}
== environments/production-eu.yaml
extends: production
";
    let said = report(text);
    assert!(!said.contains("hunter2"), "{said}");
    insta::assert_snapshot!(said);
    let loaded = load(&sources(text));
    let one = |name: &str| {
        let name = loaded.find(name).unwrap();
        let found = loaded.validate_one(&name, &Inputs::default()).0;
        found.iter().filter(|one| one.code == "config::shared").count()
    };
    assert_eq!((one("development"), one("staging"), one("production"), one("production-eu")), (1, 3, 1, 1));
}

#[test]
fn a_variable_is_required_by_name_alias_or_tier() {
    let text = "== towpath.yaml
project: shop
variables:
  A: {required_in: [production], example: 5}
  B: {required_in: [stage]}
  C: {required: true}
pipeline: [staging, production, production-eu]
== environments/staging.yaml
variables: {C: 1}
== environments/production.yaml
variables: {C: 1}
== environments/production-eu.yaml
extends: production
variables: {C: null}
";
    insta::assert_snapshot!(report(text));
}

#[test]
fn a_variable_may_be_set_by_its_name_alone() {
    let set = |key: &str, value: &str| {
        let inputs = Inputs { flags: vec![(key.to_owned(), value.to_owned())], ..Inputs::default() };
        resolved_with(&format!("{HEAD}url: http://a.b"), "staging", &inputs)
    };
    assert_eq!(set("DOMAIN", "${COPIES}.org").variables["DOMAIN"].value, "3.org");
    assert_eq!(set("variables.DOMAIN", "").variables["DOMAIN"].value, "");
    assert_eq!(set("url", "http://c.d").url.as_deref(), Some("http://c.d"));
}
