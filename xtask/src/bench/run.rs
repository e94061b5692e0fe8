//! Measures what `towpath run` adds to the start of a program: the same program with and without it, in turns; without secrets and
//! with secrets of an encrypted file.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::{Figures, Taken, build_example};
use crate::process;
use crate::workspace::Workspace;

const ENVIRONMENTS: [&str; 4] = ["development", "testing", "staging", "production"];
const VARIABLES: usize = 150;
const SECRETS: usize = 30;
const ROUNDS: usize = 200;

/// Measures; the median of each is taken, because a busy machine only ever makes single starts slower.
pub(super) fn measure(workspace: &Workspace) -> Result<Taken> {
    process::run(workspace.cargo().args(["build", "--release", "--quiet", "--package", "towpath"]))?;
    let program = workspace.target()?.join("release/towpath");
    let writer = build_example(workspace, "towpath-secrets", "sops_speed")?.context("there is no `sops_speed`")?;
    let folder = std::env::temp_dir().join(format!("towpath-bench-run-{}", std::process::id()));
    let (plain, secret) = (folder.join("plain"), folder.join("secret"));
    let encrypt = || {
        process::run(workspace.command(&writer).arg("write").arg(&secret).arg(SECRETS.to_string()))?;
        shows_secrets(&program, &secret)
    };
    let written = write(&plain, 0).and_then(|()| write(&secret, SECRETS)).and_then(|()| encrypt());
    let figures = written.and_then(|()| rounds(&program, &plain, &secret));
    // What cannot be removed from the temporary folder is removed with it.
    let _ = fs::remove_dir_all(&folder);
    let notes = vec![format!(
        "`true`, the median of {ROUNDS} starts in turns, with and without `towpath run production --`; `with_secrets`: {SECRETS} secrets more, of a file \
         encrypted for an age identity, whose unwrapping is in it (`age_unwrap_ms` in Secrets)"
    )];
    Ok(Taken::Figures { figures: figures?, notes })
}

/// Writes a project, with as many variables that are secret besides.
fn write(folder: &Path, secrets: usize) -> Result<()> {
    fs::create_dir_all(folder.join("environments"))?;
    let declared: String = (0..VARIABLES).map(|n| format!("  NAME_{n}: {{default: value-{n}}}\n")).collect();
    let hidden: String = (0..secrets).map(|n| format!("  SECRET_{n}: {{secret: true}}\n")).collect();
    let pipeline = ENVIRONMENTS.join(", ");
    let project = format!("project: measured\nservices: {{web: {{command: [serve]}}}}\nvariables:\n{declared}{hidden}");
    fs::write(folder.join("towpath.yaml"), format!("{project}pipeline: [{pipeline}]\n"))?;
    for name in ENVIRONMENTS {
        let set: String =
            (0..VARIABLES / 3).map(|n| format!("  NAME_{n}: \"{name} ${{NAME_{}}}\"\n", n + VARIABLES / 2)).collect();
        fs::write(folder.join(format!("environments/{name}.yaml")), format!("variables:\n{set}"))?;
    }
    Ok(())
}

/// Makes sure that the measured command has what it is measured with.
fn shows_secrets(program: &Path, folder: &Path) -> Result<()> {
    let shown = process::stdout_of(&mut start(program, folder, "env"))?;
    let secrets = shown.lines().filter(|line| line.starts_with("SECRET_")).count();
    let variables = shown.lines().filter(|line| line.starts_with("NAME_")).count();
    ensure!((variables, secrets) == (VARIABLES, SECRETS), "it has {variables} variables and {secrets} secrets");
    Ok(())
}

fn start(program: &Path, folder: &Path, command: &str) -> Command {
    let mut start = Command::new(program);
    start.args(["run", "production", "--", command]).current_dir(folder);
    start.env("SOPS_AGE_KEY_FILE", folder.join("key.txt"));
    start
}

fn rounds(program: &Path, plain: &Path, secret: &Path) -> Result<Figures> {
    let (mut without, mut with, mut with_secrets) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(started(&mut Command::new("true"))?);
        with.push(started(&mut start(program, plain, "true"))?);
        with_secrets.push(started(&mut start(program, secret, "true"))?);
    }
    let (with, with_secrets, without) = (median(with)?, median(with_secrets)?, median(without)?);
    Ok(Figures::from([
        ("run_overhead_ms".into(), with - without),
        ("with_secrets_overhead_ms".into(), with_secrets - without),
        ("plain_ms".into(), without),
    ]))
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
