//! The double of Vault, driven by clients that others wrote: hvac in Python and vaultrs in Rust. What they take for a Vault
//! and what our own client takes for one is then the same, unless all three are wrong alike.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use towpath_testkit::{
    tools,
    vault::{Fault, VaultDouble},
};
use vaultrs::{
    api::{
        kv2::requests::SetSecretRequestOptions,
        transit::requests::{DecryptDataRequest, EncryptDataRequest, UpdateKeyConfigurationRequest},
    },
    client::{Client as _, VaultClient, VaultClientSettingsBuilder},
    error::ClientError,
};

#[test]
fn hvac_takes_it_for_a_vault() {
    let packages = tools::python(Path::new(env!("CARGO_TARGET_TMPDIR")), "hvac-2.4.0", &["hvac==2.4.0"]);
    let Some(packages) = packages else { return };
    let double = VaultDouble::start_tls();
    double.add_namespace("team/shop");
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, double.ca_pem()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vault_double/hvac_client.py");
    let mut python = Command::new("python3");
    python.arg(script).env("PYTHONPATH", packages).env("PYTHONUTF8", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    python.env("ADDRESS", double.address()).env("CA", ca).env("TOKEN", double.root_token());
    python.env("UNSEAL_KEY", double.unseal_key()).env("NO_PROXY", "127.0.0.1").env_remove("VAULT_NAMESPACE");
    let output = python.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "transit\nvalues\ntokens\napprole\nsystem\n");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Login {
    user: String,
    password: String,
}

fn login(password: &str) -> Login {
    Login { user: "app".to_owned(), password: password.to_owned() }
}

struct Bed {
    double: VaultDouble,
    folder: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let bed = Self { double: VaultDouble::start_tls(), folder: tempfile::tempdir().unwrap() };
        std::fs::write(bed.folder.path().join("ca.pem"), bed.double.ca_pem()).unwrap();
        bed
    }

    fn client(&self, token: &str) -> VaultClient {
        let ca = self.folder.path().join("ca.pem").display().to_string();
        let mut settings = VaultClientSettingsBuilder::default();
        settings.address(self.double.address()).ca_certs(vec![ca]).identity(None).verify(true).token(token);
        VaultClient::new(settings.build().unwrap()).unwrap()
    }

    fn root(&self) -> VaultClient {
        self.client(&self.double.root_token())
    }
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, ClientError>, status: u16, text: &str) {
    match outcome {
        Err(ClientError::APIError { code, errors }) => {
            assert!(code == status && errors.join(" ").contains(text), "{code} {errors:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn vaultrs_encrypts_with_it() {
    let bed = Bed::new();
    let client = bed.root();
    vaultrs::transit::key::create(&client, "transit", "app", None).await.unwrap();
    let plain = STANDARD.encode(b"plain");
    let bound = STANDARD.encode(b"here");
    let encrypt = |bound: &str| {
        let mut options = EncryptDataRequest::builder();
        options.associated_data(bound);
        options
    };
    let sealed =
        vaultrs::transit::data::encrypt(&client, "transit", "app", &plain, Some(&mut encrypt(&bound))).await.unwrap();
    let mut with_bound = DecryptDataRequest::builder();
    with_bound.associated_data(bound);
    let decrypt = vaultrs::transit::data::decrypt;
    let opened = decrypt(&client, "transit", "app", &sealed.ciphertext, Some(&mut with_bound)).await.unwrap();
    assert_eq!(opened.plaintext, plain);
    let outcome = decrypt(&client, "transit", "app", &sealed.ciphertext, None).await;
    assert_refused(outcome, 400, "message authentication failed");
    let bare = vaultrs::transit::data::encrypt(&client, "transit", "app", &plain, None).await.unwrap();
    vaultrs::transit::key::rotate(&client, "transit", "app").await.unwrap();
    let anew = vaultrs::transit::data::rewrap(&client, "transit", "app", &bare.ciphertext, None).await.unwrap();
    assert!(anew.ciphertext.starts_with("vault:v2:"));
    let mut least = UpdateKeyConfigurationRequest::builder();
    least.min_decryption_version(2_u64);
    vaultrs::transit::key::update(&client, "transit", "app", Some(&mut least)).await.unwrap();
    assert_refused(decrypt(&client, "transit", "app", &bare.ciphertext, None).await, 400, "too old");
    assert_eq!(decrypt(&client, "transit", "app", &anew.ciphertext, None).await.unwrap().plaintext, plain);
    let key = vaultrs::transit::key::read(&client, "transit", "app").await.unwrap();
    assert_eq!((key.min_decryption_version, key.derived), (2, false));
}

#[tokio::test]
async fn vaultrs_keeps_values_in_it() {
    let bed = Bed::new();
    let client = bed.root();
    let cas = |cas| SetSecretRequestOptions { cas };
    let written = vaultrs::kv2::set_with_options(&client, "secret", "shop/db", &login("one"), cas(0)).await.unwrap();
    assert_eq!(written.version, 1);
    let outcome = vaultrs::kv2::set_with_options(&client, "secret", "shop/db", &login("two"), cas(0)).await;
    assert_refused(outcome, 400, "did not match");
    vaultrs::kv2::set(&client, "secret", "shop/db", &login("two")).await.unwrap();
    let read: Login = vaultrs::kv2::read(&client, "secret", "shop/db").await.unwrap();
    assert_eq!(read, login("two"));
    let read: Login = vaultrs::kv2::read_version(&client, "secret", "shop/db", 1).await.unwrap();
    assert_eq!(read, login("one"));
    assert_eq!(vaultrs::kv2::list(&client, "secret", "shop").await.unwrap(), ["db"]);
    vaultrs::kv2::delete_latest(&client, "secret", "shop/db").await.unwrap();
    assert!(vaultrs::kv2::read::<Login>(&client, "secret", "shop/db").await.is_err());
    vaultrs::kv2::undelete_versions(&client, "secret", "shop/db", vec![2]).await.unwrap();
    vaultrs::kv2::destroy_versions(&client, "secret", "shop/db", vec![1]).await.unwrap();
    let known = vaultrs::kv2::read_metadata(&client, "secret", "shop/db").await.unwrap();
    assert!(known.current_version == 2 && known.versions["1"].destroyed && !known.versions["2"].destroyed);
    vaultrs::kv2::delete_metadata(&client, "secret", "shop/db").await.unwrap();
    assert_refused(vaultrs::kv2::read_metadata(&client, "secret", "shop/db").await, 404, "");
}

#[tokio::test]
async fn vaultrs_signs_in_to_it() {
    let bed = Bed::new();
    let (role_id, secret_id) = bed.double.add_approle("", &["mine"], Duration::from_hours(1), 1);
    bed.double.add_policy("", "mine", "path \"secret/data/mine\" { capabilities = [\"read\"] }");
    let mut client = bed.client("");
    let auth = vaultrs::auth::approle::login(&client, "approle", &role_id, &secret_id).await.unwrap();
    assert_eq!((auth.lease_duration, auth.renewable), (3600, true));
    assert_refused(vaultrs::auth::approle::login(&client, "approle", &role_id, &secret_id).await, 400, "invalid role");
    client.set_token(&auth.client_token);
    let known = client.lookup().await.unwrap();
    assert_eq!(known.policies, ["default", "mine"]);
    bed.double.advance(Duration::from_mins(50));
    assert_eq!(client.renew(None).await.unwrap().lease_duration, 3600);
    assert_refused(vaultrs::kv2::read::<Login>(&client, "secret", "theirs").await, 403, "permission denied");
    assert_refused(vaultrs::kv2::read::<Login>(&client, "secret", "mine").await, 404, "");
    client.revoke().await.unwrap();
    assert_refused(client.lookup().await, 403, "invalid token");
}

#[tokio::test]
async fn vaultrs_sees_it_sealed_and_misbehaving() {
    let bed = Bed::new();
    let client = bed.root();
    assert!(matches!(client.status().await.unwrap(), vaultrs::sys::ServerStatus::OK));
    vaultrs::sys::seal(&client).await.unwrap();
    assert!(matches!(client.status().await.unwrap(), vaultrs::sys::ServerStatus::SEALED));
    assert_refused(vaultrs::kv2::read::<Login>(&client, "secret", "a").await, 503, "sealed");
    let answer = vaultrs::sys::unseal(&client, Some(bed.double.unseal_key()), None, None).await.unwrap();
    assert!(!answer.sealed);
    bed.double.fault("secret/", &Fault::status(429, "quota"), 1);
    assert_refused(vaultrs::kv2::read::<Login>(&client, "secret", "a").await, 429, "quota");
    let seen = bed.double.seen();
    assert!(seen.iter().any(|seen| seen.path == "secret/data/a" && seen.status == 429), "{seen:?}");
}
