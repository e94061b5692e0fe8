//! Tests that no secret value is written.

use std::collections::BTreeSet;

use super::{Choices, Outcome, named, project, settled};

#[test]
fn no_secret_value_is_written() {
    let settled = project(
        "
        === .env
        # was hunter2x before
        DB_PASSWORD=hunter2x
        NOTE=the password is hunter2x
        DATABASE_URL=postgres://app:pw123@db/app
        ALSO=postgres://app:${DB_PASSWORD}@db/app
        STRIPE=sk_live_4242424242424242
        SEED=0123456789abcdef0123456789abcdef
        JWT=\"-----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBg
        -----END PRIVATE KEY-----\"
        OUTSIDE=http://u:${SMTP_PASSWORD}@mail
        === compose.yaml
        services:
          web:
            build: .
            command: [serve, --password, hunter2x, --x]
            environment: {API_TOKEN: t0ps3cret, MAIL: '${API_TOKEN}'}
          api: {build: ., command: ./api}
        ",
    );
    let all = settled.all();
    for secret in ["hunter2x", "pw123", "sk_live", "0123456789abcdef", "MIIE", "t0ps3cret"] {
        assert!(!all.contains(secret), "{secret} in\n{all}");
    }
    let names = [
        "DB_PASSWORD",
        "NOTE",
        "DATABASE_URL",
        "ALSO",
        "STRIPE",
        "SEED",
        "JWT",
        "API_TOKEN",
        "MAIL",
        "SMTP_PASSWORD",
        "OUTSIDE",
    ];
    let wanted: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(settled.secrets.iter().cloned().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(settled.why("services.web.command")[0].0, Outcome::Left);
}

#[test]
fn what_only_speaks_of_secrets_is_none() {
    let settled = project(
        "
        === .env
        TOKEN_TTL=3600
        PASSWORD_RESET_URL=https://example.org/reset
        NEXT_PUBLIC_MAP_KEY=abc
        AUTH_ENABLED=true
        MONKEY=george
        PUBLIC_KEY_URL=https://example.org/key
        ",
    );
    assert!(settled.secrets.is_empty(), "{:?}", settled.secrets);
}

#[test]
fn the_user_has_the_last_word_on_what_is_secret() {
    let text = "=== .env\nKEY=visible\nNICK=ana\n";
    let set = |name: &str| BTreeSet::from([name.to_owned()]);
    let settled = settled(text, &Choices { secret: set("NICK"), plain: set("KEY"), ..named() }).unwrap();
    assert_eq!(settled.secrets, ["NICK"]);
    assert!(settled.all().contains("KEY: visible") && !settled.all().contains("ana"));
}

#[test]
fn a_key_pasted_without_quotes_never_becomes_a_name() {
    let text = "A=1\nKEY=-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nabc0123456789abcdefghijklmnop=\n-----END PRIVATE KEY-----\n";
    let (entries, problems) = super::super::dotenv::parse(text);
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["A", "KEY"]);
    let said: String = problems.iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [3, 4, 5]);
    assert!(!said.contains("MIIE") && !said.contains("abc0"), "{said}");
}
