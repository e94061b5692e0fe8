//! Whole files, through all formats.

use jiff::Timestamp;

use super::*;
use crate::entropy::SystemEntropy;

mod conformance;
mod properties;

pub(crate) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// An identity made for a test, with its recipient.
pub(crate) fn identity() -> (Identities, String) {
    let identity = ::age::x25519::Identity::generate();
    let mut identities = Identities::new();
    use ::age::secrecy::ExposeSecret as _;
    identities.add_age(identity.to_string().expose_secret()).unwrap();
    (identities, identity.to_public().to_string())
}

pub(crate) fn creation(recipient: &str) -> Creation {
    Creation { groups: vec![KeyGroup { keys: vec![MasterKey::age(recipient)] }], ..Creation::default() }
}

pub(crate) fn encrypted(plain: &str, format: Format, creation: &Creation) -> String {
    let bytes = encrypt(plain.as_bytes(), format, creation, &AgeOnly, NOW, &SystemEntropy).unwrap();
    String::from_utf8(bytes).unwrap()
}

pub(crate) fn opened(text: &str, format: Format, keys: &Identities) -> (File, DataKey, Plain) {
    let file = File::parse(text.as_bytes(), format).unwrap();
    let key = file.unwrap_key(keys).unwrap();
    let plain = file.decrypt(&key).unwrap();
    (file, key, plain)
}

pub(crate) fn text(plain: &Plain) -> String {
    String::from_utf8(plain.text().unwrap().to_vec()).unwrap()
}

const YAML: &str = "\
# head

a: 1 # inline
b:
    # in b
    c: text with spaces
    list:
        - one
        - 2.5
        - true
        - null
        - \"\"
        # foot
    d_unencrypted: clear
multi: |
    line one

    line two
when: 2026-01-02
flow: {x: 1, y: [a, \"b: c\"]}
";

const JSON: &str = "{\n\t\"a\": 1,\n\t\"b\": {\n\t\t\"c\": \"x\\né\",\n\t\t\"d\": [\n\t\t\t1.5,\n\t\t\ttrue,\n\t\t\tnull,\n\t\t\t{}\n\t\t]\n\t}\n}\n";
const DOTENV: &str = "# note\nA=1\nB=two words\\nnext\n\nC_unencrypted=x\nEMPTY=\n";
const INI: &str = "; top\n[one]\n; note\na = 1\nb = two words\n\n[two]\nc = x\n";

#[test]
fn what_was_encrypted_is_decrypted_to_the_same_text() {
    let (keys, recipient) = identity();
    for (plain, format) in [
        (YAML, Format::Yaml),
        (JSON, Format::Json),
        (DOTENV, Format::Dotenv),
        (INI, Format::Ini),
        ("any\0thing", Format::Binary),
    ] {
        let sealed = encrypted(plain, format, &creation(&recipient));
        println!("{sealed}");
        for word in ["text with", "two words", "line one", "in b", "thing"] {
            assert!(!sealed.contains(word), "{word} in {sealed}");
        }
        let (_, _, decrypted) = opened(&sealed, format, &keys);
        let decrypted = text(&decrypted);
        let expected = plain.replace("when: 2026-01-02", "when: 2026-01-02T00:00:00Z");
        assert_eq!(decrypted, expected);
    }
}

#[test]
fn an_edit_changes_what_it_changes_and_the_mac() {
    let (keys, recipient) = identity();
    for (plain, from, to, format) in [
        (YAML, "one\n", "other\n", Format::Yaml),
        (JSON, "1.5", "2.5", Format::Json),
        (DOTENV, "A=1", "A=2", Format::Dotenv),
        (INI, "a = 1", "a = 2", Format::Ini),
    ] {
        let sealed = encrypted(plain, format, &creation(&recipient));
        let (file, key, decrypted) = opened(&sealed, format, &keys);
        let same = file.edit(&key, decrypted.text().unwrap(), NOW, &SystemEntropy).unwrap();
        assert_eq!(String::from_utf8(same).unwrap(), sealed);
        let changed = text(&decrypted).replacen(from, to, 1);
        let edited = file.edit(&key, changed.as_bytes(), NOW, &SystemEntropy).unwrap();
        let edited = String::from_utf8(edited).unwrap();
        let differing: Vec<_> = sealed.lines().zip(edited.lines()).filter(|(a, b)| a != b).collect();
        assert_eq!((differing.len(), sealed.lines().count()), (2, edited.lines().count()), "{differing:?}");
        let (_, _, again) = opened(&edited, format, &keys);
        assert_eq!(text(&again), changed);
    }
}
