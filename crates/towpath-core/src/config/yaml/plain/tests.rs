//! Tests of `plain`.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::super::twins::agree;

#[test]
fn what_people_write_is_read_alike_and_fast() {
    for text in [
        "a: 1",
        "a: 1\n",
        "\n# head\n\na: b c # tail\nb:\n  c: d\n\n  # inside\n  e:\nf: ~\n",
        "a:\n- 1\n- b: 2\n  c: 3\n-   d: 4\n    e: [5, 6]\nz: x\n",
        "a:\n  - 1\n  -\n    b: 2\n  - 'c'\n",
        "- a\n- b\n",
        "a: {b: 1, c: [x y, -1, 1.5e3], 'd': \"e\", f: {}, g: []}\n",
        "a: [\n    b,\n\n    c\n  ]\n",
        "{\n  \"a\": [1, 2.5, null, true],\n  \"b\": {}, \"c\":\"d\",\n  \"e\": \"f\\\"\\\\\\n\"\n}\n",
        "[1, 2]",
        "ü: ö € “x”\nnull: 1\n'q': 2\n\"r\": http://x/y:8080\ns: a:b\n",
        "a: \"x # y\"   # z\nb: 'c'\n",
        "z: 1\ny: 2\nx/y-z.9: 3\nabcdefghij: 4\nabcdefghi: 5\nabcdefgh: 6\n",
        "services:\n  web: {command: [./serve, --port, '${PORT}'], env: {NAME: web}}\n",
    ] {
        assert_eq!(agree(text), Ok(true), "{text}");
    }
}

#[test]
fn what_is_odd_is_left_to_the_full_parser() {
    for text in [
        "",
        "a",
        "a: &x 1\nb: *x\n",
        "<<: {a: 1}",
        "a: !append [1]",
        "a: |\n  b\n",
        "a: b\n  c\n",
        "a: 'b\n  c'\n",
        "a: 1\na: 2\n",
        "a:\tb\n",
        "a: 1\r\n",
        "\u{feff}a: 1\n",
        "a: b: c\n",
        "a: [b\n]\n",
        "a:\n    b: 1\n  c: 2\n",
        "---\na: 1\n",
        "a: 1\n...\n",
        "{\n...\n}",
        "? a\n: b\n",
        "a: \"\\u00e9\"",
        "a: 'it''s'",
        "- - a\n",
        "a: [b: c]\n",
        "a: {b}\n",
        "a: [,]\n",
        "a: [b,]\n",
        "a: - b\n",
        "a:\n - b\n  - c\n",
        "[a]: b\n",
        "a: 'b' c\n",
        "a: \u{2028}\n",
    ] {
        assert!(matches!(agree(text), Ok(false)), "{text:?}: {:?}", agree(text));
    }
}

/// Pieces that come near to the border between what is read and what is not.
const PIECES: &[&str] = &[
    "a",
    "b",
    "ab",
    "a-b",
    "1",
    "-1",
    "-",
    "- ",
    "--",
    "---",
    "...",
    ".",
    ":",
    ": ",
    ":\n",
    ": a\n",
    "\n",
    "\n\n",
    "\n  ",
    "\n ",
    "\n    ",
    " ",
    "  ",
    "#",
    " #",
    " # x\n",
    "[",
    "]",
    "{",
    "}",
    ",",
    ", ",
    "'",
    "''",
    "'a'",
    "\"",
    "\"a\"",
    "\\",
    "\\n",
    "\"\\\"\"",
    "~",
    "null",
    "true",
    "<<",
    "&a",
    "*a",
    "!",
    "!x",
    "|",
    ">",
    "%",
    "@",
    "`",
    "?",
    "? ",
    "ü",
    "€",
    "\t",
    "\r",
    "\u{a0}",
    "\u{feff}",
    "\u{85}",
    "a: 1\n",
    "- a\n",
    "a:\n",
    "{a: 1}",
    "[a, b]",
    "\"a\":",
    "\"a\": 1",
    "0x1",
    "1e3",
    "=",
    "$",
    "(",
    "+",
    "+1",
    "/",
    "\u{1F600}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn pieces_at_random_are_read_alike(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..24)) {
        prop_assert_eq!(agree(&pieces.concat()).err(), None);
    }

    #[test]
    fn lines_at_random_are_read_alike(lines in proptest::collection::vec(
        (0..4_usize, proptest::sample::select(&["a", "b", "c", "- ", "- a", "'q'", "x y"][..]), proptest::sample::select(PIECES), proptest::sample::select(PIECES)),
        0..10,
    )) {
        let mut text = String::new();
        for (depth, key, one, two) in lines {
            let _ = writeln!(text, "{}{key}: {one}{two}", "  ".repeat(depth));
        }
        prop_assert_eq!(agree(&text).err(), None);
    }
}
