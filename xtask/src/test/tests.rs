//! Tests of the table of steps.

use super::*;

#[test]
fn the_table_names_each_step_its_result_and_the_total() {
    let line = |name, outcome, seconds| Line { name, what: "it holds", outcome, took: Duration::from_secs(seconds) };
    let text = table(&[
        line("fmt", Outcome::Passed, 2),
        line("clippy", Outcome::Failed, 40),
        line("docs", Outcome::NotRun, 0),
    ]);
    let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split_whitespace().take(3).collect()).collect();
    assert_eq!(
        rows,
        [
            vec!["step", "result", "seconds"],
            vec!["fmt", "ok", "2.0"],
            vec!["clippy", "FAILED", "40.0"],
            vec!["docs", "not", "run"],
            vec!["total", "42.0"],
        ]
    );
}

#[test]
fn no_two_steps_share_a_name() {
    let mut names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), STEPS.len());
}
