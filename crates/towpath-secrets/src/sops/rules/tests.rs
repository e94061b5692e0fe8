//! Tests of `rules`.

use towpath_core::config::{SourceSet, diagnostic_views};

use super::*;

const ANA: &str = "age1se5ghfycr4n8kcwc3qwf234ymvmr2lex2a99wh8gpfx97glwt9hqch4569";
const SSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN ben@board";

fn good(text: &str) -> Rules {
    let (rules, found) = Rules::read(text);
    assert!(found.is_empty(), "{found:#?}");
    rules.unwrap()
}

/// Returns every mistake as `line:column code message → help`.
fn mistakes(text: &str) -> Vec<String> {
    let (rules, found) = Rules::read(text);
    let mut sources = SourceSet::new();
    sources.insert(RULES_FILE, text);
    assert_eq!(rules.is_none(), has_errors(&found));
    let views = diagnostic_views(&sources, &found);
    let said = views.iter().map(|one| {
        assert_eq!(one.path.as_deref(), Some(RULES_FILE));
        let excerpt = one.excerpt.as_deref().unwrap_or_default();
        assert!(!excerpt.contains("SECRET-KEY-1"), "{excerpt}");
        let (line, column) = (one.line.unwrap(), one.column.unwrap());
        format!("{line}:{column} {} {} → {}", one.code, one.message, one.help.as_deref().unwrap())
    });
    said.collect()
}

#[test]
fn the_first_rule_that_matches_counts() {
    let rules = good(&format!(
        "creation_rules:\n- path_regex: \\.prod\\.yaml$\n  age: {ANA}\n  encrypted_regex: ^(data|x)$\n- path_regex: ^secrets/\n  age: ['{SSH}']\n  mac_only_encrypted: yes\n- age: '{ANA},{ANA},'\n"
    ));
    let prod = rules.rule_for("secrets/a.prod.yaml").unwrap();
    let selecting = Selecting { by: SelectedBy::EncryptedRegex, text: "^(data|x)$".to_owned() };
    assert_eq!(prod.selection.as_ref(), Some(&selecting));
    assert_eq!(rules.rule_for("secrets/a.yaml").unwrap().groups, [[Key::Age(SSH.to_owned())]]);
    assert!(rules.rule_for("secrets/a.yaml").unwrap().mac_only_encrypted);
    assert_eq!(rules.rule_for("x/secrets/a.yaml").unwrap().groups, [[Key::Age(ANA.to_owned())]]);
}

#[test]
fn groups_take_anchors_merges_and_keys_of_every_service() {
    let rules = good(&format!(
        "keys:\n- &ana {ANA}\nstores: {{yaml: {{indent: 2}}, json: {{indent: 0}}}}\ncreation_rules:\n- shamir_threshold: 2\n  key_groups:\n  - age: [*ana, *ana]\n    pgp: [0123ABCD]\n  - hc_vault: [\"https://vault:8200/v1/team/transit/keys/board/\"]\n    kms: [{{arn: 'arn:aws:kms:x', role: r}}]\n  - merge:\n    - age: [*ana]\n    - gcp_kms: [{{resource_id: p/k}}]\n"
    ));
    let rule = rules.rule_for("any").unwrap();
    let foreign = |kind, name: &str| Key::Foreign { kind, name: name.to_owned() };
    let vault = VaultKey { address: "https://vault:8200".into(), engine: "team/transit".into(), name: "board".into() };
    assert_eq!(
        rule.groups,
        [
            vec![Key::Age(ANA.into()), foreign("pgp", "0123ABCD")],
            vec![foreign("kms", "arn:aws:kms:x"), Key::Vault(vault)],
            vec![Key::Age(ANA.into()), foreign("gcp_kms", "p/k")],
        ]
    );
    assert_eq!((rule.threshold, rule.foreign().count()), (Some(2), 3));
    assert_eq!(rules.stores, Stores { yaml_indent: Some(2), json_indent: Some(0), binary_indent: None });
}

#[test]
fn without_creation_rules_there_is_nothing_to_go_by() {
    for text in ["", "# nothing\n", "stores: {}\n", "creation_rules:\n", "destination_rules: []\n"] {
        assert!(good(text).creation.is_none(), "{text}");
    }
    assert!(good("creation_rules: []\n").rule_for("x").is_none());
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let text = format!(
        "\
creation_rule: []
creation_rules:
- path_regx: a
  age: {ANA}
- path_regex: '('
  age: AGE-SECRET-KEY-1QQPQYPQXPQ
- age: [age1se5ghfycr4n8kcwc3qwf234ymvmr2lex2a99wh8gpfx97glwt9hqch4560, bob, age1yubikey1qwerty]
  shamir_threshold: 2
- pgp: ABCD
  encrypted_regex: a
  encrypted_suffix: b
  mac_only_encrypted: maybe
- hc_vault_transit_uri: 'vault/v1/transit/keys/a, https://x/y, https://root@x/v1/a/keys/b'
- key_groups: [{{age: [{ANA}]}}, {{}}]
  age: {ANA}
  shamir_threshold: 3
- just text
- futuristic: 1
  age: {ANA}
"
    );
    insta::assert_snapshot!(mistakes(&text).join("\n"));
}

#[test]
fn odd_documents_are_mistakes_and_never_a_crash() {
    for text in [
        "- a\n",
        "text",
        "creation_rules: {a: b}\n",
        "creation_rules: [[[]]]\n",
        "a: [\n",
        "stores: {yaml: {indent: 99}}\n",
        "creation_rules: [{key_groups: {a: b}}]\n",
        "creation_rules: [{key_groups: [x]}]\n",
        "creation_rules: [{age: {a: b}}]\n",
        "creation_rules: [{pgp: x, path_regex: [a]}]\n",
        "creation_rules: [{pgp: x, shamir_threshold: two}]\n",
    ] {
        assert!(!mistakes(text).is_empty(), "{text}");
    }
    let deep = "creation_rules: [{key_groups: [".to_owned()
        + &"{merge: [".repeat(25)
        + "{age: [x]}"
        + &"]}".repeat(25)
        + "]}]";
    assert!(mistakes(&deep).iter().any(|line| line.contains("too deep")), "{deep}");
}

#[test]
fn a_rule_that_no_file_reaches_is_warned_of() {
    let text = format!("creation_rules:\n- age: {ANA}\n- path_regex: a\n  age: {ANA}\n");
    let (rules, found) = Rules::read(&text);
    assert!(rules.is_some() && found.len() == 1 && found[0].code == "sops::unreachable", "{found:#?}");
}
