//! A Kubernetes Secret: as a manifest in a file, or applied by `kubectl`.
//!
//! The file is replaced at once, readable by its owner only. `kubectl` gets the manifest through its standard input, never as
//! an argument, and applies it on the server's side: keys that others added to the Secret stay.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use async_trait::async_trait;
use tokio::{io::AsyncWriteExt as _, process::Command};
use towpath_core::secrets::{Remote, SecretText};
use towpath_secrets::keyed::DigestKey;
use zeroize::Zeroizing;

use super::{
    Applied, Change, SyncError, SyncTarget, TIMEOUT, digest_of,
    manifest::{Manifest, read_applied, read_written},
};

/// The most bytes of all values of a Secret: <https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size>.
const MAX_ALL: usize = 1 << 20;
/// The most bytes of a file that is read.
const MAX_FILE: u64 = 4 << 20;

/// A Secret of Kubernetes.
#[derive(Debug)]
pub struct Kubernetes {
    file: Option<PathBuf>,
    secret: String,
    namespace: Option<String>,
    kubectl: PathBuf,
}

impl Kubernetes {
    /// Returns the target of a Secret: written into a file, else applied by this `kubectl`.
    pub fn new(
        file: Option<PathBuf>,
        secret: &str,
        namespace: Option<&str>,
        kubectl: PathBuf,
    ) -> Result<Self, SyncError> {
        for name in [Some(secret), namespace].into_iter().flatten() {
            if !is_name(name) {
                let message =
                    format!("`{name}` is no name of Kubernetes: small letters, digits, `-` and `.`, at most 253");
                return Err(SyncError::Unusable(message));
            }
        }
        Ok(Self { file, secret: secret.to_owned(), namespace: namespace.map(str::to_owned), kubectl })
    }

    fn manifest<'a>(&'a self, values: &'a BTreeMap<String, SecretText>) -> Manifest<'a> {
        Manifest { name: &self.secret, namespace: self.namespace.as_deref(), values }
    }

    async fn have(&self) -> Result<BTreeMap<String, SecretText>, SyncError> {
        match &self.file {
            Some(path) => read_file(path),
            None => self.get().await,
        }
    }

    async fn get(&self) -> Result<BTreeMap<String, SecretText>, SyncError> {
        let mut args = vec!["get", "secret", &self.secret, "--ignore-not-found", "--output=json"];
        args.extend(self.namespace.iter().flat_map(|namespace| ["--namespace", namespace.as_str()]));
        let printed = self.kubectl(&args, None).await?;
        let strange = || SyncError::Strange { target: self.title(), reason: "no Secret in JSON".to_owned() };
        read_applied(&printed).ok_or_else(strange)
    }

    /// Runs `kubectl` and returns what it printed.
    async fn kubectl(&self, args: &[&str], input: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, SyncError> {
        let program = self.kubectl.display().to_string();
        let failed = |reason: String| SyncError::Program { program: program.clone(), reason };
        let mut command = Command::new(&self.kubectl);
        command.args(args).stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let pipe = child.stdin.take();
        let feed = async {
            if let (Some(mut pipe), Some(input)) = (pipe, input) {
                // A program that reads no further says why in its status.
                let _ = pipe.write_all(input).await;
            }
        };
        let both = async { tokio::join!(feed, child.wait_with_output()).1 };
        let output = tokio::time::timeout(TIMEOUT, both).await.map_err(|_| failed("it does not end".to_owned()))?;
        let output = output.map_err(|error| failed(error.to_string()))?;
        let printed = Zeroizing::new(output.stdout);
        if output.status.success() {
            return Ok(printed);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(failed(said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing").to_owned()))
    }

    async fn write(&self, all: &BTreeMap<String, SecretText>) -> Result<(), SyncError> {
        let text = self.manifest(all).text();
        if let Some(path) = &self.file {
            // Whoever put another file there since must not lose it.
            read_file(path)?;
            return replace(path, text.as_bytes()).map_err(|source| SyncError::File {
                what: "write",
                path: path.clone(),
                source,
            });
        }
        let args = ["apply", "--server-side", "--force-conflicts", "--field-manager=towpath", "--filename=-"];
        self.kubectl(&args, Some(text.as_bytes())).await.map(|_| ())
    }
}

/// Says whether a text is a DNS subdomain name (RFC 1123), as names of Secrets are.
fn is_name(name: &str) -> bool {
    let fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    name.len() <= 253 && name.bytes().all(fit) && ends(name.bytes().next()) && ends(name.bytes().last())
}

fn read_file(path: &Path) -> Result<BTreeMap<String, SecretText>, SyncError> {
    let failed = |source| SyncError::File { what: "read", path: path.to_owned(), source };
    let foreign = || SyncError::Foreign { path: path.to_owned() };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed(error)),
        Ok(meta) if !meta.is_file() || meta.len() > MAX_FILE => return Err(foreign()),
        Ok(_) => {}
    }
    let text = Zeroizing::new(fs::read(path).map_err(failed)?);
    let text = std::str::from_utf8(&text).map_err(|_| foreign())?;
    read_written(text).ok_or_else(foreign)
}

/// Puts a new file in the place of the old one, so that nobody sees half of it.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = (|| {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written
}

#[async_trait]
impl SyncTarget for Kubernetes {
    fn id(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        match &self.file {
            Some(path) => format!("kubernetes file {}", path.display()),
            None => format!("kubernetes secret {namespace}/{}", self.secret),
        }
    }

    fn title(&self) -> String {
        match (&self.file, &self.namespace) {
            (Some(path), _) => format!("manifest {}", path.file_name().unwrap_or_default().to_string_lossy()),
            (None, Some(namespace)) => format!("Kubernetes Secret {namespace}/{}", self.secret),
            (None, None) => format!("Kubernetes Secret {}", self.secret),
        }
    }

    fn forbids(&self, name: &str, value: &SecretText) -> Option<String> {
        let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 253 || !name.bytes().all(fit) || matches!(name, "." | "..") {
            return Some("Kubernetes takes letters, digits, `-`, `_` and `.` in a key".to_owned());
        }
        (value.len() > MAX_ALL).then(|| format!("a Secret holds at most 1 MiB, this value has {} bytes", value.len()))
    }

    async fn there(&self, key: &DigestKey) -> Result<BTreeMap<String, Remote>, SyncError> {
        let id = self.id();
        let remote = |(name, value): (String, SecretText)| {
            let digest = digest_of(key, &id, &name, &value);
            (name, Remote { revision: None, digest: Some(digest) })
        };
        Ok(self.have().await?.into_iter().map(remote).collect())
    }

    async fn apply(&self, change: &Change<'_>) -> Result<Applied, SyncError> {
        // A file is ours as a whole. What is to stay is what was there and what is wanted, without what is removed.
        let mut all = if self.file.is_some() { self.have().await? } else { BTreeMap::new() };
        all.extend(change.all.iter().map(|(name, value)| (name.clone(), value.clone())));
        all.retain(|name, _| !change.remove.contains(name));
        self.write(&all).await?;
        Ok(change.write.iter().chain(change.remove).map(|name| (name.clone(), Ok(None))).collect())
    }
}
