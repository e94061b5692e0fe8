//! The transit engine, for `aes256-gcm96` keys: `vault:vN:` and base64 of nonce ‖ ciphertext ‖ tag, by AES-256-GCM.

use std::collections::BTreeMap;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, rand,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::state::{Answer, Request, answer, empty, not_found, refuse, unsupported, with};

const TOO_OLD: &str = "ciphertext or signature version is disallowed by policy (too old)";

/// The engine.
#[derive(Default)]
pub(super) struct Transit {
    keys: BTreeMap<String, Key>,
}

struct Key {
    derived: bool,
    deletion_allowed: bool,
    /// From 1.
    versions: BTreeMap<u32, ([u8; 32], Timestamp)>,
    min_decryption: u32,
    min_encryption: u32,
}

/// One thing to encrypt, decrypt or rewrap.
struct Item<'a> {
    text: &'a str,
    context: &'a str,
    associated: &'a str,
    version: u32,
}

impl<'a> Item<'a> {
    fn new(body: &'a Map<String, Value>, field: &str) -> Option<Self> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        Some(Self {
            text: body.get(field).and_then(Value::as_str)?,
            context: text("context"),
            associated: text("associated_data"),
            version: body.get("key_version").and_then(Value::as_u64).and_then(|it| it.try_into().ok()).unwrap_or(0),
        })
    }
}

impl Key {
    fn new(derived: bool, now: Timestamp) -> Self {
        let mut key =
            Self { derived, deletion_allowed: false, versions: BTreeMap::new(), min_decryption: 1, min_encryption: 0 };
        key.rotate(now);
        key
    }

    fn latest(&self) -> u32 {
        self.versions.last_key_value().map_or(0, |(version, _)| *version)
    }

    fn rotate(&mut self, now: Timestamp) {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).unwrap_or_default();
        self.versions.insert(self.latest() + 1, (bytes, now));
    }

    fn cipher(&self, version: u32, context: &str) -> Result<LessSafeKey, String> {
        let (bytes, _) = self.versions.get(&version).ok_or("no such key version")?;
        let mut bytes = *bytes;
        if self.derived {
            if context.is_empty() {
                return Err(
                    "missing 'context' for key derivation; the key was created using a derived key, which means \
                            additional, per-request information must be included in order to perform operations with \
                            the key"
                        .to_owned(),
                );
            }
            let context = STANDARD.decode(context).map_err(|_| "failed to base64-decode context")?;
            let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&bytes);
            let info: [&[u8]; 1] = [&context];
            let derived = salt.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut bytes));
            derived.map_err(|_| "derivation failed")?;
        }
        UnboundKey::new(&AES_256_GCM, &bytes).map(LessSafeKey::new).map_err(|_| "no key".to_owned())
    }

    fn encrypt(&self, item: &Item<'_>) -> Result<Value, String> {
        let version = if item.version == 0 { self.latest() } else { item.version };
        if version > self.latest() {
            return Err("requested version for encryption is higher than the latest key version".to_owned());
        }
        if version < self.min_encryption {
            return Err("requested version for encryption is less than the minimum encryption key version".to_owned());
        }
        let plain = STANDARD.decode(item.text).map_err(|_| "illegal base64 data at input byte 0")?;
        let associated = STANDARD.decode(item.associated).map_err(|_| "unable to get associated_data")?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| "no randomness")?;
        let mut sealed = plain;
        self.cipher(version, item.context)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), &mut sealed)
            .map_err(|_| "encryption failed")?;
        let text = STANDARD.encode([nonce.as_slice(), &sealed].concat());
        Ok(json!({ "ciphertext": format!("vault:v{version}:{text}"), "key_version": version }))
    }

    fn decrypt(&self, item: &Item<'_>) -> Result<String, String> {
        let rest = item.text.strip_prefix("vault:v").ok_or("invalid ciphertext: no prefix")?;
        let (version, text) = rest.split_once(':').ok_or("invalid ciphertext: wrong number of fields")?;
        let version: u32 = version.parse().map_err(|_| "invalid ciphertext: version number could not be decoded")?;
        // The first implementation counted from 0.
        let version = version.max(1);
        if version > self.latest() {
            return Err("invalid ciphertext: version is too new".to_owned());
        }
        if version < self.min_decryption {
            return Err(TOO_OLD.to_owned());
        }
        let decoded = STANDARD.decode(text).map_err(|_| "invalid ciphertext: could not decode base64")?;
        let associated = STANDARD.decode(item.associated).map_err(|_| "unable to get associated_data")?;
        let (nonce, sealed) = decoded.split_first_chunk::<NONCE_LEN>().ok_or("invalid ciphertext length")?;
        let mut sealed = sealed.to_vec();
        let opened = self.cipher(version, item.context)?.open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(associated),
            &mut sealed,
        );
        opened.map(|plain| STANDARD.encode(&*plain)).map_err(|_| "cipher: message authentication failed".to_owned())
    }

    /// Rewrapping knows no associated data: what was encrypted with some cannot be rewrapped, as in Vault.
    fn rewrap(&self, item: &Item<'_>) -> Result<Value, String> {
        let bare = Item { associated: "", ..*item };
        let plain = self.decrypt(&bare)?;
        self.encrypt(&Item { text: &plain, ..bare })
    }

    fn info(&self, name: &str) -> Value {
        let keys: BTreeMap<String, i64> = self
            .versions
            .iter()
            .filter(|(version, _)| **version >= self.min_decryption)
            .map(|(version, (_, made))| (version.to_string(), made.as_second()))
            .collect();
        json!({
            "name": name, "type": "aes256-gcm96", "derived": self.derived, "deletion_allowed": self.deletion_allowed,
            "min_available_version": 0, "min_decryption_version": self.min_decryption,
            "min_encryption_version": self.min_encryption, "latest_version": self.latest(), "exportable": false,
            "allow_plaintext_backup": false, "supports_encryption": true, "supports_decryption": true,
            "supports_signing": false, "supports_derivation": true, "auto_rotate_period": 0, "imported_key": false,
            "keys": keys,
        })
    }

    fn configure(&mut self, request: &Request) -> Answer {
        let number = |name: &str| request.number(name).and_then(|it| u32::try_from(it).ok());
        if let Some(version) = number("min_decryption_version") {
            if version > self.latest() {
                return refuse(
                    400,
                    format!("cannot set min decryption version of {version}, latest key version is {}", self.latest()),
                );
            }
            self.min_decryption = version.max(1);
        }
        if let Some(version) = number("min_encryption_version") {
            if version > self.latest() {
                return refuse(
                    400,
                    format!("cannot set min encryption version of {version}, latest key version is {}", self.latest()),
                );
            }
            self.min_encryption = version;
        }
        if let Some(allowed) = request.flag("deletion_allowed") {
            self.deletion_allowed = allowed;
        }
        empty()
    }
}

impl Transit {
    /// Says whether the key that a request would make is there.
    pub(super) fn exists(&self, rest: &str) -> bool {
        match rest.split_once('/') {
            Some(("encrypt", name)) => self.keys.contains_key(name),
            _ => true,
        }
    }

    pub(super) fn handle(&mut self, rest: &str, request: &Request, now: Timestamp) -> Answer {
        let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
        match parts.as_slice() {
            ["keys"] if request.is_list() => answer(&json!({ "keys": self.keys.keys().collect::<Vec<_>>() })),
            ["keys", name] => self.key(name, request, now),
            ["keys", name, "rotate"] if request.is_write() => match self.keys.get_mut(*name) {
                Some(key) => {
                    key.rotate(now);
                    empty()
                }
                None => refuse(400, "encryption key not found"),
            },
            ["keys", name, "config"] if request.is_write() => match self.keys.get_mut(*name) {
                Some(key) => key.configure(request),
                None => refuse(400, format!("no existing key named {name} could be found")),
            },
            ["encrypt", name] if request.is_write() => {
                if !self.keys.contains_key(*name) {
                    self.keys.insert((*name).to_owned(), Key::new(!request.text("context").is_empty(), now));
                }
                self.batch(name, request, "plaintext", "missing plaintext to encrypt", Key::encrypt)
            }
            ["decrypt", name] if request.is_write() => {
                let missing = "missing ciphertext to decrypt";
                self.batch(name, request, "ciphertext", missing, |key, item| {
                    key.decrypt(item).map(|plaintext| json!({ "plaintext": plaintext }))
                })
            }
            ["rewrap", name] if request.is_write() => {
                self.batch(name, request, "ciphertext", "missing ciphertext to decrypt", Key::rewrap)
            }
            _ => unsupported(),
        }
    }

    fn key(&mut self, name: &str, request: &Request, now: Timestamp) -> Answer {
        match request.method.as_str() {
            "GET" => self.keys.get(name).map_or_else(not_found, |key| answer(&key.info(name))),
            "POST" | "PUT" => {
                let kind = request.text("type");
                if !matches!(kind, "" | "aes256-gcm96") {
                    return refuse(400, format!("unknown key type {kind}"));
                }
                let derived = request.flag("derived").unwrap_or(false);
                let key = self.keys.entry(name.to_owned()).or_insert_with(|| Key::new(derived, now));
                answer(&key.info(name))
            }
            "DELETE" => match self.keys.get(name) {
                None => refuse(400, "error deleting policy: could not delete key; not found"),
                Some(key) if !key.deletion_allowed => {
                    refuse(400, format!("error deleting policy {name}: deletion is not allowed for this key"))
                }
                Some(_) => {
                    self.keys.remove(name);
                    empty()
                }
            },
            _ => unsupported(),
        }
    }

    /// Does one thing, or each of a batch; a batch with mistakes is 400 and says which.
    fn batch(
        &self,
        name: &str,
        request: &Request,
        field: &str,
        missing: &str,
        act: impl Fn(&Key, &Item<'_>) -> Result<Value, String>,
    ) -> Answer {
        let Some(key) = self.keys.get(name) else { return refuse(400, "encryption key not found") };
        let one = |body: &Map<String, Value>| act(key, &Item::new(body, field).ok_or_else(|| missing.to_owned())?);
        let Some(batch) = request.body.get("batch_input") else {
            return match one(&request.body) {
                Ok(done) => answer(&done),
                Err(error) => refuse(400, error),
            };
        };
        let items = batch.as_array().map(Vec::as_slice).unwrap_or_default();
        if items.is_empty() {
            return refuse(400, "missing batch input to process");
        }
        let mut status = 200;
        let mut results = Vec::new();
        for item in items {
            let outcome = item.as_object().map_or_else(|| Err(missing.to_owned()), one);
            results.push(outcome.unwrap_or_else(|error| {
                status = 400;
                json!({ "error": error })
            }));
        }
        with(status, &json!({ "batch_results": results }))
    }
}
