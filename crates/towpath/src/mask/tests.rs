//! Masked output.

use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

fn masks(values: &[(&str, &str)]) -> Masks {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), SecretText::new(*value))).collect();
    Masks::new(&values).0
}

fn masked(masks: &Masks, pieces: &[&[u8]]) -> String {
    let mut output = masks.begin();
    let mut shown: Vec<u8> = pieces.iter().flat_map(|piece| output.take(piece)).collect();
    shown.extend(output.end());
    String::from_utf8_lossy(&shown).into_owned()
}

#[test]
fn a_value_becomes_its_name_in_every_form_it_is_known_to_have() {
    let value = "p@ss w/rd?\"ü";
    let masks = masks(&[("DB_PASSWORD", value)]);
    let encoded = percent(value, true, "%20", b"-._~");
    let forms = [value.to_owned(), String::from_utf8(encoded).unwrap(), serde_json::json!({ "a": value }).to_string()];
    for form in forms {
        let shown = masked(&masks, &[b"x=", form.as_bytes(), b"!"]);
        assert!(shown.contains("${DB_PASSWORD}") && !shown.contains("w/rd") && !shown.contains("w%2Frd"), "{shown}");
    }
}

#[test]
fn base64_hides_nothing_wherever_the_value_stands_in_what_was_encoded() {
    let masks = masks(&[("TOKEN", "tok_0123456789abcdef")]);
    for before in ["", "a", "ab", "abc", "user:"] {
        for after in ["", "x", "xy"] {
            let text = STANDARD.encode(format!("{before}tok_0123456789abcdef{after}"));
            let shown = masked(&masks, &[text.as_bytes()]);
            assert!(shown.contains("${TOKEN}"), "{text} {shown}");
            assert!(shown.len() < before.len() * 2 + after.len() * 2 + 8 + "${TOKEN}".len(), "{shown}");
        }
    }
}

#[test]
fn the_longest_value_wins_and_lines_of_a_key_are_values_too() {
    let masks =
        masks(&[("SHORT", "abcd"), ("LONG", "abcdefgh"), ("KEY", "-----BEGIN-----\nMIIBVgIBADANBg\n-----END-----\n")]);
    assert_eq!(masked(&masks, &[b"abcdefg abcdefgh abcd"]), "${SHORT}efg ${LONG} ${SHORT}");
    assert_eq!(masked(&masks, &[b"> MIIBVgIBADANBg"]), "> ${KEY}");
}

#[test]
fn what_is_too_short_is_told_and_left() {
    let values = [("PIN".to_owned(), SecretText::new("123"))].into();
    let (masks, short) = Masks::new(&values);
    assert_eq!(short, ["PIN"]);
    assert_eq!(masked(&masks, &[b"123"]), "123");
}

#[test]
fn nothing_is_held_back_that_cannot_be_a_value() {
    let masks = masks(&[("A", "secret-value")]);
    let mut output = masks.begin();
    assert_eq!(output.take(b"Password: "), b"Password: ");
    assert_eq!(output.take(b"sec"), b"");
    assert_eq!(output.take(b"ond"), b"second");
}

proptest! {
    #[test]
    fn however_it_is_cut_the_output_is_the_same_and_no_value_is_in_it(
        words in proptest::collection::vec("(aabaab|aabb|aa|b|\n|[a-c]{1,5})", 0..12),
        cuts in proptest::collection::vec(0_usize..5, 0..60),
    ) {
        let masks = masks(&[("ONE", "aabaab"), ("TWO", "aabb"), ("THREE", "baabaabcc")]);
        let text = words.concat();
        let whole = masked(&masks, &[text.as_bytes()]);
        let mut pieces = Vec::new();
        let mut rest = text.as_bytes();
        for cut in cuts {
            let (piece, left) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = left;
        }
        pieces.push(rest);
        prop_assert_eq!(&masked(&masks, &pieces), &whole);
        let plain = whole.replace("${ONE}", "|").replace("${TWO}", "|").replace("${THREE}", "|");
        prop_assert!(!plain.contains("aabaab") && !plain.contains("aabb"), "{}", plain);
    }
}
