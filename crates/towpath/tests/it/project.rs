//! A project in a temporary folder with its server: written, started, asked, killed, cleaned up.

use std::{
    ffi::OsStr,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::load::{Load, Plan};

/// How long something may take on a busy machine before it counts as not happening.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A project of one service `web`, the notice board of the example, in development, staging and production.
const SMALL: [(&str, &str); 6] = [
    (
        "towpath.yaml",
        r#"project: board
people:
  ana: {roles: [developer]}
  ben: {roles: [tech-lead]}
artifacts: {web: app}
services:
  web:
    command: ["${TOWPATH}", "__demo-app"]
    probes:
      readiness: {http: /health, period: 100ms}
    stop_grace: 5s
variables:
  MAIL_URL: {default: "log:"}
  SCHOOL: {default: Riverside}
  RESPONSE_DELAY_MS: {type: int, default: 0}
pipeline: [development, staging, production]
"#,
    ),
    ("environments/development.yaml", "deployment: {progress_deadline: 20s}\n"),
    ("environments/staging.yaml", "deployment: {progress_deadline: 20s}\n"),
    ("environments/production.yaml", "services: {web: {replicas: 2}}\ndeployment: {progress_deadline: 20s}\n"),
    ("app/board.html", "<h1>{{school}}</h1><ul>{{notices}}</ul>board 1\n"),
    ("app/notices.txt", "one notice\n"),
];

/// A project in a temporary folder. Dropping it stops the server and everything it runs.
pub(crate) struct Project {
    folder: tempfile::TempDir,
    server: Option<Child>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Project {
    /// Returns an empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), server: None }
    }

    /// Returns a small project.
    pub(crate) fn small() -> Self {
        Self::empty().with_small()
    }

    /// Returns a small project in a new folder of this one.
    pub(crate) fn small_within(folder: &Path) -> Self {
        Self { folder: tempfile::tempdir_in(folder).unwrap(), server: None }.with_small()
    }

    fn with_small(self) -> Self {
        for (path, text) in SMALL {
            self.write(path, text);
        }
        self
    }

    /// Returns a copy of the example.
    pub(crate) fn example() -> Self {
        let project = Self::empty();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/notice-board");
        copy(&example, project.path());
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.file(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a file of the project where there may be no room for it.
    pub(crate) fn write_if_possible(&self, path: &str, text: &str) {
        let _ = fs::write(self.file(path), text);
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.file(path)).unwrap()
    }

    /// Returns a command of the binary in this folder, with nothing of the caller's environment but the search path.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_towpath"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null()).env_clear().env("HOME", self.path());
        for name in ["PATH", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Returns a command of the shell in this folder, in which `towpath` is the binary.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_towpath"));
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]).current_dir(self.path()).stdin(Stdio::null()).env_clear().env("HOME", self.path());
        command.env("PATH", format!("{}:{path}", binary.parent().unwrap().display()));
        command
    }

    /// Runs a command given as one line; words in `'…'` may have blanks.
    pub(crate) fn run(&self, line: &str) -> Ran {
        ran(self.command(words(line)).output().unwrap())
    }

    /// Runs a command that is to succeed and returns what it printed.
    #[track_caller]
    pub(crate) fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.exit, 0, "towpath {line}\n{}{}{}", ran.out, ran.err, self.server_log());
        ran.out
    }

    /// Runs a command that is to succeed and returns the JSON it printed.
    #[track_caller]
    pub(crate) fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{line} -o json"))).unwrap()
    }

    /// Runs a command that is to end with this exit status and returns what it said on standard error.
    #[track_caller]
    pub(crate) fn fails(&self, line: &str, exit: i32) -> String {
        let ran = self.run(line);
        assert_eq!(ran.exit, exit, "towpath {line}\n{}{}{}", ran.out, ran.err, self.server_log());
        ran.err
    }

    /// Starts the server and waits until it serves.
    #[track_caller]
    pub(crate) fn up(&mut self) {
        self.up_with("");
    }

    /// Starts the server with further arguments.
    #[track_caller]
    pub(crate) fn up_with(&mut self, more: &str) {
        self.up_given(more, &[]);
    }

    /// Starts the server on a port that it had before.
    #[track_caller]
    pub(crate) fn up_on(&mut self, port: u16) {
        self.start(port, "", &[]);
    }

    /// Starts the server with further arguments and variables of its process.
    #[track_caller]
    pub(crate) fn up_given(&mut self, more: &str, variables: &[(&str, &str)]) {
        self.start(0, more, variables);
    }

    #[track_caller]
    fn start(&mut self, port: u16, more: &str, variables: &[(&str, &str)]) {
        assert!(self.server.is_none(), "it runs already");
        let _ = fs::remove_file(self.file(".towpath/server.json"));
        let log = fs::OpenOptions::new().create(true).append(true).open(self.file("server.log")).unwrap();
        let mut command = self.command(words(&format!("up --listen 127.0.0.1:{port} --color never {more}")));
        command.envs(variables.iter().copied());
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.server = Some(child);
        until("the server serves", || {
            let ended = self.server.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the server ended: {}", self.server_log());
            self.file(".towpath/server.json").exists().then_some(())
        });
    }

    /// Returns the process of the server.
    pub(crate) fn pid(&self) -> u32 {
        self.server.as_ref().unwrap().id()
    }

    /// Returns what the server logged.
    pub(crate) fn server_log(&self) -> String {
        fs::read_to_string(self.file("server.log")).unwrap_or_default()
    }

    /// Kills the server as `kill -9` does; instances go on.
    pub(crate) fn kill(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Stops the server in good order and returns its exit status.
    pub(crate) fn stop(&mut self) -> i32 {
        self.stop_with("")
    }

    /// Stops the server with further arguments and returns its exit status.
    pub(crate) fn stop_with(&mut self, more: &str) -> i32 {
        let mut server = self.server.take().unwrap();
        self.ok(&format!("down {more}"));
        server.wait().unwrap().code().unwrap()
    }

    /// Makes a release of this version and returns its number.
    #[track_caller]
    pub(crate) fn release(&self, version: &str) -> u64 {
        self.json(&format!("release create --version {version}"))["number"].as_u64().unwrap()
    }

    /// Waits until the newest rollout of an environment has ended and returns it.
    #[track_caller]
    pub(crate) fn settled(&self, environment: &str) -> Value {
        self.until_rollout(environment, "ends", |rollout| rollout["active"] == false)
    }

    /// Waits until the newest rollout of an environment is as described and returns it.
    #[track_caller]
    pub(crate) fn until_rollout(&self, environment: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(&format!("the rollout in {environment} {what}"), || {
            let ran = self.run(&format!("rollout status {environment} -o json"));
            let rollout: Value = serde_json::from_str(&ran.out).ok()?;
            fits(&rollout).then_some(rollout)
        })
    }

    /// Waits until a release runs in an environment and no rollout does.
    #[track_caller]
    pub(crate) fn arrives(&self, environment: &str, release: u64) {
        let rollout = self.until_rollout(environment, &format!("brings r{release} in"), |rollout| {
            rollout["release"] == release && rollout["active"] == false
        });
        assert_eq!(rollout["status"], "completed", "{rollout:#}\n{}", self.server_log());
    }

    /// Makes a release, brings it through every environment before production, and returns its number.
    #[track_caller]
    pub(crate) fn staged(&self, version: &str) -> u64 {
        let number = self.release(version);
        self.arrives("development", number);
        self.ok(&format!("promote r{number} staging --wait"));
        number
    }

    /// Returns where the service `web` of an environment can be reached.
    #[track_caller]
    pub(crate) fn address(&self, environment: &str) -> SocketAddr {
        let status = self.json(&format!("status {environment}"));
        let url = status["addresses"][0]["url"].as_str().unwrap_or_else(|| panic!("{status:#}"));
        url.trim_start_matches("http://").parse().unwrap()
    }

    /// Begins to send steady requests for `/` to an environment.
    #[track_caller]
    pub(crate) fn load(&self, environment: &str) -> Load {
        let requests = vec![("GET", "/".to_owned(), String::new())];
        let address = self.address(environment);
        Load::start(&Plan { address, clients: 4, pause: Duration::from_millis(10), requests })
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
        if self.file(".towpath").is_dir() {
            // Files may be broken on purpose by now, so production is confirmed without asking what it is.
            let _ = self.command(["down", "--stop-instances", "--confirm", "production"]).output();
        }
    }
}

/// Waits until `look` returns something.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not happen that {what}");
        // tidy: allow(sleep) between two looks, with a deadline
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        exit: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            let _ = fs::copy(entry.path(), target).unwrap();
        }
    }
}
