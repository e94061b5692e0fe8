//! Other people's implementations of sops read what is written here, and the other way round.
//!
//! `rops` (crate, age) and the original `sops` in Python (PyPI, OpenPGP) check the MAC; `sops-age` (npm) only decrypts.
//! Where a tool cannot be had its test says so and ends, but not in CI.

mod crate_rops;
mod node;
mod python;
mod tools;

use jiff::Timestamp;
use towpath_secrets::{
    entropy::SystemEntropy,
    sops::{AgeOnly, Creation, File, Format, Identities, KeyGroup, MasterKey, Plain, Selection, WrapKeys, encrypt},
};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// A private key of age, its recipient, and the same as identities.
fn identity() -> (String, String, Identities) {
    use age::secrecy::ExposeSecret as _;
    let identity = age::x25519::Identity::generate();
    let private = identity.to_string().expose_secret().to_owned();
    let mut identities = Identities::new();
    identities.add_age(&private).unwrap();
    (private, identity.to_public().to_string(), identities)
}

fn written(
    plain: &str,
    format: Format,
    key: MasterKey,
    selection: Selection,
    mac_only: bool,
    wrap: &dyn WrapKeys,
) -> String {
    let groups = vec![KeyGroup { keys: vec![key] }];
    let creation = Creation { groups, selection, mac_only_encrypted: mac_only, ..Creation::default() };
    let bytes = encrypt(plain.as_bytes(), format, &creation, wrap, NOW, &SystemEntropy).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn for_age(plain: &str, format: Format, recipient: &str, selection: Selection, mac_only: bool) -> String {
    written(plain, format, MasterKey::age(recipient), selection, mac_only, &AgeOnly)
}

fn read(sealed: &str, format: Format, keys: &dyn towpath_secrets::sops::MasterKeys) -> Plain {
    let file = File::parse(sealed.as_bytes(), format).unwrap();
    file.decrypt(&file.unwrap_key(keys).unwrap()).unwrap()
}

fn text(plain: &Plain) -> String {
    String::from_utf8(plain.text().unwrap().to_vec()).unwrap()
}

/// Changes one character of a ciphertext's neighbour that is in clear.
fn tampered(sealed: &str, from: &str, to: &str) -> String {
    assert!(sealed.contains(from), "{sealed}");
    sealed.replacen(from, to, 1)
}

/// The rules, as sops calls them, with a value for each.
fn selections() -> Vec<Selection> {
    vec![
        Selection::default(),
        Selection::EncryptedSuffix("_secret".to_owned()),
        Selection::EncryptedRegex("^(b|list)".to_owned()),
        Selection::UnencryptedRegex("clear|number".to_owned()),
        Selection::UnencryptedSuffix("_clear".to_owned()),
    ]
}
