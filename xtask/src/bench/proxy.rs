//! Our proxy beside nginx and haproxy: same core, same upstreams, same generator, rounds interleaved.
//!
//! Ours is the example `bench_proxy` of `towpath-proxy`: `bench_proxy --upstream HOST:PORT --upstream HOST:PORT`
//! listens on a free loopback port with one worker, prints `{"listen":"127.0.0.1:PORT"}` as its first line, splits
//! evenly, and serves until it is ended. A peer that is not installed is left out and named.

pub(super) mod contender;
pub(super) mod load;

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result};

use self::contender::Contender;
use self::load::Load;
use super::{Figures, Taken, build_example};
use crate::process;
use crate::workspace::Workspace;

#[cfg(test)]
mod tests;

const ROUNDS: usize = 7;
const OURS: &str = "towpath";

/// A process that ends with the measurement.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to do.
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

/// What one round showed of one contender.
struct Sample {
    round: usize,
    name: &'static str,
    load: Load,
    cpu_us: f64,
}

/// Measures; skipped when the generator or our example is missing.
pub(super) fn measure(workspace: &Workspace) -> Result<Taken> {
    let Some(ours) = build_example(workspace, "towpath-proxy", "bench_proxy")? else {
        return Ok(Taken::Skipped("not built: `towpath-proxy` has no example `bench_proxy`".into()));
    };
    if process::find("wrk").is_none() {
        return Ok(Taken::Skipped("the generator is not installed: apt-get install -y wrk".into()));
    }
    let folder = workspace.target()?.join("bench-proxy");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let cores = Cores::of_this_machine();
    let upstreams = [upstream(&cores)?, upstream(&cores)?];
    let ports: Vec<u16> = upstreams.iter().map(|(_, port)| *port).collect();
    let (contenders, mut notes) = contenders(&ours, &folder, &ports, &cores)?;
    let mut samples = Vec::new();
    for round in 0..ROUNDS {
        for turn in 0..contenders.len() {
            // Nobody is always first: what else runs on the machine must not fall on the same one each time.
            if let Some(contender) = contenders.get((round + turn) % contenders.len()) {
                samples.push(sample(round, contender, &cores)?);
            }
        }
    }
    notes.push(format!("{ROUNDS} rounds; ratios are medians of the ratios within a round; {}", cores.describe()));
    Ok(Taken::Figures { figures: summary(&samples), notes })
}

/// Which core each part is held to.
pub(super) struct Cores {
    count: usize,
}

impl Cores {
    pub(super) const PROXY: usize = 0;

    pub(super) fn of_this_machine() -> Self {
        let known = thread::available_parallelism().map_or(1, usize::from);
        Self { count: if process::find("taskset").is_some() { known } else { 1 } }
    }

    pub(super) fn rest(&self) -> usize {
        usize::from(self.count > 1)
    }

    /// Prepares a command held to a core, where there is a choice.
    pub(super) fn command(&self, core: usize, program: &str) -> Command {
        if self.count < 2 {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string(), program]);
        command
    }

    fn describe(&self) -> &'static str {
        if self.count < 2 {
            "nothing was pinned to a core, so the generator competed with the proxies"
        } else {
            "the proxy had one core, generator and upstreams another"
        }
    }
}

fn upstream(cores: &Cores) -> Result<(Running, u16)> {
    let ourselves = env::current_exe().context("cannot find this program")?;
    let mut command = cores.command(cores.rest(), &ourselves.to_string_lossy());
    let (running, line) = start_and_read_line(command.arg("bench-upstream"))?;
    let port = line.trim().parse().with_context(|| format!("the upstream printed `{line}` for a port"))?;
    Ok((running, port))
}

fn start_and_read_line(command: &mut Command) -> Result<(Running, String)> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut running = Running(child.context("cannot start a process of the measurement")?);
    let output = running.0.stdout.take().context("the process has no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).context("cannot read what the process printed")?;
    Ok((running, line))
}

fn contenders(ours: &str, folder: &Path, upstreams: &[u16], cores: &Cores) -> Result<(Vec<Contender>, Vec<String>)> {
    let mut contenders = vec![contender::ours(ours, upstreams, cores)?];
    let mut notes = Vec::new();
    for peer in contender::PEERS {
        match process::find(peer.program) {
            Some(program) => contenders.push(peer.start(&program, folder, upstreams, free_port()?, cores)?),
            None => notes.push(format!("{} is not installed: apt-get install -y {}", peer.program, peer.package)),
        }
    }
    Ok((contenders, notes))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot find a free port")?;
    Ok(listener.local_addr().context("cannot read the port")?.port())
}

fn sample(round: usize, contender: &Contender, cores: &Cores) -> Result<Sample> {
    let before = contender.cpu_seconds()?;
    let load = load::run(cores.command(cores.rest(), "wrk"), contender.port)
        .with_context(|| format!("under `{}`", contender.name))?;
    let used = contender.cpu_seconds()? - before;
    Ok(Sample { round, name: contender.name, cpu_us: used * 1e6 / load.requests.max(1.0), load })
}

/// Medians per contender, and of the ratios within each round.
fn summary(samples: &[Sample]) -> Figures {
    let mut figures = Figures::new();
    let names: std::collections::BTreeSet<&str> = samples.iter().map(|sample| sample.name).collect();
    for name in names {
        let of = |value: fn(&Sample) -> f64| {
            median(samples.iter().filter(|sample| sample.name == name).map(value).collect())
        };
        figures.insert(format!("{name}_requests_per_s"), of(|sample| sample.load.per_second));
        figures.insert(format!("{name}_p99_ms"), of(|sample| sample.load.p99_ms));
        figures.insert(format!("{name}_cpu_us_per_request"), of(|sample| sample.cpu_us));
        figures
            .insert(format!("{name}_failed"), samples.iter().filter(|s| s.name == name).map(|s| s.load.failed).sum());
        if name != OURS {
            figures.insert(format!("vs_{name}"), median(ratios(samples, name)));
        }
    }
    figures
}

fn ratios(samples: &[Sample], peer: &str) -> Vec<f64> {
    let speed = |round: usize, name: &str| {
        samples.iter().find(|sample| sample.round == round && sample.name == name).map(|sample| sample.load.per_second)
    };
    (0..ROUNDS).filter_map(|round| Some(speed(round, OURS)? / speed(round, peer)?)).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or(f64::NAN);
    if values.len() % 2 == 1 {
        upper
    } else {
        f64::midpoint(upper, values.get(middle.wrapping_sub(1)).copied().unwrap_or(upper))
    }
}
