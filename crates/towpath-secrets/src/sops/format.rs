//! The formats of files, and how they are told.

use std::fmt;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// YAML, of one or more documents.
    Yaml,
    /// One JSON object.
    Json,
    /// Lines `NAME=value`.
    Dotenv,
    /// Sections of lines `name = value`.
    Ini,
    /// Any bytes, encrypted as a whole into JSON.
    Binary,
}

impl Format {
    /// Returns the format of a file by the ending of its name, as sops does: what it does not know is binary.
    pub fn of_path(path: &str) -> Self {
        let ends = |ending: &str| path.ends_with(ending);
        match () {
            () if ends(".yaml") || ends(".yml") => Self::Yaml,
            () if ends(".json") => Self::Json,
            () if ends(".env") => Self::Dotenv,
            () if ends(".ini") => Self::Ini,
            () => Self::Binary,
        }
    }

    /// Returns the format that a word names: `yaml`, `json`, `dotenv`, `ini` or `binary`.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Yaml, Self::Json, Self::Dotenv, Self::Ini, Self::Binary].into_iter().find(|format| format.word() == word)
    }

    /// Returns the word for the format.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
