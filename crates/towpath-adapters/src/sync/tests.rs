//! What needs no service: rules of names, specifications, manifests, files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::Arc,
};

use towpath_core::secrets::{SecretText, SyncSpec};
use towpath_secrets::{entropy::SystemEntropy, keyed::DigestKey};

use super::{Change, Kubernetes, Means, Patience, SyncError, SyncTarget, open};

fn github(repository: Option<&str>, environment: Option<&str>, organization: Option<&str>, api: &str) -> SyncSpec {
    SyncSpec::GitHub {
        name: "ci".to_owned(),
        repository: repository.map(str::to_owned),
        environment: environment.map(str::to_owned),
        organization: organization.map(str::to_owned),
        api: api.to_owned(),
        token_variable: "T".to_owned(),
        only: Vec::new(),
    }
}

fn opened(spec: &SyncSpec, token: Option<&str>) -> Result<Box<dyn SyncTarget>, SyncError> {
    let root = PathBuf::from("/project");
    let variable = |_: &str| token.map(str::to_owned);
    let means =
        Means { root: &root, variable: &variable, entropy: Arc::new(SystemEntropy), patience: Patience::default() };
    open(spec, &means)
}

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretText> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), SecretText::new(*value))).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_token_is_sent_by_https_only_and_must_be_there() {
    let https = "https://api.github.com";
    assert!(opened(&github(Some("a/b"), None, None, https), Some("t")).is_ok());
    assert!(opened(&github(Some("a/b"), None, None, "http://127.0.0.1:1"), Some("t")).is_ok());
    for api in ["http://api.github.com", "ftp://x", "api.github.com", "http://127.0.0.1.evil.example"] {
        assert!(
            matches!(opened(&github(Some("a/b"), None, None, api), Some("t")), Err(SyncError::Unusable(_))),
            "{api}"
        );
    }
    for token in [None, Some(""), Some("  ")] {
        assert!(matches!(opened(&github(Some("a/b"), None, None, https), token), Err(SyncError::NoToken { .. })));
    }
    assert!(matches!(opened(&github(Some("a/b"), None, None, https), Some("a\nb")), Err(SyncError::Unusable(_))));
}

#[test]
fn a_place_of_github_is_a_repository_its_environment_or_an_organisation() {
    let https = "https://api.github.com";
    let id = |repository, environment, organization| {
        opened(&github(repository, environment, organization, https), Some("t")).map(|target| target.id())
    };
    assert_eq!(id(Some("a/b"), None, None).unwrap(), "github https://api.github.com/repos/a/b/actions/secrets");
    assert_eq!(
        id(Some("a/b"), Some("pre prod/x"), None).unwrap(),
        "github https://api.github.com/repos/a/b/environments/pre%20prod%2Fx/secrets"
    );
    assert_eq!(id(None, None, Some("acme")).unwrap(), "github https://api.github.com/orgs/acme/actions/secrets");
    for (repository, environment, organization) in [
        (None, None, None),
        (Some("a"), None, None),
        (Some("../b"), None, None),
        (Some("a/b/c"), None, None),
        (Some("a/b"), None, Some("c")),
        (None, Some("x"), Some("c")),
        (None, None, Some("a/../b")),
    ] {
        assert!(id(repository, environment, organization).is_err(), "{repository:?} {environment:?} {organization:?}");
    }
}

#[test]
fn the_rules_of_github_are_told_before_anything_is_sent() {
    let target = opened(&github(Some("a/b"), None, None, "https://api.github.com"), Some("t")).unwrap();
    let forbids = |name: &str, value: &str| target.forbids(name, &SecretText::new(value)).is_some();
    for name in ["GITHUB_TOKEN", "github_x", "1A", "A-B", "", "A.B", "lower", "Ä"] {
        assert!(forbids(name, "x"), "{name}");
    }
    for name in ["A", "_A1", "DB_PASSWORD", "MY_GITHUB_X"] {
        assert!(!forbids(name, "x"), "{name}");
    }
    assert!(!forbids("A", &"x".repeat(48 * 1024)) && forbids("A", &"x".repeat(48 * 1024 + 1)));
}

#[tokio::test]
async fn a_manifest_is_the_same_for_the_same_values_private_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep/secret.yaml");
    let target = Kubernetes::new(Some(file.clone()), "shop", Some("prod"), "kubectl".into()).unwrap();
    let all = values(&[("A", "1"), ("B", "two\nlines \"x\" ä"), ("EMPTY", "")]);
    let none = BTreeSet::new();
    let change = Change { all: &all, write: &names(&["A", "B", "EMPTY"]), remove: &none };
    assert!(target.apply(&change).await.unwrap().values().all(Result::is_ok));
    let first = fs::read(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    target.apply(&change).await.unwrap();
    assert_eq!(fs::read(&file).unwrap(), first);
    let key = DigestKey::of_bytes([1; 32]);
    let there = target.there(&key).await.unwrap();
    assert_eq!(there.keys().collect::<Vec<_>>(), ["A", "B", "EMPTY"]);
    for (name, value) in &all {
        let digest = super::digest_of(&key, &target.id(), name, value);
        assert_eq!(there[name].digest.as_deref(), Some(digest.as_str()));
    }
    // What is removed goes, what is not named stays.
    let fewer = values(&[("B", "2")]);
    target.apply(&Change { all: &fewer, write: &names(&["B"]), remove: &names(&["A"]) }).await.unwrap();
    assert_eq!(target.there(&key).await.unwrap().keys().collect::<Vec<_>>(), ["B", "EMPTY"]);
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[tokio::test]
async fn a_file_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret.yaml");
    let target = Kubernetes::new(Some(file.clone()), "shop", None, "kubectl".into()).unwrap();
    let all = values(&[("A", "1")]);
    let write = names(&["A"]);
    for text in ["apiVersion: v1\nkind: Secret\n", "", "\u{0}"] {
        fs::write(&file, text).unwrap();
        let change = Change { all: &all, write: &write, remove: &BTreeSet::new() };
        assert!(matches!(target.apply(&change).await, Err(SyncError::Foreign { .. })), "{text}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &file).unwrap();
    let change = Change { all: &all, write: &write, remove: &BTreeSet::new() };
    assert!(matches!(target.apply(&change).await, Err(SyncError::Foreign { .. })));
}

#[tokio::test]
async fn kubectl_gets_the_manifest_through_its_standard_input_and_no_argument_has_a_value() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("kubectl");
    let script = format!(
        "#!/bin/sh\ncd {}\necho \"$@\" >> args\nif [ \"$1\" = get ]; then cat got 2>/dev/null; exit 0; fi\ncat > applied\n",
        folder.path().display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let target = Kubernetes::new(None, "shop", Some("prod"), program).unwrap();
    let all = values(&[("A", "very secret")]);
    target.apply(&Change { all: &all, write: &names(&["A"]), remove: &BTreeSet::new() }).await.unwrap();
    let applied = fs::read_to_string(folder.path().join("applied")).unwrap();
    assert!(applied.contains("\"A\": \"dmVyeSBzZWNyZXQ=\""), "{applied}");
    fs::write(folder.path().join("got"), r#"{"data":{"A":"dmVyeSBzZWNyZXQ=","BINARY":"/w=="}}"#).unwrap();
    let there = target.there(&DigestKey::of_bytes([1; 32])).await.unwrap();
    assert_eq!(there.keys().collect::<Vec<_>>(), ["A"]);
    let args = fs::read_to_string(folder.path().join("args")).unwrap();
    assert!(args.contains("--filename=-") && args.contains("--namespace prod") && !args.contains("secret ="), "{args}");
    assert!(!args.contains("very"));
}

#[tokio::test]
async fn kubectl_that_fails_or_is_missing_is_told_with_what_it_said() {
    let missing = Kubernetes::new(None, "shop", None, "/nowhere/kubectl".into()).unwrap();
    let error = missing.there(&DigestKey::of_bytes([1; 32])).await.unwrap_err();
    assert!(matches!(error, SyncError::Program { .. }), "{error}");
    let failing = Kubernetes::new(None, "shop", None, "/bin/false".into()).unwrap();
    let error = failing.there(&DigestKey::of_bytes([1; 32])).await.unwrap_err();
    assert_eq!(error.to_string(), "`/bin/false` failed: it says nothing");
}

#[test]
fn names_that_would_break_a_manifest_are_refused() {
    for name in ["", "a\"b", "A", "a\nb", "-a", "a/b", "a: b"] {
        assert!(Kubernetes::new(None, name, None, "kubectl".into()).is_err(), "{name}");
        assert!(Kubernetes::new(None, "ok", Some(name), "kubectl".into()).is_err(), "{name}");
    }
    let target = Kubernetes::new(None, "ok", None, "kubectl".into()).unwrap();
    for name in ["", "a\"b", "a\nb", "a b", "..", "a:b"] {
        assert!(target.forbids(name, &SecretText::new("x")).is_some(), "{name}");
    }
}
