//! Tests of reading figures and holding them against ceilings.

use super::*;

#[test]
fn figures_are_the_numbers_of_the_last_json_line() {
    let printed = "warming up\n{\"a_ms\": 1}\n{\"a_ms\": 2.5, \"note\": \"x\", \"b_per_s\": 10}\ndone\n";
    let found = figures(printed).unwrap();
    assert_eq!(found, Figures::from([("a_ms".into(), 2.5), ("b_per_s".into(), 10.0)]));
    assert_eq!(figures("nothing"), None);
}

#[test]
fn a_figure_over_its_ceiling_is_missed_and_one_not_measured_is_only_named() {
    let figures = Figures::from([("a_ms".into(), 6.0), ("b_per_s".into(), 10.0), ("free".into(), 1.0)]);
    let bounds = [("a_ms", Bound::AtMost(5.0)), ("b_per_s", Bound::AtLeast(10.0)), ("c_mb", Bound::AtMost(60.0))];
    let rows = rows(&figures, &bounds);
    let names = |chosen: fn(&Row) -> bool| -> Vec<&str> {
        rows.iter().filter(|row| chosen(row)).map(|row| row.figure.as_str()).collect()
    };
    assert_eq!(names(|row| row.missed), ["a_ms"]);
    assert_eq!(names(|row| row.value.is_none()), ["c_mb"]);
}

#[test]
fn no_two_measurements_share_a_name() {
    let mut names: Vec<&str> = MEASUREMENTS.iter().map(|measurement| measurement.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), MEASUREMENTS.len());
}
