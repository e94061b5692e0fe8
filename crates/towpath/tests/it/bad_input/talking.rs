//! Talking to the server wrongly: no server, no token, another's token, foreign headers, too much; and output that
//! nobody reads.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
};

use super::{is_error, says, sound};
use crate::project::{Project, ran};

/// Sends bytes and returns the whole answer.
pub(super) fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Returns where the API is.
pub(super) fn api(project: &Project) -> SocketAddr {
    let running: serde_json::Value = serde_json::from_str(&project.read(".towpath/server.json")).unwrap();
    running["url"].as_str().unwrap().trim_start_matches("http://").parse().unwrap()
}

#[test]
fn without_a_server_commands_say_how_to_start_one() {
    let mut project = Project::small();
    for line in
        ["status", "release list", "release create --version 1.0", "history staging", "audit log", "logs staging"]
    {
        let ran = project.run(line);
        is_error(&ran, 5);
        says(&ran.err, &["towpath up"]);
    }
    project.up();
    project.kill();
    // What a killed server leaves behind is not taken for a server.
    let ran = project.run("status");
    is_error(&ran, 5);
    says(&ran.err, &["no server runs", "towpath up"]);
    assert_eq!(project.run("down").exit, 0, "nothing to stop is no failure");
    project.up();
    project.ok("status");
}

#[test]
fn a_token_that_is_missing_or_wrong_is_told_apart_and_mended_by_a_restart() {
    let mut project = Project::small();
    project.up();
    let wrong = ran(project.command(["status"]).env("TOWPATH_TOKEN", "tow_wrong").output().unwrap());
    is_error(&wrong, 3);
    says(&wrong.err, &["token", "next"]);
    assert!(!wrong.err.contains("tow_wrong"), "{}", wrong.err);
    fs::remove_file(project.file(".towpath/token")).unwrap();
    let missing = project.run("status");
    is_error(&missing, 5);
    says(&missing.err, &["token", "towpath up"]);
    // A person's own token still opens the door.
    project.ok("--as ana status");
    project.kill();
    project.up();
    project.ok("status");
}

#[test]
fn foreign_hosts_and_origins_are_refused_with_a_good_token_too() {
    let mut project = Project::small();
    project.up();
    let (address, token) = (api(&project), project.read(".towpath/token"));
    let get = |more: &str| {
        let token = token.trim();
        ask(
            address,
            &format!("GET /api/v1/status HTTP/1.1\r\n{more}Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"),
        )
    };
    assert!(get(&format!("Host: {address}\r\n")).starts_with("HTTP/1.1 200"));
    for foreign in [
        "Host: evil.example\r\n".to_owned(),
        format!("Host: {address}\r\nOrigin: https://evil.example\r\n"),
        format!("Host: {address}\r\nOrigin: null\r\n"),
        format!("Host: {address}.evil.example\r\n"),
    ] {
        let answer = get(&foreign);
        assert!(answer.starts_with("HTTP/1.1 4"), "{foreign}{answer}");
        says(&answer, &["application/problem+json"]);
    }
}

#[test]
fn bodies_that_are_too_large_or_no_json_are_refused_and_the_server_goes_on() {
    let mut project = Project::small();
    project.up();
    let (address, token) = (api(&project), project.read(".towpath/token"));
    let post = |body: &str| {
        let (token, length) = (token.trim(), body.len());
        ask(
            address,
            &format!(
                "POST /api/v1/releases HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: \
                 application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            ),
        )
    };
    let huge = format!("{{\"notes\": \"{}\"}}", "x".repeat(8 << 20));
    let deep = "[".repeat(100_000);
    for (body, status) in [(huge.as_str(), "413"), (&deep, "4"), ("{", "4"), ("nonsense", "4"), ("", "4")] {
        let answer = post(body);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        sound(&answer);
    }
    project.ok("status");
    sound(&project.server_log());
}

#[test]
fn output_that_nobody_reads_is_no_failure() {
    let project = Project::small();
    for line in ["env show", "env list -o json", "help", "completions bash", "env validate", "__reference openapi"] {
        let mut child = project.command(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The reader is gone before the first byte.
        drop(child.stdout.take());
        let ended = ran(child.wait_with_output().unwrap());
        assert!(matches!(ended.exit, 0 | 141), "{line}: {ended:?}");
        assert_eq!(ended.err, "", "{line}");
    }
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = ran(project.command(["env", "list"]).stdout(full).output().unwrap());
    is_error(&ended, 1);
}

#[test]
fn colour_is_for_terminals_and_never_with_no_color() {
    let project = Project::small();
    project.write("environments/staging.yaml", "servces: {}\n");
    assert!(!project.run("env validate").err.contains('\u{1b}'));
    let forced = |name: &str| {
        let mut command: Command = project.command(["env", "validate"]);
        ran(command.env("CLICOLOR_FORCE", "1").env(name, "1").output().unwrap()).err
    };
    assert!(forced("OTHER").contains('\u{1b}'));
    assert!(!forced("NO_COLOR").contains('\u{1b}'));
}
