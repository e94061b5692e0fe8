//! `cargo xtask test`: the list of what CI checks, run in order, with a table of times at the end.
//!
//! The checks themselves are elsewhere (cargo, `tidy`, `codegen`, `docs`); this only strings them together.

use std::env;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use crate::{codegen, docs, needs, process, tidy};

#[cfg(test)]
mod tests;

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Runs these steps only (may be repeated).
    #[arg(long, value_name = "STEP", value_parser = names())]
    only: Vec<String>,
    /// Goes on after a failed step, to see every failure in one run.
    #[arg(long)]
    keep_going: bool,
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Workspace) -> Result<Outcome>,
}

/// In the order that fails fastest; clippy comes before the tests because it is half their price.
const STEPS: &[Step] = &[
    Step {
        name: "needs",
        what: "the programs the other steps call",
        run: |_| needs::provide(needs::FOR_TESTS).map(passed),
    },
    Step { name: "fmt", what: "the code is formatted", run: fmt },
    Step { name: "tidy", what: "the house rules hold", run: |workspace| tidy::run(workspace).map(passed) },
    Step { name: "clippy", what: "no lint warns", run: clippy },
    Step { name: "nextest", what: "every test passes", run: nextest },
    Step { name: "doctest", what: "every example in the code runs", run: doctest },
    Step {
        name: "codegen",
        what: "no generated file is stale",
        run: |workspace| codegen::check(workspace).map(passed),
    },
    Step {
        name: "docs",
        what: "the guide's links resolve and it renders",
        run: |workspace| docs::run(workspace).map(passed),
    },
    Step { name: "deny", what: "licences, bans and sources are as allowed", run: deny },
];

fn names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(STEPS.iter().map(|step| step.name))
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// Could not be checked here; what was printed says why.
    Skipped,
    Failed,
    /// An earlier step failed.
    NotRun,
}

fn passed(_done: ()) -> Outcome {
    Outcome::Passed
}

struct Line {
    name: &'static str,
    what: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs the chosen steps; `Err` names those that failed.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let chosen =
        STEPS.iter().filter(|step| options.only.is_empty() || options.only.iter().any(|name| name == step.name));
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for step in chosen {
        let skip = !failed.is_empty() && !options.keep_going;
        let line = if skip { not_run(step) } else { timed(workspace, step) };
        if line.outcome == Outcome::Failed {
            failed.push(step.name);
        }
        lines.push(line);
    }
    println!("\n{}", table(&lines));
    let passed = lines.iter().filter(|line| line.outcome == Outcome::Passed).count();
    println!("steps: {passed} passed, {} failed", failed.len());
    if failed.is_empty() {
        return Ok(());
    }
    let again = failed.iter().map(|name| format!(" --only {name}")).collect::<String>();
    bail!("failed: {}; run it alone with `cargo xtask test{again}`", failed.join(", "))
}

fn not_run(step: &Step) -> Line {
    Line { name: step.name, what: step.what, outcome: Outcome::NotRun, took: Duration::ZERO }
}

fn timed(workspace: &Workspace, step: &Step) -> Line {
    println!("\n=== {}: {}", step.name, step.what);
    let start = Instant::now();
    let result = (step.run)(workspace);
    let took = start.elapsed();
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("=== {} FAILED: {error:#}", step.name);
            Outcome::Failed
        }
    };
    Line { name: step.name, what: step.what, outcome, took }
}

fn table(lines: &[Line]) -> String {
    let mut text = format!("{:<9} {:<7} {:>8}  checks that\n", "step", "result", "seconds");
    for line in lines {
        let outcome = match line.outcome {
            Outcome::Passed => "ok",
            Outcome::Skipped => "skipped",
            Outcome::Failed => "FAILED",
            Outcome::NotRun => "not run",
        };
        text += &format!("{:<9} {:<7} {:>8.1}  {}\n", line.name, outcome, line.took.as_secs_f64(), line.what);
    }
    let total: Duration = lines.iter().map(|line| line.took).sum();
    text + &format!("{:<9} {:<7} {:>8.1}", "total", "", total.as_secs_f64())
}

fn fmt(workspace: &Workspace) -> Result<Outcome> {
    process::run(workspace.cargo().args(["fmt", "--all", "--check"])).map(passed)
}

fn clippy(workspace: &Workspace) -> Result<Outcome> {
    process::run(workspace.cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
        .map(passed)
}

fn nextest(workspace: &Workspace) -> Result<Outcome> {
    let profile = if env::var_os("CI").is_some() { "ci" } else { "default" };
    process::run(workspace.cargo().args(["nextest", "run", "--workspace", "--locked", "--profile", profile]))
        .map(passed)
}

fn doctest(workspace: &Workspace) -> Result<Outcome> {
    process::run(workspace.cargo().args(["test", "--doc", "--workspace", "--locked", "--quiet"])).map(passed)
}

/// Advisories are left out: they need a fresh copy of a git repository, and a test must not depend on the day it runs.
/// Where `cargo deny` cannot be had, tidy still checks licences and sources.
fn deny(workspace: &Workspace) -> Result<Outcome> {
    if let Err(error) = needs::provide(&[needs::DENY]) {
        println!("skipped: {error:#}\n`cargo xtask tidy` has checked licences and sources; bans are not checked");
        return Ok(Outcome::Skipped);
    }
    process::run(workspace.cargo().args(["deny", "--locked", "check", "licenses", "bans", "sources"])).map(passed)
}
