//! What is special to files of age identities: how they are made, read and refused.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use super::*;

fn context() -> KeyContext {
    KeyContext { project: "shop".to_owned(), environment: "production".parse().unwrap(), version: 1 }
}

fn key() -> DataKeyBytes {
    Zeroizing::new([7; 32])
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

fn write(file: &Path, text: &str, mode: u32) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_made_file_is_the_owners_alone_in_a_folder_of_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys/production.agekey");
    let made = AgeKeyFile::open_or_make(&file).unwrap();
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
    assert_eq!(AgeKeyFile::open_or_make(&file).unwrap().id(), made.id());
    assert_eq!(made.id(), format!("age {}", made.recipient()));
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(&format!("# public key: {}\nAGE-SECRET-KEY-1", made.recipient())), "as age-keygen does");
}

#[test]
fn a_file_that_is_there_is_never_overwritten_however_it_looks() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "garbage\n", "AGE-SECRET-KEY-1\n"] {
        let file = folder.path().join("key");
        write(&file, text, 0o600);
        assert!(AgeKeyFile::open_or_make(&file).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    let dangling = folder.path().join("dangling");
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &dangling).unwrap();
    let error = AgeKeyFile::open_or_make(&dangling).unwrap_err().to_string();
    assert!(error.contains("it is not there"), "a key elsewhere may only be unmounted just now: {error}");
}

#[test]
fn makers_at_the_same_time_agree_on_one_identity() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys/production.agekey");
    let makers: Vec<_> = (0..16)
        .map(|_| {
            let file = file.clone();
            std::thread::spawn(move || AgeKeyFile::open_or_make(&file).unwrap().id())
        })
        .collect();
    let ids: std::collections::BTreeSet<_> = makers.into_iter().map(|maker| maker.join().unwrap()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    AgeKeyFile::open_or_make(&file).unwrap();
    for wrong in [0o604, 0o644, 0o602, 0o620, 0o666] {
        fs::set_permissions(&file, fs::Permissions::from_mode(wrong)).unwrap();
        let error = AgeKeyFile::open(&file).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{wrong:o}: {error}");
    }
    for right in [0o400, 0o600, 0o440] {
        fs::set_permissions(&file, fs::Permissions::from_mode(right)).unwrap();
        AgeKeyFile::open(&file).unwrap();
    }
}

#[test]
fn mistakes_in_a_file_are_named_by_line_without_showing_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let good = x25519::Identity::generate().to_string();
    let bad = good.expose_secret().replace("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1Q");
    write(&file, &format!("# comment\n\n{bad}\n"), 0o600);
    let error = AgeKeyFile::open(&file).unwrap_err().to_string();
    assert!(error.contains("line 3"), "{error}");
    assert!(!error.contains(&bad[20..]), "{error}");
    write(&file, "# nothing\n", 0o600);
    assert!(AgeKeyFile::open(&file).unwrap_err().to_string().contains("no identity"));
    let missing = AgeKeyFile::open(&folder.path().join("missing")).unwrap_err();
    assert!(matches!(&missing, KeyError::Refused { .. }) && missing.to_string().contains("not there"), "{missing}");
    assert!(AgeKeyFile::open(folder.path()).unwrap_err().to_string().contains("no file"));
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(AgeKeyFile::open(&pipe).unwrap_err().to_string().contains("no file"), "it does not wait for a writer");
    fs::write(&file, [0xff, 0xfe]).unwrap();
    assert!(AgeKeyFile::open(&file).is_err());
}

#[tokio::test]
async fn an_identity_in_front_of_the_old_one_takes_over_by_rewrapping() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let old = AgeKeyFile::open_or_make(&file).unwrap();
    let wrapped = old.wrap(&key(), &context()).await.unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let new = x25519::Identity::generate();
    write(&file, &format!("{}\r\n{text}", new.to_string().expose_secret()), 0o600);
    let both = AgeKeyFile::open(&file).unwrap();
    assert_eq!(both.recipient(), new.to_public().to_string());
    assert_eq!(both.unwrap(&wrapped, &context()).await.unwrap(), key());
    let anew = both.rewrap(&wrapped, &context()).await.unwrap();
    assert!(matches!(old.unwrap(&anew, &context()).await, Err(KeyError::Damaged { .. })));
    write(&file, new.to_string().expose_secret(), 0o600);
    let alone = AgeKeyFile::open(&file).unwrap();
    assert_eq!(alone.unwrap(&anew, &context()).await.unwrap(), key());
    assert!(alone.unwrap(&wrapped, &context()).await.is_err());
}

#[tokio::test]
async fn another_identity_does_not_unwrap() {
    let folder = tempfile::tempdir().unwrap();
    let production = AgeKeyFile::open_or_make(&folder.path().join("production")).unwrap();
    let development = AgeKeyFile::open_or_make(&folder.path().join("development")).unwrap();
    let wrapped = production.wrap(&key(), &context()).await.unwrap();
    let error = development.unwrap(&wrapped, &context()).await.unwrap_err();
    assert!(matches!(error, KeyError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn what_age_encrypted_to_the_recipient_without_a_context_is_no_data_key() {
    let folder = tempfile::tempdir().unwrap();
    let keys = AgeKeyFile::open_or_make(&folder.path().join("key")).unwrap();
    let recipient: x25519::Recipient = keys.recipient().parse().unwrap();
    for plain in [&[7; 32][..], &[][..], b"short"] {
        let wrapped = age::encrypt(&recipient, plain).unwrap();
        assert!(matches!(keys.unwrap(&wrapped, &context()).await, Err(KeyError::Damaged { .. })));
    }
}

#[test]
fn debug_shows_the_public_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let shown = format!("{:?}", AgeKeyFile::open_or_make(&file).unwrap());
    assert!(shown.contains("age1") && !shown.to_uppercase().contains("SECRET"), "{shown}");
}

#[expect(clippy::print_stdout, reason = "what is not tested is said")]
#[test]
fn a_file_of_age_keygen_is_read_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let made = Command::new("age-keygen").arg("-o").arg(&file).output();
    let Ok(made) = made else {
        println!("skipped: there is no age-keygen here");
        return;
    };
    assert!(made.status.success(), "{made:?}");
    let public = String::from_utf8(made.stderr).unwrap();
    assert!(public.contains(AgeKeyFile::open(&file).unwrap().recipient()), "{public}");
}
