//! Real OpenFeature providers, unmodified, against the real binary: values, errors, changes, keys, limits, a server that is away.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};
use towpath_testkit::tools;

use crate::project::{Project, until};

/// Where the providers are.
const UNDER: &str = env!("CARGO_TARGET_TMPDIR");
const PYTHON: [&str; 1] = ["openfeature-provider-ofrep==0.3.0"];
const NODE: [&str; 4] = [
    "@openfeature/ofrep-provider@0.1.3",
    "@openfeature/ofrep-web-provider@0.4.3",
    "@openfeature/server-sdk@1.23.0",
    "@openfeature/web-sdk@1.10.0",
];

const FLAGS: &str = r#"{
  "flags": {
    "new-checkout": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
      "targeting": {"if": [{"in": ["beta", {"var": "groups"}]}, "on", null]}, "metadata": {"team": "shop"}},
    "shop/limit": {"state": "ENABLED", "variants": {"ten": 10, "many": 100}, "defaultVariant": "ten"},
    "ratio": {"state": "ENABLED", "variants": {"whole": 10.0, "half": 0.5}, "defaultVariant": "whole"},
    "greeting": {"state": "ENABLED", "variants": {"hello": "Grüß \"dich\"", "none": ""}, "defaultVariant": "hello"},
    "layout": {"state": "ENABLED", "variants": {"wide": {"columns": 3, "names": ["a", "b"]}}, "defaultVariant": "wide"},
    "gone": {"state": "DISABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"},
    "share": {"state": "ENABLED", "variants": {"a": "a", "b": "b"}, "defaultVariant": "a",
      "targeting": {"fractional": [{"cat": [{"var": "$flagd.flagKey"}, {"var": "targetingKey"}]}, ["a", 50], ["b", 50]]}},
    "chosen": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on", "targeting": {"var": "choice"}},
    "internal": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on", "towpath": {"client": false, "owner": "ana"}}
  }
}
"#;

fn project() -> Project {
    let mut project = Project::small();
    project.write("flags/shop.json", FLAGS);
    project.up();
    project
}

fn url(project: &Project) -> String {
    let server: Value = serde_json::from_str(&project.read(".towpath/server.json")).unwrap();
    server["url"].as_str().unwrap().to_owned()
}

/// Sends a request as the owner of the project and returns the status and the answer.
fn post(project: &Project, path: &str, body: &Value) -> (u16, Value) {
    let url = url(project);
    let address = url.trim_start_matches("http://");
    let (token, body) = (project.read(".towpath/token"), body.to_string());
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        token.trim(),
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Changes a flag while it is served.
#[track_caller]
fn change(project: &Project, edit: Value) {
    let body = json!({ "edits": [edit], "reason": "a test" });
    let (status, answer) = post(project, "/api/v1/environments/development/flags/changes", &body);
    assert!((200..300).contains(&status), "{status} {answer:#}");
}

fn key(project: &Project, more: &str) -> String {
    let made = project.json(&format!("flags keys create development {more}"));
    made["key"].as_str().unwrap().to_owned()
}

/// A client in a process of its own.
struct Client {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = command.spawn().unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    fn python(url: &str, key: &str) -> Option<Self> {
        let packages = tools::python(Path::new(UNDER), "ofrep-python-1", &PYTHON)?;
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", packages).arg(script("service.py")).args([url, key]);
        Some(Self::start(&mut command))
    }

    fn node(name: &str, url: &str, key: &str) -> Option<Self> {
        let folder = tools::provide(Path::new(UNDER), "ofrep-node-1", |folder| {
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix"]).arg(folder);
            npm.args(NODE);
            npm
        })?;
        let mut command = Command::new("node");
        command.arg(script(name)).arg(folder).args([url, key]);
        Some(Self::start(&mut command))
    }

    #[track_caller]
    fn ask(&mut self, line: &Value) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{line}: {error}: {answer}"))
    }

    #[track_caller]
    fn get(&mut self, kind: &str, flag: &str, default: Value) -> Value {
        self.ask(&json!({ "kind": kind, "flag": flag, "default": default }))
    }

    #[track_caller]
    fn get_for(&mut self, context: Value, kind: &str, flag: &str, default: Value) -> Value {
        self.ask(&json!({ "kind": kind, "flag": flag, "default": default, "context": context }))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/ofrep").join(name)
}

#[track_caller]
fn is(found: &Value, value: Value, variant: &str, reason: &str) {
    assert_eq!(
        (&found["value"], &found["variant"], &found["reason"]),
        (&value, &json!(variant), &json!(reason)),
        "{found}"
    );
    assert_eq!(found["error"], Value::Null, "{found}");
}

#[track_caller]
fn fails(found: &Value, default: Value, code: &str) {
    assert_eq!((&found["value"], &found["error"]), (&default, &json!(code)), "{found}");
}

/// What holds for every provider of services.
fn serves(client: &mut Client) {
    let beta = json!({ "targetingKey": "u1", "groups": ["beta"] });
    let found = client.get_for(beta, "bool", "new-checkout", json!(false));
    is(&found, json!(true), "on", "TARGETING_MATCH");
    assert_eq!(found["metadata"]["team"], "shop");
    let other = json!({ "targetingKey": "u1", "groups": ["all"] });
    is(&client.get_for(other, "bool", "new-checkout", json!(true)), json!(false), "off", "DEFAULT");
    is(&client.get("text", "greeting", json!("x")), json!("Grüß \"dich\""), "hello", "STATIC");
    is(&client.get("object", "layout", json!({})), json!({ "columns": 3, "names": ["a", "b"] }), "wide", "STATIC");
    fails(&client.get("bool", "no-such-flag", json!(true)), json!(true), "FLAG_NOT_FOUND");
    let odd = json!({ "targetingKey": "u1", "choice": "neither" });
    fails(&client.get_for(odd, "bool", "chosen", json!(false)), json!(false), "GENERAL");
    fails(&client.get("text", "new-checkout", json!("x")), json!("x"), "TYPE_MISMATCH");
    // Switched off, the default in the code counts, whatever this version of the client calls that.
    assert_eq!(client.get("bool", "gone", json!(true))["value"], true);
    assert_eq!(client.get("bool", "gone", json!(false))["value"], false);
    let share = |client: &mut Client, user: &str| {
        client.get_for(json!({ "targetingKey": user }), "text", "share", json!("?"))["value"].clone()
    };
    let users: Vec<String> = (0..40).map(|number| format!("user-{number}")).collect();
    let first: Vec<Value> = users.iter().map(|user| share(client, user)).collect();
    assert!(first.contains(&json!("a")) && first.contains(&json!("b")), "{first:?}");
    assert_eq!(first, users.iter().map(|user| share(client, user)).collect::<Vec<_>>(), "users stay where they are");
}

/// Changes, revocation and a server that is away, for every provider of services.
fn follows(project: &mut Project, client: &mut Client) {
    change(project, json!({ "kind": "default", "flag": "greeting", "variant": "none" }));
    is(&client.get("text", "greeting", json!("x")), json!(""), "none", "STATIC");
    change(project, json!({ "kind": "state", "flag": "greeting", "enabled": false }));
    assert_eq!(client.get("text", "greeting", json!("x"))["value"], "x");
    project.ok("flags keys revoke development service");
    fails(&client.get("bool", "internal", json!(false)), json!(false), "GENERAL");
    project.kill();
    fails(&client.get("bool", "internal", json!(false)), json!(false), "GENERAL");
}

#[test]
fn a_python_service_evaluates_with_nothing_changed_but_an_address() {
    let mut project = project();
    let made = key(&project, "service");
    let Some(mut client) = Client::python(&url(&project), &made) else { return };
    serves(&mut client);
    // Python tells whole numbers and others apart: both come as they are written.
    is(&client.get("int", "shop/limit", json!(1)), json!(10), "ten", "STATIC");
    is(&client.get("float", "ratio", json!(1.5)), json!(10.0), "whole", "STATIC");
    is(&client.get("bool", "internal", json!(false)), json!(true), "on", "STATIC");
    let limited = key(&project, "limited --per-second 1");
    let mut slow = Client::python(&format!("{}/environments/development", url(&project)), &limited).unwrap();
    let answers: Vec<Value> = (0..3).map(|_| slow.get("bool", "internal", json!(false))).collect();
    assert!(answers.iter().any(|found| found["error"] == "GENERAL" && found["value"] == false), "{answers:?}");
    follows(&mut project, &mut client);
}

#[test]
fn a_node_service_evaluates_with_nothing_changed_but_an_address() {
    let mut project = project();
    let made = key(&project, "service");
    let Some(mut client) = Client::node("service.mjs", &url(&project), &made) else { return };
    serves(&mut client);
    is(&client.get("int", "shop/limit", json!(1)), json!(10), "ten", "STATIC");
    is(&client.get("float", "ratio", json!(1.5)), json!(10), "whole", "STATIC");
    let limited = key(&project, "limited --per-second 1");
    let mut slow = Client::node("service.mjs", &url(&project), &limited).unwrap();
    let answers: Vec<Value> = (0..3).map(|_| slow.get("bool", "internal", json!(false))).collect();
    assert!(answers.iter().any(|found| found["error"] == "GENERAL" && found["value"] == false), "{answers:?}");
    follows(&mut project, &mut client);
}

/// Waits until the page is as described.
#[track_caller]
fn page_until(client: &mut Client, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    until(what, || Some(client.ask(&json!({}))).filter(|state| fits(state)))
}

fn has_status(status: u16) -> impl Fn(&Value) -> bool {
    move |state| state["statuses"].as_array().unwrap().contains(&json!(status))
}

#[test]
fn a_page_gets_what_changes_and_keeps_what_it_has_while_the_server_is_away() {
    let mut project = project();
    let made = key(&project, "service --kind client --origin http://127.0.0.1:5173");
    let Some(mut page) = Client::node("page.mjs", &url(&project), &made) else { return };
    is(&page.get("bool", "new-checkout", json!(true)), json!(false), "off", "DEFAULT");
    is(&page.get("int", "shop/limit", json!(1)), json!(10), "ten", "STATIC");
    fails(&page.get("bool", "internal", json!(false)), json!(false), "FLAG_NOT_FOUND");
    assert_eq!(page.get("bool", "gone", json!(true))["value"], true);
    page_until(&mut page, "nothing new is not sent again", has_status(304));
    // The tag is kept when only other properties of the context change: it must not fit any more.
    let beta = json!({ "context": { "targetingKey": "u", "groups": ["beta"], "choice": "neither" } });
    assert!(has_status(200)(&page.ask(&beta)));
    fails(&page.get("bool", "chosen", json!(false)), json!(false), "GENERAL");
    is(&page.get("bool", "new-checkout", json!(false)), json!(true), "on", "TARGETING_MATCH");
    change(&project, json!({ "kind": "default", "flag": "shop/limit", "variant": "many" }));
    page_until(&mut page, "a change arrives", |state| {
        state["seen"]
            .as_array()
            .unwrap()
            .iter()
            .any(|event| event[1].as_array().unwrap().contains(&json!("shop/limit")))
    });
    is(&page.get("int", "shop/limit", json!(1)), json!(100), "many", "STATIC");
    project.kill();
    page_until(&mut page, "the server is seen to be away", has_status(0));
    assert_eq!(page.get("int", "shop/limit", json!(1))["value"], 100, "it keeps what it has");
}

#[test]
fn a_page_is_told_that_its_key_is_revoked_or_unknown() {
    let project = project();
    let made = key(&project, "service --kind client");
    let Some(mut page) = Client::node("page.mjs", &url(&project), &made) else { return };
    is(&page.get("int", "shop/limit", json!(1)), json!(10), "ten", "STATIC");
    project.ok("flags keys revoke development service --reason 'it leaked'");
    page_until(&mut page, "the key is refused", has_status(401));
    assert_eq!(page.get("int", "shop/limit", json!(1))["value"], 10, "it keeps what it has");
    let mut stranger = Client::node("page.mjs", &url(&project), &made).unwrap();
    let state = stranger.ask(&json!({}));
    assert_eq!((&state["status"], &state["statuses"]), (&json!("FATAL"), &json!([401])), "{state}");
    assert_eq!(stranger.get("int", "shop/limit", json!(1))["value"], 1, "the default in the code counts");
}

#[test]
fn keys_are_shown_once_and_what_they_evaluate_is_counted() {
    let mut project = project();
    let made = project.json("flags keys create development shop --kind client --per-second 50 --ttl 30d");
    assert!(made["key"].as_str().unwrap().starts_with("tow_client_"), "{made}");
    let printed = project.ok("flags keys create development service");
    assert!(printed.trim().starts_with("tow_server_") && printed.lines().count() == 1, "{printed}");
    let listed = project.ok("flags keys list development");
    assert!(listed.contains("shop") && listed.contains("client") && !listed.contains("tow_"), "{listed}");
    assert!(project.fails("flags keys create production shop", 2).contains("reason"));
    assert!(project.fails("flags keys create development shop", 3).contains("already"));
    assert!(project.fails("flags keys revoke development shpo", 2).contains("did you mean `shop`?"));
    let Some(mut client) = Client::python(&url(&project), printed.trim()) else { return };
    for _ in 0..3 {
        is(&client.get("int", "shop/limit", json!(1)), json!(10), "ten", "STATIC");
    }
    project.stop();
    project.up();
    let counted = project.json("flags evaluations development");
    let of = |flag: &str| counted["items"].as_array().unwrap().iter().find(|it| it["flag"] == flag).unwrap().clone();
    assert_eq!(of("shop/limit")["asked"], 3, "{counted:#}");
    assert_eq!(of("ratio")["asked"], 0);
    for file in ["server.log", ".towpath/ledger.db", ".towpath/samples.db"] {
        if let Ok(bytes) = std::fs::read(project.file(file)) {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(printed.trim()), "the key is in {file}");
        }
    }
}
