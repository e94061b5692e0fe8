//! Boxes open with their key only; libsodium itself opens them.

use std::process::{Command, Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_box::SecretKey;
use towpath_core::secrets::SecretText;

use super::{SealError, seal};
use crate::entropy::{Entropy, NoEntropy, SystemEntropy};

struct Empty;

impl Entropy for Empty {
    fn fill(&self, _: &mut [u8]) -> Result<(), NoEntropy> {
        Err(NoEntropy)
    }
}

fn key(first: u8) -> SecretKey {
    SecretKey::from([first; 32])
}

fn public(key: &SecretKey) -> String {
    STANDARD.encode(key.public_key().as_bytes())
}

const VALUES: [&str; 4] =
    ["", "x", "pä$$\n\"wörd\"\0", "long long long long long long long long long long long long long"];

#[test]
fn a_box_opens_with_its_key_only() {
    for value in VALUES {
        let sealed = seal(&public(&key(7)), &SecretText::new(value), &SystemEntropy).unwrap();
        let bytes = STANDARD.decode(sealed).unwrap();
        assert_eq!(bytes.len(), value.len() + 48);
        assert_eq!(key(7).unseal(&bytes).unwrap(), value.as_bytes());
        assert!(key(8).unseal(&bytes).is_err());
    }
}

#[test]
fn two_boxes_of_one_value_differ() {
    let one = seal(&public(&key(7)), &SecretText::new("x"), &SystemEntropy).unwrap();
    assert_ne!(one, seal(&public(&key(7)), &SecretText::new("x"), &SystemEntropy).unwrap());
}

#[test]
fn without_randomness_or_a_key_nothing_is_sealed() {
    let value = SecretText::new("x");
    assert_eq!(seal(&public(&key(7)), &value, &Empty), Err(SealError::Entropy(NoEntropy)));
    for key in ["", "AAAA", "not base64!", &STANDARD.encode([1; 33])] {
        assert_eq!(seal(key, &value, &SystemEntropy), Err(SealError::Key));
    }
}

/// Opens boxes as GitHub does, with libsodium by way of `PyNaCl`; installed where it is missing.
#[test]
fn libsodium_opens_what_we_seal() {
    let folder = tempfile::tempdir().unwrap();
    let has = |path: &str| {
        let mut python = Command::new("python3");
        python.args(["-c", "import nacl.public"]).env("PYTHONPATH", path).stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
    };
    let path = folder.path().display().to_string();
    if !has("") {
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "PyNaCl==1.6.2",
            "--target",
            &path,
        ]);
        let installed = pip.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success()) && has(&path);
        if !installed {
            assert!(std::env::var_os("CI").is_none(), "PyNaCl cannot be had");
            eprintln!("skipped: PyNaCl cannot be had");
            return;
        }
    }
    for value in VALUES {
        let sealed = seal(&public(&key(9)), &SecretText::new(value), &SystemEntropy).unwrap();
        let program = "import base64, sys\nfrom nacl.public import PrivateKey, SealedBox\n\
            opened = SealedBox(PrivateKey(b'\\x09' * 32)).decrypt(base64.b64decode(sys.argv[1]))\n\
            sys.stdout.buffer.write(opened)";
        let output = Command::new("python3").args(["-c", program, &sealed]).env("PYTHONPATH", &path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, value.as_bytes());
    }
}
