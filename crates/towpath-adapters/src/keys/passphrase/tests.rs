//! What is special to passphrases: cost, its record in what is wrapped, stretching once.

use std::sync::atomic::Ordering;

use super::*;

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

fn context() -> KeyContext {
    KeyContext { project: "shop".to_owned(), environment: "production".parse().unwrap(), version: 1 }
}

fn provider(passphrase: &str, cost: Cost) -> PassphraseKey {
    PassphraseKey::new("TOWPATH_PASSPHRASE", SecretText::new(passphrase), cost).unwrap()
}

fn key() -> DataKeyBytes {
    Zeroizing::new([9; 32])
}

#[tokio::test]
async fn the_passphrase_is_stretched_once_for_many_keys() {
    let keys = provider("correct horse battery", CHEAP);
    let mut wrapped = Vec::new();
    for _ in 0..20 {
        wrapped.push(keys.wrap(&key(), &context()).await.unwrap());
    }
    assert_eq!(keys.stretches.load(Ordering::Relaxed), 1);
    let later = provider("correct horse battery", CHEAP);
    for wrapped in &wrapped {
        assert_eq!(later.unwrap(wrapped, &context()).await.unwrap(), key());
    }
    later.wrap(&key(), &context()).await.unwrap();
    assert_eq!(later.stretches.load(Ordering::Relaxed), 1, "the salt it has met is used again");
}

#[tokio::test]
async fn a_raised_cost_reads_what_was_wrapped_before_and_rewrapping_raises_it() {
    let old = provider("correct horse battery", CHEAP).wrap(&key(), &context()).await.unwrap();
    let raised = Cost { memory_kib: 128, passes: 2, lanes: 2 };
    let keys = provider("correct horse battery", raised);
    assert_eq!(keys.unwrap(&old, &context()).await.unwrap(), key());
    let anew = keys.rewrap(&old, &context()).await.unwrap();
    assert_eq!(Stretch::parse(&anew[..HEADER_BYTES]).unwrap().cost, raised);
    assert_eq!(keys.unwrap(&anew, &context()).await.unwrap(), key());
}

#[tokio::test]
async fn another_passphrase_does_not_unwrap() {
    let wrapped = provider("correct horse battery", CHEAP).wrap(&key(), &context()).await.unwrap();
    let error = provider("correct horse batterz", CHEAP).unwrap(&wrapped, &context()).await.unwrap_err();
    assert!(matches!(error, KeyError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_wrapped_key_cannot_ask_for_all_the_memory_there_is() {
    let keys = provider("correct horse battery", CHEAP);
    let wrapped = keys.wrap(&key(), &context()).await.unwrap();
    for at in [1, 5, 9] {
        let mut hostile = wrapped.clone();
        hostile[at..at + 4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(matches!(keys.unwrap(&hostile, &context()).await, Err(KeyError::Damaged { .. })));
        hostile[at..at + 4].copy_from_slice(&[0; 4]);
        assert!(matches!(keys.unwrap(&hostile, &context()).await, Err(KeyError::Damaged { .. })));
    }
    assert_eq!(keys.stretches.load(Ordering::Relaxed), 1);
}

#[test]
fn a_short_passphrase_is_refused() {
    for short in ["", "elevenchars", "ünïçødé1234"] {
        let error = PassphraseKey::new("P", SecretText::new(short), CHEAP).unwrap_err().to_string();
        assert!(error.contains("shorter than 12") && (short.is_empty() || !error.contains(short)), "{error}");
    }
    let absurd = Cost { memory_kib: u32::MAX, passes: 1, lanes: 1 };
    assert!(PassphraseKey::new("P", SecretText::new("correct horse battery"), absurd).is_err());
}

#[test]
fn neither_debug_nor_id_shows_or_digests_the_passphrase() {
    let keys = provider("correct horse battery", CHEAP);
    assert_eq!(keys.id(), "passphrase in TOWPATH_PASSPHRASE");
    assert!(!format!("{keys:?}").contains("horse"));
}

/// The value is that of the reference implementation in C, as PyPI's `argon2-cffi` gives it (time 3, memory 64, lanes 4).
#[test]
fn stretching_is_argon2id_version_1_3() {
    let stretch = Stretch { cost: Cost { memory_kib: 64, passes: 3, lanes: 4 }, salt: *b"somesaltsomesalt" };
    let key = derive(&SecretText::new("correct horse battery"), stretch).unwrap();
    let expected = [
        0x3c, 0xc5, 0xad, 0x01, 0x6f, 0xcf, 0x0b, 0xfc, 0x76, 0xec, 0xce, 0x2a, 0xff, 0xa2, 0xf0, 0x5f, 0xca, 0xe1,
        0x67, 0xa7, 0xb8, 0x42, 0x00, 0xce, 0x32, 0x73, 0x65, 0xaa, 0xe9, 0xaa, 0x00, 0x39,
    ];
    assert_eq!(*key, expected);
}

#[expect(clippy::print_stdout, reason = "the figure is of interest")]
#[tokio::test]
async fn the_recommended_cost_can_be_paid() {
    let start = std::time::Instant::now();
    let wrapped = provider("correct horse battery", Cost::RECOMMENDED).wrap(&key(), &context()).await.unwrap();
    println!("64 MiB, 3 passes: {} ms", start.elapsed().as_millis());
    assert_eq!(provider("correct horse battery", CHEAP).unwrap(&wrapped, &context()).await.unwrap(), key());
}
