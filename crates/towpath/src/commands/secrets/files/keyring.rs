//! The private keys at hand, looked for where sops looks (`age/keysource.go`), and keys that Vault holds.
//!
//! What cannot be used is told only where no other key opens the file. Passphrases are asked for only then.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use towpath_core::secrets::SecretText;
use towpath_secrets::sops::{DataKey, File, Identities, KeyError, KeyKind, MasterKey, UnwrapError};
use zeroize::Zeroizing;

use super::{prompt::ask_hidden, transit};
use crate::{
    context::Context,
    failure::{Exit, Failure},
};

/// The keys at hand.
pub(crate) struct Keyring {
    pub(crate) identities: Identities,
    /// Where there was one.
    found: Vec<String>,
    /// Where there was none.
    empty: Vec<String>,
    /// What could not be used, and why.
    unusable: Vec<String>,
    /// What opens with a passphrase only.
    locked: Vec<Locked>,
}

enum Locked {
    Ssh(PathBuf, Zeroizing<String>),
    Age(String, Zeroizing<Vec<u8>>),
}

impl Keyring {
    /// Gathers every key at hand.
    pub(crate) fn gather() -> Self {
        let mut ring = Self {
            identities: Identities::new(),
            found: Vec::new(),
            empty: Vec::new(),
            unusable: Vec::new(),
            locked: Vec::new(),
        };
        ring.add_variable();
        ring.add_file_variable();
        ring.add_command();
        let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(home()?.join(".config")));
        if let Some(config) = config {
            ring.add_age_file(&config.join("sops/age/keys.txt"), false);
        }
        match env::var_os("SOPS_AGE_SSH_PRIVATE_KEY_FILE") {
            Some(path) => ring.add_ssh_file(Path::new(&path), true),
            None => ring.empty.push("SOPS_AGE_SSH_PRIVATE_KEY_FILE".to_owned()),
        }
        for name in ["id_ed25519", "id_rsa"] {
            if let Some(home) = home() {
                ring.add_ssh_file(&home.join(".ssh").join(name), false);
            }
        }
        ring.identities.add_source(Box::new(transit::Vault::of_environment()));
        ring
    }

    /// Opens the data key of a file.
    pub(super) fn open(&mut self, context: &Context, name: &str, file: &File) -> Result<DataKey, Failure> {
        let error = match file.unwrap_key(&self.identities) {
            Ok(key) => return Ok(key),
            Err(error) => error,
        };
        if context.is_interactive() && self.unlock(context, file)? {
            return file.unwrap_key(&self.identities).map_err(|error| self.failure(name, &error));
        }
        Err(self.failure(name, &error))
    }

    /// Says why no key opens a file, and where keys were looked for.
    pub(super) fn failure(&self, name: &str, error: &UnwrapError) -> Failure {
        let mut failure = Failure::new(Exit::Failed, "no_key", format!("{name}: {error}")).causes(error);
        for problem in &self.unusable {
            failure = failure.fact("key", problem);
        }
        for locked in &self.locked {
            let place = match locked {
                Locked::Ssh(path, _) => path.display().to_string(),
                Locked::Age(place, _) => place.clone(),
            };
            failure =
                failure.fact("key", format!("{place} opens with a passphrase, which is asked for on a terminal only"));
        }
        if !self.empty.is_empty() {
            failure = failure.fact("where", format!("no key in {}", self.empty.join(", ")));
        }
        failure.kept("nothing was decrypted")
    }

    /// Says in one line where there was no key and what could not be used.
    pub(crate) fn hint(&self) -> String {
        let locked = self.locked.iter().map(|locked| match locked {
            Locked::Ssh(path, _) => format!("{} opens with a passphrase", path.display()),
            Locked::Age(place, _) => format!("{place} opens with a passphrase"),
        });
        let empty = (!self.empty.is_empty()).then(|| format!("no key in {}", self.empty.join(", ")));
        let tried = (!self.found.is_empty()).then(|| format!("tried {}", self.found.join(", ")));
        let all: Vec<String> =
            tried.into_iter().chain(self.unusable.iter().cloned()).chain(locked).chain(empty).collect();
        all.join("; ")
    }

    /// Asks for passphrases of keys that might open the file; says whether there were any.
    fn unlock(&mut self, context: &Context, file: &File) -> Result<bool, Failure> {
        let ssh = file.metadata().keys().any(|key| key.kind == KeyKind::Age && key.name().starts_with("ssh-"));
        let mut any = false;
        for locked in std::mem::take(&mut self.locked) {
            match locked {
                Locked::Ssh(path, text) if ssh => {
                    let passphrase = ask_secret(context, &path.display().to_string())?;
                    let added = self.identities.add_ssh(&text, Some(&passphrase));
                    self.note(&path.display().to_string(), added);
                    any = true;
                }
                Locked::Age(place, bytes) => {
                    let passphrase = ask_secret(context, &place)?;
                    let added = self.identities.add_encrypted(&bytes, &passphrase);
                    self.note(&place, added);
                    any = true;
                }
                Locked::Ssh(..) => {}
            }
        }
        Ok(any)
    }

    /// Keeps where a key was, or why it cannot be used; no error of a key shows any of it.
    fn note(&mut self, place: &str, added: Result<(), KeyError>) {
        match added {
            Ok(()) => self.found.push(place.to_owned()),
            Err(why) => self.unusable.push(format!("{place}: {why}")),
        }
    }

    fn add_variable(&mut self) {
        match env::var("SOPS_AGE_KEY").map(Zeroizing::new) {
            Ok(text) => {
                let added = self.identities.add_age_variable(&text);
                self.note("SOPS_AGE_KEY", added);
            }
            Err(_) => self.empty.push("SOPS_AGE_KEY".to_owned()),
        }
    }

    fn add_file_variable(&mut self) {
        match env::var_os("SOPS_AGE_KEY_FILE") {
            Some(path) => self.add_age_file(Path::new(&path), true),
            None => self.empty.push("SOPS_AGE_KEY_FILE".to_owned()),
        }
    }

    /// Adds the identities of a file; `wanted` says that somebody named it, so that it must be there.
    pub(crate) fn add_age_file(&mut self, path: &Path, wanted: bool) {
        match fs::read(path).map(Zeroizing::new) {
            Ok(bytes) => self.add_age_bytes(path.display().to_string(), bytes),
            Err(_) if !wanted => self.empty.push(path.display().to_string()),
            Err(error) => self.unusable.push(format!("{}: {error}", path.display())),
        }
    }

    fn add_age_bytes(&mut self, place: String, bytes: Zeroizing<Vec<u8>>) {
        if Identities::is_encrypted(&bytes) {
            self.locked.push(Locked::Age(place, bytes));
            return;
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => {
                let added = self.identities.add_age(text);
                self.note(&place, added);
            }
            Err(_) => self.unusable.push(format!("{place}: it is no text")),
        }
    }

    /// `SOPS_AGE_KEY_CMD`: a command that prints identities. No shell is between.
    fn add_command(&mut self) {
        let Ok(line) = env::var("SOPS_AGE_KEY_CMD") else {
            self.empty.push("SOPS_AGE_KEY_CMD".to_owned());
            return;
        };
        let place = "SOPS_AGE_KEY_CMD".to_owned();
        let words = super::words::split(&line);
        let Some((program, arguments)) = words.as_deref().and_then(<[String]>::split_first) else {
            self.unusable.push(format!("{place}: it is no command, or a quote in it is not closed"));
            return;
        };
        let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        match output {
            Ok(output) if output.status.success() => self.add_age_bytes(place, Zeroizing::new(output.stdout)),
            Ok(output) => self.unusable.push(format!("{place}: `{program}` ended with {}", output.status)),
            Err(error) => self.unusable.push(format!("{place}: `{program}`: {error}")),
        }
    }

    fn add_ssh_file(&mut self, path: &Path, wanted: bool) {
        let text = match fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) => text,
            Err(error) if wanted => {
                self.unusable.push(format!("{}: {error}", path.display()));
                return;
            }
            Err(_) => {
                self.empty.push(path.display().to_string());
                return;
            }
        };
        if Identities::ssh_wants_passphrase(&text) {
            self.locked.push(Locked::Ssh(path.to_owned(), text));
            return;
        }
        let added = self.identities.add_ssh(&text, None);
        self.note(&path.display().to_string(), added);
    }
}

fn ask_secret(context: &Context, place: &str) -> Result<SecretText, Failure> {
    let mut answer = ask_hidden(context, &format!("passphrase of {place}"))?;
    Ok(SecretText::new(std::mem::take(&mut *answer)))
}

fn home() -> Option<PathBuf> {
    env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// Returns how a key is told to people.
pub(super) fn shown(key: &MasterKey) -> String {
    match key.kind {
        KeyKind::Age => key.name().to_owned(),
        KeyKind::HcVault => {
            let field = |name: &str| key.field(name).unwrap_or_default().to_owned();
            format!("{}/v1/{}/keys/{}", field("vault_address"), field("engine_path"), field("key_name"))
        }
        KeyKind::Kms | KeyKind::GcpKms | KeyKind::HcKms | KeyKind::AzureKv | KeyKind::Pgp => {
            format!("{} {}", key.kind.name(), key.name())
        }
    }
}
