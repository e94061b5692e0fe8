//! Times, durations and sizes in words.

use super::*;

#[test]
fn durations_have_the_precision_that_people_care_for() {
    let cases = [
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1.0 s"),
        (59_999, "59.9 s"),
        (200_000, "3 min 20 s"),
        (18_720_000, "5 h 12 min"),
        (273_600_000, "3 d 4 h"),
    ];
    for (millis, words) in cases {
        assert_eq!(span(millis), words);
    }
}

#[test]
fn a_moment_before_is_no_time_ago() {
    let now = Timestamp::from_second(100).unwrap();
    assert_eq!(between(now, Timestamp::from_second(90).unwrap()), "0 ms");
    assert_eq!(time(now), "1970-01-01 00:01:40Z");
}

#[test]
fn sizes_have_binary_units() {
    assert_eq!([size(0), size(1023), size(1536), size(5 << 20)], ["0 B", "1023 B", "1.5 KiB", "5.0 MiB"]);
}

#[test]
fn digests_are_shortened_whatever_they_look_like() {
    assert_eq!(short("sha256:0123456789abcdef"), "0123456789ab");
    assert_eq!(short("sha256:01"), "01");
    assert_eq!(short("é"), "é");
}

#[test]
fn one_is_not_many() {
    assert_eq!([count(0, "file"), count(1, "file"), count(2, "file")], ["0 files", "1 file", "2 files"]);
}
