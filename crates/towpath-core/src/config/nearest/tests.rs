//! What counts as a slip.

use super::*;

#[test]
fn a_slip_of_the_fingers_is_recognised() {
    assert_eq!(nearest("replcias", ["replicas", "resources"]), Some("replicas"));
    assert_eq!(nearest("healthCheckPath", ["health_check_path"]), Some("health_check_path"));
    assert_eq!(nearest("porduction", ["production", "staging"]), Some("production"));
    assert_eq!(nearest("banana", ["replicas", "resources"]), None);
}

#[test]
fn without_a_near_word_the_known_ones_are_listed() {
    assert_eq!(suggestion("banana", ["b1", "a1"]), "known: `a1`, `b1`");
}

#[test]
fn where_nothing_is_known_the_help_says_so_in_a_sentence_of_its_own() {
    assert_eq!(suggestion("banana", []), "so far there are none");
}
