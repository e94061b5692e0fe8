//! Keys and encrypted files for tests, made as `sops` makes them.

use std::path::Path;

use age::{secrecy::ExposeSecret as _, x25519::Identity};
use towpath_secrets::{
    entropy::SystemEntropy,
    sops::{AgeOnly, Creation, Format, KeyGroup, MasterKey, encrypt},
};

use crate::project::Project;

/// A pair of keys.
pub(crate) struct Key(Identity);

impl Key {
    pub(crate) fn new() -> Self {
        Self(Identity::generate())
    }

    /// Returns the private key as a file of identities has it.
    pub(crate) fn private(&self) -> String {
        self.0.to_string().expose_secret().to_owned()
    }

    pub(crate) fn public(&self) -> String {
        self.0.to_public().to_string()
    }

    /// Encrypts a plain text for this key and writes it into the project.
    pub(crate) fn seal(&self, project: &Project, path: &str, plain: &str) {
        let groups = vec![KeyGroup { keys: vec![MasterKey::age(&self.public())] }];
        let creation = Creation { groups, ..Creation::default() };
        let (format, now) = (Format::of_path(path), jiff::Timestamp::now());
        let sealed = encrypt(plain.as_bytes(), format, &creation, &AgeOnly, now, &SystemEntropy).unwrap();
        project.write(path, &String::from_utf8(sealed).unwrap());
    }

    /// Gives the server this key for an environment.
    pub(crate) fn give(&self, project: &Project, environment: &str) {
        private(&project.file(&format!(".towpath/keys/{environment}.agekey")), &self.private());
    }
}

/// Writes a file that only its owner reads.
fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    for folder in [path.parent().unwrap(), path.parent().unwrap().parent().unwrap()] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    std::fs::write(path, format!("{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
