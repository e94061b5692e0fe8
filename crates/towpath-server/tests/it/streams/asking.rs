//! Other people's programs, and what they ask of a test while they run.

use std::{path::Path, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};
use towpath_testkit::tools;

/// flagd's provider, and what reads features and their tags.
const PYTHON: [&str; 4] = [
    "openfeature-provider-flagd==0.6.1",
    "openfeature-flagd-core==2.0.0",
    "gherkin-official==42.0.1",
    "cucumber-tag-expressions==11.0.1",
];

/// A program that asks for things by lines and waits for each to be done.
pub(super) struct Asking {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Asking {
    /// Starts a script of Python; nothing where its packages cannot be had.
    pub(super) async fn python(script: &str, arguments: &[&str], settings: &Value) -> Option<Self> {
        let packages = tools::python(Path::new(env!("CARGO_TARGET_TMPDIR")), "streams-features", &PYTHON)?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/streams").join(script);
        let mut python = Command::new("python3");
        python.arg(script).args(arguments).env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut asking = Self { child, input, lines: BufReader::new(output).lines() };
        asking.say(&settings.to_string()).await;
        Some(asking)
    }

    async fn say(&mut self, line: &str) {
        // A program that has ended says why by its exit status.
        let _ = self.input.write_all(format!("{line}\n").as_bytes()).await;
    }

    /// Returns what is asked for; the last line when the program has ended well.
    pub(super) async fn next(&mut self) -> Result<String, String> {
        let mut last = String::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            if let Some(request) = line.strip_prefix("ask ") {
                return Ok(request.to_owned());
            }
            last = line;
        }
        let status = self.child.wait().await.unwrap();
        assert!(status.success(), "{last}");
        Err(last)
    }

    /// Says that it is done.
    pub(super) async fn done(&mut self) {
        self.say("ok").await;
    }
}
