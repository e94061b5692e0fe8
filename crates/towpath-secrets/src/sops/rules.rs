//! `.sops.yaml`: for which file which keys, and which of its values are encrypted.
//!
//! As sops reads it (`config/config.go`): the first creation rule whose `path_regex` matches counts, one without matches
//! every file. Unlike there, every mistake is found with its place, also in rules that no file has needed yet. Looking for
//! the file and wrapping keys are not here.

use std::fmt;

use regex::Regex;
use towpath_core::config::{Diagnostic, Label, has_errors, read_foreign};

mod key;
mod read;

pub use key::{Key, VaultKey, VaultKeyError};

/// The name of the file that sops reads.
pub const RULES_FILE: &str = ".sops.yaml";
/// A name that people give the file and sops does not read.
pub const NOT_RULES_FILE: &str = ".sops.yml";

/// What a `.sops.yaml` says.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The creation rules in order; `None` where the file has none, which counts as no file.
    pub creation: Option<Vec<Rule>>,
    /// How files are laid out.
    pub stores: Stores,
}

/// One creation rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Where it stands.
    pub label: Label,
    /// Which files it is for: paths from the folder of `.sops.yaml`; `None` for every file.
    pub path: Option<Regex>,
    /// The groups of keys, none of them with the same key twice. One group: any key opens the file.
    pub groups: Vec<Vec<Key>>,
    /// Of how many groups a key is needed; `None` for all.
    pub threshold: Option<u8>,
    /// What is encrypted; `None` for everything but keys that end in `_unencrypted`.
    pub selection: Option<Selecting>,
    /// Whether the MAC leaves out what is not encrypted.
    pub mac_only_encrypted: bool,
}

/// How a rule says what is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selecting {
    /// The key of the rule.
    pub by: SelectedBy,
    /// The suffix or the expression.
    pub text: String,
}

/// The six ways to say what is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectedBy {
    /// `unencrypted_suffix`.
    UnencryptedSuffix,
    /// `encrypted_suffix`.
    EncryptedSuffix,
    /// `unencrypted_regex`.
    UnencryptedRegex,
    /// `encrypted_regex`.
    EncryptedRegex,
    /// `unencrypted_comment_regex`.
    UnencryptedCommentRegex,
    /// `encrypted_comment_regex`.
    EncryptedCommentRegex,
}

/// How sops lays files out; `None` for what is usual. Here a text keeps the layout it has, so that these change nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stores {
    /// Spaces of a level in YAML.
    pub yaml_indent: Option<u8>,
    /// Spaces of a level in JSON; 0 for all on one line.
    pub json_indent: Option<u8>,
    /// The same for other files that are kept as JSON.
    pub binary_indent: Option<u8>,
}

impl SelectedBy {
    /// Every way.
    pub const ALL: [Self; 6] = [
        Self::UnencryptedSuffix,
        Self::EncryptedSuffix,
        Self::UnencryptedRegex,
        Self::EncryptedRegex,
        Self::UnencryptedCommentRegex,
        Self::EncryptedCommentRegex,
    ];

    /// Returns the key in rules and in the metadata of files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnencryptedSuffix => "unencrypted_suffix",
            Self::EncryptedSuffix => "encrypted_suffix",
            Self::UnencryptedRegex => "unencrypted_regex",
            Self::EncryptedRegex => "encrypted_regex",
            Self::UnencryptedCommentRegex => "unencrypted_comment_regex",
            Self::EncryptedCommentRegex => "encrypted_comment_regex",
        }
    }

    /// Says whether it is an expression.
    pub const fn is_regex(self) -> bool {
        match self {
            Self::UnencryptedSuffix | Self::EncryptedSuffix => false,
            Self::UnencryptedRegex
            | Self::EncryptedRegex
            | Self::UnencryptedCommentRegex
            | Self::EncryptedCommentRegex => true,
        }
    }
}

impl fmt::Display for SelectedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Rules {
    /// Reads the text of a `.sops.yaml`, which is the first source of the places that mistakes name. `None` if any mistake is
    /// an error.
    pub fn read(text: &str) -> (Option<Self>, Vec<Diagnostic>) {
        let (document, mut found) = read_foreign(text, 0);
        let rules = document.as_ref().filter(|_| !has_errors(&found)).map(|document| read::rules(document, &mut found));
        found.sort_by_key(|one| one.primary.map(|label| label.span.start));
        (rules.filter(|_| !has_errors(&found)), found)
    }

    /// Returns the rule for a file, given by its path from the folder of `.sops.yaml`, or its whole path where it is elsewhere.
    pub fn rule_for(&self, path: &str) -> Option<&Rule> {
        self.creation.iter().flatten().find(|rule| rule.path.as_ref().is_none_or(|pattern| pattern.is_match(path)))
    }
}

impl Rule {
    /// Returns every key of every group.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.groups.iter().flatten()
    }

    /// Returns the keys of services that are not spoken here; sops is needed for files that shall be readable by them.
    pub fn foreign(&self) -> impl Iterator<Item = &Key> {
        self.keys().filter(|key| matches!(key, Key::Foreign { .. }))
    }
}

#[cfg(test)]
mod tests;
