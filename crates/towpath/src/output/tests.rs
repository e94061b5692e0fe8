//! Tables and versions of what is printed.

use super::*;

#[test]
fn columns_are_aligned_whatever_is_painted() {
    let mut table = Table::new(&["NAME", "STATE"]);
    table.row(vec![Paint::new(true).red("é"), "on".to_owned()]);
    table.row(vec!["longer".to_owned(), String::new()]);
    assert_eq!(table.text(Paint::new(false)), "NAME    STATE\n\u{1b}[31mé\u{1b}[0m       on\nlonger\n");
}

#[test]
fn a_table_without_headings_has_rows_only() {
    let mut table = Table::new(&[]);
    assert!(table.is_empty());
    table.row(vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(table.text(Paint::new(false)), "a  b\n");
}

#[test]
fn json_says_its_version() {
    assert_eq!(versioned(&json!({ "a": 1 })), json!({ "a": 1, "schemaVersion": 1 }));
    assert_eq!(versioned(&[1, 2]), json!({ "value": [1, 2], "schemaVersion": 1 }));
}

#[test]
fn paint_can_be_left_out() {
    assert_eq!(Paint::new(false).bold("a"), "a");
    assert_eq!(Paint::new(true).bold(""), "");
}

#[test]
fn what_people_wrote_cannot_look_like_another_row() {
    let mut table = Table::new(&["WHO", "WHY"]);
    table.row(vec!["ana".to_owned(), "late\r\nben  approved\tit".to_owned()]);
    assert_eq!(table.text(Paint::new(false)), "WHO  WHY\nana  late ben  approved it\n");
}
