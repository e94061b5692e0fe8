//! What can be wrong with a file, and where.

use std::fmt;

use super::Format;
use crate::entropy::NoEntropy;

/// A place in a text, counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// Returns the place of byte `offset` of a text; an offset past its end is its end.
    pub fn of(text: &[u8], offset: usize) -> Self {
        let before = text.get(..offset.min(text.len())).unwrap_or_default();
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.split(|byte| *byte == b'\n').count();
        let column = 1 + String::from_utf8_lossy(before.get(start..).unwrap_or_default()).chars().count();
        Self { line, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a file could not be read, decrypted or written. No variant holds a value of the file.
#[derive(Debug, thiserror::Error)]
pub enum SopsError {
    /// The text is not of its format, or has something in it that sops does not take.
    #[error("{at}: {what}")]
    Syntax {
        /// Where.
        at: Position,
        /// What is wrong and what to do.
        what: String,
    },
    /// The file has no metadata.
    #[error("the file has no `sops` metadata: it is not encrypted; `towpath secrets encrypt` does that")]
    NotEncrypted,
    /// The text to encrypt has metadata already.
    #[error(
        "{at}: the text has `sops` metadata: it is encrypted already, or `{key}` is the name of a value, which sops keeps for itself"
    )]
    Encrypted {
        /// Where the metadata begins.
        at: Position,
        /// The key.
        key: String,
    },
    /// The metadata are damaged.
    #[error("{at}: the `sops` metadata are damaged: {what}")]
    Metadata {
        /// Where they begin.
        at: Position,
        /// What is wrong.
        what: String,
    },
    /// A value that must be encrypted is not, or is no ciphertext of sops.
    #[error("{at}: `{path}` {what}")]
    Value {
        /// Where.
        at: Position,
        /// Whose value it is.
        path: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The message authentication code does not fit the values.
    #[error(
        "the values do not fit the file's MAC: it was changed by something that has not the key, or merged by hand"
    )]
    Mac,
    /// The file has no usable message authentication code.
    #[error("the file's MAC {0}, so that nobody can tell whether its values were changed")]
    NoMac(&'static str),
    /// The selection rule cannot be used.
    #[error("`{rule}` cannot be used: {what}")]
    Selection {
        /// The rule.
        rule: &'static str,
        /// What is wrong.
        what: String,
    },
    /// There is no such value.
    #[error("there is no `{0}` in the file")]
    NoSuchPath(String),
    /// The path cannot be set.
    #[error("`{path}` cannot be set: {what}")]
    Path {
        /// The path.
        path: String,
        /// Why.
        what: &'static str,
    },
    /// What is to be written cannot be said in the format.
    #[error("`{path}` cannot be written as {format}: {what}")]
    Unfit {
        /// Whose value it is.
        path: String,
        /// The format.
        format: Format,
        /// Why.
        what: &'static str,
    },
    /// There is nobody to encrypt for.
    #[error(
        "no recipient is given, so that nobody could decrypt the file: name one in `.sops.yaml` or on the command line"
    )]
    NoRecipients,
    /// A threshold that the key groups cannot reach.
    #[error("a threshold of {threshold} cannot be had of {groups} key groups")]
    Threshold {
        /// The threshold asked for.
        threshold: usize,
        /// The number of key groups.
        groups: usize,
    },
    /// The data key could not be split among the key groups.
    #[error("cannot split the data key among the key groups")]
    Split(#[from] super::shamir::SplitError),
    /// A recipient could not be encrypted for.
    #[error("cannot encrypt the data key for `{key}`")]
    Wrap {
        /// The master key.
        key: String,
        /// Why.
        source: Box<super::KeyError>,
    },
    /// There is no randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// Makes a syntax error at a byte of a text.
pub(crate) fn syntax(text: &[u8], offset: usize, what: impl Into<String>) -> SopsError {
    SopsError::Syntax { at: Position::of(text, offset), what: what.into() }
}
