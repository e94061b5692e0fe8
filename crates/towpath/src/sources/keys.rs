//! The private keys that open files of secrets, looked for where sops looks: `SOPS_AGE_KEY`, `SOPS_AGE_KEY_FILE`,
//! `sops/age/keys.txt` in the user's configuration, SSH keys.
//!
//! Nobody is asked for a passphrase here: what needs one is left out, and said where no other key opens a file.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use towpath_secrets::sops::Identities;
use zeroize::Zeroizing;

/// The keys at hand and what is to be told of them.
pub(super) struct Gathered {
    pub(super) identities: Identities,
    /// Where a key was found.
    found: Vec<String>,
    /// What could not be used, and why.
    unusable: Vec<String>,
}

impl Gathered {
    /// Gathers the keys of this process and its user.
    pub(super) fn usual() -> Self {
        let mut all = Self { identities: Identities::new(), found: Vec::new(), unusable: Vec::new() };
        if let Ok(text) = env::var("SOPS_AGE_KEY").map(Zeroizing::new) {
            let added = all.identities.add_age_variable(&text);
            all.note("SOPS_AGE_KEY".to_owned(), added.map_err(|error| error.to_string()));
        }
        if let Some(path) = env::var_os("SOPS_AGE_KEY_FILE") {
            let path = PathBuf::from(path);
            if path.exists() {
                all.file(&path);
            } else {
                all.unusable.push(format!("SOPS_AGE_KEY_FILE names `{}`, which is not there", path.display()));
            }
        }
        let home = env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".config")));
        if let Some(config) = config {
            all.file(&config.join("sops/age/keys.txt"));
        }
        let ssh = env::var_os("SOPS_AGE_SSH_PRIVATE_KEY_FILE").map(PathBuf::from);
        let usual = home.iter().flat_map(|home| ["id_ed25519", "id_rsa"].map(|name| home.join(".ssh").join(name)));
        for path in ssh.into_iter().chain(usual) {
            all.ssh(&path);
        }
        all
    }

    /// Adds the identities of a file, if it is there.
    pub(super) fn file(&mut self, path: &Path) {
        let Some(bytes) = self.bytes(path) else { return };
        let added = if Identities::is_encrypted(&bytes) {
            Err("it opens with a passphrase, which nobody is asked for here".to_owned())
        } else {
            match std::str::from_utf8(&bytes) {
                Ok(text) => self.identities.add_age(text).map_err(|error| error.to_string()),
                Err(_) => Err("it is no text".to_owned()),
            }
        };
        self.note(path.display().to_string(), added);
    }

    fn ssh(&mut self, path: &Path) {
        let Some(bytes) = self.bytes(path) else { return };
        let Ok(text) = std::str::from_utf8(&bytes) else { return };
        if !Identities::ssh_wants_passphrase(text) {
            let added = self.identities.add_ssh(text, None);
            self.note(path.display().to_string(), added.map_err(|error| error.to_string()));
        }
    }

    fn bytes(&mut self, path: &Path) -> Option<Zeroizing<Vec<u8>>> {
        match fs::read(path) {
            Ok(bytes) => Some(Zeroizing::new(bytes)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => None,
            Err(error) => {
                self.unusable.push(format!("`{}`: {error}", path.display()));
                None
            }
        }
    }

    fn note(&mut self, place: String, added: Result<(), String>) {
        match added {
            Ok(()) => self.found.push(place),
            Err(why) => self.unusable.push(format!("`{place}`: {why}")),
        }
    }

    /// Says which keys were tried.
    pub(super) fn hint(&self) -> String {
        let tried = if self.found.is_empty() {
            "no key was found".to_owned()
        } else {
            format!("tried {}", self.found.join(", "))
        };
        let unusable = self.unusable.iter().map(|why| format!("; {why}"));
        std::iter::once(tried).chain(unusable).collect()
    }
}
