//! Two texts as one, with the signs git puts around what differs.

/// The most pairs of lines that are compared; beyond, all that differs is shown in one.
const MAX_PAIRS: usize = 16_000_000;

/// Says whether a text has conflicts of git in it.
pub fn has_markers(text: &str) -> bool {
    // `=======` alone may be text; the others are hardly ever.
    let has = |marker: &str| text.lines().any(|line| line.starts_with(marker));
    has("<<<<<<<") && has(">>>>>>>")
}

/// Returns the text that is in both, and what differs between markers; `None` where nothing does. What `quiet` says of both
/// parts of a difference is taken as ours has it.
pub(super) fn marked(ours: &str, theirs: &str, names: (&str, &str), quiet: &dyn Fn(&[&str]) -> bool) -> Option<String> {
    let a: Vec<&str> = ours.split_inclusive('\n').collect();
    let b: Vec<&str> = theirs.split_inclusive('\n').collect();
    let mut out = String::with_capacity(ours.len() + theirs.len());
    let mut differs = false;
    for Part { a: ours, b: theirs, same } in parts(&a, &b) {
        if same || (quiet(ours) && quiet(theirs)) {
            out.extend(ours.iter().copied());
            continue;
        }
        differs = true;
        for (marker, lines) in [(format!("<<<<<<< {}\n", names.0), ours), ("=======\n".to_owned(), theirs)] {
            end_line(&mut out);
            out.push_str(&marker);
            out.extend(lines.iter().copied());
        }
        end_line(&mut out);
        out.extend([">>>>>>> ", names.1, "\n"]);
    }
    differs.then_some(out)
}

fn end_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// A part of two sequences, in both or different.
struct Part<'l, T> {
    a: &'l [T],
    b: &'l [T],
    same: bool,
}

fn parts<'l, 'x>(a: &'l [&'x str], b: &'l [&'x str]) -> Vec<Part<'l, &'x str>> {
    let mut parts = Vec::new();
    let (mut i, mut j) = (0, 0);
    for (x, y) in matches(a.len(), b.len(), |x, y| a.get(x) == b.get(y)).into_iter().chain([(a.len(), b.len())]) {
        if x > i || y > j {
            parts.push(Part { a: a.get(i..x).unwrap_or_default(), b: b.get(j..y).unwrap_or_default(), same: false });
        }
        if let (Some(one), Some(other)) = (a.get(x..=x), b.get(y..=y)) {
            parts.push(Part { a: one, b: other, same: true });
        }
        (i, j) = (x + 1, y + 1);
    }
    parts
}

/// Returns a longest common subsequence as pairs of places, in order.
pub(super) fn matches(a: usize, b: usize, same: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    let start = (0..a.min(b)).take_while(|at| same(*at, *at)).count();
    let end = (0..(a - start).min(b - start)).take_while(|at| same(a - 1 - at, b - 1 - at)).count();
    let (rows, columns) = (a - start - end, b - start - end);
    let mut found: Vec<(usize, usize)> = (0..start).map(|at| (at, at)).collect();
    if rows.saturating_mul(columns) <= MAX_PAIRS {
        found.extend(
            longest(rows, columns, |x, y| same(start + x, start + y)).into_iter().map(|(x, y)| (start + x, start + y)),
        );
    }
    found.extend((0..end).rev().map(|at| (a - 1 - at, b - 1 - at)));
    found
}

fn longest(rows: usize, columns: usize, same: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    let width = columns + 1;
    // How many match from here to the end.
    let mut table = vec![0_u32; (rows + 1) * width];
    let at = |table: &[u32], x: usize, y: usize| table.get(x * width + y).copied().unwrap_or(0);
    for x in (0..rows).rev() {
        for y in (0..columns).rev() {
            let best =
                if same(x, y) { at(&table, x + 1, y + 1) + 1 } else { at(&table, x + 1, y).max(at(&table, x, y + 1)) };
            if let Some(cell) = table.get_mut(x * width + y) {
                *cell = best;
            }
        }
    }
    let (mut x, mut y, mut found) = (0, 0, Vec::new());
    while x < rows && y < columns {
        if same(x, y) {
            found.push((x, y));
            (x, y) = (x + 1, y + 1);
        } else if at(&table, x + 1, y) >= at(&table, x, y + 1) {
            x += 1;
        } else {
            y += 1;
        }
    }
    found
}
