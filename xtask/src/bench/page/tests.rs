//! Tests of the figures' tables.

use super::*;

fn rows() -> Vec<Row> {
    vec![
        Row { figure: "usual_ms".into(), value: Some(1.25), bound: Some(Bound::AtMost(5.0)), missed: false },
        Row { figure: "vs_nginx".into(), value: Some(0.5), bound: Some(Bound::AtLeast(0.8)), missed: true },
        Row { figure: "requests_per_s".into(), value: Some(48_123.4), bound: None, missed: false },
    ]
}

#[test]
fn only_the_block_of_the_measurement_is_replaced() {
    let text =
        "Before.\n<!-- bench a -->\nold\n<!-- end of bench a -->\n<!-- bench b -->\nkept\n<!-- end of bench b -->\n";
    let new = replaced(text, "a", "new\n").unwrap();
    assert_eq!(
        new,
        "Before.\n<!-- bench a -->\nnew\n<!-- end of bench a -->\n<!-- bench b -->\nkept\n<!-- end of bench b -->\n"
    );
    assert_eq!(replaced(text, "c", "new\n"), None);
}

#[test]
fn the_page_tells_the_date_the_machine_the_ceiling_and_whether_it_was_kept() {
    let text = block(&rows(), &["haproxy is not installed".into()], "2026-01-02, 2 cores, 4 GB memory");
    assert!(text.contains("\n2026-01-02, 2 cores, 4 GB memory.\n"), "{text}");
    assert!(text.contains("| `usual_ms` | 1.250 | ≤ 5 | kept |"), "{text}");
    assert!(text.contains("| `vs_nginx` | 0.500 | ≥ 0.8 | missed |"), "{text}");
    assert!(text.contains("| `requests_per_s` | 48123 |  |  |"), "{text}");
    assert!(text.ends_with("- haproxy is not installed\n\n"), "{text}");
}
