//! Figures as a table on the terminal and in the guide's performance page.
//!
//! The page is text by people with one marked block per measurement; only the blocks are written.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result};

use super::{Bound, Row};
use crate::process;
use crate::workspace::Workspace;

#[cfg(test)]
mod tests;

const PAGE: &str = "docs/src/performance.md";

/// Renders for the terminal.
pub(super) fn plain(rows: &[Row], notes: &[String]) -> String {
    let mut text = String::new();
    for row in rows {
        text += &format!("  {:<28} {:>12}  {:<14} {}\n", row.figure, value(row), bound(row), verdict(row));
    }
    text + &notes.iter().map(|note| format!("  note: {note}\n")).collect::<String>()
}

/// Replaces the block of one measurement in the performance page.
pub(super) fn write(workspace: &Workspace, name: &str, rows: &[Row], notes: &[String]) -> Result<()> {
    let text = workspace.read(PAGE)?;
    let today = process::stdout_of(Command::new("date").args(["-u", "+%F"]))?;
    let block = block(rows, notes, &format!("{}, {}", today.trim(), machine()));
    let text = replaced(&text, name, &block).with_context(|| {
        format!("`{PAGE}` has no block for this: add the lines `{}` and `{}`", opening(name), closing(name))
    })?;
    fs::write(workspace.path(PAGE), text).with_context(|| format!("cannot write `{PAGE}`"))?;
    println!("  wrote {PAGE}");
    Ok(())
}

fn opening(name: &str) -> String {
    format!("<!-- bench {name} -->")
}

fn closing(name: &str) -> String {
    format!("<!-- end of bench {name} -->")
}

fn replaced(text: &str, name: &str, block: &str) -> Option<String> {
    let (before, rest) = text.split_once(&opening(name))?;
    let (_, after) = rest.split_once(&closing(name))?;
    Some(format!("{before}{}\n{block}{}{after}", opening(name), closing(name)))
}

fn block(rows: &[Row], notes: &[String], when: &str) -> String {
    let mut text = format!("\n{when}.\n\n| figure | value | ceiling | |\n| --- | ---: | --- | --- |\n");
    for row in rows {
        text += &format!("| `{}` | {} | {} | {} |\n", row.figure, value(row), bound(row), verdict(row));
    }
    text.push('\n');
    if !notes.is_empty() {
        text += &notes.iter().map(|note| format!("- {note}\n")).collect::<String>();
        text.push('\n');
    }
    text
}

fn value(row: &Row) -> String {
    match row.value {
        None => "not measured".into(),
        Some(value) if value.abs() >= 1000.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.3}"),
    }
}

fn bound(row: &Row) -> String {
    match row.bound {
        None => String::new(),
        Some(Bound::AtLeast(least)) => format!("≥ {least}"),
        Some(Bound::AtMost(most)) => format!("≤ {most}"),
    }
}

fn verdict(row: &Row) -> &'static str {
    match (row.value, row.bound, row.missed) {
        (None, ..) | (_, None, _) => "",
        (Some(_), Some(_), false) => "kept",
        (Some(_), Some(_), true) => "missed",
    }
}

/// Describes the machine by its class only: cores, memory, and how busy it was.
fn machine() -> String {
    let busy = fs::read_to_string("/proc/loadavg").ok();
    let busy = busy.as_deref().and_then(|text| text.split_whitespace().next());
    let busy = busy.map(|load| format!(", load average {load}")).unwrap_or_default();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).map(str::to_owned)?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    let plural = if cores == 1 { "" } else { "s" };
    match memory {
        Some(kib) => format!("{cores} core{plural}, {} GB memory{busy}", kib.div_ceil(1024 * 1024)),
        None => format!("{cores} core{plural}{busy}"),
    }
}
