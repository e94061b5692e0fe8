//! Setting and removing values of YAML.

use zeroize::Zeroizing;

use super::{line_start, write};
use crate::sops::{
    SopsError, Value,
    json::{Members, set_member, unset_member},
    layout::Patch,
    path::{Path, Step},
    tree::{Block, Leaf, Node, Setting, Tree},
};

/// How far what is inside a block stands from it.
const INDENT: usize = 4;
const FLOW: Setting = Setting { flow: true, column: 0, last: false };

/// Sets a value in the first document that has it, else in the first.
pub(super) fn set(text: &[u8], tree: &Tree, path: &Path, value: &Value) -> Result<Patch, SopsError> {
    let wrong = |what| SopsError::Path { path: path.to_string(), what };
    let has = |root: &Block| find(root, path).is_some();
    let document = tree.documents.iter().find(|document| has(&document.root)).or(tree.documents.first());
    let root = document.map(|document| &document.root).ok_or_else(|| wrong("the file is empty"))?;
    if path.steps.is_empty() || path.root().is_none_or(|root| root == super::KEY) {
        return Err(wrong("a path begins with a key, which is not `sops`"));
    }
    let mut members = Members::Map(root);
    for (at, step) in path.steps.iter().enumerate() {
        let rest = path.steps.get(at + 1..).unwrap_or_default();
        let Some(node) = members.get(step) else {
            if members.block().flow {
                return set_member(text, &members, step, rest, &write::scalar(value, FLOW), path);
            }
            return add(text, &members, step, rest, value, path);
        };
        match (Members::of(node), node) {
            (Some(inner), _) if !rest.is_empty() => members = inner,
            (_, Node::Leaf(leaf)) if rest.is_empty() => return Ok(replaced(text, leaf, value)),
            (_, Node::Leaf(leaf)) => {
                let nested = nested(rest, value, path)?;
                return Ok(with_gap(text, leaf, nested));
            }
            _ => return Err(wrong("it is a map or a list; set what is in it, or remove it first")),
        }
    }
    Err(wrong("there is nothing to set"))
}

fn find<'t>(root: &'t Block, path: &Path) -> Option<&'t Node> {
    let (first, rest) = path.steps.split_first()?;
    let mut node = Members::Map(root).get(first)?;
    for step in rest {
        node = Members::of(node)?.get(step)?;
    }
    Some(node)
}

fn replaced(text: &[u8], leaf: &Leaf, value: &Value) -> Patch {
    with_gap(text, leaf, write::scalar(value, leaf.setting))
}

/// Replaces a value; one that was nothing at all may stand right behind its colon.
fn with_gap(text: &[u8], leaf: &Leaf, new: Zeroizing<Vec<u8>>) -> Patch {
    let before = leaf.span.start.checked_sub(1).and_then(|at| text.get(at));
    if !leaf.span.is_empty() || before.is_none_or(u8::is_ascii_whitespace) {
        return (leaf.span.clone(), new);
    }
    let mut spaced = Zeroizing::new(b" ".to_vec());
    spaced.extend_from_slice(&new);
    (leaf.span.clone(), spaced)
}

/// Writes a value in brackets under keys that are not there yet.
fn nested(rest: &[Step], value: &Value, path: &Path) -> Result<Zeroizing<Vec<u8>>, SopsError> {
    let mut out = write::scalar(value, FLOW);
    for step in rest.iter().rev() {
        let (open, close) = match step {
            Step::Key(key) => {
                let mut open = Zeroizing::new(b"{".to_vec());
                open.extend_from_slice(&write::scalar(&Value::text(key), FLOW));
                open.extend_from_slice(b": ");
                (open, b'}')
            }
            Step::Item(0) => (Zeroizing::new(b"[".to_vec()), b']'),
            Step::Item(_) => {
                return Err(SopsError::Path { path: path.to_string(), what: "a new list begins with item 0" });
            }
        };
        let inner = std::mem::replace(&mut out, open);
        out.extend_from_slice(&inner);
        out.push(close);
    }
    Ok(out)
}

/// Adds a member at the end of a block, on a line of its own.
fn add(
    text: &[u8],
    members: &Members<'_>,
    step: &Step,
    rest: &[Step],
    value: &Value,
    path: &Path,
) -> Result<Patch, SopsError> {
    if !members.takes(step) {
        let what = "a list takes the index of an item or the next one, a map takes a key";
        return Err(SopsError::Path { path: path.to_string(), what });
    }
    let block = members.block();
    let last = members.spans().last().map_or(block.span.end, |(_, end)| *end);
    let at = text.iter().skip(last).position(|byte| *byte == b'\n').map_or(text.len(), |end| last + end + 1);
    let mut out = Zeroizing::new(Vec::new());
    if at > 0 && text.get(at - 1) != Some(&b'\n') {
        out.push(b'\n');
    }
    let mut column = block.column;
    let mut first = true;
    for step in std::iter::once(step).chain(rest) {
        match step {
            Step::Key(key) => {
                if first {
                    out.extend(std::iter::repeat_n(b' ', column));
                } else {
                    column += INDENT;
                    out.push(b'\n');
                    out.extend(std::iter::repeat_n(b' ', column));
                }
                out.extend_from_slice(&write::scalar(&Value::text(key), FLOW));
                out.push(b':');
            }
            Step::Item(0) if !first => {
                column += INDENT;
                out.push(b'\n');
                out.extend(std::iter::repeat_n(b' ', column));
                out.push(b'-');
            }
            Step::Item(_) if first => {
                out.extend(std::iter::repeat_n(b' ', column));
                out.push(b'-');
            }
            Step::Item(_) => {
                return Err(SopsError::Path { path: path.to_string(), what: "a new list begins with item 0" });
            }
        }
        first = false;
    }
    out.push(b' ');
    out.extend_from_slice(&write::scalar(value, Setting { flow: false, column, last: true }));
    out.push(b'\n');
    Ok((at..at, out))
}

/// Removes a value from every document's first that has it.
pub(super) fn unset(text: &[u8], tree: &Tree, path: &Path) -> Result<Patch, SopsError> {
    let none = || SopsError::NoSuchPath(path.to_string());
    let root = tree.documents.iter().map(|document| &document.root).find(|root| find(root, path).is_some());
    let root = root.ok_or_else(none)?;
    let (last, way) = path.steps.split_last().ok_or_else(none)?;
    let mut members = Members::Map(root);
    for step in way {
        members = members.get(step).and_then(Members::of).ok_or_else(none)?;
    }
    if members.block().flow {
        return unset_member(&members, last).ok_or_else(none);
    }
    let at = members.position(last).ok_or_else(none)?;
    let starts = starts(text, &members);
    let ends = members.spans();
    let (start, (_, end)) = (*starts.get(at).ok_or_else(none)?, *ends.get(at).ok_or_else(none)?);
    if let Some(next) = starts.get(at + 1) {
        // What follows takes its place, which may be behind the dash of a list.
        let own_line = text.get(line_start(text, start)..start).unwrap_or_default().iter().all(u8::is_ascii_whitespace);
        let (from, to) = if own_line { (line_start(text, start), line_start(text, *next)) } else { (start, *next) };
        // Comments above what follows stay.
        let to = if own_line { after_line(text, end).min(to) } else { to };
        return Ok((from..to, Zeroizing::default()));
    }
    if at > 0 {
        return Ok((line_start(text, start)..after_line(text, end), Zeroizing::default()));
    }
    // At the top nothing is a map without members.
    if way.is_empty() {
        return Ok((line_start(text, start)..after_line(text, end), Zeroizing::default()));
    }
    let empty: &[u8] = match members {
        Members::Map(_) => b"{}",
        Members::List(_) => b"[]",
    };
    let begin = line_start(text, start);
    let mut new = text.get(begin..start).unwrap_or_default().to_vec();
    if !new.iter().all(u8::is_ascii_whitespace) {
        return Ok((start..end, Zeroizing::new(empty.to_vec())));
    }
    // On its own line it must stand deeper than its key, which a list need not.
    new.push(b' ');
    new.extend_from_slice(empty);
    Ok((begin..end, Zeroizing::new(new)))
}

fn after_line(text: &[u8], at: usize) -> usize {
    text.iter().skip(at).position(|byte| *byte == b'\n').map_or(text.len(), |end| at + end + 1)
}

/// Returns where each member begins: an item of a list with its dash.
fn starts(text: &[u8], members: &Members<'_>) -> Vec<usize> {
    let spans = members.spans();
    match members {
        Members::Map(_) => spans.into_iter().map(|(start, _)| start).collect(),
        Members::List(block) => {
            let mut out = Vec::new();
            let mut from = block.span.start;
            for (start, end) in spans {
                // The dash stands in the column of the list, on the line of the item or one above.
                let mut line = line_start(text, start);
                let dash = loop {
                    let at = line + block.column;
                    if text.get(at) == Some(&b'-') && at >= from && at <= start {
                        break at;
                    }
                    if line == 0 || line <= from {
                        break start;
                    }
                    line = line_start(text, line - 1);
                };
                out.push(dash);
                from = end;
            }
            out
        }
    }
}
