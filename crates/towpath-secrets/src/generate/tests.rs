//! Tests of `generate`.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use proptest::prelude::*;
use towpath_core::secrets::rotation::{Generator, GeneratorError};

use super::{GenerateError, below, generate};
use crate::entropy::{Entropy, NoEntropy, SystemEntropy};

/// `SplitMix64`: even enough to test evenness with, and the same at every run.
struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        for byte in bytes {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = u8::try_from((z ^ (z >> 31)) & 0xff).unwrap();
        }
        Ok(())
    }
}

struct Dry;

impl Entropy for Dry {
    fn fill(&self, _: &mut [u8]) -> Result<(), NoEntropy> {
        Err(NoEntropy)
    }
}

/// Pearson's chi-squared of counts that should be equal.
#[expect(clippy::cast_precision_loss, reason = "counts of a test")]
fn chi_squared(counts: &[u64]) -> f64 {
    let expected = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    counts.iter().map(|n| (*n as f64 - expected).powi(2) / expected).sum()
}

/// The value that chi-squared of `freedom` degrees passes once in a million (Wilson and Hilferty, 1931).
fn once_in_a_million(freedom: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + 4.753 * spread.sqrt()).powi(3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_number_below_a_bound_is_as_likely(seed: u64, bound in 2_usize..=97) {
        let entropy = Seeded(AtomicU64::new(seed));
        let mut counts = vec![0_u64; bound];
        for _ in 0..bound * 200 {
            counts[below(bound, &entropy).unwrap()] += 1;
        }
        let found = chi_squared(&counts);
        let freedom = f64::from(u32::try_from(bound - 1).unwrap());
        prop_assert!(found < once_in_a_million(freedom), "chi-squared {found} of {freedom} degrees");
    }

    #[test]
    fn every_character_stands_at_every_place_as_often(seed: u64) {
        let entropy = Seeded(AtomicU64::new(seed));
        let generator = Generator::Password { length: 8, classes: vec!["abcdefghijk".to_owned()] };
        let mut counts: BTreeMap<(usize, char), u64> = BTreeMap::new();
        for _ in 0..2000 {
            for at in generate(&generator, &entropy).unwrap().expose().chars().enumerate() {
                *counts.entry(at).or_default() += 1;
            }
        }
        prop_assert_eq!(counts.len(), 8 * 11);
        let counts: Vec<u64> = counts.into_values().collect();
        prop_assert!(chi_squared(&counts) < once_in_a_million(80.0));
    }

    #[test]
    fn a_password_has_its_length_its_alphabet_and_each_class(length in 8_u32..200, symbols in "[!#%&*+,./:;=?@_-]{0,3}") {
        let mut symbols: Vec<char> = symbols.chars().collect();
        symbols.sort_unstable();
        symbols.dedup();
        let symbols: String = symbols.into_iter().collect();
        let generator = Generator::password(length, &symbols);
        let value = generate(&generator, &SystemEntropy).unwrap();
        prop_assert_eq!(value.expose().chars().count(), length as usize);
        let Generator::Password { classes, .. } = generator else { unreachable!() };
        let all = classes.concat();
        prop_assert!(value.expose().chars().all(|c| all.contains(c)));
        prop_assert!(classes.iter().all(|class| value.expose().contains(|c| class.contains(c))));
    }
}

/// Of two characters in two classes, each password that has both is as likely: forcing one of each would prefer some.
#[test]
fn asking_for_each_class_prefers_no_password() {
    let entropy = Seeded(AtomicU64::new(7));
    let generator = Generator::Password { length: 8, classes: vec!["a".to_owned(), "b".to_owned()] };
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..50_800 {
        *counts.entry(generate(&generator, &entropy).unwrap().expose().to_owned()).or_default() += 1;
    }
    assert_eq!(counts.len(), 254, "two of 256 have only one class");
    let counts: Vec<u64> = counts.into_values().collect();
    assert!(chi_squared(&counts) < once_in_a_million(253.0));
}

#[test]
fn each_kind_looks_as_it_should() {
    let made = |generator: Generator| generate(&generator, &SystemEntropy).unwrap().expose().to_owned();
    assert_eq!(made(Generator::Hex { bytes: 16 }).len(), 32);
    assert_eq!(made(Generator::Base64 { bytes: 32 }).len(), 44);
    assert_eq!(made(Generator::Token { bytes: 32 }).len(), 43);
    let token = made(Generator::Token { bytes: 1000 });
    assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    let uuid = made(Generator::Uuid);
    let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    assert_eq!(uuid.as_bytes()[14], b'4');
    assert!(b"89ab".contains(&uuid.as_bytes()[19]));
}

#[test]
fn two_values_are_never_the_same() {
    for generator in Generator::usual() {
        let mut values: Vec<String> =
            (0..200).map(|_| generate(&generator, &SystemEntropy).unwrap().expose().to_owned()).collect();
        values.sort();
        values.dedup();
        assert_eq!(values.len(), 200, "{generator:?}");
    }
}

#[test]
fn what_cannot_be_made_is_refused() {
    let refused = |generator: Generator| generate(&generator, &SystemEntropy).unwrap_err();
    let one_class = |text: &str| Generator::Password { length: 12, classes: vec![text.to_owned()] };
    assert_eq!(refused(Generator::Hex { bytes: 0 }), GenerateError::Generator(GeneratorError::Length(0)));
    assert_eq!(
        refused(Generator::Token { bytes: u32::MAX }),
        GenerateError::Generator(GeneratorError::Length(u32::MAX))
    );
    assert_eq!(refused(one_class("aaaa")), GenerateError::Generator(GeneratorError::Alphabet));
    assert_eq!(refused(one_class("")), GenerateError::Generator(GeneratorError::Alphabet));
    assert_eq!(refused(one_class("a\0")), GenerateError::Generator(GeneratorError::Unprintable));
    let many = Generator::Password { length: 8, classes: "abcdefgh".chars().map(String::from).collect() };
    assert_eq!(refused(many), GenerateError::Generator(GeneratorError::Classes { length: 8, classes: 8 }));
}

#[test]
fn without_randomness_there_is_no_value() {
    for generator in Generator::usual() {
        assert_eq!(generate(&generator, &Dry).unwrap_err(), GenerateError::NoEntropy(NoEntropy));
    }
}
