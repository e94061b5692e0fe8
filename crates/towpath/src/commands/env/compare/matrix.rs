//! The matrix for people: differences first, by section; folded where the terminal is too narrow for all environments.

use std::{env, io, io::IsTerminal as _, ops::Range};

use towpath_core::{
    config::{Comparison, Row},
    ids::EnvironmentName,
};

use super::{Counts, missing_lines, note, short};
use crate::output::{Paint, Table};

/// How many characters of a value are shown; JSON has all.
const MOST: usize = 48;

/// Returns how many columns there are, if anybody knows: `COLUMNS`, or the terminal.
pub(super) fn width() -> Option<usize> {
    let set = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let stdout = io::stdout();
    let asked = || {
        let size = stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(&stdout).ok()).flatten()?;
        Some(usize::from(size.ws_col))
    };
    set.or_else(asked).filter(|columns| *columns > 0)
}

/// Returns the matrix and what it comes to.
pub(super) fn text(comparison: &Comparison, shown: &[&Row], width: Option<usize>, paint: Paint) -> String {
    let mut text = String::new();
    let mut rows = shown.to_vec();
    rows.sort_by_key(|row| if row.is_unexpected() { 0 } else { 1 + u8::from(row.same()) });
    if !rows.is_empty() {
        for block in blocks(comparison, &rows, width) {
            text += &table(comparison, &rows, block, paint).text(paint);
            text.push('\n');
        }
    }
    text += &format!("{}\n", Counts::of(comparison).sentence(comparison));
    for line in missing_lines(comparison, |key| paint.yellow(key)) {
        text += &format!("{line}\n");
    }
    text
}

fn table(comparison: &Comparison, rows: &[&Row], block: Range<usize>, paint: Paint) -> Table {
    let names = comparison.environments.get(block.clone()).unwrap_or_default();
    let mut head = vec!["KEY"];
    head.extend(names.iter().map(EnvironmentName::as_str));
    head.push("");
    let mut table = Table::new(&head);
    let mut before = None;
    for row in rows {
        let group = (row.is_unexpected(), row.same(), row.section());
        if before != Some(group) {
            before = Some(group);
            table.row(vec![paint.bold(row.section())]);
        }
        let key = format!("  {}", row.key);
        let key = if row.is_unexpected() { paint.yellow(&key) } else { key };
        let cell = |value: &Option<String>| value.as_ref().map_or_else(|| paint.dim("–"), |value| short(value, MOST));
        let values = row.values.get(block.clone()).unwrap_or_default().iter().map(cell);
        let note = note(row, &comparison.environments);
        let note = if row.is_unexpected() { note } else { paint.dim(&note) };
        table.row(std::iter::once(key).chain(values).chain([note]).collect());
    }
    table
}

/// Returns which environments stand beside each other: as many as fit, at least one.
fn blocks(comparison: &Comparison, rows: &[&Row], width: Option<usize>) -> Vec<Range<usize>> {
    let count = comparison.environments.len();
    let width = width.unwrap_or(usize::MAX);
    let characters = |text: &str| text.chars().count();
    let key = rows.iter().map(|row| characters(&row.key) + 2).max().unwrap_or(0);
    let note = rows.iter().map(|row| characters(&note(row, &comparison.environments))).max().unwrap_or(0);
    let column = |place: usize| {
        let name = comparison.environments.get(place).map_or(0, |name| characters(name.as_str()));
        let values = rows.iter().filter_map(|row| row.values.get(place)?.as_ref());
        values.map(|value| characters(&short(value, MOST))).max().unwrap_or(1).max(name) + 2
    };
    let mut blocks = Vec::new();
    let (mut from, mut used) = (0, key + 2 + note);
    for place in 0..count {
        let wide = column(place);
        if place > from && used + wide > width {
            blocks.push(from..place);
            (from, used) = (place, key + 2 + note);
        }
        used += wide;
    }
    blocks.push(from..count);
    blocks
}
