//! Keys: made once, kept, and not made again where something was signed.

use super::*;

fn board() -> ProjectName {
    ProjectName::new("board").unwrap()
}

#[test]
fn the_same_keys_are_used_after_every_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = signer(folder.path(), &board()).unwrap();
    let again = signer(folder.path(), &board()).unwrap();
    assert_eq!(first.verifier(), again.verifier());
    assert_eq!(&verifier(folder.path()).unwrap(), first.verifier());
    assert_eq!(sticky(folder.path()).unwrap(), sticky(folder.path()).unwrap());
}

#[test]
fn a_ledger_keeps_its_name_when_the_project_gets_another() {
    let folder = tempfile::tempdir().unwrap();
    let first = signer(folder.path(), &board()).unwrap();
    let renamed = signer(folder.path(), &ProjectName::new("other").unwrap()).unwrap();
    assert_eq!(first.verifier(), renamed.verifier());
}

#[test]
fn a_ledger_whose_key_is_gone_is_not_signed_with_another() {
    let folder = tempfile::tempdir().unwrap();
    signer(folder.path(), &board()).unwrap();
    fs::write(folder.path().join("ledger.db"), b"").unwrap();
    fs::remove_file(secret_path(folder.path())).unwrap();
    let failure = signer(folder.path(), &board()).unwrap_err();
    assert!(failure.message().contains("is missing"), "{failure:?}");
    assert!(!secret_path(folder.path()).exists());
}

#[test]
fn a_damaged_key_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    signer(folder.path(), &board()).unwrap();
    fs::write(secret_path(folder.path()), "zz\n").unwrap();
    assert!(signer(folder.path(), &board()).unwrap_err().message().contains("is damaged"));
    fs::write(secret_path(folder.path()), format!("{}\n", "00".repeat(32))).unwrap();
    assert!(signer(folder.path(), &board()).unwrap_err().message().contains("not of one pair"));
}
