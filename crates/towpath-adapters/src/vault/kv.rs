//! The key-value engine, version 2.

use std::collections::BTreeMap;

use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, value::RawValue};
use towpath_core::secrets::SecretText;
use zeroize::Zeroizing;

use super::{
    VaultClient, VaultError,
    client::{Answered, Call, DELETE, LIST, PATCH, READ, UPDATE, WRITE},
    path::join,
};

/// The keys and values of one Vault secret. A value that is no text is kept as JSON.
pub type KvData = BTreeMap<String, KvValue>;

/// A value of a Vault secret.
#[derive(Clone, PartialEq, Eq)]
pub enum KvValue {
    /// A text, as most are.
    Text(SecretText),
    /// A number, a truth value, a list or a map, as JSON.
    Json(SecretText),
}

impl KvValue {
    /// Returns the text, or the JSON of what is none.
    pub fn text(&self) -> &SecretText {
        match self {
            Self::Text(text) | Self::Json(text) => text,
        }
    }

    fn write(&self, body: &mut Vec<u8>) {
        match self {
            Self::Text(text) => write_text(text.expose(), body),
            Self::Json(text) => body.extend_from_slice(text.expose().as_bytes()),
        }
    }
}

impl std::fmt::Debug for KvValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KvValue(…)")
    }
}

impl<'de> Deserialize<'de> for KvValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As it is written, so that a number keeps every digit when it is written back.
        let raw = Box::<str>::from(Box::<RawValue>::deserialize(deserializer)?);
        let raw = Zeroizing::new(String::from(raw));
        if !raw.starts_with('"') {
            return Ok(Self::Json(SecretText::new(raw.as_str())));
        }
        serde_json::from_str::<String>(&raw)
            .map(|text| Self::Text(SecretText::new(text)))
            .map_err(|_| serde::de::Error::custom("a text is damaged"))
    }
}

/// What is known of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvVersion {
    /// Its number.
    pub version: u64,
    /// When it was written.
    pub made: Option<Timestamp>,
    /// Whether it is deleted; that can be undone.
    pub deleted: bool,
    /// Whether it is gone for good.
    pub destroyed: bool,
}

/// What reading a Vault secret finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KvRead<T> {
    /// A version that is there.
    Found(u64, T),
    /// A version that is deleted or destroyed.
    Gone(KvVersion),
    /// Nothing.
    Absent,
}

impl<T> KvRead<T> {
    /// Returns the version that was found, also where it is gone; 0 for none.
    pub fn version(&self) -> u64 {
        match self {
            Self::Found(version, _) => *version,
            Self::Gone(gone) => gone.version,
            Self::Absent => 0,
        }
    }
}

/// What is known of a Vault secret besides its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvMetadata {
    /// The number of the version that was written last; 0 if none was.
    pub current: u64,
    /// All versions that are kept, oldest first.
    pub versions: Vec<KvVersion>,
    /// What people wrote beside it.
    pub custom: BTreeMap<String, String>,
    /// How many versions are kept; 0 is the engine's own number.
    pub max_versions: u64,
    /// Whether a write must say which version it replaces.
    pub cas_required: bool,
}

/// How a write that says which version it replaces ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvWritten {
    /// It is this version now.
    Version(u64),
    /// Another version is there.
    Raced,
    /// There is nothing to change.
    Absent,
}

#[derive(Deserialize)]
struct Reply<T> {
    data: T,
}

#[derive(Deserialize)]
struct Stamp {
    version: u64,
    #[serde(default)]
    created_time: String,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}

impl Stamp {
    fn known(&self, version: u64) -> KvVersion {
        KvVersion {
            version,
            made: self.created_time.parse().ok(),
            // One that is to be deleted in the future is still there.
            deleted: self.deletion_time.parse::<Timestamp>().is_ok_and(|at| at <= Timestamp::now()),
            destroyed: self.destroyed,
        }
    }
}

#[derive(Deserialize)]
struct DataBody {
    data: Option<KvData>,
    metadata: Stamp,
}

#[derive(Deserialize)]
struct SubkeysBody {
    subkeys: Option<serde_json::Map<String, Value>>,
    metadata: Stamp,
}

#[derive(Deserialize)]
struct MetadataBody {
    current_version: u64,
    #[serde(default)]
    max_versions: u64,
    #[serde(default)]
    cas_required: bool,
    custom_metadata: Option<BTreeMap<String, String>>,
    versions: BTreeMap<String, OldStamp>,
}

#[derive(Deserialize)]
struct OldStamp {
    created_time: String,
    deletion_time: String,
    destroyed: bool,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<String>,
}

impl VaultClient {
    /// Reads a version, or the current one.
    pub async fn kv_read(&self, mount: &str, path: &str, version: Option<u64>) -> Result<KvRead<KvData>, VaultError> {
        let path = join(&[mount, "data", path])?;
        let answered = self.kv_get(&path, version).await?;
        let Some(body) = found::<DataBody>(&answered, &path)? else { return Ok(KvRead::Absent) };
        Ok(match body.data {
            Some(data) => KvRead::Found(body.metadata.version, data),
            None => KvRead::Gone(body.metadata.known(body.metadata.version)),
        })
    }

    /// Reads the names of a version, or of the current one, without their values.
    pub async fn kv_names(
        &self,
        mount: &str,
        path: &str,
        version: Option<u64>,
    ) -> Result<KvRead<Vec<String>>, VaultError> {
        let path = join(&[mount, "subkeys", path])?;
        let answered = self.kv_get(&path, version).await?;
        let Some(body) = found::<SubkeysBody>(&answered, &path)? else { return Ok(KvRead::Absent) };
        Ok(match body.subkeys {
            Some(names) => KvRead::Found(body.metadata.version, names.into_iter().map(|(name, _)| name).collect()),
            None => KvRead::Gone(body.metadata.known(body.metadata.version)),
        })
    }

    async fn kv_get(&self, path: &str, version: Option<u64>) -> Result<Answered, VaultError> {
        let mut call = Call::new(Method::GET, path, READ);
        call.query = version.map(|version| format!("version={version}"));
        self.call(call).await
    }

    /// Writes all keys and values, if `cas` is still the current version (0: nothing is there).
    pub async fn kv_write(&self, mount: &str, path: &str, data: &KvData, cas: u64) -> Result<KvWritten, VaultError> {
        let path = join(&[mount, "data", path])?;
        let mut call = Call::new(Method::POST, &path, WRITE);
        call.body = Some(body(data, cas));
        call.hidden = data.values().map(|value| value.text().expose()).collect();
        self.kv_written(call).await
    }

    /// Writes some keys and leaves the others, if `cas` is still the current version. Needs the capability `patch`.
    pub async fn kv_patch(&self, mount: &str, path: &str, data: &KvData, cas: u64) -> Result<KvWritten, VaultError> {
        let path = join(&[mount, "data", path])?;
        let mut call = Call::new(Method::PATCH, &path, PATCH);
        call.body = Some(body(data, cas));
        call.hidden = data.values().map(|value| value.text().expose()).collect();
        self.kv_written(call).await
    }

    async fn kv_written(&self, call: Call<'_>) -> Result<KvWritten, VaultError> {
        let path = call.path.to_owned();
        match self.call(call).await {
            Ok(answered) if answered.status.is_success() => {
                Ok(KvWritten::Version(answered.parse::<Reply<Stamp>>(&path)?.data.version))
            }
            Ok(_) => Ok(KvWritten::Absent),
            Err(VaultError::Raced { .. }) => Ok(KvWritten::Raced),
            Err(error) => Err(error),
        }
    }

    /// Returns what is known of a Vault secret and its versions; nothing if it is not there.
    pub async fn kv_metadata(&self, mount: &str, path: &str) -> Result<Option<KvMetadata>, VaultError> {
        let path = join(&[mount, "metadata", path])?;
        let answered = self.call(Call::new(Method::GET, &path, READ)).await?;
        if !answered.status.is_success() {
            return Ok(None);
        }
        let body = answered.parse::<Reply<MetadataBody>>(&path)?.data;
        let mut versions = Vec::new();
        for (number, old) in body.versions {
            let wrong = || VaultError::Malformed { path: path.clone(), reason: "a version has no number" };
            let version = number.parse().map_err(|_| wrong())?;
            let OldStamp { created_time, deletion_time, destroyed } = old;
            versions.push(Stamp { version, created_time, deletion_time, destroyed }.known(version));
        }
        versions.sort_by_key(|version| version.version);
        Ok(Some(KvMetadata {
            current: body.current_version,
            versions,
            custom: body.custom_metadata.unwrap_or_default(),
            max_versions: body.max_versions,
            cas_required: body.cas_required,
        }))
    }

    /// Writes what people want beside a Vault secret; what was there is replaced.
    pub async fn kv_describe(
        &self,
        mount: &str,
        path: &str,
        custom: &BTreeMap<String, String>,
    ) -> Result<(), VaultError> {
        let body = serde_json::json!({ "custom_metadata": custom });
        self.kv_post(&join(&[mount, "metadata", path])?, WRITE, &body).await
    }

    /// Deletes versions so that it can be undone.
    pub async fn kv_delete(&self, mount: &str, path: &str, versions: &[u64]) -> Result<(), VaultError> {
        self.kv_post(&join(&[mount, "delete", path])?, UPDATE, &serde_json::json!({ "versions": versions })).await
    }

    /// Undoes a deletion.
    pub async fn kv_undelete(&self, mount: &str, path: &str, versions: &[u64]) -> Result<(), VaultError> {
        self.kv_post(&join(&[mount, "undelete", path])?, UPDATE, &serde_json::json!({ "versions": versions })).await
    }

    /// Erases versions for good.
    pub async fn kv_destroy(&self, mount: &str, path: &str, versions: &[u64]) -> Result<(), VaultError> {
        self.kv_post(&join(&[mount, "destroy", path])?, UPDATE, &serde_json::json!({ "versions": versions })).await
    }

    /// Erases a Vault secret with all its versions and all that is known of it.
    pub async fn kv_forget(&self, mount: &str, path: &str) -> Result<(), VaultError> {
        self.call(Call::new(Method::DELETE, &join(&[mount, "metadata", path])?, DELETE)).await.map(|_| ())
    }

    /// Returns what is below a path; a name that ends with a slash has more below it.
    pub async fn kv_list(&self, mount: &str, path: &str) -> Result<Vec<String>, VaultError> {
        let path = if path.is_empty() { join(&[mount, "metadata"])? } else { join(&[mount, "metadata", path])? };
        let mut call = Call::new(Method::GET, &path, LIST);
        call.query = Some("list=true".to_owned());
        let answered = self.call(call).await?;
        if !answered.status.is_success() {
            return Ok(Vec::new());
        }
        Ok(answered.parse::<Reply<Keys>>(&path)?.data.keys)
    }

    async fn kv_post(&self, path: &str, needs: (&'static str, &'static str), body: &Value) -> Result<(), VaultError> {
        let mut call = Call::new(Method::POST, path, needs);
        call.body = Some(Zeroizing::new(body.to_string().into_bytes()));
        self.call(call).await.map(|_| ())
    }
}

/// Reads what stands in an answer; a 404 with nothing in it is nothing, one with metadata says what is gone.
fn found<T: serde::de::DeserializeOwned>(answered: &Answered, path: &str) -> Result<Option<T>, VaultError> {
    match answered.parse::<Reply<T>>(path) {
        Ok(reply) => Ok(Some(reply.data)),
        Err(_) if !answered.status.is_success() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts a body together by hand, into memory that is erased.
fn body(data: &KvData, cas: u64) -> Zeroizing<Vec<u8>> {
    let length: usize = data.iter().map(|(name, value)| name.len() * 6 + value.text().len() * 6 + 8).sum();
    // With room for every character escaped, so that it never grows and leaves a copy behind.
    let mut body = Zeroizing::new(Vec::with_capacity(length + 64));
    body.extend_from_slice(format!("{{\"options\":{{\"cas\":{cas}}},\"data\":{{").as_bytes());
    for (index, (name, value)) in data.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write_text(name, &mut body);
        body.push(b':');
        value.write(&mut body);
    }
    body.extend_from_slice(b"}}");
    body
}

fn write_text(text: &str, body: &mut Vec<u8>) {
    // Writing text into memory cannot fail.
    let _ = serde_json::to_writer(body, text);
}
