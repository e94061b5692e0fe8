//! Tests of `postgres`.

use std::sync::Arc;

use towpath_core::secrets::{SecretText, rotation::Credential};
use towpath_engine::ports::{CredentialError, CredentialJob};

use super::{Roles, Url, identifier};
use crate::rotators::{Variables, admin_variable};

fn job() -> CredentialJob {
    let roles = ["app_a".to_owned(), "app_b".to_owned()];
    let credential = Credential::Postgres { admin: "DB_ADMIN".to_owned(), owner: "app".to_owned(), roles };
    CredentialJob { environment: "production".parse().unwrap(), name: "DB_URL".to_owned(), credential }
}

fn compose(current: &str, password: &str) -> Result<String, CredentialError> {
    let job = job();
    let Credential::Postgres { owner, roles, .. } = &job.credential else { unreachable!() };
    let variables: Variables = Arc::new(|_| None);
    let pair = Roles { job: &job, variable: String::new(), owner, pair: roles, variables: &variables };
    let (current, password) = (SecretText::new(current), SecretText::new(password));
    pair.compose(&password, Some(&current)).map(|value| value.expose().to_owned())
}

#[test]
fn the_new_value_is_the_same_url_with_the_other_role() {
    let made = |current| compose(current, "n3w").unwrap();
    assert_eq!(
        made("postgres://app_a:old@db:5432/shop?sslmode=require"),
        "postgres://app_b:n3w@db:5432/shop?sslmode=require"
    );
    assert_eq!(made("postgresql://app_b:o%40ld@[::1]/shop"), "postgresql://app_a:n3w@[::1]/shop");
    assert_eq!(made("postgres://app:old@db"), "postgres://app_a:n3w@db");
    assert_eq!(compose("postgres://app_a:o@db/s", "a/b:c@d%e?").unwrap(), "postgres://app_b:a%2Fb%3Ac%40d%25e%3F@db/s");
}

#[test]
fn a_password_of_any_characters_comes_back_from_its_url() {
    let value = compose("postgres://app_a:o@db/s", "ä/b:c@d%e? \u{1f600}").unwrap();
    assert_eq!(*Url::read(&value).unwrap().password, "ä/b:c@d%e? \u{1f600}");
}

#[test]
fn what_cannot_be_rotated_is_refused_without_showing_it() {
    for current in [
        "hunter2",
        "mysql://app_a:hunter2@db",
        "postgres://db/shop",
        "postgres://app_a@db/x",
        "postgres://root:hunter2@db/x",
        "postgres://app_a:hunter2%zz@db",
    ] {
        let error = compose(current, "n").unwrap_err();
        assert!(matches!(error, CredentialError::Refused { .. }), "{current}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn names_of_roles_are_quoted() {
    assert_eq!(identifier("a\"; DROP ROLE b; --\0"), "\"a\"\"; DROP ROLE b; --\"");
}

#[test]
fn each_environment_has_its_own_administrator() {
    assert_eq!(admin_variable("DB_ADMIN", "pr-42"), "DB_ADMIN_PR_42");
}
