//! Tests of `diff`.

use super::*;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn shown(secrets: &Secrets, before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<String> {
    let lines = compare(&map(before), &map(after), secrets).into_iter();
    lines.map(|it| format!("{:?} {} {:?} {:?}", it.change, it.name, it.before, it.after)).collect()
}

fn declared(names: &[&str]) -> Secrets {
    Secrets { declared: Some(names.iter().map(|name| (*name).to_owned()).collect()) }
}

#[test]
fn variables_are_compared_by_name_with_their_values() {
    let lines = shown(&declared(&[]), &[("A", "1"), ("B", "2"), ("C", "3")], &[("A", "1"), ("B", "4"), ("D", "5")]);
    assert_eq!(lines, [r#"Changed B Some("2") Some("4")"#, r#"Removed C Some("3") None"#, r#"Added D None Some("5")"#]);
}

#[test]
fn values_of_secrets_are_held_back() {
    let before = [("PIN", "1234"), ("DB_PASSWORD", "hunter2"), ("URL", "postgres://me:hunter2@db/x"), ("PLAIN", "1")];
    let lines = shown(&declared(&["PIN"]), &before, &[("PLAIN", "2")]);
    assert_eq!(
        lines,
        [
            "Removed DB_PASSWORD None None",
            "Removed PIN None None",
            r#"Changed PLAIN Some("1") Some("2")"#,
            "Removed URL None None",
        ]
    );
}

#[test]
fn no_value_is_shown_where_it_cannot_be_told_which_are_secret() {
    assert_eq!(shown(&Secrets { declared: None }, &[("A", "1")], &[("A", "2")]), ["Changed A None None"]);
}

#[test]
fn an_address_without_a_password_is_no_secret() {
    for (value, secret) in [
        ("http://host:80/a@b:c", false),
        ("https://user@host/", false),
        ("https://user:pw@host/", true),
        ("redis://:pw@host", true),
        ("plain", false),
    ] {
        assert_eq!(has_credentials(value), secret, "{value}");
    }
}
