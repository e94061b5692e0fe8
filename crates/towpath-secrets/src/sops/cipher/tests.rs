//! Tests of `cipher`.

use super::*;
use crate::entropy::SystemEntropy;

#[test]
fn what_is_sealed_opens_only_as_it_was_sealed() {
    let cipher = Cipher::new(&[7; 32]);
    let sealed = cipher.seal(Kind::Text, b"value", b"a:b:", &SystemEntropy).unwrap();
    let (kind, plain) = cipher.open(&sealed, b"a:b:").unwrap();
    assert_eq!((kind, plain.as_slice()), (Kind::Text, b"value".as_slice()));
    assert_eq!(cipher.open(&sealed, b"a:").unwrap_err(), Wrong::Sealed);
    assert_eq!(Cipher::new(&[8; 32]).open(&sealed, b"a:b:").unwrap_err(), Wrong::Sealed);
    for at in 0..sealed.len() {
        let mut changed = sealed.clone().into_bytes();
        changed[at] ^= 1;
        let changed = String::from_utf8(changed).unwrap();
        let opened = cipher.open(&changed, b"a:b:");
        assert!(opened.is_err(), "{at}: {changed}");
    }
}

/// Made with Python's `cryptography`: AES-256-GCM, key 32 × 0x07, nonce 0..32, additional data `k:`, text `hello`.
#[test]
fn a_ciphertext_of_another_implementation_opens() {
    let sealed = "ENC[AES256_GCM,data:sa9t8Ms=,iv:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,tag:VtsSS5cq2B0O4q+x+YCm/g==,type:str]";
    let (_, plain) = Cipher::new(&[7; 32]).open(sealed, b"k:").unwrap();
    assert_eq!(plain.as_slice(), b"hello");
}
