//! Tests of the envelope: everything that was moved, changed or left out is refused, and nothing secret is shown.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::entropy::{Entropy, NoEntropy, SystemEntropy};

const VALUE: &[u8] = b"correct horse battery staple";

fn name(project: &str, environment: &str, version: u32) -> KeyName {
    KeyName { project: project.to_owned(), environment: environment.to_owned(), version }
}

fn secret(name: &str, version: u32) -> SecretName<'_> {
    SecretName { name, version }
}

/// The same bytes under another name: what an attacker who can swap everything but keys comes to.
fn renamed(key: &DataKey, other: KeyName) -> DataKey {
    let probe = DataKey::new_for_tests(other.clone(), key.expose().clone());
    DataKey::unwrapped(other, key.expose().clone(), &probe.commitment(), 0).unwrap()
}

impl DataKey {
    fn new_for_tests(name: KeyName, bytes: Zeroizing<[u8; 32]>) -> Self {
        struct Given(Zeroizing<[u8; 32]>);
        impl Entropy for Given {
            fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
                bytes.copy_from_slice(self.0.as_slice());
                Ok(())
            }
        }
        Self::make(name, &Given(bytes)).unwrap()
    }
}

fn production() -> DataKey {
    DataKey::make(name("shop", "production", 1), &SystemEntropy).unwrap()
}

#[test]
fn what_was_sealed_opens_where_it_belongs() {
    let key = production();
    let long = vec![0; 70_000];
    for value in [VALUE, b"", long.as_slice()] {
        let sealed = key.seal(secret("DB_PASSWORD", 3), value, &SystemEntropy).unwrap();
        assert_eq!(sealed.len(), value.len() + OVERHEAD);
        assert_eq!(key.open(secret("DB_PASSWORD", 3), &sealed).unwrap()[..], *value);
    }
}

#[test]
fn a_ciphertext_that_was_moved_is_refused_wherever_it_was_moved() {
    let key = production();
    let sealed = key.seal(secret("DB_PASSWORD", 3), VALUE, &SystemEntropy).unwrap();
    // The strongest attacker has even the same key bytes under the other name.
    let moved = [
        ("another environment", renamed(&key, name("shop", "development", 1)), secret("DB_PASSWORD", 3)),
        ("another project", renamed(&key, name("blog", "production", 1)), secret("DB_PASSWORD", 3)),
        ("another version of the key", renamed(&key, name("shop", "production", 2)), secret("DB_PASSWORD", 3)),
        ("another name", renamed(&key, name("shop", "production", 1)), secret("API_TOKEN", 3)),
        ("another version", renamed(&key, name("shop", "production", 1)), secret("DB_PASSWORD", 4)),
    ];
    for (what, key, secret) in moved {
        assert!(key.open(secret, &sealed).is_err(), "{what}");
    }
    // With the header made to fit, what is authenticated still does not.
    let mut forged = sealed.clone();
    forged[8..12].copy_from_slice(&4_u32.to_be_bytes());
    assert_eq!(key.open(secret("DB_PASSWORD", 4), &forged).unwrap_err(), OpenError::Damaged);
    let other = renamed(&key, name("shop", "production", 2));
    let mut forged = sealed.clone();
    forged[4..8].copy_from_slice(&2_u32.to_be_bytes());
    assert_eq!(other.open(secret("DB_PASSWORD", 3), &forged).unwrap_err(), OpenError::Damaged);
    assert_eq!(production().open(secret("DB_PASSWORD", 3), &sealed).unwrap_err(), OpenError::Damaged);
}

#[test]
fn names_of_any_length_bind_a_value() {
    for length in [1, 60, 150, 190, 200, 5000] {
        let (long, longer) = ("x".repeat(length), "x".repeat(length + 1));
        let key = DataKey::make(name("shop", &long, 1), &SystemEntropy).unwrap();
        let sealed = key.seal(secret(&long, 1), VALUE, &SystemEntropy).unwrap();
        assert_eq!(key.open(secret(&long, 1), &sealed).unwrap()[..], *VALUE);
        assert_eq!(key.open(secret(&longer, 1), &sealed).unwrap_err(), OpenError::Damaged);
    }
}

#[test]
fn what_was_opened_is_a_text_or_none_and_is_not_shown() {
    let key = production();
    let open = |value: &[u8]| {
        let sealed = key.seal(secret("A", 1), value, &SystemEntropy).unwrap();
        key.open(secret("A", 1), &sealed).unwrap()
    };
    assert!(!shows(&format!("{:?}", open(VALUE)), VALUE));
    assert_eq!(open(VALUE).into_text().unwrap().expose().as_bytes(), VALUE);
    assert!(open(b"\xff").into_text().is_none());
}

#[test]
fn names_cannot_be_shifted_into_each_other() {
    let bytes = production();
    let one = renamed(&bytes, name("shop", "a", 1));
    let two = renamed(&bytes, name("shopa", "", 1));
    let sealed = one.seal(secret("B", 1), VALUE, &SystemEntropy).unwrap();
    assert_eq!(two.open(secret("B", 1), &sealed).unwrap_err(), OpenError::Damaged);
    let three = renamed(&bytes, name("shop", "aB", 1));
    assert_eq!(three.open(secret("", 1), &sealed).unwrap_err(), OpenError::Damaged);
}

#[test]
fn every_shorter_and_every_changed_ciphertext_is_refused() {
    let key = production();
    let sealed = key.seal(secret("A", 1), VALUE, &SystemEntropy).unwrap();
    for length in 0..sealed.len() {
        assert!(key.open(secret("A", 1), &sealed[..length]).is_err(), "{length} bytes");
    }
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(key.open(secret("A", 1), &changed).is_err(), "bit {bit}");
    }
    let mut longer = sealed.clone();
    longer.push(0);
    assert_eq!(key.open(secret("A", 1), &longer).unwrap_err(), OpenError::Damaged);
}

#[test]
fn the_format_is_what_it_says() {
    let key = DataKey::new_for_tests(name("shop", "production", 7), Zeroizing::new([1; 32]));
    let sealed = key.seal(secret("A", 258), b"x", &SystemEntropy).unwrap();
    assert_eq!(&sealed[..12], b"TPS1\0\0\0\x07\0\0\x01\x02");
    // These were computed from the documented format by an independent program (Python's hmac and cryptography).
    assert_eq!(hex::encode(key.commitment().0), "053ddfa19bde414e0ba89f7822cd7596542f2eea2018d6a34ff40b592651f87f",);
    let manifest = Manifest::new(5, [Entry { name: "A", version: 258, sealed: [2; 32] }]);
    assert_eq!(hex::encode(manifest.mac(&key)), "af338b82c36fb31a9bf30ce331171eda03a8ea85875ebd887ca491ff7db4a83f");
    let kept = hex::decode("545053310000000700000102000102030405060708090a0bd0c3e55202e91f66dbc64c27e1b70ca59b2afaba")
        .unwrap();
    assert_eq!(key.open(secret("A", 258), &kept).unwrap()[..], *b"kept");
}

#[test]
fn a_key_that_is_not_the_one_that_was_made_is_refused() {
    let key = production();
    let other = Zeroizing::new([7; 32]);
    let wrong = DataKey::unwrapped(name("shop", "production", 1), other, &key.commitment(), 0);
    assert_eq!(wrong.unwrap_err(), NotThisKey);
    let elsewhere = DataKey::unwrapped(name("shop", "staging", 1), key.expose().clone(), &key.commitment(), 0);
    assert_eq!(elsewhere.unwrap_err(), NotThisKey);
    let right = DataKey::unwrapped(name("shop", "production", 1), key.expose().clone(), &key.commitment(), 0);
    assert!(right.is_ok());
}

#[test]
fn a_key_seals_no_more_than_a_key_may() {
    let key = production();
    let near = DataKey::unwrapped(key.name().clone(), key.expose().clone(), &key.commitment(), MAX_SEALS - 2).unwrap();
    near.seal(secret("A", 1), VALUE, &SystemEntropy).unwrap();
    let last = near.seal(secret("A", 2), VALUE, &SystemEntropy).unwrap();
    assert_eq!(near.seal(secret("A", 3), VALUE, &SystemEntropy).unwrap_err(), SealError::Exhausted);
    assert_eq!(near.seals(), MAX_SEALS);
    // What it sealed can still be read.
    assert_eq!(near.open(secret("A", 2), &last).unwrap()[..], *VALUE);
}

#[test]
fn nothing_is_sealed_without_randomness() {
    struct Empty;
    impl Entropy for Empty {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoEntropy> {
            Err(NoEntropy)
        }
    }
    assert!(DataKey::make(name("shop", "production", 1), &Empty).is_err());
    assert_eq!(production().seal(secret("A", 1), VALUE, &Empty).unwrap_err(), SealError::NoEntropy(NoEntropy));
}

#[test]
fn a_manifest_notices_what_is_deleted_replaced_or_older() {
    let key = production();
    let entry = |name, version, byte| Entry { name, version, sealed: [byte; 32] };
    let whole = [entry("A", 1, 1), entry("A", 2, 2), entry("B", 1, 3)];
    let mac = Manifest::new(9, whole).mac(&key);
    assert!(Manifest::new(9, whole).is(&key, &mac));
    assert!(Manifest::new(9, [whole[2], whole[0], whole[1]]).is(&key, &mac), "the order does not matter");
    let attacks = [
        ("an entry deleted", Manifest::new(9, [whole[0], whole[2]])),
        ("everything deleted", Manifest::new(9, [])),
        ("an entry added", Manifest::new(9, [whole[0], whole[1], whole[2], entry("C", 1, 4)])),
        ("an entry doubled", Manifest::new(9, [whole[0], whole[0], whole[1], whole[2]])),
        ("an entry rolled back", Manifest::new(9, [whole[0], entry("A", 2, 1), whole[2]])),
        ("versions swapped", Manifest::new(9, [entry("A", 1, 2), entry("A", 2, 1), whole[2]])),
        ("names swapped", Manifest::new(9, [entry("A", 1, 3), whole[1], entry("B", 1, 1)])),
        ("another revision", Manifest::new(8, whole)),
    ];
    for (what, manifest) in attacks {
        assert!(!manifest.is(&key, &mac), "{what}");
    }
    for other in [name("shop", "staging", 1), name("blog", "production", 1), name("shop", "production", 2)] {
        assert!(!Manifest::new(9, whole).is(&renamed(&key, other), &mac));
    }
    // Everything as it was at an earlier revision is consistent in itself: the ledger's revision tells it apart.
    let earlier = Manifest::new(8, [whole[0]]);
    let earlier_mac = earlier.mac(&key);
    assert!(earlier.is(&key, &earlier_mac));
    assert!(!Manifest::new(9, [whole[0]]).is(&key, &earlier_mac));
}

/// Says whether a text shows these bytes as they are, in hexadecimal, in base64, or as a list of numbers.
fn shows(text: &str, bytes: &[u8]) -> bool {
    use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
    let forms = [
        String::from_utf8_lossy(bytes).into_owned(),
        hex::encode(bytes),
        hex::encode_upper(bytes),
        STANDARD_NO_PAD.encode(bytes),
        format!("{bytes:?}").trim_matches(['[', ']']).to_owned(),
    ];
    forms.iter().any(|form| text.contains(form.as_str()))
}

#[test]
fn neither_keys_nor_values_are_shown_by_debug_errors_or_panics() {
    let key = production();
    let value = format!("{}-value", "q".repeat(20));
    let sealed = key.seal(secret("A", 1), value.as_bytes(), &SystemEntropy).unwrap();
    let mut texts = vec![format!("{key:?} {key:#?} {:?}", key.name())];
    let mut damaged = sealed.clone();
    damaged[40] ^= 1;
    for error in [
        key.open(secret("A", 2), &sealed).unwrap_err(),
        key.open(secret("A", 1), &damaged).unwrap_err(),
        key.open(secret("A", 1), &sealed[..9]).unwrap_err(),
    ] {
        texts.push(format!("{error} {error:?}"));
    }
    let panic = catch_unwind(AssertUnwindSafe(|| {
        panic!("{key:?}");
    }));
    let message = panic.unwrap_err();
    texts.push(message.downcast_ref::<String>().cloned().unwrap());
    for text in texts {
        assert!(!shows(&text, key.expose().as_slice()), "{text}");
        assert!(!shows(&text, value.as_bytes()), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nonces_and_ciphertexts_never_repeat(values in proptest::collection::vec(any::<[u8; 3]>(), 1..200)) {
        let key = production();
        let mut nonces = BTreeSet::new();
        for (version, value) in (1..).zip(&values) {
            for _ in 0..3 {
                let sealed = key.seal(secret("A", version), value, &SystemEntropy).unwrap();
                prop_assert!(nonces.insert(sealed[12..24].to_vec()));
            }
        }
    }

    #[test]
    fn opening_arbitrary_bytes_neither_panics_nor_succeeds(bytes in proptest::collection::vec(any::<u8>(), 0..200), fits: bool) {
        let key = production();
        let mut bytes = bytes;
        if fits && bytes.len() >= 12 {
            bytes[..12].copy_from_slice(b"TPS1\0\0\0\x01\0\0\0\x01");
        }
        prop_assert!(key.open(secret("A", 1), &bytes).is_err());
    }

    #[test]
    fn any_value_round_trips(value in proptest::collection::vec(any::<u8>(), 0..4000), version in 1u32.., name in "[A-Z_]{1,40}") {
        let key = production();
        let sealed = key.seal(secret(&name, version), &value, &SystemEntropy).unwrap();
        let opened = key.open(secret(&name, version), &sealed).unwrap();
        prop_assert_eq!(&opened[..], value.as_slice());
        if value.len() > 8 {
            prop_assert!(!sealed.windows(value.len()).any(|window| window == value.as_slice()));
        }
    }
}
