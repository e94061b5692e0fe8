//! Tests of `strength`.

use proptest::prelude::*;

use super::{Grade, Weakness, assess};
use crate::{entropy::SystemEntropy, generate::generate};
use towpath_core::secrets::rotation::Generator;

fn grade(value: &str) -> Grade {
    assess(value, &["DB_PASSWORD", "shop", "production"]).grade
}

#[test]
fn what_was_never_filled_in_is_a_placeholder() {
    for value in [
        "",
        "  ",
        "changeme",
        "CHANGE_ME",
        "change-me!",
        "password",
        "Password1",
        "p4ssw0rd",
        "test",
        "test123",
        "xxx",
        "XXXXXXXXXXXXXXXXXXXX",
        "0000000000",
        "<your key>",
        "${DB_PASSWORD}",
        "{{ password }}",
        "your-api-key-here",
        "replace-with-a-real-one",
        "todo",
        "********",
        "db_password",
        "shop",
        "your_db_password",
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "your-256-bit-secret",
        "postgres://app:changeme@db/shop",
        "postgres://app:postgres@db/shop",
        "Bearer changeme",
        "django-insecure-8s7d6f87s6df87s6df8",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    ] {
        assert_eq!(grade(value), Grade::Placeholder, "{value}");
    }
}

#[test]
fn what_people_choose_is_weak() {
    for value in [
        "shop2024",
        "Winter2024!",
        "qwertyuiop123",
        "letmein2023",
        "Tr0ub4dor&3",
        "monkey-dragon",
        "abcdefgh12345678",
        "hunter22222",
        "12345678901234567890",
        "aaaaaaaaaaaaaaaaaaaaaaab",
        "P@ssw0rd2025!",
        "ShopProduction2024",
        "19.11.1984",
        "4711",
        "asdfghjkl;'",
        "1q2w3e4r5t6y",
        "abababababababababababababab",
        "postgres://app:summer99@db/shop",
        "k7",
        "Xq9!z",
        "shopshopshopshopshopshop",
        "passwordpasswordpasswordpasswordpasswordpassword",
    ] {
        let strength = assess(value, &["DB_PASSWORD", "shop", "production"]);
        assert!(strength.is_weak(), "{value}: {strength:?}");
        assert!(!strength.weaknesses.is_empty(), "{value}: {strength:?}");
    }
}

#[test]
fn random_values_are_strong() {
    for value in [
        "9f86d081884c7d659a2feaa0c55ad015",
        "3Jx8vQz2mTnB7kLpR4wY",
        "7Gk2!pQz@9vLx#4mRt&w",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "q7Zt3hK9-xVb2Lw_8mPd5RfY1nCj6Gs4uAe0TiOo3Bk",
        "postgres://app:3Jx8vQz2mTnB7kLpR4wY@db:5432/shop",
        "glacier-tumble-oyster-fanfare-whisk-bobcat-quilt",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIGm9vZ1hQ2Yx8b3Tq7kYp0sVnW4eRcXuJd5LfAoBtHiK\n-----END PRIVATE KEY-----\n",
    ] {
        let strength = assess(value, &["DB_PASSWORD", "shop"]);
        assert_eq!(strength.grade, Grade::Strong, "{value}: {strength:?}");
        assert_eq!(strength.weaknesses, [], "{value}");
    }
}

#[test]
fn what_makes_it_weak_is_said() {
    let why = |value| assess(value, &["frobozz"]).weaknesses;
    assert!(why("qwertyuiop").contains(&Weakness::CommonWord));
    assert!(why("Xfrobozz7").contains(&Weakness::NamesItself));
    assert_eq!(why("Vq7!"), [Weakness::Short]);
    assert!(why("Kz19841119").contains(&Weakness::Date));
}

#[test]
fn a_name_that_is_known_makes_it_weaker() {
    let free = assess("wagonwheel77", &[]).bits;
    assert!(assess("wagonwheel77", &["wagonwheel"]).bits < free);
}

proptest! {
    // Unoptimised, an estimate takes a tenth of a second.
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_text_breaks_the_estimate(value in ".{0,150}", hint in ".{0,20}") {
        let strength = assess(&value, &[&hint, "", "A_B"]);
        prop_assert!(strength.bits >= 0.0 && strength.bits.is_finite(), "{}", strength.bits);
    }

    #[test]
    fn no_bytes_in_a_url_break_the_estimate(value in "[a-z]{0,3}://?[:@/%a\u{e4}\u{1f600}-]{0,20}") {
        assess(&value, &[]);
    }
}

#[test]
fn what_the_generators_make_is_strong() {
    for generator in Generator::usual() {
        for _ in 0..40 {
            let value = generate(&generator, &SystemEntropy).unwrap();
            let strength = assess(value.expose(), &["DB_PASSWORD", "shop"]);
            assert_eq!(strength.grade, Grade::Strong, "{generator:?}: {} bits", strength.bits);
        }
    }
}
