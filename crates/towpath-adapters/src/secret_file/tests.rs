//! Encrypted files as sources, with real keys.

use age::{secrecy::ExposeSecret as _, x25519::Identity};
use jiff::Timestamp;
use towpath_secrets::{
    entropy::SystemEntropy,
    sops::{AgeOnly, Creation, Identities, KeyGroup, MasterKey, encrypt},
};

use super::*;

const PLAIN: &str = "DB_PASSWORD: hunter22\nPORT: 8080\nEMPTY: \"\"\n";

fn encrypted(recipient: &str) -> String {
    let groups = vec![KeyGroup { keys: vec![MasterKey::age(recipient)] }];
    let creation = Creation { groups, ..Creation::default() };
    let text = encrypt(PLAIN.as_bytes(), Format::Yaml, &creation, &AgeOnly, Timestamp::UNIX_EPOCH, &SystemEntropy);
    String::from_utf8(text.unwrap()).unwrap()
}

fn keys(identity: &Identity) -> FileKeys {
    let mut identities = Identities::new();
    identities.add_age(identity.to_string().expose_secret()).unwrap();
    Arc::new(identities)
}

#[tokio::test]
async fn values_are_read_by_the_version_that_is_told_without_a_key() {
    let identity = Identity::generate();
    let text = encrypted(&identity.to_public().to_string());
    let file = SecretFile::new("secrets/base.yaml", &text, keys(&identity), "");
    let current = file.current(None).await.unwrap();
    assert_eq!(current.keys().collect::<Vec<_>>(), ["DB_PASSWORD", "EMPTY", "PORT"]);
    let values = file.read(&current).await.unwrap();
    let shown: Vec<_> = values.values().map(SecretText::expose).collect();
    assert_eq!(shown, ["hunter22", "", "8080"]);
    let other = [("DB_PASSWORD".to_owned(), SecretVersion("sha256:00".to_owned()))].into();
    assert!(matches!(file.read(&other).await, Err(SourceError::Missing { .. })));
}

#[tokio::test]
async fn another_key_is_refused_with_what_to_do_and_a_changed_file_is_damaged() {
    let identity = Identity::generate();
    let text = encrypted(&identity.to_public().to_string());
    let file = SecretFile::new("secrets/base.yaml", &text, keys(&Identity::generate()), "tried SOPS_AGE_KEY");
    let current = file.current(None).await.unwrap();
    let error = file.read(&current).await.unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }));
    let told = error.to_string();
    assert!(told.contains("file secrets/base.yaml refuses") && told.contains("tried SOPS_AGE_KEY"), "{told}");
    assert!(told.contains(&identity.to_public().to_string()) && !told.contains("AGE-SECRET"), "{told}");
    // Two values in each other's places: every ciphertext is whole, but not where it belongs.
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap().to_owned();
    let (password, port) = (line("DB_PASSWORD"), line("PORT"));
    let swapped = text.replace(&password, "@here").replace(&port, &password).replace("@here", &port);
    let file = SecretFile::new("secrets/base.yaml", &swapped, keys(&identity), "");
    let current = file.current(None).await.unwrap();
    let read = file.read(&current).await;
    assert!(matches!(read, Err(SourceError::Damaged { .. })), "{:?}\n{swapped}", read.err());
}

#[tokio::test]
async fn what_runs_writes_into_no_file() {
    let file = SecretFile::new("secrets/base.yaml", "", keys(&Identity::generate()), "");
    let written = file.write("A", &SecretText::new("b"), None).await.unwrap_err();
    assert_eq!(written.to_string(), "file secrets/base.yaml cannot be written by what runs");
}
