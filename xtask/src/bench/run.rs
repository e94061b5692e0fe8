//! Measures what `towpath run` adds to the start of a program: the same program with and without it, in turns.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::{Figures, Taken};
use crate::process;
use crate::workspace::Workspace;

const ENVIRONMENTS: [&str; 4] = ["development", "testing", "staging", "production"];
const VARIABLES: usize = 150;
const ROUNDS: usize = 200;

/// Measures; the median of each is taken, because a busy machine only ever makes single starts slower.
pub(super) fn measure(workspace: &Workspace) -> Result<Taken> {
    process::run(workspace.cargo().args(["build", "--release", "--quiet", "--package", "towpath"]))?;
    let program = workspace.target()?.join("release/towpath");
    let folder = std::env::temp_dir().join(format!("towpath-bench-run-{}", std::process::id()));
    let figures = write(&folder).and_then(|()| rounds(&program, &folder));
    // What cannot be removed from the temporary folder is removed with it.
    let _ = fs::remove_dir_all(&folder);
    let notes =
        vec![format!("`true`, the median of {ROUNDS} starts in turns, with and without `towpath run production --`")];
    Ok(Taken::Figures { figures: figures?, notes })
}

fn write(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("environments"))?;
    let declared: String = (0..VARIABLES).map(|n| format!("  NAME_{n}: {{default: value-{n}}}\n")).collect();
    let pipeline = ENVIRONMENTS.join(", ");
    let project = format!("project: measured\nservices: {{web: {{command: [serve]}}}}\nvariables:\n{declared}");
    fs::write(folder.join("towpath.yaml"), format!("{project}pipeline: [{pipeline}]\n"))?;
    for name in ENVIRONMENTS {
        let set: String =
            (0..VARIABLES / 3).map(|n| format!("  NAME_{n}: \"{name} ${{NAME_{}}}\"\n", n + VARIABLES / 2)).collect();
        fs::write(folder.join(format!("environments/{name}.yaml")), format!("variables:\n{set}"))?;
    }
    Ok(())
}

fn rounds(program: &Path, folder: &Path) -> Result<Figures> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(started(&mut Command::new("true"))?);
        with.push(started(Command::new(program).args(["run", "production", "--", "true"]).current_dir(folder))?);
    }
    let (with, without) = (median(with)?, median(without)?);
    Ok(Figures::from([("run_overhead_ms".into(), with - without), ("plain_ms".into(), without)]))
}

fn started(command: &mut Command) -> Result<Duration> {
    let started = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(started.elapsed())
}

fn median(mut times: Vec<Duration>) -> Result<f64> {
    times.sort_unstable();
    let time = times.get(times.len() / 2).context("nothing was measured")?;
    Ok(time.as_secs_f64() * 1000.0)
}
