//! Measures what evaluating flags over OFREP costs the server: processor time per request, and latency at half of its load.
//!
//! The server is the program as a user runs it, held to one core; `wrk` on another core asks for all five flags of a project
//! with one of 1,024 contexts after the other. Each flag has two `in`, a version and a quarter roll-out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::proxy::{
    Cores,
    contender::ticks,
    load::{Load, parse},
};
use super::{Figures, Taken, program};
use crate::process;
use crate::workspace::Workspace;

const ROUNDS: usize = 5;
const CONNECTIONS: u32 = 32;
/// How long each connection waits between two requests where the load is to be a half.
const PAUSE_MS: f64 = 4.0;
/// How long anything may take to happen before the measurement gives up.
const PATIENCE: Duration = Duration::from_mins(1);

const PROJECT: &str = "project: measured
services:
  web: {command: [\"true\"]}
pipeline: [development]
";

/// Measures; skipped without the generator.
pub(super) fn measure(workspace: &Workspace) -> Result<Taken> {
    if process::find("wrk").is_none() {
        return Ok(Taken::Skipped("the generator is not installed: apt-get install -y wrk".into()));
    }
    let program = program(workspace)?;
    let cores = Cores::of_this_machine();
    let server = Server::start(&program, &cores)?;
    let mut full = Vec::new();
    for _ in 0..ROUNDS {
        full.push(server.load(&cores, CONNECTIONS, 0.0)?);
    }
    let per_second = median(full.iter().map(|(load, _)| load.per_second));
    let wanted = (per_second / 2.0 * PAUSE_MS / 1000.0).round().clamp(1.0, 256.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 256")]
    let connections = wanted as u32;
    let mut half = Vec::new();
    for _ in 0..ROUNDS {
        half.push(server.load(&cores, connections, PAUSE_MS)?);
    }
    let failed: f64 = full.iter().chain(&half).map(|(load, _)| load.failed).sum();
    let figures = Figures::from([
        ("cpu_us_per_request".into(), median(full.iter().map(|(_, cpu)| *cpu))),
        ("requests_per_s".into(), per_second),
        ("p99_ms".into(), median(full.iter().map(|(load, _)| load.p99_ms))),
        ("half_load_requests_per_s".into(), median(half.iter().map(|(load, _)| load.per_second))),
        ("half_load_p99_ms".into(), median(half.iter().map(|(load, _)| load.p99_ms))),
        ("failed".into(), failed),
        ("resident_mb".into(), server.resident_mb()?),
    ]);
    let notes = vec![format!(
        "medians of {ROUNDS} rounds of 4 s; {CONNECTIONS} connections, at half load {connections} that pause {PAUSE_MS} ms; \
         unleash-edge 19.15.1 (flags of the same kind, one worker) took 54 us per request where this was first measured"
    )];
    Ok(Taken::Figures { figures, notes })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Five flags whose rules every context passes as far as the roll-out.
fn flags() -> Value {
    let flag = |number: usize| {
        let rule = json!({ "if": [
            { "and": [
                { "in": [{ "var": "country" }, ["DE", "AT", "CH"]] },
                { "in": [{ "var": "plan" }, ["premium", "team"]] },
                { "sem_ver": [{ "var": "version" }, ">", "1.2.3"] },
            ] },
            { "fractional": [["on", 25], ["off", 75]] },
            "off",
        ] });
        let flag = json!({ "state": "ENABLED", "variants": { "on": true, "off": false }, "defaultVariant": "off", "targeting": rule });
        (format!("measured-{number}"), flag)
    };
    json!({ "flags": (0..5).map(flag).collect::<serde_json::Map<_, _>>() })
}

/// Writes what the generator sends.
fn script(folder: &Path, key: &str, pause_ms: f64) -> Result<PathBuf> {
    let path = folder.join(format!("load-{pause_ms}.lua"));
    let text = format!(
        r#"wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
local requests, at = {{}}, 0
function init(args)
  for user = 1, 1024 do
    local body = string.format('{{"context":{{"targetingKey":"user-%d","email":"user-%d@example.org","country":"DE","plan":"premium","version":"1.4.%d","session":"s-%d"}}}}', user, user, user % 10, user)
    requests[user] = wrk.format(nil, "/ofrep/v1/evaluate/flags", nil, body)
  end
end
function request()
  at = at % 1024 + 1
  return requests[at]
end
"#
    );
    let pause = if pause_ms > 0.0 { format!("function delay()\n  return {pause_ms}\nend\n") } else { String::new() };
    fs::write(&path, text + &pause).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(path)
}

/// A server that ends with the measurement.
struct Server {
    process: Child,
    folder: PathBuf,
    address: String,
    key: String,
}

impl Server {
    fn start(program: &Path, cores: &Cores) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("towpath-bench-ofrep-{}", std::process::id()));
        for path in ["environments", "flags"] {
            fs::create_dir_all(folder.join(path))?;
        }
        fs::write(folder.join("towpath.yaml"), PROJECT)?;
        fs::write(folder.join("environments/development.yaml"), "tier: development\n")?;
        fs::write(folder.join("flags/measured.json"), flags().to_string())?;
        let mut command = cores.command(Cores::PROXY, &program.to_string_lossy());
        command.args(["up", "--listen", "127.0.0.1:0"]).current_dir(&folder);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().context("cannot start the server")?;
        let mut server = Self { process, folder, address: String::new(), key: String::new() };
        let file = server.folder.join(".towpath/server.json");
        let running = until("the server is up", || {
            serde_json::from_slice::<Value>(&fs::read(&file).ok()?).ok()?.get("url")?.as_str().map(str::to_owned)
        })?;
        server.address = running;
        let mut make = std::process::Command::new(program);
        make.current_dir(&server.folder).args(["flags", "keys", "create", "development", "bench", "--quiet"]);
        process::stdout_of(&mut make)?.trim().clone_into(&mut server.key);
        Ok(server)
    }

    /// Loads the server for some seconds; returns what the generator saw and the processor time per request in microseconds.
    fn load(&self, cores: &Cores, connections: u32, pause_ms: f64) -> Result<(Load, f64)> {
        let script = script(&self.folder, &self.key, pause_ms)?;
        let mut wrk = cores.command(cores.rest(), "wrk");
        wrk.args(["-t1", &format!("-c{connections}"), "-d4s", "--latency", "-s"]).arg(script).arg(&self.address);
        let before = self.cpu_seconds()?;
        let printed = process::stdout_of(&mut wrk)?;
        let used = self.cpu_seconds()? - before;
        let load = parse(&printed).with_context(|| format!("cannot understand what `wrk` printed:\n{printed}"))?;
        let each = used * 1e6 / load.requests.max(1.0);
        Ok((load, each))
    }

    fn cpu_seconds(&self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).context("the server has ended")?;
        ticks(&text).map(|ticks| ticks / 100.0).context("cannot understand what the system says of the server")
    }

    fn resident_mb(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // What cannot be removed from the temporary folder is removed with it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("it did not happen within {} s that {what}", PATIENCE.as_secs());
        }
        sleep(Duration::from_millis(5));
    }
}
