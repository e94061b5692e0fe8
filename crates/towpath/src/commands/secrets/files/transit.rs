//! Keys of Vault's transit engine that files name: asked over HTTP as sops asks, with the user's own token.
//!
//! `VAULT_ADDR` says where instead of what the file says (a tunnel, another name), `VAULT_TOKEN` or `~/.vault-token` by what
//! right, `VAULT_NAMESPACE` in which namespace, `VAULT_CACERT` whom to believe.

use std::{env, error::Error, fs, path::PathBuf, time::Duration};

use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use towpath_secrets::sops::{KeyError, KeyKind, MasterKey, MasterKeys, WrapKeys};
use zeroize::Zeroizing;

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Vault as the process's variables name it.
pub(super) struct Vault {
    address: Option<String>,
    token: Option<Zeroizing<String>>,
    namespace: Option<String>,
    authority: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
enum TransitError {
    #[error("Vault wants a token: set VAULT_TOKEN, or `vault login`")]
    NoToken,
    #[error("cannot read the certificate in VAULT_CACERT")]
    Authority(#[source] Box<dyn Error + Send + Sync>),
    #[error("`{address}` cannot be reached")]
    Unreachable { address: String, source: reqwest::Error },
    #[error("`{address}` refuses with status {status}: {reason}")]
    Refused { address: String, status: u16, reason: String },
    #[error("`{address}` answers with something else than a transit engine would")]
    Answer { address: String },
    #[error("cannot start")]
    Runtime(#[source] std::io::Error),
}

impl Vault {
    /// Takes what the process's variables say; asks nobody yet.
    pub(super) fn of_environment() -> Self {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let kept = || fs::read_to_string(PathBuf::from(env::var_os("HOME")?).join(".vault-token")).ok();
        let token = variable("VAULT_TOKEN").or_else(kept).map(|token| Zeroizing::new(token.trim().to_owned()));
        Self {
            address: variable("VAULT_ADDR"),
            token: token.filter(|token| !token.is_empty()),
            namespace: variable("VAULT_NAMESPACE"),
            authority: variable("VAULT_CACERT").map(PathBuf::from),
        }
    }

    /// Asks a transit engine to encrypt or decrypt, and returns a field of its answer.
    fn ask(&self, key: &MasterKey, verb: &str, body: &Value, field: &str) -> Result<Zeroizing<String>, TransitError> {
        let part = |name: &str| key.field(name).unwrap_or_default().trim_matches('/').to_owned();
        let address = self.address.clone().unwrap_or_else(|| part("vault_address"));
        let address = address.trim_end_matches('/').to_owned();
        let url = format!("{address}/v1/{}/{verb}/{}", part("engine_path"), part("key_name"));
        let token = self.token.as_ref().ok_or(TransitError::NoToken)?;
        let client = self.client()?;
        let mut request = client.post(&url).header("X-Vault-Token", token.as_str()).header("X-Vault-Request", "true");
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(TransitError::Runtime)?.block_on(async {
            let unreachable = |source: reqwest::Error| TransitError::Unreachable {
                address: address.clone(),
                source: source.without_url(),
            };
            let answer = request.json(body).send().await.map_err(unreachable)?;
            let status = answer.status();
            let bytes = Zeroizing::new(answer.bytes().await.map_err(unreachable)?.to_vec());
            let mut answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            if !status.is_success() {
                let reasons = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
                let reason = reasons.filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
                return Err(TransitError::Refused { address: address.clone(), status: status.as_u16(), reason });
            }
            match answer.get_mut("data").and_then(|data| data.get_mut(field)).map(Value::take) {
                Some(Value::String(text)) => Ok(Zeroizing::new(text)),
                _ => Err(TransitError::Answer { address: address.clone() }),
            }
        })
    }

    fn client(&self) -> Result<Client, TransitError> {
        let mut builder = Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        if let Some(path) = &self.authority {
            let authority = |error: Box<dyn Error + Send + Sync>| TransitError::Authority(error);
            let pem = fs::read(path).map_err(|error| authority(error.into()))?;
            for certificate in Certificate::from_pem_bundle(&pem).map_err(|error| authority(error.into()))? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        builder.build().map_err(|error| TransitError::Authority(error.into()))
    }
}

impl MasterKeys for Vault {
    fn open(&self, key: &MasterKey) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        if key.kind != KeyKind::HcVault {
            return Ok(None);
        }
        let failed = |error: TransitError| KeyError::Service(Box::new(error));
        let encoded = self.ask(key, "decrypt", &json!({ "ciphertext": key.enc }), "plaintext").map_err(failed)?;
        let decoded = base64_decode(&encoded);
        decoded.map(Some).ok_or_else(|| failed(TransitError::Answer { address: "Vault".to_owned() }))
    }
}

impl WrapKeys for Vault {
    fn wrap(&self, key: &MasterKey, part: &[u8]) -> Result<String, KeyError> {
        if key.kind != KeyKind::HcVault {
            return Err(KeyError::Unsupported(key.kind.name()));
        }
        let encoded = Zeroizing::new(base64_encode(part));
        let wrapped = self.ask(key, "encrypt", &json!({ "plaintext": *encoded }), "ciphertext");
        wrapped.map(|text| (*text).clone()).map_err(|error| KeyError::Service(Box::new(error)))
    }
}

fn base64_encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn base64_decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok().map(Zeroizing::new)
}
