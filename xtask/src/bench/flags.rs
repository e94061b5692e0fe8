//! Measures evaluating flags, beside closures written by hand, `datalogic-rs` and `unleash-yggdrasil`.
//!
//! The program is in `benches/peers`, a workspace of its own, which only measurements build.

use anyhow::{Context as _, Result};

use super::{Taken, figures};
use crate::process;
use crate::workspace::Workspace;

const PEERS: &str = "benches/peers/Cargo.toml";

/// Measures.
pub(super) fn measure(workspace: &Workspace) -> Result<Taken> {
    let target = workspace.target()?.join("peers");
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--quiet", "--locked", "--manifest-path", PEERS, "--bin", "flags"]);
    process::run(build.env("CARGO_TARGET_DIR", &target))?;
    let printed = process::stdout_of(&mut workspace.command(&target.join("release/flags").to_string_lossy()))?;
    for line in printed.lines().filter(|line| !line.starts_with('{')) {
        println!("  {line}");
    }
    let notes = vec![
        "two `in`, a version above another, a quarter of the users; 1,024 contexts that come as far as the quarter, read beforehand by each in \
         its own form; one thread, its processor time, the least of rounds in turns. `times_by_hand`: against closures over places in a \
         list, written for this rule. `context_ns`: reading the JSON of such a context"
            .into(),
        "`load_10000_ms`: 10,000 flags with such a rule, from JSON text to what evaluates. `bytes_per_flag`: resident memory of 50,000 of them"
            .into(),
    ];
    Ok(Taken::Figures { figures: figures(&printed).context("it printed no line of figures")?, notes })
}
