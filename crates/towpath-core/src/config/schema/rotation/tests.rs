//! Tests of `rotation`.

use crate::{
    config::{
        load,
        tests::{report, sources},
    },
    ids::ProjectName,
    secrets::rotation::{Credential, Generator, RotationPolicy},
    units::Millis,
};

fn files(variable: &str) -> String {
    format!(
        "== towpath.yaml\nproject: shop\nvariables:\n  DB_URL: {variable}\npipeline: [development]\n== environments/development.yaml\n{{}}\n"
    )
}

fn policy(variable: &str) -> Option<RotationPolicy> {
    let (project, diagnostics) = load(&sources(&files(variable))).project();
    let project = project.unwrap_or_else(|| panic!("{diagnostics:?}"));
    assert_eq!(project.name, ProjectName::new("shop").unwrap());
    project.secrets.get("DB_URL").cloned()
}

#[test]
fn what_a_secret_says_of_its_life_comes_into_the_policy() {
    let all = policy(
        "{secret: true, owner: data, rotate_every: 90d, expires: '2027-03-31', remind: 7d, generate: {password: {length: 40, symbols: '+-'}}, \
         rotation: {grace: 2h, automatic: true, postgres: {admin: DB_ADMIN, owner: app, roles: [app_a, app_b]}}}",
    );
    let credential = Credential::Postgres {
        admin: "DB_ADMIN".to_owned(),
        owner: "app".to_owned(),
        roles: ["app_a".to_owned(), "app_b".to_owned()],
    };
    let expected = RotationPolicy {
        every: Some(Millis::from_secs(90 * 86_400)),
        expires: Some("2027-03-31".parse().unwrap()),
        remind: Millis::from_secs(7 * 86_400),
        owner: Some("data".to_owned()),
        generate: Some(Generator::password(40, "+-")),
        credential,
        grace: Millis::from_secs(7200),
        automatic: true,
    };
    assert_eq!(all, Some(expected));
}

#[test]
fn what_says_nothing_has_no_policy_and_what_says_little_the_usual() {
    assert_eq!(policy("{secret: true, owner: data}"), None);
    let little = policy("{secret: true, generate: token}").unwrap();
    assert_eq!(little.generate, Some(Generator::Token { bytes: 32 }));
    assert_eq!((little.remind, little.grace), (RotationPolicy::REMIND, RotationPolicy::GRACE));
    assert_eq!(little.credential, Credential::Value);
    let alphabet = policy("{secret: true, generate: {password: {alphabet: abcdef, length: 16}}}").unwrap();
    assert_eq!(alphabet.generate, Some(Generator::Password { length: 16, classes: vec!["abcdef".to_owned()] }));
}

#[test]
fn a_value_is_due_by_its_age_or_its_last_day_whichever_is_sooner() {
    let both = policy("{secret: true, rotate_every: 90d, expires: '2026-12-31'}").unwrap();
    let due = |written: &str| both.due(written.parse().unwrap()).unwrap().to_string();
    assert_eq!(due("2026-01-01T00:00:00Z"), "2026-04-01T00:00:00Z");
    assert_eq!(due("2026-12-01T00:00:00Z"), "2027-01-01T00:00:00Z");
}

#[test]
fn each_mistake_is_told_in_its_place() {
    for (variable, told) in [
        ("{rotate_every: 90d}", "`rotate_every` needs `secret: true`"),
        ("{expires: '2027-01-01', secret: false}", "`expires` needs `secret: true`"),
        ("{secret: true, rotation: {automatic: true}}", "needs `generate`"),
        ("{secret: true, expires: '31.3.2027'}", "a day such as `2027-03-31`"),
        ("{secret: true, expires: '2027-02-30'}", "a day such as `2027-03-31`"),
        ("{secret: true, rotate_every: 90}", "has no unit"),
        ("{secret: true, generate: {password: {length: 4}}}", "8 to 1024"),
        ("{secret: true, generate: {password: {alphabet: aa}}}", "two or more different characters"),
        ("{secret: true, generate: {password: {symbols: 'a'}}}", "two or more different characters"),
        ("{secret: true, generate: {token: {}, hex: {}}}", "say how the value is made"),
        ("{secret: true, generate: guid}", "`guid`"),
        ("{secret: true, rotation: {postgres: {admin: A, owner: o, roles: [a, a]}}}", "two different roles"),
        ("{secret: true, rotation: {postgres: {admin: A, owner: o, roles: []}}}", "two roles"),
        ("{secret: true, rotation: {command: {run: []}}}", "needs a program"),
    ] {
        let found = report(&files(variable));
        assert!(found.contains(told), "{variable}\n{found}");
        assert!(found.contains("towpath.yaml:3:"), "{variable}\n{found}");
    }
}
