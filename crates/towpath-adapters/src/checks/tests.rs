//! Tests of `checks`.

use super::*;

#[test]
fn the_variable_of_a_service_is_one_that_shells_take() {
    assert_eq!(variable(&ServiceName::new("notice-board2").unwrap()), "TOWPATH_URL_NOTICE_BOARD2");
}

#[test]
fn a_text_is_found_wherever_it_is() {
    assert!(has(b"abc", b"c") && has(b"abc", b"") && has(b"", b""));
    assert!(!has(b"abc", b"abcd") && !has(b"", b"a"));
}
