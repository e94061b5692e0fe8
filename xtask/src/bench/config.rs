//! Measures configuration: whole processes of `towpath env validate --all`, and resolving beside figment and config-rs.
//!
//! The files of the whole processes come from the example `config_speed`; the peers are in `benches/peers`, a workspace of its own,
//! which only this measurement builds.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use super::{Figures, Taken, build_example, figures};
use crate::process;
use crate::workspace::Workspace;

const PEERS: &str = "benches/peers/Cargo.toml";

/// What is started, with how it is called and how often.
struct Started<'a> {
    figure: &'a str,
    command: Command,
}

/// Measures.
pub(super) fn measure(workspace: &Workspace) -> Result<Taken> {
    let example = build_example(workspace, "towpath-core", "config_speed")?.context("there is no `config_speed`")?;
    process::run(workspace.cargo().args(["build", "--release", "--quiet", "--package", "towpath"]))?;
    let target = workspace.target()?;
    let program = target.join("release/towpath");
    let folder = std::env::temp_dir().join(format!("towpath-config-{}", std::process::id()));
    let taken = processes(workspace, &example, &program, &folder);
    // What cannot be removed from the temporary folder is removed with it.
    let _ = std::fs::remove_dir_all(&folder);
    let mut all = taken?;
    all.extend(read(&process::stdout_of(&mut workspace.command(&example))?)?);
    all.extend(peers(workspace, &target.join("peers"))?);
    let notes = vec![
        "`usual_ms`, `large_ms`, `full_ms`: from start to exit of the process, medians of rounds in turn; `empty_ms` is `true`, \
         `version_ms` the same program with `--version`"
            .into(),
        "usual: 4 environments, 150 variables (a fifth with a pattern), 3 services. large: 20,000 keys and four environments that change 200 \
         each. full: five files that say all 20,000 keys"
            .into(),
        "`one`: 20,000 keys under 7,500 of one environment, every file read once. `all`: five environments over one base, which everybody reads \
         once. `small`: 150 keys, four environments. `json`: `one` as JSON. Processor time, ratios within rounds, results equal key by key; \
         Towpath also checks types, replaces references and keeps every contributor of every key. `_merge_`: against Towpath only up \
         to the merged tree, contributors kept, which is what the others do. `_mb`: peak of resident memory over an empty run"
            .into(),
    ];
    Ok(Taken::Figures { figures: all, notes })
}

/// Starts each in turn, many times, and takes the medians.
fn processes(workspace: &Workspace, example: &str, program: &Path, folder: &Path) -> Result<Figures> {
    let mut started = vec![
        Started { figure: "empty_ms", command: Command::new("true") },
        Started { figure: "version_ms", command: Command::new(program) },
    ];
    if let Some(version) = started.last_mut() {
        version.command.arg("--version");
    }
    for (shape, figure) in [("usual", "usual_ms"), ("large", "large_ms"), ("full", "full_ms")] {
        let project = folder.join(shape);
        process::run(workspace.command(example).args(["write", shape]).arg(&project))?;
        let mut command = Command::new(program);
        command.args(["env", "validate", "--all"]).current_dir(&project);
        started.push(Started { figure, command });
    }
    let mut times: Vec<Vec<f64>> = started.iter().map(|_| Vec::new()).collect();
    for _ in 0..25 {
        for (one, times) in started.iter_mut().zip(&mut times) {
            let start = Instant::now();
            let status = one.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            times.push(start.elapsed().as_secs_f64() * 1000.0);
            if !status.success() {
                bail!("the run for `{}` ended with {status}", one.figure);
            }
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(0.0)
    };
    Ok(started.iter().zip(times).map(|(one, times)| (one.figure.to_owned(), median(times))).collect())
}

/// Builds and runs the peers.
fn peers(workspace: &Workspace, target: &Path) -> Result<Figures> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--quiet", "--locked", "--manifest-path", PEERS]).env("CARGO_TARGET_DIR", target);
    process::run(&mut build)?;
    let printed = process::stdout_of(&mut workspace.command(&target.join("release/towpath-peers").to_string_lossy()))?;
    print!(
        "{}",
        printed.lines().filter(|line| !line.starts_with('{')).map(|line| format!("  {line}\n")).collect::<String>()
    );
    read(&printed)
}

fn read(printed: &str) -> Result<Figures> {
    figures(printed).context("it printed no line of figures")
}
