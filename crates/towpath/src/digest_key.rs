//! The key that digests of secrets are made with, kept apart from every project and from every digest.
//!
//! A file of the user's own, made when it is first needed, or a text in `TOWPATH_DIGEST_KEY`: a secret of CI, where machines come
//! and go. Losing it loses no secret: what was copied is copied once more.

use std::{
    env, fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use towpath_core::secrets::SecretText;
use towpath_secrets::{entropy::SystemEntropy, keyed::DigestKey};

use crate::{
    failure::{Exit, Failure},
    folder::{unreadable, unwritable},
};

/// The variable that holds a key as a text.
const VARIABLE: &str = "TOWPATH_DIGEST_KEY";
/// Shorter texts can be guessed.
const SHORTEST: usize = 16;

/// Returns the key, making it if there is none.
pub(crate) fn digest_key() -> Result<DigestKey, Failure> {
    if let Some(text) = env::var(VARIABLE).ok().filter(|text| !text.is_empty()) {
        if text.len() < SHORTEST {
            let message = format!("`{VARIABLE}` has fewer than {SHORTEST} characters, so it could be guessed");
            return Err(Failure::new(Exit::Usage, "digest_key", message)
                .next("openssl rand -hex 32, and keep it as a secret of CI"));
        }
        return Ok(DigestKey::of_text(&SecretText::new(text)));
    }
    let folder = match (env::var_os("XDG_CONFIG_HOME"), env::var_os("HOME")) {
        (Some(folder), _) if Path::new(&folder).is_absolute() => PathBuf::from(folder),
        (_, Some(home)) if !home.is_empty() => PathBuf::from(home).join(".config"),
        _ => {
            let message = "there is no folder for the key of digests: neither XDG_CONFIG_HOME nor HOME is set";
            return Err(
                Failure::new(Exit::Usage, "digest_key", message).next(format!("set one of them, or {VARIABLE}"))
            );
        }
    };
    let path = folder.join("towpath").join("digest.key");
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(&path).map_err(|error| unwritable(&path, &error))?;
            // Whoever was first has made it for all.
            read(&path).map_err(|error| unreadable(&path, &error))
        }
        other => other.map_err(|error| unreadable(&path, &error)),
    }
}

fn read(path: &Path) -> io::Result<DigestKey> {
    let bytes = fs::read(path)?;
    let bytes: [u8; 32] =
        bytes.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not 32 bytes"))?;
    Ok(DigestKey::of_bytes(bytes))
}

fn make(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let key = DigestKey::random(&SystemEntropy).map_err(io::Error::other)?;
    let fresh = folder.join(format!(".digest.{}.tmp", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    let written =
        file.write_all(key.bytes()).and_then(|()| file.sync_all()).and_then(|()| match fs::hard_link(&fresh, path) {
            // Another process has made one meanwhile; that one counts.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
    let removed = fs::remove_file(&fresh);
    written.and(removed)
}
