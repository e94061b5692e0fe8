//! Setting and removing values of JSON, and of what is written like it in YAML.

use zeroize::Zeroizing;

use super::{quoted, written};
use crate::sops::{
    Format, SopsError, Value,
    layout::Patch,
    path::{Path, Step},
    tree::{Block, Node},
};

/// Which kind of block a step goes into.
pub(crate) enum Members<'t> {
    Map(&'t Block),
    List(&'t Block),
}

impl<'t> Members<'t> {
    pub(crate) fn of(node: &'t Node) -> Option<Self> {
        match node {
            Node::Map(block) => Some(Self::Map(block)),
            Node::List(block) => Some(Self::List(block)),
            Node::Leaf(_) => None,
        }
    }

    pub(crate) fn block(&self) -> &'t Block {
        match self {
            Self::Map(block) | Self::List(block) => block,
        }
    }

    /// Returns the member a step names.
    pub(crate) fn get(&self, step: &Step) -> Option<&'t Node> {
        match (self, step) {
            (Self::Map(block), Step::Key(key)) => block.get(key),
            (Self::List(block), Step::Item(index)) => block.elements().nth(*index),
            (Self::Map(_), Step::Item(_)) | (Self::List(_), Step::Key(_)) => None,
        }
    }

    /// Says whether a step that names nothing yet could name a new last member.
    pub(crate) fn takes(&self, step: &Step) -> bool {
        match (self, step) {
            (Self::Map(_), Step::Key(_)) => true,
            (Self::List(block), Step::Item(index)) => *index == block.elements().count(),
            (Self::Map(_), Step::Item(_)) | (Self::List(_), Step::Key(_)) => false,
        }
    }

    /// Returns where each member begins and ends.
    pub(crate) fn spans(&self) -> Vec<(usize, usize)> {
        match self {
            Self::Map(block) => {
                block.pairs().map(|pair| (pair.key_span.start, pair.value.span().end.max(pair.key_span.end))).collect()
            }
            Self::List(block) => block.elements().map(|node| (node.span().start, node.span().end)).collect(),
        }
    }

    /// Returns which member a step names.
    pub(crate) fn position(&self, step: &Step) -> Option<usize> {
        match (self, step) {
            (Self::Map(block), Step::Key(key)) => block.pairs().position(|pair| pair.key == *key),
            (Self::List(block), Step::Item(index)) => (*index < block.elements().count()).then_some(*index),
            (Self::Map(_), Step::Item(_)) | (Self::List(_), Step::Key(_)) => None,
        }
    }
}

pub(super) fn set(text: &[u8], root: Option<&Block>, path: &Path, value: &Value) -> Result<Patch, SopsError> {
    let none = || SopsError::NoSuchPath(path.to_string());
    let unfit = |what| SopsError::Unfit { path: path.to_string(), format: Format::Json, what };
    let mut members = Members::Map(root.ok_or_else(none)?);
    let new = written(value).map_err(unfit)?;
    for (at, step) in path.steps.iter().enumerate() {
        let rest = path.steps.get(at + 1..).unwrap_or_default();
        match members.get(step) {
            None => return set_member(text, &members, step, rest, &new, path),
            Some(known) if rest.is_empty() => return Ok((known.span(), new)),
            Some(known) => match Members::of(known) {
                Some(inner) => members = inner,
                None => return Ok((known.span(), nested(rest, &new, path)?)),
            },
        }
    }
    Err(none())
}

/// Adds a member to what is written with brackets.
pub(crate) fn set_member(
    text: &[u8],
    members: &Members<'_>,
    step: &Step,
    rest: &[Step],
    new: &[u8],
    path: &Path,
) -> Result<Patch, SopsError> {
    if !members.takes(step) {
        let what = "a list takes the index of an item or the next one, a map takes a key";
        return Err(SopsError::Path { path: path.to_string(), what });
    }
    let mut member = match step {
        Step::Key(key) => {
            let mut member = quoted(key);
            member.extend_from_slice(b": ");
            member
        }
        Step::Item(_) => Zeroizing::default(),
    };
    member.extend_from_slice(&nested(rest, new, path)?);
    let block = members.block();
    let spans = members.spans();
    let (Some((first, _)), Some((_, last))) = (spans.first(), spans.last()) else {
        let inside = block.span.start + 1..block.span.end.saturating_sub(1);
        return Ok((inside, member));
    };
    let gap = text.get(block.span.start + 1..*first).unwrap_or_default();
    let gap = if gap.iter().all(u8::is_ascii_whitespace) { gap } else { b" " };
    let mut added = Zeroizing::new(b",".to_vec());
    added.extend_from_slice(if gap.is_empty() { b" " } else { gap });
    added.extend_from_slice(&member);
    Ok((*last..*last, added))
}

/// Writes a value under keys that are not there yet.
fn nested(rest: &[Step], new: &[u8], path: &Path) -> Result<Zeroizing<Vec<u8>>, SopsError> {
    let mut out = Zeroizing::new(new.to_vec());
    for step in rest.iter().rev() {
        let (open, close) = match step {
            Step::Key(key) => {
                let mut open = Zeroizing::new(b"{".to_vec());
                open.extend_from_slice(&quoted(key));
                open.extend_from_slice(b": ");
                (open, b"}")
            }
            Step::Item(0) => (Zeroizing::new(b"[".to_vec()), b"]"),
            Step::Item(_) => {
                let what = "a new list begins with item 0";
                return Err(SopsError::Path { path: path.to_string(), what });
            }
        };
        let mut around = open;
        around.extend_from_slice(&out);
        around.extend_from_slice(close);
        out = around;
    }
    Ok(out)
}

pub(super) fn unset(root: Option<&Block>, path: &Path) -> Result<Patch, SopsError> {
    let none = || SopsError::NoSuchPath(path.to_string());
    let mut members = Members::Map(root.ok_or_else(none)?);
    for (at, step) in path.steps.iter().enumerate() {
        if at + 1 == path.steps.len() {
            return unset_member(&members, step).ok_or_else(none);
        }
        members = members.get(step).and_then(Members::of).ok_or_else(none)?;
    }
    Err(none())
}

/// Removes a member of what is written with brackets.
pub(crate) fn unset_member(members: &Members<'_>, step: &Step) -> Option<Patch> {
    let at = members.position(step)?;
    let spans = members.spans();
    let (start, end) = *spans.get(at)?;
    let block = members.block();
    let cut = match (at.checked_sub(1).and_then(|before| spans.get(before)), spans.get(at + 1)) {
        (Some((_, before)), _) => *before..end,
        (None, Some((after, _))) => start..*after,
        (None, None) => block.span.start + 1..block.span.end.saturating_sub(1),
    };
    Some((cut, Zeroizing::default()))
}
