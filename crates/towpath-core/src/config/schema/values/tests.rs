//! Forms of single values.

use super::*;

#[test]
fn a_range_of_addresses_has_no_bit_behind_its_prefix() {
    for sound in ["203.0.113.0/24", "203.0.113.7", "0.0.0.0/0", "::/0", "2001:db8::/32", "::1", "10.0.0.1/32"] {
        assert!(is_cidr(sound), "{sound}");
    }
    for wrong in [
        "203.0.113.1/24",
        "10.0.0.0/33",
        "::1/129",
        "2001:db8::1/32",
        "10.0.0",
        "a",
        "",
        "10.0.0.0/",
        "1.1.1.1/+8",
        "::/0/0",
    ] {
        assert!(!is_cidr(wrong), "{wrong}");
    }
}

#[test]
fn shares_keep_their_decimals() {
    assert_eq!((fixed("99.9", 4), fixed("100", 4), fixed("0.01", 2)), (Some(999_000), Some(1_000_000), Some(1)));
    assert_eq!((fixed("99.99999", 4), fixed(".5", 2), fixed("-1", 2), fixed("", 2)), (None, None, None, None));
    assert_eq!(
        (decimals(999_000, 4, "%"), decimals(100, 2, "%"), decimals(5, 2, "")),
        ("99.9%".into(), "1%".into(), "0.05".into())
    );
    assert_eq!(fixed("99999999999999999999999", 2), None);
}

#[test]
fn there_are_249_countries_in_order() {
    assert_eq!(countries::ALL.len(), 249);
    assert!(countries::ALL.is_sorted());
}
