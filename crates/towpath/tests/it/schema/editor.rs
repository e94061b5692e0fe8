//! What an editor makes of the schemas: the YAML language server, driven as editors drive it (LSP over its pipes).

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Instant,
};

use serde_json::{Value, json};

use super::tools;
use crate::project::{PATIENCE, Project};

/// A running language server.
struct Server {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    requests: u64,
}

impl Server {
    fn start(project: &Project) -> Option<Self> {
        let server = tools::language_server()?;
        let mut node = Command::new("node");
        node.arg(server).arg("--stdio").current_dir(project.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = node.stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, messages) = channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = message(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut server = Self { child, input, messages, requests: 0 };
        let capabilities = json!({
            "workspace": { "configuration": true, "didChangeConfiguration": {} },
            "textDocument": {
                "completion": { "completionItem": { "snippetSupport": true, "documentationFormat": ["markdown"] } },
                "hover": { "contentFormat": ["markdown"] },
            },
        });
        let root = format!("file://{}", project.path().display());
        server.ask("initialize", &json!({ "processId": null, "rootUri": root, "capabilities": capabilities }));
        server.tell("initialized", &json!({}));
        Some(server)
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request and returns its result.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let answer = self
            .wait(&format!("`{method}` is answered"), |message| message["id"] == id && message.get("method").is_none());
        assert!(answer.get("error").is_none(), "{answer:#}");
        answer["result"].clone()
    }

    /// Waits for a message, and answers meanwhile what the server wants to know.
    fn wait(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self
                .messages
                .recv_timeout(left)
                .unwrap_or_else(|error| panic!("it does not happen that {what}: {error}"));
            if fits(&message) {
                return message;
            }
            let Some(id) = message.get("id").filter(|_| message.get("method").is_some()) else { continue };
            let items = message["params"]["items"].as_array().cloned().unwrap_or_default();
            let settings = items.iter().map(|item| match item["section"].as_str() {
                // Nothing is asked of other machines.
                Some("yaml") => json!({
                    "validate": true, "hover": true, "completion": true, "schemas": {},
                    "schemaStore": { "enable": false }, "kubernetesCRDStore": { "enable": false },
                }),
                _ => json!({}),
            });
            let result: Value = if items.is_empty() { Value::Null } else { settings.collect() };
            self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
        }
    }

    /// Opens a file of the project as an editor would and returns its address.
    fn open(&mut self, project: &Project, path: &str) -> String {
        let uri = format!("file://{}", project.file(path).display());
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": project.read(path) });
        self.tell("textDocument/didOpen", &json!({ "textDocument": document }));
        uri
    }

    /// Returns what is wrong with an open file, once it says something.
    fn diagnostics(&mut self, uri: &str) -> Vec<String> {
        let told = self.wait("mistakes are shown", |message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
                && message["params"]["diagnostics"].as_array().is_some_and(|all| !all.is_empty())
        });
        let all = told["params"]["diagnostics"].as_array().unwrap().iter();
        all.map(|one| format!("{}: {}", one["range"]["start"]["line"], one["message"].as_str().unwrap())).collect()
    }

    fn at(&mut self, method: &str, uri: &str, (line, character): (u32, u32)) -> Value {
        let position = json!({ "line": line, "character": character });
        self.ask(&format!("textDocument/{method}"), &json!({ "textDocument": { "uri": uri }, "position": position }))
    }

    fn hover(&mut self, uri: &str, place: (u32, u32)) -> String {
        self.at("hover", uri, place)["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    fn completions(&mut self, uri: &str, place: (u32, u32)) -> Vec<String> {
        let result = self.at("completion", uri, place);
        let items = result["items"].as_array().or_else(|| result.as_array()).cloned().unwrap_or_default();
        items.iter().filter_map(|item| item["label"].as_str().map(str::to_owned)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads one message: headers, a blank line, as many bytes as they say.
fn message(output: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.parse().ok()?;
        }
    }
    let mut bytes = vec![0; length];
    output.read_exact(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

const ENVIRONMENT: &str = "# yaml-language-server: $schema=../schema/environment.json
tier: prod
sla:
  uptime: 99.9
  p95: 300ms
variables:
  SCHOOL: Riverside
  SCHOL: Riverside
services:
  web:
    replicas: 2
    probes: {readiness: {http: /health, tcp: true}}
";

#[test]
fn an_editor_completes_explains_and_checks_the_files() {
    let project = Project::small();
    project.write("environments/production.yaml", ENVIRONMENT);
    let towpath = project.read("towpath.yaml");
    project.write("towpath.yaml", &format!("# yaml-language-server: $schema=schema/towpath.json\n{towpath}"));
    project.ok("schema --write");
    let Some(mut server) = Server::start(&project) else { return };
    let uri = server.open(&project, "environments/production.yaml");
    let wrong = server.diagnostics(&uri);
    for (line, words) in [(1, "production"), (3, ""), (7, "SCHOL")] {
        let said = wrong.iter().any(|one| one.starts_with(&format!("{line}: ")) && one.contains(words));
        assert!(said, "no `{words}` in line {line}: {wrong:#?}");
    }
    assert!(wrong.iter().any(|one| one.starts_with("11: ")), "{wrong:#?}");
    let hover = server.hover(&uri, (4, 3));
    assert!(hover.contains("The time in which 95 of 100 requests are answered."), "{hover}");
    assert!(server.hover(&uri, (10, 6)).contains("How many instances."));

    let empty =
        "# yaml-language-server: $schema=../schema/environment.json\n\nvariables:\n  \nservices:\n  \nextends: \n";
    project.write("environments/staging.yaml", empty);
    let uri = server.open(&project, "environments/staging.yaml");
    let root = server.completions(&uri, (1, 0));
    for key in ["deployment", "security", "autoscaling", "budget"] {
        assert!(root.iter().any(|label| label == key), "no `{key}` in {root:?}");
    }
    // The names are those of this project.
    assert!(server.completions(&uri, (3, 2)).iter().any(|label| label == "MAIL_URL"));
    assert!(server.completions(&uri, (5, 2)).iter().any(|label| label == "web"));
    assert!(server.completions(&uri, (6, 9)).iter().any(|label| label == "development"));

    let uri = server.open(&project, "towpath.yaml");
    let hover = server.hover(&uri, (1, 2));
    assert!(hover.contains("The project's name."), "{hover}");
}
