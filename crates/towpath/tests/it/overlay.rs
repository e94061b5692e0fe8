//! Live values: set, promoted, seen by the instances, gone back from, explained.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;

use crate::project::{PATIENCE, Project, until};

const GATES: &str = "services: {web: {replicas: 2}}\ndeployment: {progress_deadline: 20s}\n\
    gates: {approvals: {required: 1, roles: [tech-lead]}}\n";

/// Returns the page that an environment serves.
fn page(project: &Project, environment: &str) -> String {
    let mut stream = TcpStream::connect(project.address(environment)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: board\r\nconnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

fn events(project: &Project) -> usize {
    project.json("audit log --limit 10000")["items"].as_array().unwrap().len()
}

/// A project with 1.0 in production, where a tech lead has to agree.
fn in_production() -> Project {
    let mut project = Project::small();
    project.write("environments/production.yaml", GATES);
    project.up();
    let one = project.staged("1.0");
    let asked = project.json(&format!("promote r{one} production --confirm production"));
    project.ok(&format!("--as ben approve p{}", asked["number"]));
    project.arrives("production", one);
    project
}

fn approve(project: &Project, asked: &Value) {
    project.ok(&format!("--as ben approve p{}", asked["promotion"]["number"]));
    project.until_rollout("production", "is that of the promotion", |rollout| {
        rollout["promotion"] == asked["promotion"]["number"] && rollout["active"] == false
    });
}

const SET: &str =
    "--as ana env set production SCHOOL 'Hill Top' --reason 'the school was renamed' --confirm production";

#[test]
fn a_live_value_reaches_what_runs_by_a_promotion_and_no_request_is_lost() {
    let project = in_production();
    assert!(page(&project, "production").contains("Riverside"));
    let load = project.load("production");
    let planned = project.ok(&format!("{SET} --dry-run"));
    for part in ["would change: variables.SCHOOL", "only configuration changes", "Riverside -> Hill Top", "approval"] {
        assert!(planned.contains(part), "{part}\n{planned}");
    }
    let asked = project.json(SET);
    assert_eq!(asked["effect"], "promotion");
    let own = project.fails(&format!("--as ana approve p{}", asked["promotion"]["number"]), 3);
    assert!(own.contains("you asked for it yourself"), "{own}");
    assert!(page(&project, "production").contains("Riverside"), "recording alone changes nothing that runs");
    let status = project.ok("status");
    assert!(status.contains("not in what runs: variables.SCHOOL"), "{status}");
    approve(&project, &asked);
    let tally = load.stop();
    assert_eq!(tally.failed, 0, "{tally:?}");
    assert!(tally.requests > 20, "{tally:?}");
    assert!(page(&project, "production").contains("Hill Top"));
    assert!(page(&project, "staging").contains("Riverside"), "other environments are as they were");
    let history = project.ok("history production");
    assert!(history.contains("only configuration: variables.SCHOOL; the school was renamed"), "{history}");
    assert!(project.ok("audit verify").starts_with("ok"));
}

#[test]
fn explaining_says_who_when_why_and_by_which_event() {
    let mut project = in_production();
    project.ok(SET);
    let explained = project.ok("env explain production SCHOOL");
    let sequence = project.json("env overlay production")["entries"][0]["event"].clone();
    for part in [&format!("live overlay, event {sequence} at "), " by ana: the school was renamed", "Riverside"] {
        assert!(explained.contains(part), "{part}\n{explained}");
    }
    assert!(project.ok("env show production").contains("Hill Top"));
    assert!(project.ok("env render production").contains("SCHOOL='Hill Top'"));
    let differs = project.run("env diff staging production");
    assert!(differs.exit == 4 && differs.out.contains("Hill Top"), "{differs:?}");
    assert!(!project.ok("env render production --offline").contains("Hill Top"));
    let listed = project.ok("env overlay prod");
    assert!(listed.contains("the school was renamed") && listed.contains("not in what runs"), "{listed}");
    project.stop();
    let ran = project.run("env show production");
    assert!(ran.exit == 0 && !ran.out.contains("Hill Top"), "{ran:?}");
    assert!(ran.err.contains("the live overlay of production is not included"), "{ran:?}");
    let ran = project.run("env show production --offline");
    assert!(ran.exit == 0 && ran.err.is_empty(), "{ran:?}");
    assert!(project.run("env validate").err.is_empty());
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_recorded() {
    let project = in_production();
    let before = events(&project);
    let wrong = project.fails(
        "env set production RESPONSE_DELAY_MS=soon services.web.replicas=many SCHOLO=x --reason trial --confirm production",
        2,
    );
    for part in ["RESPONSE_DELAY_MS", "services.web.replicas", "SCHOLO", "nothing was changed"] {
        assert!(wrong.contains(part), "{part}\n{wrong}");
    }
    let silent = project.fails("env set production SCHOOL x --confirm production", 2);
    assert!(silent.contains("--reason"), "{silent}");
    let unconfirmed = project.fails("env set production SCHOOL x --reason trial", 3);
    assert!(unconfirmed.contains("--confirm production"), "{unconfirmed}");
    project.fails("env set production gates.approvals null --reason trial --confirm production", 2);
    project
        .fails("env set production services.web.env.DB 'postgres://u:hunter2@db/x' --reason t --confirm production", 2);
    project.fails("env unset production SCHOOL --reason trial --confirm production", 2);
    project.fails("env set moon SCHOOL x", 2);
    assert_eq!(events(&project), before);
    let ledger =
        [".towpath/ledger.db", ".towpath/ledger.db-wal"].map(|file| std::fs::read(project.file(file)).unwrap());
    let has = |word: &[u8]| ledger.iter().any(|bytes| bytes.windows(word.len()).any(|part| part == word));
    assert!(has(b"promotion_requested") && !has(b"hunter2") && !project.server_log().contains("hunter2"));
}

#[test]
fn a_killed_server_has_all_of_a_change_or_nothing_of_it() {
    let mut project = in_production();
    let asked = project.json(SET);
    project.kill();
    project.up();
    let overlay = project.json("env overlay production");
    assert_eq!(overlay["entries"][0]["value"], "Hill Top");
    let waiting = project.json("status")["environments"][2]["waiting"].clone();
    assert_eq!(waiting[0]["number"], asked["promotion"]["number"], "what was asked for is there with it");
    project.ok(&format!("--as ben approve p{}", asked["promotion"]["number"]));
    project.kill();
    project.up();
    until("the new value is served", || page(&project, "production").contains("Hill Top").then_some(()));
}

#[test]
fn going_back_restores_the_environment_and_status_says_what_is_left_over() {
    let project = in_production();
    let asked = project.json(SET);
    approve(&project, &asked);
    project.ok("rollback production --wait --reason 'renamed too early'");
    assert!(page(&project, "production").contains("Riverside"));
    let status = project.ok("status production");
    assert!(status.contains("not in what runs: variables.SCHOOL"), "{status}");
    let off = project.json("--as ana env unset production SCHOOL --reason 'renamed too early' --confirm production");
    assert_eq!(off["effect"], "unchanged", "{off:#}");
    assert!(!project.ok("status").contains("not in what runs"));
}

#[test]
fn a_value_comes_from_a_file_or_from_standard_input_and_can_be_waited_for() {
    let mut project = Project::small();
    project.up();
    let one = project.staged("1.0");
    project.write("school.txt", "Lake\nSide\n");
    project.ok("env set staging SCHOOL --file school.txt --record-only");
    assert_eq!(project.json("env overlay staging")["entries"][0]["value"], "Lake\nSide");
    let ran = project.shell("echo 'Down Town' | towpath env set staging SCHOOL - --wait").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(page(&project, "staging").contains("Down Town"));
    assert_eq!(project.json("status staging")["current"]["release"], one);
    project.ok("env set staging SCHOOL --remove --wait");
    assert!(!page(&project, "staging").contains("Down Town"));
    let same = project.ok("env set staging SCHOOL --remove");
    assert!(same.contains("says this already"), "{same}");
    project.ok("env unset staging SCHOOL --wait");
    assert!(page(&project, "staging").contains("Riverside"));
}
