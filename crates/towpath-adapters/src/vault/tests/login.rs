//! Settings, signing in, renewal.

use std::collections::BTreeMap;

use super::*;

const OWN: &str = "path \"KV/*\" { capabilities = [\"read\", \"list\"] }";

fn resolve(server: &VaultServer, variables: &[(&str, &str)]) -> Result<VaultSettings, VaultError> {
    let all: BTreeMap<_, _> = variables.iter().copied().collect();
    VaultSettings::resolve(server, &|name| all.get(name).map(|value| (*value).to_owned()))
}

fn server() -> VaultServer {
    let auth = VaultAuth::Token { variable: "VAULT_TOKEN".to_owned() };
    VaultServer { address: None, namespace: None, ca: None, auth }
}

#[test]
fn variables_fill_what_a_file_does_not_say() {
    let variables = [
        ("VAULT_ADDR", "https://vault.example.com:8200/"),
        ("VAULT_TOKEN", "hvs.abc"),
        ("VAULT_NAMESPACE", "/team/shop/"),
        ("VAULT_CACERT", "/etc/ca.pem"),
        ("VAULT_SKIP_VERIFY", "false"),
    ];
    let settings = resolve(&server(), &variables).unwrap();
    assert_eq!(settings.address, "https://vault.example.com:8200");
    assert_eq!(settings.namespace.as_deref(), Some("team/shop"));
    assert_eq!(settings.ca.as_deref(), Some(std::path::Path::new("/etc/ca.pem")));
    let said = VaultServer { address: Some("https://other:1".to_owned()), namespace: Some("x".to_owned()), ..server() };
    let settings = resolve(&said, &variables).unwrap();
    assert_eq!((settings.address.as_str(), settings.namespace.as_deref()), ("https://other:1", Some("x")));
    assert!(!format!("{settings:?}").contains("hvs.abc"));
}

#[test]
fn settings_that_are_missing_or_unsafe_say_what_to_do() {
    let https = ("VAULT_ADDR", "https://vault:8200");
    let token = ("VAULT_TOKEN", "hvs.abc");
    let message = |variables: &[(&str, &str)]| resolve(&server(), variables).unwrap_err().to_string();
    assert!(message(&[token]).contains("VAULT_ADDR"));
    assert!(message(&[https]).contains("`VAULT_TOKEN` is not set"));
    assert!(message(&[https, ("VAULT_TOKEN", "")]).contains("`VAULT_TOKEN` is not set"));
    for on in ["1", "true", "yes"] {
        assert!(message(&[https, token, ("VAULT_SKIP_VERIFY", on)]).contains("VAULT_CACERT"));
    }
    assert!(message(&[("VAULT_ADDR", "http://vault:8200"), token]).contains("without TLS"));
    for odd in ["vault:8200", "", "ftp://vault", "https://", "https://user:hunter2@vault", "https://vault?a=b"] {
        let message =
            resolve(&VaultServer { address: Some(odd.to_owned()), ..server() }, &[token]).unwrap_err().to_string();
        assert!(message.contains("is no address of Vault") && !message.contains("hunter2"), "{message}");
    }
    let bad = message(&[https, ("VAULT_TOKEN", "hvs.abc\n")]);
    assert!(bad.contains("no credential") && !bad.contains("abc"), "{bad}");
    for here in ["http://127.0.0.1:8200", "http://localhost:8200", "http://[::1]:8200"] {
        resolve(&server(), &[("VAULT_ADDR", here), token]).unwrap();
    }
}

#[test]
fn the_token_that_vault_login_wrote_is_found() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".vault-token"), "hvs.written\n").unwrap();
    let variables = [("VAULT_ADDR", "https://vault:8200"), ("HOME", home.path().to_str().unwrap())];
    let settings = resolve(&server(), &variables).unwrap();
    assert!(matches!(settings.login, VaultLogin::Token(token) if token.expose() == "hvs.written"));
    let other = VaultServer { auth: VaultAuth::Token { variable: "MY_TOKEN".to_owned() }, ..server() };
    assert!(resolve(&other, &variables).is_err(), "whoever names a variable means that one");
}

#[tokio::test]
async fn certificates_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::new().await;
    let mut settings = bed.settings();
    settings.ca = Some(folder.path().join("missing.pem"));
    assert!(matches!(VaultClient::new(settings.clone()), Err(VaultError::Ca { .. })));
    let file = folder.path().join("empty.pem");
    std::fs::write(&file, "no certificate").unwrap();
    settings.ca = Some(file);
    assert!(matches!(VaultClient::new(settings), Err(VaultError::NoCa { .. })));
}

#[tokio::test]
async fn a_server_with_a_certificate_of_another_authority_gets_nothing() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    let other = VaultDouble::start_tls();
    let mut settings = bed.settings();
    settings.address = other.address();
    settings.retries = 0;
    let error = VaultClient::new(settings).unwrap().kv_read("secret", "a", None).await.unwrap_err();
    assert!(error.chain().contains("certificate"), "{}", error.chain());
    assert!(other.seen().is_empty() && !double.seen().is_empty());
}

#[tokio::test]
async fn a_role_signs_in_once_for_many_requests() {
    let bed = Bed::new().await;
    let client = Arc::new(VaultClient::new(bed.role(OWN, "1h", 1).await).unwrap());
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (client, kv) = (client.clone(), bed.kv.clone());
            tokio::spawn(async move { client.kv_read(&kv, "a", None).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), KvRead::Absent);
    }
    client.sign_out().await;
    let error = client.kv_read(&bed.kv, "a", None).await.unwrap_err().to_string();
    assert!(error.contains("does not let the role in") && error.contains("invalid role or secret ID"), "{error}");
}

#[tokio::test]
async fn a_wrong_secret_of_a_role_is_refused_without_being_shown() {
    let bed = Bed::new().await;
    let mut settings = bed.role(OWN, "1h", 0).await;
    if let VaultLogin::AppRole { secret_id, .. } = &mut settings.login {
        *secret_id = SecretText::new("hunter2hunter2");
    }
    let error = VaultClient::new(settings).unwrap().kv_read(&bed.kv, "a", None).await.unwrap_err();
    assert!(matches!(&error, VaultError::Login { .. }) && !error.chain().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_a_role_signs_in_again_after() {
    let bed = Bed::new().await;
    let client = VaultClient::new(bed.role(OWN, "1h", 0).await).unwrap();
    client.kv_read(&bed.kv, "a", None).await.unwrap();
    let Some(double) = bed.double() else { return };
    let count =
        |path: &str| double.seen().iter().filter(|seen| seen.path.ends_with(path) && seen.status == 200).count();
    let run_ahead = |minutes: u64| {
        double.advance(Duration::from_mins(minutes));
        *client.ahead.lock().unwrap() += Duration::from_mins(minutes);
    };
    assert_eq!((count("/login"), count("/renew-self")), (1, 0));
    run_ahead(30);
    client.kv_read(&bed.kv, "a", None).await.unwrap();
    assert_eq!((count("/login"), count("/renew-self")), (1, 0), "half of an hour is left");
    run_ahead(12);
    client.kv_read(&bed.kv, "a", None).await.unwrap();
    assert_eq!((count("/login"), count("/renew-self")), (1, 1));
    run_ahead(50);
    client.kv_read(&bed.kv, "a", None).await.unwrap();
    assert_eq!((count("/login"), count("/renew-self")), (1, 2), "the renewed one lives an hour from then");
    run_ahead(120);
    client.kv_read(&bed.kv, "a", None).await.unwrap();
    assert_eq!(count("/login"), 2, "it had ended");
}

#[tokio::test]
async fn a_revoked_token_of_a_role_is_replaced_and_a_given_one_is_named() {
    let bed = Bed::new().await;
    let client = VaultClient::new(bed.role(OWN, "1h", 0).await).unwrap();
    client.kv_read(&bed.kv, "a", None).await.unwrap();
    let given = bed.token(OWN, "1h").await;
    let with_token = VaultClient::new(bed.settings_with(&given)).unwrap();
    with_token.kv_read(&bed.kv, "a", None).await.unwrap();
    bed.admin("POST", "auth/token/revoke", json!({ "token": given })).await;
    let error = with_token.kv_read(&bed.kv, "a", None).await.unwrap_err();
    assert!(matches!(error, VaultError::Expired), "{error}");
    let Some(double) = bed.double() else { return };
    // The double's clock alone runs ahead: the client thinks its token good.
    double.advance(Duration::from_hours(2));
    client.kv_read(&bed.kv, "a", None).await.unwrap();
    // Some versions say of a token they do not know what they say of a right that is lacking.
    let denied = towpath_testkit::vault::Fault::status(403, "1 error occurred:\n\t* permission denied\n\n");
    double.fault("/data/", &denied, 1);
    double.fault("/lookup-self", &denied, 1);
    client.kv_read(&bed.kv, "a", None).await.unwrap();
    let logins = double.seen().iter().filter(|seen| seen.path.ends_with("/login")).count();
    assert_eq!(logins, 3);
    double.fault("/data/", &denied, 1);
    let error = client.kv_read(&bed.kv, "a", None).await.unwrap_err();
    assert!(matches!(error, VaultError::Denied { .. }), "the token is known, so a right is lacking: {error}");
}

#[tokio::test]
async fn a_given_token_is_renewed_where_that_is_possible() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    for (token, renewals) in [(bed.token(OWN, "1h").await, 1), (double.root_token(), 1)] {
        let before = double.seen().iter().filter(|seen| seen.path == "auth/token/renew-self").count();
        let client = VaultClient::new(bed.settings_with(&token)).unwrap();
        client.kv_read(&bed.kv, "a", None).await.unwrap();
        *client.ahead.lock().unwrap() += Duration::from_secs(11);
        client.kv_read(&bed.kv, "a", None).await.unwrap();
        client.kv_read(&bed.kv, "a", None).await.unwrap();
        let after = double.seen().iter().filter(|seen| seen.path == "auth/token/renew-self").count();
        assert_eq!(after - before, renewals, "a root token never ends, so it is asked once only");
    }
}

#[tokio::test]
async fn a_namespace_is_a_world_of_its_own() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    double.add_namespace("team/shop");
    double.add_policy("team/shop", "own", "path \"secret/*\" { capabilities = [\"create\", \"update\", \"read\"] }");
    let mut settings = bed.settings_with(&double.add_token("team/shop", &["own"], Duration::from_hours(1)));
    settings.namespace = Some("team/shop".to_owned());
    let inside = VaultClient::new(settings.clone()).unwrap();
    let data = KvData::from([("A".to_owned(), KvValue::Text(SecretText::new("inside")))]);
    inside.kv_write("secret", "a", &data, 0).await.unwrap();
    settings.namespace = None;
    let error = VaultClient::new(settings).unwrap().kv_read("secret", "a", None).await.unwrap_err();
    assert!(matches!(error, VaultError::Denied { .. }), "{error}");
    assert_eq!(bed.client().kv_read("secret", "a", None).await.unwrap(), KvRead::Absent);
    let error = inside.kv_list("secret", "").await.unwrap_err().to_string();
    assert!(error.contains("in namespace `team/shop`"), "{error}");
}
