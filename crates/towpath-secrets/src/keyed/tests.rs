//! Digests agree for the same value, key and purpose, and for nothing else.

use towpath_core::secrets::SecretText;

use super::DigestKey;

#[test]
fn a_digest_depends_on_key_purpose_and_value_with_their_borders() {
    let (one, two) = (DigestKey::of_bytes([1; 32]), DigestKey::of_bytes([2; 32]));
    let value = SecretText::new("value");
    let digest = one.digest(&["a", "b"], &value);
    assert_eq!(digest, one.digest(&["a", "b"], &value));
    for other in [
        two.digest(&["a", "b"], &value),
        one.digest(&["ab"], &value),
        one.digest(&["ab", ""], &value),
        one.digest(&["a"], &SecretText::new("bvalue")),
        one.digest(&["a", "b"], &SecretText::new("valu")),
    ] {
        assert_ne!(digest, other);
    }
    assert_eq!((digest.as_str().len(), digest.short().len()), (64, 12));
}

#[test]
fn a_key_of_a_text_is_always_the_same_and_is_not_shown() {
    let key = DigestKey::of_text(&SecretText::new("a text of some length"));
    assert_eq!(key.bytes(), DigestKey::of_text(&SecretText::new("a text of some length")).bytes());
    assert_eq!(format!("{key:?}"), "DigestKey(…)");
}

#[test]
fn a_tag_is_half_of_the_digest_and_bound_to_its_purpose() {
    let key = DigestKey::of_bytes([7; 32]);
    let whole = key.digest(&["unit", "production"], &SecretText::new("u-1"));
    assert_eq!(hex::encode(key.tag(&["unit", "production"], b"u-1")), whole.as_str()[..32]);
    assert_ne!(key.tag(&["unit", "production"], b"u-1"), key.tag(&["unit", "staging"], b"u-1"));
    assert_ne!(
        key.tag(&["unit", "production"], b"u-1"),
        DigestKey::of_bytes([8; 32]).tag(&["unit", "production"], b"u-1")
    );
}
