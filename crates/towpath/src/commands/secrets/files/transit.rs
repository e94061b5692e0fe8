//! Keys of Vault's transit engine that files name, asked for with the user's own credentials.
//!
//! `VAULT_ADDR` says where instead of what the file says (a tunnel, another name), `VAULT_TOKEN` or `~/.vault-token` by what
//! right, `VAULT_NAMESPACE` in which namespace, `VAULT_CACERT` whom to believe. How Vault is spoken with is in the adapters.

use std::env;

use towpath_adapters::vault::{VaultClient, VaultError, VaultSettings};
use towpath_core::secrets::{VaultAuth, VaultServer};
use towpath_secrets::sops::{KeyError, KeyKind, MasterKey, MasterKeys, WrapKeys};
use zeroize::Zeroizing;

/// Vault as the process's variables name it.
pub(super) struct Vault {
    address: Option<String>,
}

/// Where a key of a file is.
struct Place {
    client: VaultClient,
    engine: String,
    key: String,
}

impl Vault {
    /// Takes what the process's variables say; asks nobody yet.
    pub(super) fn of_environment() -> Self {
        Self { address: env::var("VAULT_ADDR").ok().filter(|address| !address.is_empty()) }
    }

    fn place(&self, key: &MasterKey) -> Result<Place, VaultError> {
        let part = |name: &str| key.field(name).unwrap_or_default().trim_matches('/').to_owned();
        let server = VaultServer {
            address: Some(self.address.clone().unwrap_or_else(|| part("vault_address"))),
            namespace: None,
            ca: None,
            auth: VaultAuth::Token { variable: "VAULT_TOKEN".to_owned() },
        };
        let client = VaultClient::new(VaultSettings::resolve(&server, &|name| env::var(name).ok())?)?;
        Ok(Place { client, engine: part("engine_path"), key: part("key_name") })
    }
}

/// Waits for Vault. Files are opened on threads that may wait, never on those of a runtime.
fn ask<T>(work: impl Future<Output = Result<T, VaultError>>) -> Result<T, KeyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| KeyError::Service(Box::new(error)))?;
    runtime.block_on(work).map_err(|error| KeyError::Service(Box::new(error)))
}

impl MasterKeys for Vault {
    fn open(&self, key: &MasterKey) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        if key.kind != KeyKind::HcVault {
            return Ok(None);
        }
        let opened = ask(async {
            let Place { client, engine, key: name } = self.place(key)?;
            client.transit_decrypt(&engine, &name, &key.enc, &[]).await
        });
        opened.map(Some)
    }
}

impl WrapKeys for Vault {
    fn wrap(&self, key: &MasterKey, part: &[u8]) -> Result<String, KeyError> {
        if key.kind != KeyKind::HcVault {
            return Err(KeyError::Unsupported(key.kind.name()));
        }
        ask(async {
            let Place { client, engine, key: name } = self.place(key)?;
            client.transit_encrypt(&engine, &name, part, &[]).await
        })
    }
}
