//! The client against a Vault: the double, or the real one whose address is in `TOWPATH_TEST_VAULT_ADDR` or `VAULT_ADDR`
//! (with a root token in `VAULT_TOKEN`, and its authority in `VAULT_CACERT`), where everything is made in mounts of its own.

mod faults;
mod login;
mod values;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use towpath_core::secrets::{SecretText, VaultAuth, VaultServer};
use towpath_testkit::vault::VaultDouble;

use super::*;

/// A Vault to test with, in which the mounts and policies of one test are its own.
pub(crate) struct Bed {
    /// Nothing: it is a real one.
    pub(crate) double: Option<VaultDouble>,
    pub(crate) address: String,
    ca: Option<std::path::PathBuf>,
    token: String,
    /// A mount of the key-value engine.
    pub(crate) kv: String,
    /// A mount of the transit engine, with the key `app`.
    pub(crate) transit: String,
    _folder: tempfile::TempDir,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Bed {
    #[expect(clippy::print_stdout, reason = "what was tested is said")]
    pub(crate) async fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().unwrap();
        let id = format!("towpath-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let real = variable("TOWPATH_TEST_VAULT_ADDR").or_else(|| variable("VAULT_ADDR"));
        let (kv, transit) = (format!("{id}-kv"), format!("{id}-transit"));
        let bed = if let Some(address) = real {
            println!("tested against the Vault at {address}");
            let token = variable("VAULT_TOKEN").expect("a root token in VAULT_TOKEN");
            let ca = variable("VAULT_CACERT").map(std::path::PathBuf::from);
            Self { double: None, address, ca, token, kv, transit, _folder: folder }
        } else {
            println!("tested against the double: no TOWPATH_TEST_VAULT_ADDR is set");
            let double = VaultDouble::start_tls();
            let ca = folder.path().join("ca.pem");
            std::fs::write(&ca, double.ca_pem()).unwrap();
            let (address, token) = (double.address(), double.root_token());
            Self { double: Some(double), address, ca: Some(ca), token, kv, transit, _folder: folder }
        };
        bed.admin("POST", &format!("sys/mounts/{}", bed.kv), json!({ "type": "kv", "options": { "version": "2" } }))
            .await;
        bed.admin("POST", &format!("sys/mounts/{}", bed.transit), json!({ "type": "transit" })).await;
        bed.admin("POST", &format!("{}/keys/app", bed.transit), json!({})).await;
        bed.ready().await;
        bed
    }

    /// A real Vault answers for a new key-value mount only after a moment ("upgrading from non-versioned").
    async fn ready(&self) {
        let client = self.client();
        for _ in 0..200 {
            if client.kv_read(&self.kv, "nothing", None).await.is_ok() {
                return;
            }
            // tidy: allow(sleep) between two questions
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the mount is not ready");
    }

    /// Does what an administrator does.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> Value {
        let mut builder = reqwest::Client::builder();
        if let Some(ca) = &self.ca {
            builder =
                builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(&std::fs::read(ca).unwrap()).unwrap());
        }
        let request = builder.build().unwrap().request(method.parse().unwrap(), format!("{}/v1/{path}", self.address));
        let response = request.header("X-Vault-Token", &self.token).json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{method} {path}: {}", response.status());
        response.json().await.unwrap_or_default()
    }

    /// Returns settings with the root token.
    pub(crate) fn settings(&self) -> VaultSettings {
        self.settings_with(&self.token)
    }

    pub(crate) fn settings_with(&self, token: &str) -> VaultSettings {
        let server = VaultServer {
            address: Some(self.address.clone()),
            namespace: None,
            ca: self.ca.clone(),
            auth: VaultAuth::Token { variable: "VAULT_TOKEN".to_owned() },
        };
        let mut settings =
            VaultSettings::resolve(&server, &|name| (name == "VAULT_TOKEN").then(|| token.to_owned())).unwrap();
        settings.backoff = Duration::from_millis(1);
        settings
    }

    pub(crate) fn client(&self) -> Arc<VaultClient> {
        Arc::new(VaultClient::new(self.settings()).unwrap())
    }

    /// Returns a client whose token has a policy with these rules; `KV` and `TRANSIT` in them are the mounts.
    pub(crate) async fn limited(&self, rules: &str) -> Arc<VaultClient> {
        let token = self.token(rules, "1h").await;
        Arc::new(VaultClient::new(self.settings_with(&token)).unwrap())
    }

    pub(crate) async fn policy(&self, rules: &str) -> String {
        let name = format!("{}-{}", self.kv, rules.len());
        let rules = rules.replace("KV", &self.kv).replace("TRANSIT", &self.transit);
        self.admin("PUT", &format!("sys/policies/acl/{name}"), json!({ "policy": rules })).await;
        name
    }

    pub(crate) async fn token(&self, rules: &str, ttl: &str) -> String {
        let name = self.policy(rules).await;
        let made = self.admin("POST", "auth/token/create", json!({ "policies": [name], "ttl": ttl })).await;
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// Returns settings that sign in with a role of its own.
    pub(crate) async fn role(&self, rules: &str, ttl: &str, uses: u32) -> VaultSettings {
        let policy = self.policy(rules).await;
        let mount = format!("{}-approle", self.kv);
        self.admin("POST", &format!("sys/auth/{mount}"), json!({ "type": "approle" })).await;
        let role = format!("auth/{mount}/role/app");
        let body =
            json!({ "token_policies": [policy], "token_ttl": ttl, "token_max_ttl": "4h", "secret_id_num_uses": uses });
        self.admin("POST", &role, body).await;
        let role_id = self.admin("GET", &format!("{role}/role-id"), json!({})).await;
        let secret_id = self.admin("POST", &format!("{role}/secret-id"), json!({})).await;
        let mut settings = self.settings();
        settings.login = VaultLogin::AppRole {
            mount,
            role_id: role_id["data"]["role_id"].as_str().unwrap().to_owned(),
            secret_id: SecretText::new(secret_id["data"]["secret_id"].as_str().unwrap()),
        };
        settings
    }

    /// Returns the double; nothing, said, where a real Vault is tested, which does not misbehave on request.
    #[expect(clippy::print_stdout, reason = "what was not tested is said")]
    pub(crate) fn double(&self) -> Option<&VaultDouble> {
        if self.double.is_none() {
            println!("skipped: a real Vault does not do this on request");
        }
        self.double.as_ref()
    }
}
