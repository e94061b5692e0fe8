//! When steps are due, and what ends a schedule.

use super::moment;

fn read(text: &str, zone: Option<&str>) -> String {
    moment(text, zone).map_or_else(|error| error.to_string(), |at| at.to_string())
}

#[test]
fn a_time_with_an_offset_is_a_moment_and_one_without_needs_a_zone() {
    assert_eq!(read("2026-03-01T09:00:00+01:00", None), "2026-03-01T08:00:00Z");
    assert_eq!(read("2026-03-01T09:00Z", None), "2026-03-01T09:00:00Z");
    assert_eq!(read(" 2026-03-01T09:00 ", Some("Europe/Berlin")), "2026-03-01T08:00:00Z");
    assert_eq!(read("2026-07-01 09:00", Some("Europe/Berlin")), "2026-07-01T07:00:00Z");
    assert_eq!(
        read("2026-03-01T09:00", None),
        "`2026-03-01T09:00` does not say in which time zone: add an offset such as `+01:00`, or give `--time-zone Europe/Berlin`"
    );
    assert_eq!(
        read("2026-03-01T09:00", Some("Mars/Olympus")),
        "there is no time zone `Mars/Olympus`: write a name such as `Europe/Berlin` or `UTC`"
    );
    assert!(
        read("2026-03-01T09:00Z", Some("Europe/Berlin")).ends_with("says its offset already: leave the time zone out")
    );
}

#[test]
fn a_time_that_the_clocks_skip_or_repeat_is_refused() {
    assert_eq!(
        read("2026-03-29T02:30", Some("Europe/Berlin")),
        "there is no 2026-03-29T02:30:00 in Europe/Berlin: the clocks go forward over it; give the time with its offset"
    );
    assert_eq!(
        read("2026-10-25T02:30", Some("Europe/Berlin")),
        "2026-10-25T02:30:00 comes twice in Europe/Berlin, because the clocks go back: give the time with its offset, +02 or +01"
    );
    assert_eq!(read("2026-10-25T02:30+02:00", None), "2026-10-25T00:30:00Z");
}

#[test]
fn what_is_no_time_is_said_to_be_none() {
    for text in ["", "tomorrow", "2026-03-01", "09:00", "2026-13-01T00:00", "99999-01-01T00:00Z", "\u{0}"] {
        assert!(read(text, Some("UTC")).contains("is not a time"), "{text}: {}", read(text, Some("UTC")));
    }
}
