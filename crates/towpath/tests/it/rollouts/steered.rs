//! People steer: they hold, send on, abort and go back; gates say why they are closed and to whom they open.

use serde_json::Value;

use super::bed::{App, Bed, HERE, Version, answers, side_by_side};
use crate::project::{Project, until};

const CANARY: &str = "{canary: {steps: [{weight: 50%}, {pause: 300ms}, {weight: 75%}, {pause: manual}]}}";

#[test]
fn a_rollout_is_held_sent_on_aborted_and_sent_to_its_end() {
    let first = Version { strategy: CANARY, ..Version::default() };
    let bed = Bed::with(App::Misbehaving, first);
    for command in ["pause", "resume", "abort", "promote"] {
        let said = bed.fails(&format!("rollout {command} {HERE}"), 3);
        assert!(said.contains("no rollout is running"), "{command}: {said}");
    }
    let load = bed.load(HERE);

    bed.ship(Version { number: 2, ..first });
    bed.rollout(2, "comes in", |rollout| rollout["active"] == true);
    bed.ok("rollout pause development --reason 'wait for ana'");
    let held = bed.rollout(2, "is held", |rollout| rollout["pause"]["kind"] == "by_hand");
    assert!(held["pause"]["message"].as_str().unwrap().contains("wait for ana"), "{held:#}");
    bed.ok("rollout pause development");
    // Far longer than its own pause.
    answers(&load, 300);
    let still = bed.json(&format!("rollout status {HERE}"));
    assert_eq!((&still["step"], &still["status"]), (&held["step"], &Value::from("paused")), "{still:#}");
    bed.ok("rollout resume development");
    bed.rollout(2, "waits for a person", |rollout| rollout["pause"]["kind"] == "step");
    bed.ok("rollout resume development");
    assert_eq!(bed.ended(2)["status"], "completed");

    bed.ship(Version { number: 3, ..first });
    bed.rollout(3, "waits for a person", |rollout| rollout["pause"]["kind"] == "step");
    bed.ok("rollout abort development --reason 'too blue'");
    let aborted = bed.ended(3);
    assert_eq!(aborted["status"], "aborted");
    assert!(aborted["failure"]["message"].as_str().unwrap().contains("too blue"), "{aborted:#}");
    assert!(bed.page().contains("version 2"));

    bed.ship(Version { number: 4, ..first });
    bed.rollout(4, "comes in", |rollout| rollout["active"] == true);
    bed.ok("rollout promote development --reason 'it is urgent'");
    assert_eq!(bed.ended(4)["status"], "completed");
    assert!(bed.page().contains("version 4"));
    let tally = load.stop();
    assert_eq!(tally.failed, 0, "{tally:?}");

    let history = bed.json(&format!("history {HERE}"));
    let states: Vec<&str> =
        history["items"].as_array().unwrap().iter().filter_map(|one| one["status"].as_str()).collect();
    assert_eq!((states.len(), states[0], states[1]), (4, "completed", "aborted"), "{states:?}");
    let dora = bed.json(&format!("metrics dora {HERE}"));
    let figures = &dora["environments"][0];
    assert_eq!(figures["deploymentFrequency"]["deployments"], 3, "{figures:#}");
    let failed = &figures["changeFailureRate"];
    assert_eq!((failed["failed"].as_u64(), failed["started"].as_u64()), (Some(1), Some(4)), "{figures:#}");
    bed.no_strays();
}

#[test]
fn going_back_shows_its_plan_first_and_reaches_any_revision() {
    let first = Version { strategy: "rolling", env: &[("MODE", "good"), ("COLOUR", "blue")], ..Version::default() };
    let bed = Bed::with(App::Misbehaving, first);
    assert!(bed.fails("rollback development", 3).contains("no good revision before d1"));
    bed.ship(Version { number: 2, env: &[("MODE", "good"), ("COLOUR", "green")], ..first });
    assert_eq!(bed.ended(2)["status"], "completed");
    bed.ship(Version { number: 3, env: &[("MODE", "good"), ("COLOUR", "red")], ..first });
    assert_eq!(bed.ended(3)["status"], "completed");

    let plan = bed.json("rollback development --dry-run");
    assert_eq!((plan["from"]["release"].as_u64(), plan["to"]["release"].as_u64()), (Some(3), Some(2)), "{plan:#}");
    let variables = plan["diff"]["services"][0]["variables"].to_string();
    assert!(variables.contains("COLOUR") && variables.contains("green"), "{plan:#}");
    assert!(plan["diff"]["artifacts"][0]["files"].to_string().contains("version"), "{plan:#}");
    assert_eq!(bed.json("history development")["items"].as_array().unwrap().len(), 3, "a dry run does nothing");

    let load = bed.load(HERE);
    bed.ok("rollback development --wait --reason 'wrong colour'");
    assert!(bed.page().contains("version 2"));
    bed.ok("rollback development --to d1 --wait");
    assert!(bed.page().contains("version 1"));
    assert!(bed.fails("rollback development --to d1", 3).contains("already"));
    assert!(bed.fails("rollback development --to d99", 2).contains("d99"));
    // What it replaced may still be stopping.
    let environment = |revision| {
        let pid = bed.instances().iter().find(|one| one.revision == revision).unwrap().pid;
        String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/environ")).unwrap()).into_owned()
    };
    assert!(environment(1).contains("COLOUR=blue"), "configuration goes back with the artifact");
    bed.ok("rollback development --to d3 --wait");
    assert!(bed.page().contains("version 3") && environment(3).contains("COLOUR=red"));
    let tally = load.stop();
    assert_eq!(tally.failed, 0, "{tally:?}\n{}", bed.server_log());
    let history = bed.ok("history development");
    assert!(history.contains("wrong colour"), "{history}");
    assert!(bed.ok("audit verify").starts_with("ok"));
    bed.no_strays();
}

#[test]
fn going_back_during_a_rollout_aborts_it() {
    let first = Version { strategy: CANARY, ..Version::default() };
    let bed = Bed::with(App::Misbehaving, first);
    bed.ship(Version { number: 2, ..first });
    bed.rollout(2, "waits for a person", |rollout| rollout["pause"]["kind"] == "step");
    let plan = bed.json("rollback development --dry-run");
    assert_eq!(plan["aborts"], true, "{plan:#}");
    bed.ok("rollback development");
    assert_eq!(bed.ended(2)["status"], "aborted");
    assert!(bed.page().contains("version 1"));
    bed.no_strays();
}

const PEOPLE: &str = "people:\n  ana: {roles: [developer]}\n  ben: {roles: [tech-lead]}\n  cleo: {roles: [tech-lead]}\n  dan: {roles: [developer]}\n";

/// Returns a project with these gates before staging whose first release runs in development, and who asked as ana.
fn gated(gates: &str) -> Project {
    let mut project = Project::small();
    let text = project.read("towpath.yaml");
    let people = "people:\n  ana: {roles: [developer]}\n  ben: {roles: [tech-lead]}\n";
    assert!(text.contains(people));
    project.write("towpath.yaml", &text.replace(people, PEOPLE));
    project.write("environments/staging.yaml", &format!("gates: {gates}\n"));
    project.up();
    let release = project.ok("--as ana release create --version 1.0 -o json");
    assert_eq!(serde_json::from_str::<Value>(&release).unwrap()["number"], 1);
    project.arrives(HERE, 1);
    project
}

/// Asks for the release to enter staging, as ana, and returns the promotion's name.
fn asked(project: &Project) -> String {
    let promotion: Value = serde_json::from_str(&project.ok("--as ana promote r1 staging -o json")).unwrap();
    format!("p{}", promotion["number"])
}

/// Returns a gate of a promotion: whether it is open, and why.
fn gate(project: &Project, promotion: &str, name: &str) -> Option<(bool, String)> {
    let view = project.json(&format!("gates {promotion}"));
    let gates = view["gates"].as_array().cloned().unwrap_or_default();
    let gate = gates.iter().find(|gate| gate["gate"] == name)?;
    Some((gate["open"].as_bool()?, format!("{} {}", gate["why"], gate["opens"])))
}

#[test]
fn two_others_with_the_role_must_agree() {
    let project = gated("{approvals: {required: 2, roles: [tech-lead]}}");
    let p = asked(&project);
    let own = project.fails(&format!("--as ana approve {p}"), 3);
    assert!(own.contains("next"), "{own}");
    let without = project.fails(&format!("--as dan approve {p}"), 3);
    assert!(without.contains("tech-lead"), "{without}");
    let wrong = project.fails(&format!("--as ben approve {p} --plan sha256:{}", "0".repeat(64)), 3);
    assert!(wrong.contains("plan"), "{wrong}");
    assert!(!gate(&project, &p, "approval").unwrap().0, "none of these counted");
    project.ok(&format!("--as ben approve {p}"));
    let ben_twice = project.run(&format!("--as ben approve {p}"));
    assert!([0, 3].contains(&ben_twice.exit), "{ben_twice:?}");
    let (open, why) = gate(&project, &p, "approval").unwrap();
    assert!(!open && why.contains('1') && why.contains('2'), "{why}");
    assert_eq!(project.json("status staging")["current"], Value::Null);
    project.ok(&format!("--as cleo approve {p} --comment 'looks good'"));
    project.arrives("staging", 1);
    let record = project.ok("audit log --kind promotion_approved");
    assert!(record.contains("ben") && record.contains("cleo") && !record.contains("dan"), "{record}");
}

#[test]
fn a_promotion_that_somebody_rejects_is_closed() {
    let project = gated("{approvals: {required: 1, roles: [tech-lead]}}");
    let p = asked(&project);
    let refused = project.file("wait.err");
    let mut command = project.command(["--as", "ana", "promote", "r1", "staging", "--wait"]);
    let mut waiting =
        command.stdout(std::process::Stdio::null()).stderr(std::fs::File::create(&refused).unwrap()).spawn().unwrap();
    until("it waits", || project.read("wait.err").contains("waits for its gates").then_some(()));
    project.ok(&format!("--as ben reject {p} --comment 'not on a Friday'"));
    assert_eq!(waiting.wait().unwrap().code(), Some(3));
    assert!(project.read("wait.err").contains("not on a Friday"), "{}", project.read("wait.err"));
    project.fails(&format!("--as ben approve {p}"), 3);
    assert_eq!(project.json("status staging")["current"], Value::Null);
}

#[test]
fn a_freeze_says_why_and_ends_when_the_files_say_so() {
    let freeze = "{windows: {freeze: [{from: 2020-01-01T00:00:00Z, to: 2120-01-01T00:00:00Z, reason: exams}]}}";
    let mut project = gated(freeze);
    let p = asked(&project);
    let (open, why) = gate(&project, &p, "freeze").unwrap();
    assert!(!open && why.contains("exams") && why.contains("2120"), "{why}");
    let text = project.ok(&format!("gates {p}"));
    assert!(text.contains("exams"), "{text}");
    project.stop();
    project.write("environments/staging.yaml", "gates: {}\n");
    project.up();
    project.arrives("staging", 1);
}

#[test]
fn a_maintenance_window_that_is_over_keeps_releases_out() {
    let project = gated("{windows: {maintenance: [{from: 2020-01-01T00:00:00Z, to: 2020-01-02T00:00:00Z}]}}");
    let p = asked(&project);
    let (open, why) = gate(&project, &p, "maintenance").unwrap();
    assert!(!open && !why.is_empty(), "{why}");
    assert_eq!(project.json("status staging")["current"], Value::Null);
}

#[test]
fn soaking_and_the_checklist_hold_a_release_until_they_are_done() {
    let project = gated("{soak: 2s, checklist: [the office knows, backup is fresh]}");
    let p = asked(&project);
    let (open, why) = gate(&project, &p, "checklist").unwrap();
    assert!(!open && why.contains("the office knows"), "{why}");
    let said = project.fails(&format!("gates {p} --confirm 'the ofice knows'"), 2);
    assert!(said.contains("the office knows"), "{said}");
    project.ok(&format!("--as dan gates {p} --confirm 'the office knows' --confirm 'backup is fresh'"));
    project.arrives("staging", 1);
    let times = |environment: &str, name: &str| {
        let history = project.json(&format!("history {environment}"));
        history["items"][0][name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
    };
    let soaked = times("staging", "startedAt").duration_since(times(HERE, "endedAt"));
    assert!(soaked >= jiff::SignedDuration::from_secs(2), "{soaked:?}");
}

#[test]
fn an_approval_that_expired_counts_no_more() {
    let project =
        gated("{approvals: {required: 1, roles: [tech-lead], expires: 300ms}, checklist: [the office knows]}");
    let p = asked(&project);
    project.ok(&format!("--as ben approve {p}"));
    let why = until("the approval expires", || {
        let (open, why) = gate(&project, &p, "approval")?;
        (!open).then_some(why)
    });
    println!("an expired approval: {why}");
    project.ok(&format!("gates {p} --confirm 'the office knows'"));
    assert_eq!(project.json("status staging")["current"], Value::Null, "it does not count");
    project.ok(&format!("--as ben approve {p}"));
    project.arrives("staging", 1);
}

#[test]
fn forward_only_and_production_only_when_named() {
    let project = gated("{}");
    // Why not is said before a confirmation is asked for, with or without one.
    for line in ["promote r1 production --confirm production", "promote r1 production"] {
        let early = project.fails(line, 3);
        assert!(early.contains("towpath promote r1 staging"), "{early}");
    }
    let dry = project.run("promote r1 production --dry-run");
    assert_eq!(dry.exit, 3, "{dry:?}");
    project.ok("promote r1 staging --wait");
    for line in ["promote r1 production", "promote r1 production --yes"] {
        let said = project.fails(line, 3);
        assert!(said.contains("--confirm production"), "{line}: {said}");
    }
    let other = project.fails("promote r1 production --confirm staging", 2);
    assert!(other.contains("does not name production"), "{other}");
    assert_eq!(project.json("status production")["current"], Value::Null);
    project.ok("promote r1 production --confirm production --wait");
    project.fails("promote r9 staging", 2);
    assert!(project.fails("promote r1 stagin", 2).contains("staging"));
    // Where it is already there is nothing to promote.
    let again = project.run("promote r1 staging");
    assert_eq!(again.exit, 3, "{again:?}");
}

#[test]
fn blue_green_takes_what_waits_back_as_fast_as_it_switched() {
    let strategies = [
        "{blue-green: {auto_promote_after: 200ms, keep_old: 10m}}",
        "{blue-green: {auto_promote_after: 0s, keep_old: 300ms}}",
    ];
    side_by_side(&strategies, 2, |strategy| {
        let first = Version { strategy, ..Version::default() };
        let bed = Bed::with(App::Misbehaving, first);
        let load = bed.load(HERE);
        bed.ship(Version { number: 2, ..first });
        assert_eq!(bed.ended(2)["status"], "completed");
        if strategy.contains("300ms") {
            until("the old colour is gone", || bed.instances().iter().all(|one| one.revision == 2).then_some(()));
        }
        let began = std::time::Instant::now();
        bed.ok("rollback development --wait");
        println!("{strategy}: back after {:.2?}", began.elapsed());
        assert!(bed.page().contains("version 1"));
        let tally = load.stop();
        assert_eq!(tally.failed, 0, "{tally:?}");
        bed.no_strays();
    });
}

#[test]
fn a_failed_rollout_waits_for_a_person_where_the_environment_says_so() {
    let mut project = Project::small();
    project.write("environments/development.yaml", "deployment: {rollback: {automatic: false}}\n");
    project.up();
    let good = project.release("1.0");
    project.arrives("development", good);
    let file = |rollback: &str, services: &str| {
        project.write(
            "environments/development.yaml",
            &format!("deployment: {{progress_deadline: 20s, rollback: {{{rollback}}}}}\n{services}"),
        );
    };
    file("automatic: false", "services: {web: {command: [/nowhere/serve, '${PORT}']}}\n");
    project.release("1.1");
    let waits = project.until_rollout("development", "waits", |rollout| rollout["pause"]["kind"] == "failed");
    assert_eq!(waits["active"], true, "{waits:#}");
    assert!(waits["pause"]["message"].as_str().unwrap().contains("/nowhere/serve"), "{waits:#}");
    project.ok("rollout abort development");
    assert_eq!(project.settled("development")["status"], "aborted");

    file("enabled: false", "");
    let next = project.release("1.2");
    project.arrives("development", next);
    let refused = project.fails("rollback development", 3);
    assert!(refused.contains("`deployment.rollback.enabled` is false"), "{refused}");
}
