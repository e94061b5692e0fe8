//! Which values of a file are encrypted.
//!
//! At most one rule; it looks at every key on the way to a value, or at the comments above it.

use regex::Regex;

use super::SopsError;

pub(super) mod go;

/// The suffix of keys that are not encrypted where a file says nothing else.
pub const DEFAULT_SUFFIX: &str = "_unencrypted";

/// The rule of a file. Regular expressions are Go's and match anywhere in a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All but what stands under a key with this ending.
    UnencryptedSuffix(String),
    /// Only what stands under a key with this ending.
    EncryptedSuffix(String),
    /// All but what stands under a key that matches.
    UnencryptedRegex(String),
    /// Only what stands under a key that matches.
    EncryptedRegex(String),
    /// All but what stands under a comment that matches.
    UnencryptedCommentRegex(String),
    /// Only what stands under a comment that matches.
    EncryptedCommentRegex(String),
}

impl Default for Selection {
    fn default() -> Self {
        Self::UnencryptedSuffix(DEFAULT_SUFFIX.to_owned())
    }
}

/// The names of the rules in metadata and in `.sops.yaml`.
pub const SELECTION_NAMES: [&str; 6] = [
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];

impl Selection {
    /// Returns the rule of a name.
    pub fn of_name(name: &str, value: &str) -> Option<Self> {
        let value = value.to_owned();
        Some(match name {
            "unencrypted_suffix" => Self::UnencryptedSuffix(value),
            "encrypted_suffix" => Self::EncryptedSuffix(value),
            "unencrypted_regex" => Self::UnencryptedRegex(value),
            "encrypted_regex" => Self::EncryptedRegex(value),
            "unencrypted_comment_regex" => Self::UnencryptedCommentRegex(value),
            "encrypted_comment_regex" => Self::EncryptedCommentRegex(value),
            _ => return None,
        })
    }

    /// Returns the name of the rule.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UnencryptedSuffix(_) => "unencrypted_suffix",
            Self::EncryptedSuffix(_) => "encrypted_suffix",
            Self::UnencryptedRegex(_) => "unencrypted_regex",
            Self::EncryptedRegex(_) => "encrypted_regex",
            Self::UnencryptedCommentRegex(_) => "unencrypted_comment_regex",
            Self::EncryptedCommentRegex(_) => "encrypted_comment_regex",
        }
    }

    /// Returns what the rule looks for.
    pub fn value(&self) -> &str {
        match self {
            Self::UnencryptedSuffix(value)
            | Self::EncryptedSuffix(value)
            | Self::UnencryptedRegex(value)
            | Self::EncryptedRegex(value)
            | Self::UnencryptedCommentRegex(value)
            | Self::EncryptedCommentRegex(value) => value,
        }
    }

    /// Checks that the rule can be used.
    pub fn check(&self) -> Result<(), SopsError> {
        Chooser::new(self).map(drop)
    }
}

/// A rule made ready.
pub(crate) struct Chooser {
    look: Look,
    /// Whether what matches is encrypted, all else not.
    picks: bool,
}

enum Look {
    Suffix(String),
    Key(Regex),
    Comment(Regex),
}

impl Chooser {
    pub(crate) fn new(selection: &Selection) -> Result<Self, SopsError> {
        let regex =
            |pattern: &str| go::compile(pattern).map_err(|what| SopsError::Selection { rule: selection.name(), what });
        let (look, picks) = match selection {
            Selection::UnencryptedSuffix(suffix) => (Look::Suffix(suffix.clone()), false),
            Selection::EncryptedSuffix(suffix) => (Look::Suffix(suffix.clone()), true),
            Selection::UnencryptedRegex(pattern) => (Look::Key(regex(pattern)?), false),
            Selection::EncryptedRegex(pattern) => (Look::Key(regex(pattern)?), true),
            Selection::UnencryptedCommentRegex(pattern) => (Look::Comment(regex(pattern)?), false),
            Selection::EncryptedCommentRegex(pattern) => (Look::Comment(regex(pattern)?), true),
        };
        Ok(Self { look, picks })
    }

    pub(crate) fn matches_key(&self, key: &str) -> bool {
        match &self.look {
            Look::Suffix(suffix) => key.ends_with(suffix.as_str()),
            Look::Key(regex) => regex.is_match(key),
            Look::Comment(_) => false,
        }
    }

    /// Says whether a value or a comment is encrypted. `chosen`: a key on the way matched. `comments`: for each block
    /// on the way those since its last value. A comment that makes what follows encrypted is not itself.
    pub(crate) fn decide(&self, chosen: bool, comments: &[Vec<&str>], is_comment: bool) -> bool {
        let Look::Comment(regex) = &self.look else { return chosen == self.picks };
        let own = usize::from(is_comment && self.picks);
        let last = comments.len().saturating_sub(1);
        let found = comments.iter().enumerate().any(|(depth, level)| {
            let skipped = if depth == last { own } else { 0 };
            level.iter().take(level.len().saturating_sub(skipped)).any(|comment| regex.is_match(comment))
        });
        found == self.picks
    }

    /// Says whether a comment, encrypted, would match the rule that leaves what is under it as it is.
    pub(crate) fn spares(&self, comment: &str) -> bool {
        match &self.look {
            Look::Comment(regex) => !self.picks && regex.is_match(comment),
            Look::Suffix(_) | Look::Key(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
