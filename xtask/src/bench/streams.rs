//! Measures event streams: how soon 10,000 listeners hear of a change of a flag, and what each of them takes of the server's memory.
//!
//! The server is the program as a user runs it. The listeners are connections of this process, read by one thread that looks at
//! each in turn, so what it measures is late by up to one round over them.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{Figures, Taken, program};
use crate::process;
use crate::workspace::Workspace;

const LISTENERS: u32 = 10_000;
const ROUNDS: usize = 5;
/// How long anything may take to happen before the measurement gives up.
const PATIENCE: Duration = Duration::from_mins(1);

const PROJECT: &str = "project: measured
services:
  web: {command: [\"true\"]}
pipeline: [development]
";
const FLAGS: &str =
    r#"{"flags": {"measured": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}}}"#;

/// Measures; skipped where the process may not have so many connections.
pub(super) fn measure(workspace: &Workspace) -> Result<Taken> {
    let limit = open_files()?;
    if limit < u64::from(LISTENERS) + 64 {
        let hint = format!("the limit of open files is {limit}: ulimit -n {}", LISTENERS + 64);
        return Ok(Taken::Skipped(hint));
    }
    let server = Server::start(program(workspace)?)?;
    let before = server.resident_bytes()?;
    let began = Instant::now();
    let mut listeners = server.listeners()?;
    let connect_ms = began.elapsed().as_secs_f64() * 1000.0;
    let each = (server.resident_bytes()? - before) / f64::from(LISTENERS);
    let mut heard = Vec::new();
    for round in 0..ROUNDS {
        heard.extend(server.change(round, &mut listeners)?);
    }
    heard.sort_by(f64::total_cmp);
    let at = |percent: usize| heard.get(heard.len().saturating_sub(1) * percent / 100).copied().unwrap_or(f64::NAN);
    let figures = Figures::from([
        ("heard_p50_ms".into(), at(50)),
        ("heard_p99_ms".into(), at(99)),
        ("heard_max_ms".into(), at(100)),
        ("kb_per_listener".into(), each / 1024.0),
        ("connect_all_ms".into(), connect_ms),
    ]);
    let notes = vec![format!(
        "{LISTENERS} listeners, {ROUNDS} changes, counted from the start of the command that makes the change; all heard of each"
    )];
    Ok(Taken::Figures { figures, notes })
}

/// Returns how many files this process may have open.
fn open_files() -> Result<u64> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).context("no limit of open files")?;
    let soft = line.split_whitespace().next().context("no limit of open files")?;
    Ok(soft.parse().unwrap_or(u64::MAX))
}

/// A server that ends with the measurement.
struct Server {
    program: PathBuf,
    process: Child,
    folder: PathBuf,
    address: SocketAddr,
    key: String,
}

impl Server {
    fn start(program: PathBuf) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("towpath-bench-streams-{}", std::process::id()));
        for path in ["environments", "flags"] {
            fs::create_dir_all(folder.join(path))?;
        }
        fs::write(folder.join("towpath.yaml"), PROJECT)?;
        fs::write(folder.join("environments/development.yaml"), "tier: development\n")?;
        fs::write(folder.join("flags/measured.json"), FLAGS)?;
        let mut command = Command::new(&program);
        command.args(["up", "--listen", "127.0.0.1:0"]).current_dir(&folder);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().context("cannot start the server")?;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { program, process, folder, address, key: String::new() };
        let file = server.folder.join(".towpath/server.json");
        let deadline = Instant::now() + PATIENCE;
        server.address = loop {
            let running: Option<Value> = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
            let url =
                running.and_then(|running| Some(running.get("url")?.as_str()?.strip_prefix("http://")?.to_owned()));
            match url {
                Some(address) => break address.parse()?,
                None if Instant::now() > deadline => bail!("the server does not come up"),
                None => sleep(Duration::from_millis(20)),
            }
        };
        let made = server.run(&["flags", "keys", "create", "development", "page", "--kind", "client", "-o", "json"])?;
        let made: Value = serde_json::from_str(&made)?;
        made.get("key").and_then(Value::as_str).context("no key was made")?.clone_into(&mut server.key);
        Ok(server)
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        process::stdout_of(Command::new(&self.program).current_dir(&self.folder).args(arguments))
    }

    fn resident_bytes(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib * 1024.0)
    }

    /// Connects everybody and waits until each was greeted.
    fn listeners(&self) -> Result<Vec<TcpStream>> {
        let request =
            format!("GET /ofrep/v1/events HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\n\r\n", self.address, self.key);
        let mut listeners = Vec::new();
        for _ in 0..LISTENERS {
            let mut stream = TcpStream::connect(self.address)?;
            stream.write_all(request.as_bytes())?;
            listeners.push(stream);
        }
        for stream in &mut listeners {
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut text = Vec::new();
            let mut chunk = [0; 1024];
            while !text.windows(4).any(|bytes| bytes == b"\nid:") {
                let read = stream.read(&mut chunk)?;
                if read == 0 {
                    bail!("a listener was refused: {}", String::from_utf8_lossy(&text));
                }
                text.extend_from_slice(chunk.get(..read).unwrap_or_default());
            }
            stream.set_nonblocking(true)?;
        }
        Ok(listeners)
    }

    /// Changes the flag and returns when each listener heard of it, in milliseconds.
    fn change(&self, round: usize, listeners: &mut [TcpStream]) -> Result<Vec<f64>> {
        let variant = if round.is_multiple_of(2) { "on" } else { "off" };
        let began = Instant::now();
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).args(["flags", "default", "development", "measured", variant]);
        let mut command = command.stdout(Stdio::null()).spawn()?;
        let mut waiting: Vec<&mut TcpStream> = listeners.iter_mut().collect();
        let mut heard = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            if began.elapsed() > PATIENCE {
                bail!("{} listeners did not hear of a change", waiting.len());
            }
            let mut still = Vec::with_capacity(waiting.len());
            for stream in waiting {
                if has_message(stream)? {
                    heard.push(began.elapsed().as_secs_f64() * 1000.0);
                } else {
                    still.push(stream);
                }
            }
            waiting = still;
            sleep(Duration::from_millis(1));
        }
        command.wait()?;
        Ok(heard)
    }
}

/// Reads what is there, which is a heartbeat or a whole message.
fn has_message(stream: &mut TcpStream) -> Result<bool> {
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk) {
        Ok(0) => bail!("a listener was hung up on"),
        Ok(read) => Ok(chunk.get(..read).unwrap_or_default().windows(17).any(|text| text == b"refetchEvaluation")),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.run(&["--quiet", "down"]);
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
