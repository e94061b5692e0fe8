//! The JSON Schemas: what other validators and editors make of them, and the commands that write them.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use serde_json::Value;

use crate::project::Project;

mod agreement;
mod editor;
mod planted;
mod tools;

#[test]
fn the_schemas_are_written_where_editors_find_them_and_checked_to_be_fresh() {
    let project = Project::small();
    let said = project.run("schema --check");
    assert_eq!((said.exit, said.out.matches("stale").count()), (4, 2), "{}{}", said.out, said.err);
    assert!(project.ok("schema --write").contains("wrote schema/towpath.json"));
    assert!(project.ok("schema --check").starts_with("ok"));
    let name = "services: {api: {command: ./api}}\n";
    project.write("environments/production.yaml", name);
    assert_eq!(
        project.json("schema --write")["written"],
        serde_json::json!(["schema/towpath.json", "schema/environment.json"])
    );
    assert_eq!(project.json("schema --write")["written"], serde_json::json!([]));
    project.write("schema/environment.json", "{}");
    let stale = project.run("schema --check -o json");
    assert_eq!(stale.exit, 4);
    assert_eq!(
        serde_json::from_str::<Value>(&stale.out).unwrap()["stale"],
        serde_json::json!(["schema/environment.json"])
    );
}

#[test]
fn a_schema_is_printed_for_this_project_or_for_every_project() {
    let project = Project::small();
    let own: Value = serde_json::from_str(&project.ok("schema environment")).unwrap();
    let general: Value = serde_json::from_str(&project.ok("schema environment --general")).unwrap();
    assert!(own["properties"]["variables"]["properties"]["SCHOOL"].is_object(), "{own:#}");
    assert!(general["properties"]["variables"].get("properties").is_none());
    let outside = Project::empty();
    assert_eq!(serde_json::from_str::<Value>(&outside.ok("schema environment")).unwrap(), general);
    assert!(outside.fails("schema --check", 2).contains("towpath init"));
    assert!(project.fails("schema moon", 2).contains("`project`, `environment`, `flags` or `flag-environment`"));
}

#[test]
fn init_writes_schemas_that_are_fresh_and_tells_editors_of_them() {
    let project = Project::empty();
    project.ok("init --name shop --command './serve ${PORT}'");
    project.ok("schema --check");
    assert!(project.read("towpath.yaml").starts_with("# yaml-language-server: $schema=schema/towpath.json\n"));
    for name in ["base", "development", "staging", "production"] {
        let text = project.read(&format!("environments/{name}.yaml"));
        assert!(text.starts_with("# yaml-language-server: $schema=../schema/environment.json\n"), "{text}");
    }
}

#[test]
fn the_example_keeps_its_schemas_fresh() {
    let project = Project::example();
    project.ok("schema --check");
    assert!(project.read("towpath.yaml").starts_with("# yaml-language-server:"));
}

#[test]
fn the_server_gives_the_schemas_that_fit_every_project() {
    let mut project = Project::small();
    project.up();
    for kind in ["project", "environment"] {
        let (status, body) = get(&project, &format!("/api/v1/schema/{kind}"));
        assert_eq!(status, 200);
        let own: Value = serde_json::from_str(&project.ok(&format!("schema {kind} --general"))).unwrap();
        assert_eq!(body, own);
    }
    assert_eq!(get(&project, "/api/v1/schema/moon").0, 404);
    assert_eq!(project.stop(), 0);
}

#[test]
fn show_tells_what_every_section_says() {
    let project = Project::small();
    project.write(
        "environments/production.yaml",
        "sla: {uptime: 99.9%}\nbudget: {monthly: 400}\ndeployment: {rollback: {timeout: 5m}}\n",
    );
    let shown = project.ok("env show production");
    for line in ["sla.uptime", "99.9%", "budget.monthly", "deployment.rollback.timeout"] {
        assert!(shown.contains(line), "no `{line}` in\n{shown}");
    }
    let value = project.json("env show production");
    assert_eq!((&value["sla"]["uptime"], &value["rollback"]["timeout"]), (&"99.9%".into(), &"5m".into()));
    assert_eq!(project.run("env diff staging production").exit, 4);
    assert!(project.ok("env explain production sla.uptime").contains("environments/production.yaml:1"));
}

/// Asks the project's server and returns status and body.
fn get(project: &Project, path: &str) -> (u16, Value) {
    let running: Value = serde_json::from_str(&project.read(".towpath/server.json")).unwrap();
    let address = running["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let token = project.read(".towpath/token");
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = format!("Host: {address}\r\nAuthorization: Bearer {}\r\nConnection: close", token.trim());
    write!(stream, "GET {path} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
}

/// Returns the text of a file of the repository.
fn repository_file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}
