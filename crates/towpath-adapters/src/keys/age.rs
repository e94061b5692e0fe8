//! Data keys encrypted to an age identity in a file (`age-keygen` makes such files, and so does Towpath).
//!
//! age encrypts without associated data: the context is therefore encrypted together with the key and compared after
//! decryption. Identities of other kinds (SSH keys, plugins) are for files, not for data keys.

use std::{
    fs, io,
    io::{Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use age::{secrecy::ExposeSecret as _, x25519};
use async_trait::async_trait;
use subtle::ConstantTimeEq as _;
use towpath_engine::ports::{DataKeyBytes, KeyContext, KeyError, KeyProvider};
use zeroize::Zeroizing;

use super::context;

#[cfg(test)]
mod tests;

/// More than any file of identities needs.
const MOST_FILE_BYTES: u64 = 1 << 20;
/// More than a key, its context and age's header need.
const MOST_WRAPPED_BYTES: usize = 1 << 16;
/// Who else may do something with the file: nobody. The group may read, because that is how containers are given secrets.
const FORBIDDEN_MODE: u32 = 0o037;

/// A key provider over a file of age X25519 identities. The first one encrypts; any of them decrypts, so that a new
/// identity is put in front of the old one until every data key has been wrapped anew.
pub struct AgeKeyFile {
    file: PathBuf,
    recipient: String,
    identities: Vec<x25519::Identity>,
}

impl AgeKeyFile {
    /// Reads the identities of a file that is there.
    pub fn open(file: &Path) -> Result<Self, KeyError> {
        let text = read(file).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                refused(file, "it is not there: bring it back from where it is kept safe")
            } else {
                refused(file, &error.to_string())
            }
        })?;
        Self::parse(file, &text)
    }

    /// Reads the identities of a file, which is made with an identity of its own if it is not there: readable by the
    /// owner only, in a folder of the owner's only. One that is there is never overwritten, also if somebody else makes
    /// it at the same time.
    pub fn open_or_make(file: &Path) -> Result<Self, KeyError> {
        match fs::symlink_metadata(file) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(file).map_err(|error| refused(file, &format!("it cannot be made: {error}")))?;
            }
            Err(error) => return Err(refused(file, &error.to_string())),
        }
        Self::open(file)
    }

    /// Returns the public key that data keys are encrypted to, `age1…`.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    fn parse(file: &Path, text: &str) -> Result<Self, KeyError> {
        let mut identities = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let identity = line.parse::<x25519::Identity>().map_err(|reason| {
                let hint = "a line is to be `AGE-SECRET-KEY-1…`, as `age-keygen` writes it";
                refused(file, &format!("line {} is no age X25519 identity ({reason}): {hint}", index + 1))
            })?;
            identities.push(identity);
        }
        let first = identities.first().ok_or_else(|| refused(file, "there is no identity in it"))?;
        let recipient = first.to_public().to_string();
        Ok(Self { file: file.to_owned(), recipient, identities })
    }

    fn damaged(&self, context: &KeyContext) -> KeyError {
        KeyError::Damaged {
            provider: provider(&self.file),
            environment: context.environment.clone(),
            version: context.version,
        }
    }

    fn seal(&self, key: &DataKeyBytes, context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        let mut plain = Zeroizing::new(context::bytes(context));
        // Growing would leave a copy of nothing secret behind: the key comes last, into room that is there already.
        plain.reserve_exact(key.len());
        plain.extend_from_slice(key.as_slice());
        let Some(first) = self.identities.first() else {
            return Err(refused(&self.file, "there is no identity in it"));
        };
        age::encrypt(&first.to_public(), &plain).map_err(|error| refused(&self.file, &error.to_string()))
    }

    fn open_sealed(&self, wrapped: &[u8], context: &KeyContext) -> Option<DataKeyBytes> {
        if wrapped.len() > MOST_WRAPPED_BYTES {
            return None;
        }
        let decryptor = age::Decryptor::new_buffered(wrapped).ok()?;
        let identities = self.identities.iter().map(|identity| identity as &dyn age::Identity);
        let mut reader = decryptor.decrypt(identities).ok()?;
        let mut plain = Zeroizing::new(Vec::with_capacity(wrapped.len()));
        reader.read_to_end(&mut plain).ok()?;
        let (bound, key) = plain.split_last_chunk::<32>()?;
        bool::from(bound.ct_eq(context::bytes(context).as_slice())).then(|| Zeroizing::new(*key))
    }
}

#[async_trait]
impl KeyProvider for AgeKeyFile {
    fn id(&self) -> String {
        format!("age {}", self.recipient)
    }

    async fn wrap(&self, key: &DataKeyBytes, context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        self.seal(key, context)
    }

    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<DataKeyBytes, KeyError> {
        self.open_sealed(wrapped, context).ok_or_else(|| self.damaged(context))
    }

    async fn rewrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        let key = self.open_sealed(wrapped, context).ok_or_else(|| self.damaged(context))?;
        self.seal(&key, context)
    }
}

impl std::fmt::Debug for AgeKeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgeKeyFile")
            .field("file", &self.file)
            .field("recipient", &self.recipient)
            .finish_non_exhaustive()
    }
}

fn provider(file: &Path) -> String {
    format!("the age key file `{}`", file.display())
}

fn refused(file: &Path, reason: &str) -> KeyError {
    KeyError::Refused { provider: provider(file), reason: reason.to_owned() }
}

fn read(file: &Path) -> io::Result<Zeroizing<String>> {
    // Asked before it is opened: a pipe would keep whoever opens it waiting.
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let opened = fs::File::open(file)?;
    let meta = opened.metadata()?;
    if meta.permissions().mode() & FORBIDDEN_MODE != 0 {
        return Err(io::Error::other("others may read or change it: `chmod 600` it, and think of the key as seen"));
    }
    if meta.len() > MOST_FILE_BYTES {
        return Err(io::Error::other("it is too large for a file of identities"));
    }
    // With all its room at once, so that no part of it is left where the buffer was before it grew.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(meta.len()).unwrap_or_default() + 1));
    opened.take(MOST_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Makes a file with a new identity, complete or not at all: written under another name, then linked to its own, which
/// fails where there is one.
fn make(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let identity = x25519::Identity::generate();
    let secret = identity.to_string();
    let text = Zeroizing::new(format!("# public key: {}\n{}\n", identity.to_public(), secret.expose_secret()));
    let fresh = folder.join(format!(".{}.new", x25519::Identity::generate().to_public()));
    let mut opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    let written = opened.write_all(text.as_bytes()).and_then(|()| opened.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&fresh, file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    fs::remove_file(&fresh)?;
    linked?;
    // A key that encrypted something must still be there after the power went: so must its name.
    fs::File::open(folder)?.sync_all()
}
