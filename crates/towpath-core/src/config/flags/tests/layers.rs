//! Definitions, and what environments lay over them.

use super::*;

const PROJECT: &str = r"== towpath.yaml
project: shop
services: {web: {command: x}}
pipeline: [staging, production]
== environments/staging.yaml
tier: staging
== environments/production.yaml
tier: production
extends: staging
aliases: [live]
";

fn project(flags: &str) -> SourceSet {
    sources(&format!("{PROJECT}{flags}"))
}

fn shown(sources: &SourceSet, environment: &str) -> String {
    let (document, found) = definitions(sources, environment);
    assert_eq!(found, [], "{found:#?}");
    serde_json::to_string_pretty(&document).unwrap()
}

const FLAGS: &str = r#"== flags/a.json
{"flags": {"a": {"state": "ENABLED", "variants": {"one": 1, "ten": 10.0, "big": 18446744073709551615}, "defaultVariant": "one"}}}
== flags/b.yaml
metadata: {team: web}
$evaluators:
  europe: {in: [{var: country}, [de, at]]}
flags:
  b:
    variants: {on: true, off: false}
    defaultVariant: off
    targeting: {if: [{$ref: europe}, on, null]}
    towpath: {owner: ana, expires: 2999-01-01, bucketing: v2, requires: [{flag: a, variant: one}]}
== flags/environments/base.yaml
flags: {b: {metadata: {from: base, also: base}}}
== flags/environments/staging.yaml
flags: {b: {metadata: {from: staging}, defaultVariant: on}}
== flags/environments/production.yaml
flags: {b: {targeting: null, metadata: {also: null}, towpath: {owner: ben}}, a: {state: DISABLED, variants: {ten: null}}}
$evaluators: {europe: {"==": [{var: country}, de]}}
"#;

#[test]
fn each_layer_replaces_properties_and_null_takes_them_away() {
    insta::assert_snapshot!(shown(&project(FLAGS), "live"), @r#"
    {
      "flags": {
        "a": {
          "state": "DISABLED",
          "variants": {
            "big": 18446744073709551615,
            "one": 1
          },
          "defaultVariant": "one"
        },
        "b": {
          "state": "ENABLED",
          "variants": {
            "off": false,
            "on": true
          },
          "defaultVariant": "on",
          "metadata": {
            "from": "staging"
          },
          "towpath": {
            "owner": "ben",
            "expires": "2999-01-01",
            "requires": [
              {
                "flag": "a",
                "variant": "one"
              }
            ],
            "bucketing": "v2"
          }
        }
      },
      "$evaluators": {
        "europe": {
          "==": [
            {
              "var": "country"
            },
            "de"
          ]
        }
      },
      "metadata": {
        "flagSetId": "production",
        "team": "web"
      }
    }
    "#);
}

#[test]
fn an_environment_that_no_file_knows_has_the_definitions_with_the_base() {
    let (document, found) = definitions(&project(FLAGS), "preview-7");
    assert_eq!(found, []);
    assert_eq!(document.metadata["flagSetId"], "preview-7");
    let b = &document.flags["b"];
    assert_eq!(b.metadata["from"], "base");
    assert_eq!(b.default_variant.as_deref(), Some("off"));
}

#[test]
fn no_rule_an_empty_rule_and_a_rule_of_null_are_three_things() {
    let flags = "== flags/a.yaml\nflags:\n  none: {variants: {on: true}}\n  empty: {variants: {on: true}, targeting: {}}\n  \
                 nothing: {variants: {on: true}, targeting: null}\n";
    let (document, found) = definitions(&project(flags), "staging");
    assert_eq!(found, []);
    assert_eq!(document.flags["none"].targeting, None);
    assert_eq!(document.flags["empty"].targeting, Some(serde_json::json!({})));
    assert_eq!(document.flags["nothing"].targeting, Some(serde_json::Value::Null));
}

#[test]
fn a_bundle_carries_the_flags() {
    let sources = project(FLAGS);
    let bundle = crate::config::Bundle::of(&sources);
    assert_eq!(shown(&bundle.to_sources(), "production"), shown(&sources, "production"));
}

#[test]
fn one_broken_flag_takes_no_other_away() {
    let flags = "== flags/a.yaml\nflags:\n  good: {variants: {on: true}, defaultVariant: on}\n  \
                 bad: {variants: {on: true, two: 2}, targeting: [1]}\n";
    let (document, found) = definitions(&project(flags), "staging");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(document.flags["good"].default_variant.as_deref(), Some("on"));
    assert_eq!(document.flags["bad"].targeting, Some(serde_json::json!([1])));
}

#[test]
fn what_is_laid_over_a_document_can_be_checked_without_places() {
    let document = serde_json::from_value(serde_json::json!({
        "flags": {"a": {"variants": {"on": true}, "defaultVariant": "of"}},
    }));
    let found = check_flags(&document.unwrap());
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].message, "flag `a`: the default variant `of` is none of its variants");
    assert_eq!(found[0].primary, None);
}
