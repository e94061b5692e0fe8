//! What people and machines read of a failure.

use towpath_server::api::types::ProblemField;

use super::*;

fn problem(kind: ProblemKind) -> Problem {
    Problem {
        type_: "urn:towpath:problem:gate_closed".to_owned(),
        title: "gate closed".to_owned(),
        status: 409,
        detail: "p4 waits for its gates".to_owned(),
        code: "gate_closed".to_owned(),
        kind,
        details: vec!["approval: 0 of 1".to_owned()],
        next: Some("towpath approve p4".to_owned()),
        request_id: "req-1".to_owned(),
        errors: vec![ProblemField { pointer: "/release".to_owned(), detail: "it is no number".to_owned() }],
    }
}

#[test]
fn a_failure_says_what_why_what_was_kept_and_what_next() {
    let cause = std::io::Error::other("the disk is gone");
    let failure = Failure::new(Exit::Failed, "unwritable", "cannot write `a`")
        .because(&cause)
        .fact("pid", "7")
        .kept("nothing was changed")
        .next("try again");
    let expected = "error: cannot write `a`\n  cause  the disk is gone\n  pid    7\n  kept   nothing was changed\n  next   try again\n";
    assert_eq!(failure.text(Paint::new(false)), expected);
    assert_eq!(failure.json()["kept"], "nothing was changed");
    assert_eq!(failure.json()["details"], json!(["the disk is gone", "7"]));
}

#[test]
fn the_chain_of_causes_is_told_once() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);
    let failure = Failure::of(Exit::Failed, "x", &Outer(std::io::Error::other("inner")));
    assert_eq!(failure.text(Paint::new(false)), "error: outer\n  cause  inner\n");
}

#[test]
fn a_problem_of_the_server_decides_the_exit_status_and_is_passed_on() {
    let cases = [
        (ProblemKind::User, Exit::Usage),
        (ProblemKind::Refused, Exit::Refused),
        (ProblemKind::Conflict, Exit::Refused),
        (ProblemKind::Unavailable, Exit::Unreachable),
        (ProblemKind::Internal, Exit::Failed),
    ];
    for (kind, exit) in cases {
        let failure = Failure::of_problem(&problem(kind), "nothing was changed");
        assert_eq!(failure.exit, exit);
        assert_eq!(failure.json()["requestId"], "req-1");
        assert_eq!(failure.json()["exitStatus"], exit as u8);
    }
    let text = Failure::of_problem(&problem(ProblemKind::Refused), "nothing was changed").text(Paint::new(false));
    assert!(text.contains("why    approval: 0 of 1") && text.contains("field  /release: it is no number"), "{text}");
}

#[test]
fn the_numbers_of_exit_statuses_are_those_of_the_manual() {
    let all = [
        Exit::Done,
        Exit::Failed,
        Exit::Usage,
        Exit::Refused,
        Exit::Difference,
        Exit::Unreachable,
        Exit::StillRunning,
        Exit::Interrupted,
    ];
    assert_eq!(all.map(|exit| exit as u8), [0, 1, 2, 3, 4, 5, 6, 130]);
}
