//! Measures the server as a user runs it: memory while idle, and how fast a blue-green rollback is served.
//!
//! The project is written here, the service is Python's `http.server`, and everything runs on free ports of the loopback.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{Figures, Taken};
use crate::process;
use crate::workspace::Workspace;

const PROJECT: &str = r#"project: measured
artifacts: {web: site}
services:
  web:
    command: ["python3", "-m", "http.server", "${PORT}", "--bind", "127.0.0.1"]
    probes: {readiness: {http: {path: /}, period: 200ms}}
pipeline: [development]
"#;

const ENVIRONMENT: &str = "tier: development
deployment:
  strategy:
    blue-green: {auto_promote_after: 0s, keep_old: 10m}
";

/// How long anything may take to happen before the measurement gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// Measures; skipped without Python.
pub(super) fn measure(workspace: &Workspace) -> Result<Taken> {
    if process::find("python3").is_none() {
        return Ok(Taken::Skipped("python3 is not installed".into()));
    }
    process::run(workspace.cargo().args(["build", "--release", "--quiet", "--package", "towpath"]))?;
    let program = workspace.target()?.join("release/towpath");
    let project = Project::write(program)?;
    let server = Server::start(&project)?;
    project.release("1.0", "blue")?;
    project.release("1.1", "green")?;
    let address = project.address()?;
    until("green serves", || get(&address).is_some_and(|page| page.contains("green")))?;
    // Idle is what it is after the rollout's last turns.
    sleep(Duration::from_secs(5));
    let idle_mb = server.resident_mb()?;
    let started = Instant::now();
    project.run(&["rollback", "development"])?;
    until("blue serves again", || get(&address).is_some_and(|page| page.contains("blue")))?;
    let switch_back_ms = started.elapsed().as_secs_f64() * 1000.0;
    drop(server);
    let figures = Figures::from([("idle_mb".into(), idle_mb), ("switch_back_ms".into(), switch_back_ms)]);
    let notes =
        vec!["one environment, one instance; switch back counted from the command's start to the first answer".into()];
    Ok(Taken::Figures { figures, notes })
}

struct Project {
    program: PathBuf,
    folder: PathBuf,
}

impl Project {
    fn write(program: PathBuf) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("towpath-bench-{}", std::process::id()));
        fs::create_dir_all(folder.join("environments"))?;
        fs::create_dir_all(folder.join("site"))?;
        fs::write(folder.join("towpath.yaml"), PROJECT)?;
        fs::write(folder.join("environments/development.yaml"), ENVIRONMENT)?;
        Ok(Self { program, folder })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        process::stdout_of(&mut self.command(arguments))
    }

    fn release(&self, version: &str, page: &str) -> Result<()> {
        fs::write(self.folder.join("site/index.html"), page)?;
        self.run(&["--quiet", "release", "create", "--version", version, "--wait"]).map(drop)
    }

    fn address(&self) -> Result<String> {
        let status = self.run(&["status", "--output", "json"])?;
        let address = status.split("http://").skip(1).find_map(|rest| rest.split('"').next());
        address.map(str::to_owned).with_context(|| format!("the status names no address: {status}"))
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // What cannot be removed from the temporary folder is removed with it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

struct Server<'a> {
    process: Child,
    project: &'a Project,
}

impl<'a> Server<'a> {
    fn start(project: &'a Project) -> Result<Self> {
        let mut command = project.command(&["up", "--listen", "127.0.0.1:0"]);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let server = Self { process, project };
        let file = project.folder.join(".towpath/server.json");
        until("the server is up", || is_up(project, &file))?;
        Ok(server)
    }

    fn resident_mb(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let stopped = self.project.command(&["--quiet", "down", "--stop-instances"]).stdout(Stdio::null()).status();
        if !stopped.is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

fn is_up(project: &Project, file: &Path) -> bool {
    file.is_file()
        && project
            .command(&["status"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|it| it.success())
}

fn get(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn until(what: &str, mut look: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !look() {
        if Instant::now() > deadline {
            bail!("it did not happen within {} s that {what}", PATIENCE.as_secs());
        }
        sleep(Duration::from_millis(5));
    }
    Ok(())
}
