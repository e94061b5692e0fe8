//! Starting and stopping: what is refused, what survives, what is kept private.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _};

use crate::project::{Project, until};

#[test]
fn a_second_server_is_refused_with_the_address_of_the_first() {
    let mut project = Project::small();
    project.up();
    let said = project.fails("up --listen 127.0.0.1:0", 1);
    assert!(said.contains(&format!("process {}", project.pid())) && said.contains("http://127.0.0.1:"), "{said}");
    project.ok("status");
}

#[test]
fn a_port_in_use_says_how_to_choose_another() {
    let project = Project::small();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let said = project.fails(&format!("up --listen {address}"), 1);
    assert!(said.contains(&address.to_string()) && said.contains("--listen 127.0.0.1:0"), "{said}");
    assert!(project.fails("up --listen 0.0.0.0:0", 2).contains("other machines"));
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let project = Project::small();
    // Also for a superuser, whom no permissions hold back.
    project.write(".towpath", "a file\n");
    let said = project.fails("up --listen 127.0.0.1:0", 1);
    assert!(said.contains(".towpath") && said.contains("cause"), "{said}");
    assert_eq!(project.read(".towpath"), "a file\n");
    fs::remove_file(project.file(".towpath")).unwrap();
}

#[test]
fn a_damaged_database_is_left_alone() {
    let mut project = Project::small();
    project.up();
    project.stop();
    let database = project.file(".towpath/ledger.db");
    let damaged = vec![7_u8; 8192];
    fs::write(&database, &damaged).unwrap();
    let said = project.fails("up --listen 127.0.0.1:0", 1);
    assert!(said.contains("ledger.db") && said.contains("damaged"), "{said}");
    assert_eq!(fs::read(&database).unwrap(), damaged);
}

#[test]
fn mistakes_in_the_files_keep_the_server_from_starting() {
    let project = Project::small();
    project.write("environments/staging.yaml", "servces: {}\n");
    let said = project.fails("up --listen 127.0.0.1:0", 1);
    assert!(said.contains("servces") && said.contains("nothing was started"), "{said}");
    assert!(!project.file(".towpath").exists());
}

#[test]
fn the_data_of_one_project_is_not_taken_for_that_of_another() {
    let mut project = Project::small();
    project.up();
    project.stop();
    project.write("towpath.yaml", &project.read("towpath.yaml").replace("project: board", "project: other"));
    assert!(project.fails("up --listen 127.0.0.1:0", 3).contains("belongs to project `board`"));
}

#[test]
fn what_is_private_can_be_read_by_nobody_else() {
    let mut project = Project::small();
    project.up();
    let mode = |path: &str| fs::metadata(project.file(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(".towpath"), 0o700);
    for path in ["token", "tokens/ana", "tokens/ben", "keys/ledger", "keys/sticky", "server.json"] {
        assert_eq!(mode(&format!(".towpath/{path}")), 0o600, "{path}");
    }
}

#[test]
fn a_token_that_is_wrong_is_refused() {
    let mut project = Project::small();
    project.up();
    let refused = project.command(["status"]).env("TOWPATH_TOKEN", "tow_wrong").output().unwrap();
    assert!(!refused.status.success());
    let token = project.read(".towpath/tokens/ana");
    let ana = project.command(["status"]).env("TOWPATH_TOKEN", token.trim()).output().unwrap();
    assert!(ana.status.success());
}

#[test]
fn instances_outlive_the_server_and_are_taken_up_again() {
    let mut project = Project::small();
    project.up();
    project.release("1.0");
    project.arrives("development", 1);
    let pid = |project: &Project| project.json("status development")["instanceList"][0]["pid"].as_u64().unwrap();
    let before = pid(&project);
    assert_eq!(project.stop(), 0);
    assert!(fs::exists(format!("/proc/{before}")).unwrap());
    project.up();
    assert_eq!(pid(&project), before);
    project.kill();
    project.up();
    assert_eq!(pid(&project), before);
    project.kill();
    assert!(project.fails("down --stop-instances", 3).contains("--confirm production"));
    project.ok("down --stop-instances --confirm production");
    until("the instance is gone", || (!fs::exists(format!("/proc/{before}")).unwrap()).then_some(()));
    assert!(project.ok("down").contains("no server runs"));
}

#[test]
fn a_server_told_to_stop_its_instances_does() {
    let mut project = Project::small();
    project.up_with("--stop-instances --log json");
    project.release("1.0");
    project.arrives("development", 1);
    let pid = project.json("status development")["instanceList"][0]["pid"].as_u64().unwrap();
    assert_eq!(project.stop(), 0);
    assert!(!fs::exists(format!("/proc/{pid}")).unwrap());
    let log = project.server_log();
    let line = log.lines().find(|line| line.contains("serving")).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(line).unwrap()["url"].is_string());
}
