//! Tests of `keys`.

use std::process::Command;

use towpath_core::secrets::SecretText;

use super::*;
use crate::{
    entropy::SystemEntropy,
    sops::{
        Creation, File, Format, KeyGroup, KeyKind, Path,
        tests::{NOW, identity, opened, text},
    },
};

fn created(groups: Vec<KeyGroup>, threshold: Option<usize>, wrap: &dyn WrapKeys) -> String {
    let creation = Creation { groups, threshold, ..Creation::default() };
    let bytes = crate::sops::encrypt(b"a: value\n", Format::Yaml, &creation, wrap, NOW, &SystemEntropy).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn group(keys: &[MasterKey]) -> KeyGroup {
    KeyGroup { keys: keys.to_vec() }
}

/// A transit engine that knows one way to hide things.
struct Transit;

impl WrapKeys for Transit {
    fn wrap(&self, key: &MasterKey, part: &[u8]) -> Result<String, KeyError> {
        assert_eq!(key.kind, KeyKind::HcVault);
        Ok(format!("vault:v1:{}", hex::encode(part)))
    }
}

#[test]
fn any_one_of_a_group_opens_the_file() {
    let ((one, first), (two, second), (stranger, _)) = (identity(), identity(), identity());
    let sealed = created(vec![group(&[MasterKey::age(&first), MasterKey::age(&second)])], None, &AgeOnly);
    for keys in [&one, &two] {
        assert_eq!(text(&opened(&sealed, Format::Yaml, keys).2), "a: value\n");
    }
    let file = File::parse(sealed.as_bytes(), Format::Yaml).unwrap();
    let error = file.unwrap_key(&stranger).unwrap_err().to_string();
    assert!(error.contains(&first) && error.contains(&second) && error.contains("SOPS_AGE_KEY_FILE"), "{error}");
}

/// What two people hold together.
struct Both<'k>([&'k Identities; 2]);

impl MasterKeys for Both<'_> {
    fn open(&self, key: &MasterKey) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        Ok(self.0[0].open(key)?.or(self.0[1].open(key)?))
    }
}

#[test]
fn as_many_groups_as_the_threshold_says_open_the_file_and_fewer_do_not() {
    let people = [identity(), identity(), identity()];
    let groups = people.iter().map(|(_, recipient)| group(&[MasterKey::age(recipient)])).collect();
    let sealed = created(groups, Some(2), &AgeOnly);
    assert!(sealed.contains("key_groups:") && sealed.contains("shamir_threshold: 2"), "{sealed}");
    let file = File::parse(sealed.as_bytes(), Format::Yaml).unwrap();
    for (keys, _) in &people {
        let error = file.unwrap_key(keys).unwrap_err();
        assert!(matches!(error, UnwrapError::TooFew { opened: 1, needed: 2, .. }), "{error}");
    }
    for pair in [[0, 1], [0, 2], [1, 2]] {
        let key = file.unwrap_key(&Both(pair.map(|at| &people[at].0))).unwrap();
        assert_eq!(text(&file.decrypt(&key).unwrap()), "a: value\n");
    }
}

#[test]
fn a_key_in_a_service_is_asked_for_beforehand() {
    let master = MasterKey::hc_vault("https://vault.example:8200", "transit", "app");
    let sealed = created(vec![group(&[master])], None, &Transit);
    let file = File::parse(sealed.as_bytes(), Format::Yaml).unwrap();
    let mut answers = Answers::default();
    for request in file.unwrap_requests() {
        assert_eq!(request.field("vault_address"), Some("https://vault.example:8200"));
        assert_eq!((request.field("engine_path"), request.field("key_name")), (Some("transit"), Some("app")));
        assert_eq!(request.created_at(), Some("2027-01-15T08:00:00Z"));
        let part = hex::decode(request.enc.strip_prefix("vault:v1:").unwrap()).unwrap();
        answers.add(request, Zeroizing::new(part));
    }
    let key = file.unwrap_key(&answers).unwrap();
    assert_eq!(text(&file.decrypt(&key).unwrap()), "a: value\n");
    let mut identities = Identities::new();
    identities.add_source(Box::new(answers));
    file.unwrap_key(&identities).unwrap();
}

#[test]
fn a_passphrase_can_hold_the_data_key() {
    let wrap = PassphraseRecipient { passphrase: SecretText::new("correct horse"), others: &AgeOnly };
    let sealed = created(vec![group(&[MasterKey::age(PASSPHRASE_RECIPIENT)])], None, &wrap);
    let file = File::parse(sealed.as_bytes(), Format::Yaml).unwrap();
    for (passphrase, right) in [("correct horse", true), ("battery staple", false)] {
        let mut keys = Identities::new();
        keys.add_passphrase(&SecretText::new(passphrase));
        assert_eq!(file.unwrap_key(&keys).is_ok(), right);
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what is skipped is said")]
fn keys_of_ssh_hold_the_data_key_with_and_without_a_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, passphrase) in [("ed25519", ""), ("ed25519", "secret"), ("rsa", "")] {
        let path = folder.path().join(format!("{kind}{passphrase}"));
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-b", "2048", "-N", passphrase, "-f"])
            .arg(&path)
            .status();
        let Ok(made) = made else {
            println!("skipped: there is no `ssh-keygen`");
            return;
        };
        assert!(made.success());
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        let private = std::fs::read_to_string(&path).unwrap();
        let sealed = created(vec![group(&[MasterKey::age(&public)])], None, &AgeOnly);
        assert_eq!(Identities::ssh_wants_passphrase(&private), !passphrase.is_empty());
        let mut keys = Identities::new();
        if !passphrase.is_empty() {
            assert!(matches!(keys.add_ssh(&private, None), Err(KeyError::Passphrase)));
            let file = File::parse(sealed.as_bytes(), Format::Yaml).unwrap();
            let mut wrong = Identities::new();
            wrong.add_ssh(&private, Some(&SecretText::new("wrong"))).unwrap();
            file.unwrap_key(&wrong).unwrap_err();
        }
        let passphrase = (!passphrase.is_empty()).then(|| SecretText::new(passphrase));
        keys.add_ssh(&private, passphrase.as_ref()).unwrap();
        assert_eq!(text(&opened(&sealed, Format::Yaml, &keys).2), "a: value\n");
    }
}

#[test]
fn identities_are_read_as_sops_reads_them() {
    use ::age::secrecy::ExposeSecret as _;
    let one = ::age::x25519::Identity::generate();
    let two = ::age::x25519::Identity::generate();
    let (first, second) = (one.to_string(), two.to_string());
    let (first, second) = (first.expose_secret(), second.expose_secret());
    let sealed = created(vec![group(&[MasterKey::age(&two.to_public().to_string())])], None, &AgeOnly);
    let mut keys = Identities::new();
    keys.add_age(&format!("# created: now\n# public key: x\n\n{first}\n{second}\n")).unwrap();
    opened(&sealed, Format::Yaml, &keys);
    let mut keys = Identities::new();
    keys.add_age_variable(&format!("{first} {second}")).unwrap();
    opened(&sealed, Format::Yaml, &keys);
    assert!(Identities::new().add_age(&format!("{first} {second}")).is_err());

    let passphrase = SecretText::new("open sesame");
    let recipient = ::age::scrypt::Recipient::new(passphrase.expose().to_owned().into());
    let file = ::age::encrypt_and_armor(&recipient, second.as_bytes()).unwrap();
    assert!(Identities::is_encrypted(file.as_bytes()));
    let mut keys = Identities::new();
    let wrong = keys.add_encrypted(file.as_bytes(), &SecretText::new("wrong"));
    assert!(matches!(wrong, Err(KeyError::Passphrase)), "{wrong:?}");
    keys.add_encrypted(file.as_bytes(), &passphrase).unwrap();
    opened(&sealed, Format::Yaml, &keys);
}

#[test]
fn an_error_shows_no_key() {
    let mut keys = Identities::new();
    let secret = "AGE-SECRET-KEY-1NOTAKEYATALLBUTSECRETALLTHESAME";
    let error = keys.add_age(&format!("# a comment\n{secret}\n")).unwrap_err();
    assert_eq!(error.to_string(), "line 2 of the age identities is none: they begin with `AGE-SECRET-KEY-1`");
    let plugin = keys.add_age("AGE-PLUGIN-YUBIKEY-1QQQQQQQQQQSECRET").unwrap_err().to_string();
    assert!(!plugin.contains("SECRET"), "{plugin}");
    assert!(!format!("{:?} {keys:?} {:?}", error, DataKey::of_bytes(&[65; 32])).contains("65, 65"));
    assert!(keys.add_ssh("-----BEGIN SECRET-----", None).is_err());
}

#[test]
fn those_who_are_no_recipients_are_told_so() {
    for (recipient, wanted) in [
        ("age1xyz", "no age recipient"),
        ("age1yubikey1qqqq", "plugin"),
        ("age1pq1qqqq", "post-quantum"),
        ("ssh-dss AAAA", "no age recipient"),
        ("", "no age recipient"),
    ] {
        let error = wrap_age(recipient, b"x").unwrap_err().to_string();
        assert!(error.contains(wanted), "{recipient}: {error}");
    }
}

#[test]
fn other_recipients_get_the_same_data_key_or_with_a_rotation_a_new_one() {
    let ((one, first), (two, second)) = (identity(), identity());
    let sealed = created(vec![group(&[MasterKey::age(&first)])], None, &AgeOnly);
    let (file, key, _) = opened(&sealed, Format::Yaml, &one);
    let both = [group(&[MasterKey::age(&first), MasterKey::age(&second)])];
    let updated = file.update_keys(&key, &both, None, &AgeOnly, NOW, &SystemEntropy).unwrap();
    let updated = String::from_utf8(updated).unwrap();
    // Who could read it keeps what he has, and values and MAC stay.
    for line in sealed.lines() {
        assert!(updated.contains(line), "{line}");
    }
    let (_, same, _) = opened(&updated, Format::Yaml, &two);
    assert_eq!(same.bytes(), key.bytes());
    let only = [group(&[MasterKey::age(&second)])];
    let rotated = file.rotate_for(&key, &only, None, &AgeOnly, NOW, &SystemEntropy).unwrap();
    let rotated = String::from_utf8(rotated).unwrap();
    let (file, new, plain) = opened(&rotated, Format::Yaml, &two);
    assert_ne!(new.bytes(), key.bytes());
    assert_eq!(plain.get(&Path::of_key("a")).unwrap().as_text().unwrap().as_str(), "value");
    assert!(file.unwrap_key(&one).is_err() && file.decrypt(&key).is_err());
}
