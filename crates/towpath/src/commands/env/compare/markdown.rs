//! The matrix as a table of GitHub's and GitLab's Markdown.

use towpath_core::{
    config::{Comparison, Row},
    ids::EnvironmentName,
};

use super::{Counts, missing_lines, note, short};

/// How many characters of a value are shown.
const MOST: usize = 80;

/// Returns a heading, the table and what it comes to.
pub(super) fn text(comparison: &Comparison, shown: &[&Row]) -> String {
    let names: Vec<&str> = comparison.environments.iter().map(EnvironmentName::as_str).collect();
    let mut text = format!("### {}\n\n{}\n", names.join(" · "), Counts::of(comparison).sentence(comparison));
    for line in missing_lines(comparison, code) {
        text += &format!("\n{line}\n");
    }
    if shown.is_empty() {
        return text;
    }
    text += &format!("\n| key | {} | |\n|{}\n", names.join(" | "), " --- |".repeat(names.len() + 2));
    let mut rows = shown.to_vec();
    rows.sort_by_key(|row| if row.is_unexpected() { 0 } else { 1 + u8::from(row.same()) });
    for row in rows {
        let cell = |value: &Option<String>| value.as_ref().map_or_else(|| "–".to_owned(), |value| code(value));
        let cells: Vec<String> = row.values.iter().map(cell).collect();
        let note = plain(&note(row, &comparison.environments));
        let note = if row.is_unexpected() { format!("**{note}**") } else { note };
        text += &format!("| {} | {} | {note} |\n", code(&row.key), cells.join(" | "));
    }
    text
}

/// Returns a text that stays as it is between backticks, also in a cell.
fn code(value: &str) -> String {
    let value = short(value, MOST).replace('|', "\\|");
    let longest = value.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A blank keeps a backtick at the edge from the fence, and is taken away again.
    let blank = if value.starts_with('`') || value.ends_with('`') { " " } else { "" };
    format!("{fence}{blank}{value}{blank}{fence}")
}

fn plain(text: &str) -> String {
    let mut out = String::new();
    if text.is_empty() {
        return out;
    }
    for c in short(text, MOST).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}
