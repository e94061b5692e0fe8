//! Tests of `time`.

use super::*;

/// Checked against Go's `time.Parse` and `MarshalText` as go-yaml uses them.
#[test]
fn what_looks_like_a_time_is_one_and_has_one_spelling() {
    for (text, time) in [
        ("2006-1-2", "2006-01-02T00:00:00Z"),
        ("2006-01-02T15:04:05Z", "2006-01-02T15:04:05Z"),
        ("2006-1-2t3:4:5+00:00", "2006-01-02T03:04:05Z"),
        ("2006-01-02T15:04:05.120Z", "2006-01-02T15:04:05.12Z"),
        ("2006-01-02 15:04:05.000", "2006-01-02T15:04:05Z"),
        ("2006-01-02T15:04:05.1234567891-05:30", "2006-01-02T15:04:05.123456789-05:30"),
        ("2004-02-29", "2004-02-29T00:00:00Z"),
    ] {
        assert_eq!(Time::of_yaml(text).map(|time| time.0).as_deref(), Some(time), "{text}");
    }
    let texts = "2006 2006- 2006-13-01 2006-02-29 06-01-02 2006-01-02T 2006-01-02T25:00:00Z 2006-01-02T15:04:05 20060102 2006-01-02x";
    for text in texts.split(' ').chain(["2006-01-02 15:04:05Z", "2006-01-02 15:04", "2001-12-14 21:59:43.10 -5"]) {
        assert_eq!(Time::of_yaml(text), None, "{text}");
    }
}

#[test]
fn the_time_of_the_last_change_has_no_parts_of_a_second() {
    for (text, seconds) in [
        ("2006-01-02T15:04:05Z", "2006-01-02T15:04:05Z"),
        ("2006-01-02T15:04:05.25Z", "2006-01-02T15:04:05Z"),
        ("2006-01-02T15:04:05.25+02:00", "2006-01-02T15:04:05+02:00"),
    ] {
        assert_eq!(Time::of_rfc3339(text).unwrap().seconds(), seconds);
    }
    assert_eq!(Time::of_rfc3339("2006-1-2T15:04:05Z"), None);
    assert_eq!(Time::of_rfc3339("2006-01-02"), None);
}
