//! The keys of a project's server: made once, kept private, never shown.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use towpath_core::{
    ids::ProjectName,
    ledger::{CheckpointSigner, CheckpointVerifier},
};

use super::files::{private_folder, random, write_private};
use crate::{
    failure::{Exit, Failure},
    folder::unreadable,
};

/// Returns what signs the ledger, making its key for a ledger that does not exist yet.
pub(crate) fn signer(data: &Path, project: &ProjectName) -> Result<CheckpointSigner, Failure> {
    let path = secret_path(data);
    let secret = match read::<32>(&path)? {
        Some(secret) => secret,
        None if data.join("ledger.db").exists() => {
            let message = format!("`{}` is missing: the ledger cannot be signed on", path.display());
            return Err(Failure::new(Exit::Failed, "no_key", message)
                .kept("the ledger was left as it is")
                .next("put the key back from a copy of this folder"));
        }
        None => make(&path)?,
    };
    let public = public_path(data);
    let origin = match fs::read_to_string(&public) {
        Ok(text) => parse(&public, &text)?.origin().to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => format!("towpath/{project}"),
        Err(error) => return Err(unreadable(&public, &error)),
    };
    let signer =
        CheckpointSigner::new(&origin, &secret).map_err(|error| Failure::of(Exit::Failed, "bad_key", &error))?;
    let text = format!("{}\n", signer.verifier());
    if fs::read_to_string(&public).ok().as_deref() != Some(&text) {
        if public.exists() {
            let message = format!("`{}` and `{}` are not of one pair", path.display(), public.display());
            return Err(Failure::new(Exit::Failed, "bad_key", message).next("put both back from a copy of this folder"));
        }
        write_private(&public, text.as_bytes())?;
    }
    Ok(signer)
}

/// Returns what checks the ledger's signatures.
pub(crate) fn verifier(data: &Path) -> Result<CheckpointVerifier, Failure> {
    let path = public_path(data);
    parse(&path, &fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?)
}

/// Returns the key of the proxy's sticky cookies: the same after every start, or clients would change revision.
pub(crate) fn sticky(data: &Path) -> Result<[u8; 16], Failure> {
    let path = data.join("keys/sticky");
    match read(&path)? {
        Some(key) => Ok(key),
        None => make(&path),
    }
}

/// Returns what versions of secrets are named with in sources that count none: the same after every start, or all of them would
/// seem to have changed.
pub(crate) fn versions(data: &Path) -> Result<[u8; 32], Failure> {
    let path = data.join("keys/versions");
    match read(&path)? {
        Some(key) => Ok(key),
        None => make(&path),
    }
}

/// Returns what units of experiments are hashed with: the same after every start, or every unit would be another.
pub(crate) fn units(data: &Path) -> Result<[u8; 32], Failure> {
    let path = data.join("keys/units");
    match read(&path)? {
        Some(key) => Ok(key),
        None => make(&path),
    }
}

fn secret_path(data: &Path) -> PathBuf {
    data.join("keys/ledger")
}

fn public_path(data: &Path) -> PathBuf {
    data.join("keys/ledger.pub")
}

fn parse(path: &Path, text: &str) -> Result<CheckpointVerifier, Failure> {
    text.trim().parse().map_err(|error| {
        Failure::new(Exit::Failed, "bad_key", format!("`{}` is damaged", path.display())).because(&error)
    })
}

fn read<const N: usize>(path: &Path) -> Result<Option<[u8; N]>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let mut key = [0; N];
    hex::decode_to_slice(text.trim(), &mut key).map_err(|_| {
        Failure::new(Exit::Failed, "bad_key", format!("`{}` is damaged", path.display()))
            .next("put it back from a copy of this folder")
    })?;
    Ok(Some(key))
}

fn make<const N: usize>(path: &Path) -> Result<[u8; N], Failure> {
    let key = random::<N>()?;
    private_folder(path.parent().unwrap_or(path))?;
    write_private(path, format!("{}\n", hex::encode(key)).as_bytes())?;
    Ok(key)
}

#[cfg(test)]
mod tests;
