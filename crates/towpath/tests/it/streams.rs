//! Flags as they change, through the providers that people have: flagd's for Python, Node.js and pages, against the real server.

mod providers;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use towpath_testkit::tools;

use crate::project::Project;

/// Where the folders of other people's programs are.
const UNDER: &str = env!("CARGO_TARGET_TMPDIR");
/// flagd's provider.
const PYTHON: [&str; 2] = ["openfeature-provider-flagd==0.6.1", "openfeature-flagd-core==2.0.0"];
/// flagd's providers for Node.js and for pages.
const NODE: [&str; 5] = [
    "@openfeature/server-sdk@1.23.0",
    "@openfeature/web-sdk@1.10.0",
    "@openfeature/flagd-provider@0.16.1",
    "@openfeature/flagd-web-provider@0.7.4",
    "@openfeature/ofrep-web-provider@0.4.3",
];

fn python() -> Option<Command> {
    let packages = tools::python(Path::new(UNDER), "streams-python", &PYTHON)?;
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", packages).env("PYTHONUNBUFFERED", "1");
    Some(python)
}

fn node() -> Option<Command> {
    let packages = tools::provide(Path::new(UNDER), "streams-node", |folder| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix"])
            .arg(folder)
            .args(NODE);
        npm
    })?;
    let mut node = Command::new("node");
    node.env("NODE_PATH", packages.join("node_modules"));
    Some(node)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/streams").join(name)
}

/// A program that asks for things by lines and waits for each to be done.
struct Asking {
    child: Child,
    input: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Asking {
    fn start(mut command: Command, settings: &serde_json::Value) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut asking = Self { child, input, lines: BufReader::new(output) };
        asking.say(&settings.to_string());
        asking
    }

    fn say(&mut self, line: &str) {
        // A program that has ended says why by its exit status.
        let _ = writeln!(self.input, "{line}");
        let _ = self.input.flush();
    }

    /// Does what is asked for until the program ends, which must be well; returns its last line.
    fn serve(mut self, mut done: impl FnMut(&str)) -> String {
        let mut last = String::new();
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                break;
            }
            let line = line.trim().to_owned();
            if let Some(request) = line.strip_prefix("ask ") {
                done(request);
                self.say("ok");
            } else {
                println!("{line}");
                last = line;
            }
        }
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{last}");
        last
    }
}

/// The server of a project that always listens on the same port.
struct Served {
    project: Project,
    port: u16,
}

impl Served {
    fn start(mut project: Project) -> Self {
        project.up();
        let running: serde_json::Value = serde_json::from_str(&project.read(".towpath/server.json")).unwrap();
        let port = running["url"].as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
        Self { project, port }
    }

    fn down(&mut self) {
        assert_eq!(self.project.stop(), 0);
    }

    fn up(&mut self) {
        self.project.up_on(self.port);
    }

    /// Makes a key of an environment.
    fn key(&self, environment: &str, name: &str, kind: &str) -> String {
        let made = self.project.json(&format!("flags keys create {environment} {name} --kind {kind} --reason test"));
        made["key"].as_str().unwrap_or_else(|| panic!("{made:#}")).to_owned()
    }
}
