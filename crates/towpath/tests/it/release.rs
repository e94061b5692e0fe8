//! Releases on their way: made, promoted, watched, rolled back, audited.

use std::fs;

use serde_json::Value;

use crate::project::{Project, until};

#[test]
fn the_same_files_make_the_same_release() {
    let mut project = Project::small();
    project.up();
    let first = project.json("release create --version 1.0 --notes first");
    let again = project.ok("release create --version 1.0");
    assert!(again.contains("is the same release"), "{again}");
    assert_eq!(project.json("release list")["items"].as_array().unwrap().len(), 1);
    project.write("app/board.html", "{{school}} {{notices}} another\n");
    let second = project.json("release create --version 1.0");
    assert_eq!((first["number"].as_u64(), second["number"].as_u64()), (Some(1), Some(2)));
    assert_ne!(first["digest"], second["digest"]);
    assert!(project.ok("release show r1").contains("first"));
}

#[test]
fn a_release_of_files_that_are_not_there_says_so_and_makes_nothing() {
    let mut project = Project::small();
    project.up();
    fs::remove_dir_all(project.file("app")).unwrap();
    assert!(project.fails("release create --version 1.0", 1).contains("app"));
    assert!(project.fails("release create --version 1.0 --artifact web", 2).contains("NAME=DIR"));
    assert!(project.fails("release create", 2).contains("--version"));
    assert_eq!(project.json("release list")["items"].as_array().unwrap().len(), 0);
}

#[test]
fn a_release_travels_and_comes_back_and_all_of_it_is_on_record() {
    let mut project = Project::small();
    project.up();
    let one = project.staged("1.0");
    let refused = project.fails(&format!("promote r{one} production"), 3);
    assert!(refused.contains("--confirm production"), "{refused}");
    project.fails(&format!("promote r{one} production --yes"), 3);
    let watched = project.ok(&format!("promote r{one} production --confirm production --wait"));
    assert!(watched.contains("[1/") && watched.contains("completed"), "{watched}");

    project.write("app/board.html", "{{school}} {{notices}} board 2\n");
    let two = project.staged("2.0");
    let load = project.load("production");
    let plan = project.json(&format!("promote r{two} production --dry-run"));
    assert_eq!(
        plan["diff"]["artifacts"][0]["files"][0].as_str().map(|file| file.contains("board.html")),
        Some(true),
        "{plan:#}"
    );
    project.ok(&format!("promote r{two} prod --confirm production --wait"));
    assert_eq!(project.json("status production")["current"]["release"], two);

    let back = project.ok("rollback production --dry-run");
    assert!(back.contains("back to"), "{back}");
    project.ok("rollback production --wait --reason 'parents complain'");
    assert_eq!(project.json("status production")["current"]["release"], one);
    let tally = load.stop();
    assert_eq!(tally.failed, 0, "{tally:?}");
    assert!(tally.requests > 50, "{tally:?}");

    let history = project.json("history production");
    assert_eq!(history["items"].as_array().unwrap().len(), 3, "{history:#}");
    let log = project.ok("audit log --env production --kind rollout_completed");
    assert_eq!(log.lines().count(), 4, "{log}");
    assert!(project.ok("metrics dora production").contains("production"));
    assert!(project.ok("logs production --tail 5").contains("listening"));
    assert!(project.ok("audit verify").starts_with("ok"));
}

#[test]
fn gates_say_why_they_are_closed_and_open_for_others() {
    let mut project = Project::small();
    project.write(
        "environments/staging.yaml",
        "gates: {approvals: {required: 1, roles: [tech-lead]}, checklist: [the office knows]}\n",
    );
    project.up();
    let number = project.release("1.0");
    project.arrives("development", number);
    project.ok("--as ana promote r1 staging");
    let waiting = project.json("status")["environments"][1]["waiting"][0]["number"].as_u64().unwrap();
    let own = project.fails(&format!("--as ana approve p{waiting}"), 3);
    assert!(own.contains("does not count") && own.contains("next"), "{own}");
    let problem: Value =
        serde_json::from_str(&project.fails(&format!("--as ana approve p{waiting} -o json"), 3)).unwrap();
    assert_eq!(problem["code"], "self_approval");
    project.fails(&format!("gates p{waiting} --confirm 'nobody knows'"), 2);
    let ticked = project.ok(&format!("gates p{waiting} --confirm 'the office knows'"));
    assert!(ticked.contains("[x] the office knows") && ticked.contains("closed approval"), "{ticked}");
    project.ok(&format!("--as ben approve p{waiting} --comment fine"));
    project.arrives("staging", number);
    assert!(project.fails(&format!("reject p{waiting}"), 3).contains("was deployed"));
    assert!(project.fails("--as nobody status", 2).contains("people"));
}

#[test]
fn a_bad_release_is_rolled_back_and_its_watcher_told() {
    let mut project = Project::small();
    project.up();
    project.staged("1.0");
    // It ends at once: there is no page.
    fs::remove_file(project.file("app/board.html")).unwrap();
    project.release("2.0");
    let rollout =
        project.until_rollout("development", "fails", |rollout| rollout["release"] == 2 && rollout["active"] == false);
    assert_eq!(rollout["status"], "rolled_back", "{rollout:#}");
    let watched = project.run("rollout watch development");
    assert_eq!(watched.exit, 1, "{watched:?}");
    assert!(watched.out.contains("rolled back") && watched.out.contains("failed:"), "{}", watched.out);
    let refused = project.fails("promote r2 staging", 3);
    assert!(refused.contains("towpath promote r2 development"), "{refused}");
}

#[test]
fn a_rollout_can_be_held_followed_for_a_while_and_aborted() {
    let mut project = Project::small();
    project.write(
        "environments/development.yaml",
        "deployment: {strategy: {canary: {steps: [{weight: 50%}, {pause: manual}]}}}\n",
    );
    project.up();
    let one = project.release("1.0");
    project.arrives("development", one);
    project.write("app/board.html", "{{school}} {{notices}} board 2\n");
    project.release("2.0");
    project.until_rollout("development", "waits", |rollout| rollout["status"] == "paused");
    assert_eq!(project.run("rollout watch development --timeout 300ms").exit, 6);
    project.ok("rollout resume development");
    project.arrives("development", 2);
    project.write("app/board.html", "{{school}} {{notices}} board 3\n");
    project.release("3.0");
    project.until_rollout("development", "waits again", |rollout| {
        rollout["release"] == 3 && rollout["status"] == "paused"
    });
    project.ok("rollout abort development --reason 'no good'");
    assert_eq!(project.settled("development")["status"], "aborted");
    assert!(project.fails("rollout pause development", 3).contains("no rollout"));
}

#[test]
fn watching_goes_on_when_the_server_was_killed_and_started_again() {
    let mut project = Project::small();
    project.write(
        "environments/development.yaml",
        "deployment: {strategy: {canary: {steps: [{weight: 50%}, {pause: manual}]}}}\n",
    );
    project.up();
    let one = project.release("1.0");
    project.arrives("development", one);
    project.write("app/board.html", "{{school}} {{notices}} board 2\n");
    project.release("2.0");
    project.until_rollout("development", "waits", |rollout| rollout["status"] == "paused");
    let out = project.file("watch.out");
    let mut command = project.command(["rollout", "watch", "development"]);
    let mut watcher = command
        .stdout(fs::File::create(&out).unwrap())
        .stderr(fs::File::create(project.file("watch.err")).unwrap())
        .spawn()
        .unwrap();
    until("it watches", || fs::read_to_string(&out).unwrap().contains("waits").then_some(()));
    project.kill();
    until("it noticed", || project.read("watch.err").contains("does not answer").then_some(()));
    project.up();
    project.ok("rollout resume development");
    assert!(watcher.wait().unwrap().success(), "{}{}", project.read("watch.out"), project.read("watch.err"));
    assert!(project.read("watch.out").contains("completed"));
}

#[test]
fn audit_verify_finds_a_changed_event_without_a_server() {
    let mut project = Project::small();
    project.up();
    project.release("1.0");
    project.arrives("development", 1);
    let checkpoint = project.ok("audit checkpoint");
    project.write("checkpoint", &checkpoint);
    assert_eq!(project.stop(), 0);
    project.ok("audit verify --checkpoint checkpoint");
    let database = project.file(".towpath/ledger.db");
    let bytes = fs::read(&database).unwrap();
    let place = bytes.windows(12).position(|window| window == b"\"version\":\"1").unwrap();
    let mut changed = bytes.clone();
    changed[place + 11] = b'7';
    fs::write(&database, &changed).unwrap();
    let found = project.run("audit verify");
    assert_eq!(found.exit, 1, "{found:?}");
    assert!(found.out.contains("changed: not what was hashed"), "{}", found.out);
    fs::write(&database, &bytes).unwrap();
    project.ok("audit verify");
    project.write("checkpoint", "not a note\n");
    project.fails("audit verify --checkpoint checkpoint", 1);
}
