//! Rotation from the command line to what runs: a generated value, a pair of roles of a real PostgreSQL server, a server that is
//! killed at any moment, what is due.

use std::{
    fs,
    io::Write as _,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use towpath_testkit::postgres::PostgresServer;

use crate::project::{Project, Ran, ran, until};

/// A variable of the small project, and its service shows the value it has been given.
fn project(variable: &str, command: &str) -> Project {
    let project = Project::small();
    let text = project.read("towpath.yaml").replace("variables:\n", &format!("variables:\n{variable}"));
    let text = if command.is_empty() {
        text
    } else {
        text.replace(r#"["${TOWPATH}", "__demo-app"]"#, command).replace("path: /health", "path: /")
    };
    project.write("towpath.yaml", &text.replace("{http: /health,", "{http: /,"));
    project
}

/// Runs a command with this on its standard input.
fn fed(project: &Project, args: &[&str], input: &str) -> Ran {
    let mut child =
        project.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    ran(child.wait_with_output().unwrap())
}

fn set(project: &Project, environment: &str, name: &str, value: &str) {
    let ran = fed(project, &["secrets", "set", environment, name, "--reason", "first"], value);
    assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
}

fn rotation(project: &Project, name: &str) -> Value {
    project.json(&format!("secrets rotations development {name}"))["items"][0].clone()
}

/// What is shown as the value the service runs with.
fn shown(project: &Project) -> String {
    fs::read_to_string(project.file("given")).unwrap_or_default()
}

const SHOWS: &str =
    r#"["sh", "-c", "printf %s \"$API_TOKEN\" > \"$OUT/given\"; exec python3 -m http.server $PORT --bind 127.0.0.1"]"#;

fn with_token(more: &str) -> Project {
    let project = project("  API_TOKEN: {secret: true}\n  OUT: {default: .}\n", SHOWS);
    let text = project.read("towpath.yaml");
    let text = text.replace("{secret: true}", &format!("{{secret: true{more}}}"));
    project.write("towpath.yaml", &text.replace("default: .}", &format!("default: '{}'}}", project.path().display())));
    project
}

#[test]
fn a_generated_value_comes_to_what_runs_and_the_old_one_is_history() {
    let mut project = with_token(", generate: {token: {bytes: 24}}, rotation: {grace: 0}, owner: ana");
    project.up();
    set(&project, "development", "API_TOKEN", "firstvalue");
    let release = project.release("1.0");
    project.arrives("development", release);
    until("the service has its first value", || (shown(&project) == "firstvalue").then_some(()));
    let rotated = project.run("secrets rotate development API_TOKEN --wait --timeout 60");
    assert_eq!(rotated.exit, 0, "{}{}{}", rotated.out, rotated.err, project.server_log());
    assert!(rotated.out.contains("rotation 1 finished: version 2 alone is valid"), "{}", rotated.out);
    let new = shown(&project);
    assert_eq!(new.len(), 32, "{new}");
    assert_eq!(project.ok("secrets get development API_TOKEN"), new);
    let history = project.json("secrets history development API_TOKEN");
    assert_eq!(history["version"], 2, "{history:#}");
    assert_eq!(history["versions"][0]["origin"], "rotated");
    assert_eq!(rotation(&project, "API_TOKEN")["phase"], "finished");
    assert!(!project.server_log().contains(&new) && !project.ok("audit log").contains(&new));
    // What is gone back to runs with what is valid.
    let second = project.release("2.0");
    project.arrives("development", second);
    fs::remove_file(project.file("given")).unwrap();
    project.ok("rollback development --to 1 --wait");
    until("the service is gone back to with the new value", || (shown(&project) == new).then_some(()));
}

#[test]
fn a_person_brings_a_value_and_gives_it_up_again() {
    let mut project = with_token(", rotation: {grace: 1h}");
    project.up();
    let without = project.fails("secrets rotate development API_TOKEN --generate hex", 2);
    assert!(without.contains("no value of `API_TOKEN` in development"), "{without}");
    set(&project, "development", "API_TOKEN", "firstvalue");
    let release = project.release("1.0");
    project.arrives("development", release);
    let refused = project.fails("secrets rotate development API_TOKEN", 2);
    assert!(refused.contains("does not say how a new value is made"), "{refused}");
    let begun = fed(&project, &["secrets", "rotate", "development", "API_TOKEN"], "secondvalue\n");
    assert_eq!(begun.exit, 0, "{}{}", begun.out, begun.err);
    until("nothing runs with the old value", || (rotation(&project, "API_TOKEN")["phase"] == "switched").then_some(()));
    assert_eq!(shown(&project), "secondvalue");
    let busy = fed(&project, &["secrets", "set", "development", "API_TOKEN"], "third");
    assert_eq!(busy.exit, 3, "{}", busy.err);
    assert!(busy.err.contains("is being rotated"), "{}", busy.err);
    project.ok("secrets abort development API_TOKEN");
    until("the old value is back", || (rotation(&project, "API_TOKEN")["phase"] == "aborted").then_some(()));
    assert_eq!(shown(&project), "firstvalue");
    assert_eq!(project.json("secrets history development API_TOKEN")["version"], 1);
    let over = project.fails("secrets abort development API_TOKEN", 2);
    assert!(over.contains("no rotation of `API_TOKEN` is under way"), "{over}");
}

#[test]
fn what_is_due_is_listed_with_its_owner_and_told_once() {
    let mut project = with_token(", rotate_every: 30d, owner: data-team");
    let text = project.read("towpath.yaml");
    project.write(
        "towpath.yaml",
        &text.replace("  OUT:", "  CERT: {secret: true, expires: '2026-01-31', owner: ana}\n  OUT:"),
    );
    project.up();
    set(&project, "development", "API_TOKEN", "firstvalue");
    project.ok("secrets due --within 20d");
    set(&project, "development", "CERT", "certificate");
    let due = project.run("secrets due -o json");
    assert_eq!(due.exit, 4, "{}{}", due.out, due.err);
    let due: Value = serde_json::from_str(&due.out).unwrap();
    let due = &due["items"];
    assert_eq!((&due[0]["name"], &due[0]["overdue"], &due[0]["owner"]), (&"CERT".into(), &true.into(), &"ana".into()));
    assert_eq!((&due[1]["name"], &due[1]["owner"]), (&"API_TOKEN".into(), &"data-team".into()));
    let reminders = || project.ok("audit log -o json").matches("rotation_due").count();
    until("somebody is reminded", || (reminders() > 0).then_some(()));
    project.kill();
    project.up();
    set(&project, "development", "API_TOKEN", "again");
    assert_eq!(project.ok("audit log -o json").matches("rotation_due").count(), 1);
}

#[test]
fn a_data_key_is_used_as_long_as_the_environment_says() {
    let mut project = project("  API_TOKEN: {secret: true}\n", "");
    let file = "environments/development.yaml";
    project.write(file, &format!("{}\nsecrets: {{data_key: {{rotate_every: 2s}}}}\n", project.read(file)));
    project.up();
    set(&project, "development", "API_TOKEN", "kept-through-it");
    until("another data key is made by itself", || {
        let made = project.json("audit log -e development --kind data_key_made");
        (made["items"].as_array().unwrap().len() >= 2).then_some(())
    });
    assert_eq!(project.ok("secrets get development API_TOKEN"), "kept-through-it");
}

#[test]
fn a_new_data_key_takes_over_every_value() {
    let mut project = with_token("");
    project.up();
    for number in 0..3 {
        set(&project, "development", "API_TOKEN", &format!("value{number}"));
    }
    project.ok("secrets rotate development --data-key");
    let keys = until("the first key is retired", || {
        let list = project.json("secrets history development API_TOKEN");
        let moved = list["versions"].as_array().unwrap().iter().all(|version| version["dataKey"] == 2);
        let retired = project.ok("audit log -o json").contains("data_key_retired");
        (moved && retired).then_some(list)
    });
    assert_eq!(keys["versions"].as_array().unwrap().len(), 3);
    assert_eq!(project.ok("secrets get development API_TOKEN --version 1"), "value0");
}

/// A service that signs in all the time with the URL it has been given, and writes down each time it cannot.
const SIGNS_IN: &str = r#"["sh", "-c", "while :; do if psql \"$DB_URL\" -qAtc 'INSERT INTO seen VALUES (1)' 2>> \"$OUT/errors\"; then echo . >> \"$OUT/signed-in\"; else echo failed >> \"$OUT/failed\"; fi; done & exec python3 -m http.server $PORT --bind 127.0.0.1"]"#;

struct Database {
    server: PostgresServer,
    project: Project,
}

impl Database {
    fn new() -> Self {
        let server = PostgresServer::start();
        let psql = |database: &str, sql: &str| {
            let done = std::process::Command::new("psql").args([&server.admin_url(database), "-qc", sql]).status();
            assert!(done.unwrap().success(), "{sql}");
        };
        psql("postgres", "CREATE ROLE app LOGIN PASSWORD 'first'");
        psql("postgres", "CREATE DATABASE shop OWNER app");
        psql("shop", "SET ROLE app; CREATE TABLE seen (id int)");
        let declared = "  DB_URL: {secret: true, rotate_every: 90d, generate: password, rotation: {grace: 0, postgres: {admin: DB_ADMIN, owner: app, roles: [app_a, app_b]}}}\n  OUT: {default: .}\n";
        let project = project(declared, SIGNS_IN);
        let text = project.read("towpath.yaml");
        project
            .write("towpath.yaml", &text.replace("default: .}", &format!("default: '{}'}}", project.path().display())));
        Self { server, project }
    }

    fn up(&mut self) {
        self.project.up_given("", &[("DB_ADMIN_DEVELOPMENT", &self.server.admin_url("shop"))]);
    }

    fn signed_in(&self) -> usize {
        fs::read_to_string(self.project.file("signed-in")).map_or(0, |text| text.lines().count())
    }

    #[track_caller]
    fn never_failed(&self) {
        let failed = fs::read_to_string(self.project.file("failed")).unwrap_or_default();
        let errors = fs::read_to_string(self.project.file("errors")).unwrap_or_default();
        assert_eq!(failed, "", "{errors}\n{}", self.project.server_log());
    }

    fn deployed(&mut self) {
        self.up();
        set(&self.project, "development", "DB_URL", &self.server.url("app", "first", "shop"));
        let release = self.project.release("1.0");
        self.project.arrives("development", release);
        until("the application signs in", || (self.signed_in() > 3).then_some(()));
    }
}

#[test]
fn two_roles_of_postgresql_take_turns_under_an_application_that_signs_in_all_the_time() {
    let mut database = Database::new();
    database.deployed();
    let mut users = Vec::new();
    for round in 1..=3 {
        let before = database.project.ok("secrets get development DB_URL");
        let rotated = database.project.run("secrets rotate development DB_URL --wait --timeout 120");
        assert_eq!(rotated.exit, 0, "{}{}{}", rotated.out, rotated.err, database.project.server_log());
        let after = database.project.ok("secrets get development DB_URL");
        users.push(after.split(['/', ':']).nth(3).unwrap_or_default().to_owned());
        let old = std::process::Command::new("psql").args([&before, "-qc", "SELECT 1"]).output().unwrap();
        assert!(!old.status.success(), "round {round}: the old value is still valid");
        let signed_in = database.signed_in();
        until("the application signs in again", || (database.signed_in() > signed_in + 3).then_some(()));
        let password = after.split([':', '@']).nth(2).unwrap().to_owned();
        assert!(!database.server.log().contains(&password), "the server has seen the password");
        assert!(!database.project.server_log().contains(&password));
    }
    assert_eq!(users, ["app_a", "app_b", "app_a"]);
    database.never_failed();
}

#[test]
fn a_server_killed_at_any_moment_of_a_rotation_takes_no_sign_in_from_the_application() {
    let mut database = Database::new();
    database.deployed();
    let mut kills = 0;
    let mut phases = std::collections::BTreeSet::new();
    for round in 0..3_u64 {
        database.project.ok("secrets rotate development DB_URL");
        for moment in 0..8_u64 {
            let pause = Instant::now() + Duration::from_millis(20 + 90 * moment + 35 * round);
            until("the moment comes", || (Instant::now() >= pause).then_some(()));
            let phase = rotation(&database.project, "DB_URL")["phase"].as_str().unwrap().to_owned();
            if phase == "finished" {
                break;
            }
            database.project.kill();
            kills += 1;
            phases.insert(phase);
            database.up();
        }
        until("the rotation ends", || (rotation(&database.project, "DB_URL")["phase"] == "finished").then_some(()));
        let value = database.project.ok("secrets get development DB_URL");
        let works = std::process::Command::new("psql").args([&value, "-qc", "SELECT 1"]).output().unwrap();
        assert!(works.status.success(), "{}", String::from_utf8_lossy(&works.stderr));
    }
    assert!(kills >= 6 && phases.len() >= 2, "{kills} kills in {phases:?}: too few to say anything");
    let signed_in = database.signed_in();
    until("the application signs in to the end", || (database.signed_in() > signed_in + 3).then_some(()));
    database.never_failed();
}

#[test]
fn a_database_that_refuses_leaves_the_old_value_and_waits_for_a_person() {
    let mut database = Database::new();
    database.deployed();
    database.project.kill();
    database.project.up();
    let waits = database.project.run("secrets rotate development DB_URL --wait --timeout 60");
    assert_eq!(waits.exit, 1, "{}{}", waits.out, waits.err);
    assert!(waits.out.contains("has no variable `DB_ADMIN_DEVELOPMENT`"), "{}", waits.out);
    database.never_failed();
    database.project.kill();
    database.up();
    database.project.ok("secrets retry development DB_URL");
    until("the rotation ends", || (rotation(&database.project, "DB_URL")["phase"] == "finished").then_some(()));
    database.never_failed();
}
