//! One run of the generator `wrk`, and reading what it prints.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

/// What the generator saw.
#[derive(Debug, PartialEq)]
pub(in crate::bench) struct Load {
    pub(in crate::bench) requests: f64,
    pub(in crate::bench) per_second: f64,
    pub(in crate::bench) p99_ms: f64,
    /// Answers that were no success, and connections that broke.
    pub(in crate::bench) failed: f64,
}

/// Loads the port with 64 connections for four seconds.
pub(super) fn run(mut wrk: Command, port: u16) -> Result<Load> {
    wrk.args(["-t1", "-c64", "-d4s", "--latency", &format!("http://127.0.0.1:{port}/")]);
    let printed = process::stdout_of(&mut wrk)?;
    parse(&printed).with_context(|| format!("cannot understand what `wrk` printed:\n{printed}"))
}

pub(in crate::bench) fn parse(printed: &str) -> Option<Load> {
    let after = |label: &str| printed.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let requests = printed.lines().find_map(|line| line.split_once(" requests in "))?.0.trim().parse().ok()?;
    let bad_answers: f64 = after("Non-2xx or 3xx responses:").map_or(Some(0.0), |count| count.parse().ok())?;
    let broken: f64 = after("Socket errors:").map_or(0.0, |errors| {
        errors.split(',').filter_map(|part| part.split_whitespace().nth(1)?.parse::<f64>().ok()).sum()
    });
    Some(Load {
        requests,
        per_second: after("Requests/sec:")?.parse().ok()?,
        p99_ms: milliseconds(after("99%")?)?,
        failed: bad_answers + broken,
    })
}

fn milliseconds(text: &str) -> Option<f64> {
    let number = |unit: &str| text.strip_suffix(unit)?.parse::<f64>().ok();
    number("us").map(|us| us / 1000.0).or_else(|| number("ms")).or_else(|| number("s").map(|s| s * 1000.0))
}
