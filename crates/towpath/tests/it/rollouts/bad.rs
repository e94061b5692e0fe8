//! Bad releases go back by themselves, the good version serves on, and why is on record.

use std::time::Duration;

use serde_json::Value;

use super::bed::{App, Bed, HERE, Version, answers, side_by_side};
use crate::project::until;

/// One way to be bad.
struct Case {
    /// What it is called.
    name: &'static str,
    /// The environment of the bad instances.
    env: &'static [(&'static str, &'static str)],
    /// How the bad version comes in.
    strategy: &'static str,
    /// What else its environment file says.
    more: &'static str,
    /// How long it may go without progress.
    deadline: &'static str,
    /// What starts it, if something else does.
    command: Option<&'static str>,
    /// What kind of failure is on record, and a part of its message or evidence.
    fails: (&'static str, &'static str),
    /// How much of the traffic it had at most.
    share_percent: u64,
}

const JUDGED: &str = "{canary: {steps: [{weight: 10%}, {analysis: {interval: 700ms, count: 20, min_requests: 20, \
    inconclusive_limit: 100, max_error_rate: 1%, max_p95: 150ms}}, {weight: 50%}]}}";
/// What is slow is asked less often.
const JUDGED_SLOW: &str = "{canary: {steps: [{weight: 10%}, {analysis: {interval: 700ms, count: 20, min_requests: 3, \
    inconclusive_limit: 100, max_p95: 150ms}}, {weight: 50%}]}}";
const WAITS: &str = "{canary: {steps: [{weight: 10%}, {pause: 30s}]}}";

const USUAL: Case = Case {
    name: "",
    env: &[],
    strategy: WAITS,
    more: "",
    deadline: "20s",
    command: None,
    fails: ("", ""),
    share_percent: 0,
};

fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "never ready",
            env: &[("MODE", "never")],
            deadline: "6s",
            fails: ("progress_deadline", "503"),
            ..USUAL
        },
        Case { name: "crash loop", env: &[("MODE", "crash")], fails: ("crash_loop", "keeps exiting"), ..USUAL },
        Case {
            name: "5 % errors",
            env: &[("MODE", "errors")],
            strategy: JUDGED,
            fails: ("analysis", "%"),
            share_percent: 10,
            ..USUAL
        },
        Case { name: "slow", env: &[("MODE", "slow")], strategy: JUDGED_SLOW, fails: ("analysis", "p95"), ..USUAL },
        Case {
            name: "errors, and does not stop when told",
            env: &[("MODE", "half+stubborn")],
            strategy: JUDGED,
            fails: ("analysis", "%"),
            share_percent: 10,
            ..USUAL
        },
        Case {
            name: "command not found",
            command: Some("[/nowhere/serve, '${PORT}']"),
            fails: ("crash_loop", "there is no program `/nowhere/serve`"),
            ..USUAL
        },
    ]
}

fn later_cases() -> Vec<Case> {
    vec![
        Case {
            name: "verification fails before the switch",
            strategy: "{blue-green: {auto_promote_after: 0s}}",
            more: "verification: [{name: is the new one, http: {service: web, path: /, contains: version 7}}]\n",
            fails: ("verification", "is the new one"),
            ..USUAL
        },
        Case {
            name: "verification fails after the last instance was replaced",
            strategy: "rolling",
            more: "verification: [{name: says no, command: [sh, -c, 'echo not today; exit 1']}]\n",
            fails: ("verification", "not today"),
            ..USUAL
        },
        Case { name: "loses readiness", env: &[("MODE", "unready")], fails: ("failed_probe", "503"), ..USUAL },
        Case {
            name: "loses readiness midway",
            env: &[("MODE", "unready"), ("START_MS", "1500")],
            strategy: "rolling",
            fails: ("failed_probe", "503"),
            ..USUAL
        },
        Case {
            name: "recreated and never ready",
            env: &[("MODE", "never")],
            strategy: "recreate",
            deadline: "6s",
            fails: ("progress_deadline", "503"),
            ..USUAL
        },
    ]
}

fn play(case: &Case) {
    println!("bad: {}", case.name);
    let first = Version { strategy: case.strategy, ..Version::default() };
    let bed = Bed::with(App::Misbehaving, first);
    let good: Vec<u32> = bed.instances().iter().map(|one| one.pid).collect();
    let load = bed.load(HERE);
    answers(&load, 20);
    let before = load.tally();
    bed.declare(Version { number: 2, env: case.env, more: case.more, ..first });
    let file = "environments/development.yaml";
    let mut text = bed.read(file).replace("progress_deadline: 30s", &format!("progress_deadline: {}", case.deadline));
    if let Some(command) = case.command {
        text = text.replace("services: {web: {", &format!("services: {{web: {{command: {command}, "));
    }
    bed.write(file, &text);
    bed.release("2.0");
    let rollout = bed.until_rollout(HERE, "ends", |rollout| rollout["release"] == 2 && rollout["active"] == false);
    let tally = load.tally().since(&before);
    is_on_record(&bed, case, &rollout);
    println!(
        "  {}: {} requests, {} failed; {}",
        case.name, tally.requests, tally.failed, rollout["failure"]["message"]
    );
    assert!(
        tally.failed * 100 <= tally.requests * case.share_percent,
        "{}: more than the canary's share failed: {tally:?}",
        case.name
    );
    // What the good version answered is counted apart: none of that failed.
    assert_eq!(bed.counter("towpath_responses_total", 1, "5xx"), 0, "{}", case.name);
    assert_eq!(bed.counter("towpath_upstream_errors_total", 1, ""), 0, "{}", case.name);
    let back = load.tally();
    answers(&load, 40);
    let since = load.stop().since(&back);
    assert_eq!(since.failed, 0, "{}: {since:?}", case.name);
    assert!(bed.page().contains("version 1"), "{}", case.name);
    until("only the good instances are left", || {
        let left = bed.instances();
        (left.len() == 2 && left.iter().all(|one| one.revision == 1 && one.phase == "ready")).then_some(())
    });
    if !["rolling", "recreate"].contains(&case.strategy) {
        assert_eq!(bed.instances().iter().map(|one| one.pid).collect::<Vec<_>>(), good, "{}", case.name);
    }
    bed.no_strays();
}

/// Status and history say what failed and show what was seen.
fn is_on_record(bed: &Bed, case: &Case, rollout: &Value) {
    let (kind, part) = case.fails;
    assert_eq!(rollout["status"], "rolled_back", "{}: {rollout:#}\n{}", case.name, bed.server_log());
    let failure = &rollout["failure"];
    assert_eq!(failure["kind"], kind, "{}: {failure:#}", case.name);
    assert!(failure.to_string().contains(part), "{}: {failure:#}", case.name);
    assert!(!failure["evidence"].as_array().unwrap().is_empty(), "{}: {failure:#}", case.name);
    let history = bed.json(&format!("history {HERE}"));
    assert_eq!(&history["items"][0]["failure"], failure, "{}", case.name);
    assert_eq!(history["items"][1]["current"], true, "{}", case.name);
    let told = bed.ok(&format!("history {HERE}"));
    assert!(told.contains("rolled back"), "{}: {told}", case.name);
    let log = bed.ok("audit log --kind rollout_failed");
    assert_eq!(log.lines().filter(|line| line.contains("rollout_failed")).count(), 1, "{log}");
}

#[test]
fn every_bad_release_goes_back_by_itself_and_says_why() {
    let cases: Vec<Case> = cases().into_iter().chain(later_cases()).collect();
    side_by_side(&cases, 4, play);
}

#[test]
fn what_does_not_stop_when_told_is_killed_after_its_grace() {
    let strategy = "{canary: {steps: [{weight: 50%}, {pause: manual}]}}";
    let bed = Bed::with(App::Misbehaving, Version { strategy, ..Version::default() });
    bed.ship(Version { number: 2, strategy, env: &[("MODE", "stubborn")], ..Version::default() });
    bed.rollout(2, "waits", |rollout| rollout["status"] == "paused");
    bed.ok("rollout abort development");
    let rollout = bed.ended(2);
    let time = |name: &str| rollout[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(rollout["status"], "aborted");
    until("it is gone", || bed.instances().iter().all(|one| one.revision == 1).then_some(()));
    let log = bed.ok("audit log --kind rollout_failed -o json");
    let log: Value = serde_json::from_str(&log).unwrap();
    let failed: jiff::Timestamp = log["items"][0]["at"].as_str().unwrap().parse().unwrap();
    let took = Duration::try_from(time("endedAt").duration_since(failed)).unwrap();
    println!("stopped {took:.1?} after the abort, with a grace of 1.5 s");
    assert!(took >= Duration::from_millis(1500), "{took:?}");
    assert!(bed.ok("logs development --revision d2").contains("SIGTERM is ignored"));
}
