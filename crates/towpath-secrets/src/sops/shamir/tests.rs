//! Tests of `shamir`.

use proptest::prelude::*;

use super::*;
use crate::entropy::SystemEntropy;

/// The same with tables of logarithms to the base 3, as Vault has it.
fn by_tables(a: u8, b: u8) -> u8 {
    let mut powers = vec![1_u8];
    for _ in 1..255 {
        let last = *powers.last().unwrap();
        let doubled = (last << 1) ^ if last & 0x80 == 0 { 0 } else { 0x1B };
        powers.push(doubled ^ last);
    }
    let log = |x: u8| powers.iter().position(|power| *power == x).unwrap();
    if a == 0 || b == 0 { 0 } else { powers[(log(a) + log(b)) % 255] }
}

#[test]
fn products_are_those_of_the_tables() {
    for a in (0..=255).step_by(5) {
        for b in 0..=255 {
            assert_eq!(times(a, b), by_tables(a, b), "{a} · {b}");
        }
    }
}

#[test]
fn everything_but_zero_has_an_inverse() {
    assert_eq!(inverse(0), 0);
    for a in 1..=255 {
        assert_eq!(times(a, inverse(a)), 1, "{a}");
    }
}

#[test]
fn parts_that_vault_would_make_give_the_secret() {
    // A line through ("a", "b") at 0 with slopes 3 and 7, taken at 2 and 5 by the tables of the original.
    let part = |x: u8| vec![b'a' ^ by_tables(3, x), b'b' ^ by_tables(7, x), x];
    assert_eq!(*combine(&[part(2), part(5)]).unwrap(), b"ab");
    assert_eq!(*combine(&[part(200), part(5), part(255)]).unwrap(), b"ab");
}

#[test]
fn what_cannot_be_split_or_combined_is_said() {
    let split = |parts, threshold| split(b"secret", parts, threshold, &SystemEntropy).unwrap_err();
    assert_eq!(split(3, 1), SplitError::Threshold { parts: 3, threshold: 1 });
    assert_eq!(split(2, 3), SplitError::Threshold { parts: 2, threshold: 3 });
    assert_eq!(super::split(b"", 2, 2, &SystemEntropy).unwrap_err(), SplitError::Empty);
    assert_eq!(combine::<Vec<u8>>(&[]).unwrap_err(), CombineError::TooFew);
    assert_eq!(combine(&[[1, 2]]).unwrap_err(), CombineError::TooFew);
    assert_eq!(combine(&[&[1_u8, 2][..], &[1, 2, 3]]).unwrap_err(), CombineError::Lengths);
    assert_eq!(combine(&[[1], [2]]).unwrap_err(), CombineError::Lengths);
    assert_eq!(combine(&[[], []] as &[[u8; 0]]).unwrap_err(), CombineError::Lengths);
    assert_eq!(combine(&[[1, 2], [7, 2]]).unwrap_err(), CombineError::Places);
    assert_eq!(combine(&[[1, 0], [7, 2]]).unwrap_err(), CombineError::Places);
}

proptest! {
    #[test]
    fn any_parts_up_to_the_threshold_give_the_secret_and_fewer_do_not(
        secret in prop::collection::vec(any::<u8>(), 16..40),
        (parts, threshold) in (2_u8..12).prop_flat_map(|parts| (Just(parts), 2..=parts)),
        order in any::<prop::sample::Index>(),
    ) {
        let mut made = split(&secret, parts, threshold, &SystemEntropy).unwrap();
        let rotation = order.index(made.len());
        made.rotate_left(rotation);
        let enough = usize::from(threshold);
        for count in enough..=made.len() {
            prop_assert_eq!(&*combine(&made[..count]).unwrap(), &secret);
        }
        if enough > 2 {
            // 16 bytes by chance: not in the life of this test.
            prop_assert_ne!(&*combine(&made[..enough - 1]).unwrap(), &secret);
        }
    }

    #[test]
    fn a_part_alone_is_spread_over_all_bytes(byte in any::<u8>()) {
        let seen: std::collections::BTreeSet<u8> =
            (0..2000).map(|_| split(&[byte], 2, 2, &SystemEntropy).unwrap()[0][0]).collect();
        prop_assert!(seen.len() > 240, "{}", seen.len());
    }
}
