//! Merging two versions of a file that come from one: per key, not per line, with comments, lists and order.
//!
//! Works on decrypted texts, and cuts them rather than writing them anew: what one side left alone stays as the other wrote
//! it. What both changed differently is a conflict, told by its path and never by its value; whoever calls says whose word
//! holds. Encrypting the result, recipients and git are not here.

use std::fmt;

use zeroize::Zeroizing;

use super::{Format, SopsError, path::Path};

mod block;
mod cut;
mod files;
mod flow;
mod lines;
mod list;
mod order;
mod recipients;
mod same;
mod sides;

pub use files::{Merge, MergeError, Tools};
pub use lines::has_markers;

use sides::Three;

/// A plain text, erased when it is dropped.
pub type Plain = Zeroizing<String>;

/// Whose version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that is merged into.
    Ours,
    /// The one that is merged.
    Theirs,
}

/// Something that both sides changed differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// What; empty for the file as a whole.
    pub path: Path,
    /// In which way.
    pub kind: ConflictKind,
}

/// In which way both sides changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictKind {
    /// Both gave it another value.
    Changed,
    /// Both added it, with different values.
    Added,
    /// One changed it, the other took it away.
    Removed {
        /// Who took it away.
        by: Side,
    },
    /// Both changed items of a list at the same place.
    Items,
    /// Both changed the comments there.
    Comments,
    /// It is a value here, a map or a list there, or written so differently that it cannot be compared by parts.
    Shape,
    /// Both changed who can open the file.
    Recipients,
}

/// Two versions made one.
#[derive(Debug)]
pub struct MergedText {
    /// The text; where there was a conflict, as the side that was asked for has it.
    pub text: Plain,
    /// Every conflict, in the order of the text.
    pub conflicts: Vec<Conflict>,
}

/// Merges `theirs` into `ours`; `base` is what both come from, if they do. `take` says whose word holds in a conflict.
pub fn merge_text(
    format: Format,
    base: Option<&str>,
    ours: &str,
    theirs: &str,
    take: &dyn Fn(&Conflict) -> Side,
) -> Result<MergedText, SopsError> {
    let three = Three { base, ours, theirs };
    let mut merger = Merger { take, conflicts: Vec::new(), steps: Vec::new() };
    if ours == theirs || base == Some(theirs) {
        return Ok(MergedText { text: owned(ours), conflicts: Vec::new() });
    }
    if base == Some(ours) {
        return Ok(MergedText { text: owned(theirs), conflicts: Vec::new() });
    }
    if format == Format::Binary {
        let side = merger.conflict(if base.is_some() { ConflictKind::Changed } else { ConflictKind::Added });
        return Ok(MergedText { text: owned(three.of(side)), conflicts: merger.conflicts });
    }
    let trees = Three {
        base: base.map(|text| tree(format, text)).transpose()?,
        ours: tree(format, ours)?,
        theirs: tree(format, theirs)?,
    };
    let text = merger.documents(&three, &trees);
    Ok(MergedText { text, conflicts: merger.conflicts })
}

fn tree(format: Format, text: &str) -> Result<super::tree::Tree, SopsError> {
    super::layout::of(format).read(text.as_bytes())
}

fn owned(text: &str) -> Plain {
    Zeroizing::new(text.to_owned())
}

/// A merge on its way.
struct Merger<'m> {
    take: &'m dyn Fn(&Conflict) -> Side,
    conflicts: Vec<Conflict>,
    steps: Vec<super::path::Step>,
}

impl Merger<'_> {
    /// Notes a conflict where the merge is and returns whose word holds.
    fn conflict(&mut self, kind: ConflictKind) -> Side {
        let conflict = Conflict { path: Path { steps: self.steps.clone() }, kind };
        let side = (self.take)(&conflict);
        self.conflicts.push(conflict);
        side
    }
}

impl Side {
    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == ConflictKind::Recipients {
            return f.write_str("the recipients: both sides changed them, and together nobody or no rule is left");
        }
        if self.path.steps.is_empty() {
            f.write_str("the file")?;
        } else {
            write!(f, "`{}`", self.path)?;
        }
        f.write_str(match self.kind {
            ConflictKind::Changed => ": both sides gave it another value",
            ConflictKind::Added => ": both sides added it, with different values",
            ConflictKind::Removed { by: Side::Ours } => ": ours took it away, theirs changed it",
            ConflictKind::Removed { by: Side::Theirs } => ": theirs took it away, ours changed it",
            ConflictKind::Items => ": both sides changed the same items of the list",
            ConflictKind::Comments => ": both sides changed its comments",
            ConflictKind::Recipients => "",
            ConflictKind::Shape => {
                ": both sides changed it, and it is a value, a list or a map here and something else there"
            }
        })
    }
}

#[cfg(test)]
mod tests;
