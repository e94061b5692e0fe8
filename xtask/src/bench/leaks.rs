//! Measures `towpath secrets validate` over a project of 10,000 files, as a process from start to exit.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use super::{Figures, Taken};
use crate::process;
use crate::workspace::Workspace;

const FILES: usize = 10_000;
const ROUNDS: usize = 5;

/// Measures; the median is taken, because a busy machine only ever makes single runs slower.
pub(super) fn measure(workspace: &Workspace) -> Result<Taken> {
    process::run(workspace.cargo().args(["build", "--release", "--quiet", "--package", "towpath"]))?;
    let program = workspace.target()?.join("release/towpath");
    let folder = std::env::temp_dir().join(format!("towpath-bench-leaks-{}", std::process::id()));
    let figures = write(workspace, &folder).and_then(|bytes| rounds(&program, &folder, bytes));
    // What cannot be removed from the temporary folder is removed with it.
    let _ = fs::remove_dir_all(&folder);
    let notes = vec![format!("{FILES} files made of this repository's own sources; the median of {ROUNDS} runs")];
    Ok(Taken::Figures { figures: figures?, notes })
}

fn is_source(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "rs" || extension == "md")
}

/// Writes the project, its files copies of real sources, and returns how many bytes they have.
fn write(workspace: &Workspace, folder: &Path) -> Result<u64> {
    fs::create_dir_all(folder.join("environments"))?;
    fs::write(
        folder.join("towpath.yaml"),
        "project: measured\nservices: {web: {command: [serve]}}\nvariables: {KEY: {secret: true}}\npipeline: [production]\n",
    )?;
    fs::write(folder.join("environments/production.yaml"), "{}\n")?;
    let sources = process::stdout_of(Command::new("git").arg("ls-files").current_dir(workspace.root()))?;
    let sources: Vec<&str> = sources.lines().filter(|name| is_source(name)).collect();
    ensure!(!sources.is_empty(), "git lists no sources");
    let mut bytes = 0;
    for (number, source) in sources.iter().cycle().take(FILES).enumerate() {
        let text = fs::read(workspace.root().join(source))?;
        let inner = folder.join(format!("src/{}", number / 200));
        fs::create_dir_all(&inner)?;
        bytes += text.len() as u64;
        fs::write(inner.join(format!("{number}.rs")), text)?;
    }
    Ok(bytes)
}

fn rounds(program: &Path, folder: &Path, bytes: u64) -> Result<Figures> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let mut command = Command::new(program);
        command.args(["secrets", "validate", "--fail-on", "critical", "--quiet"]).current_dir(folder);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        ensure!(matches!(status.code(), Some(0 | 1)), "{command:?} ended with {status}");
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let time = times.get(times.len() / 2).context("nothing was measured")?.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let megabytes = bytes as f64 / 1e6;
    Ok(Figures::from([("leaks_ms".into(), time * 1000.0), ("leaks_mb".into(), megabytes)]))
}
