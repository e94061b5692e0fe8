//! What kind of value a new one is. Plain data; the randomness is elsewhere.

use serde::{Deserialize, Serialize};

/// How a new value is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Generator {
    /// Characters drawn evenly from all classes together, at least one of each.
    Password {
        /// How many characters.
        length: u32,
        /// The classes; no character is in two.
        classes: Vec<String>,
    },
    /// Random bytes in URL-safe base64 without padding.
    Token {
        /// How many bytes.
        bytes: u32,
    },
    /// Random bytes in hexadecimal.
    Hex {
        /// How many bytes.
        bytes: u32,
    },
    /// Random bytes in base64, as keys are usually given.
    Base64 {
        /// How many bytes.
        bytes: u32,
    },
    /// A random UUID (RFC 9562, version 4).
    Uuid,
}

/// Why no value can be made like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GeneratorError {
    /// Too short or too long.
    #[error("a generated value has 8 to 1024 characters or bytes, not {0}")]
    Length(u32),
    /// Nothing to choose from.
    #[error("a password needs two or more different characters to choose from")]
    Alphabet,
    /// Characters that break what they are put into.
    #[error("a password cannot be made of control characters or space")]
    Unprintable,
    /// More classes than characters.
    #[error("a password of {length} characters cannot have one of each of {classes} classes")]
    Classes {
        /// How long it would be.
        length: u32,
        /// How many classes there are.
        classes: usize,
    },
}

/// Letters in lower case.
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
/// Letters in upper case.
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Digits.
const DIGITS: &str = "0123456789";

impl Generator {
    /// Returns a generator of passwords of letters and digits, which nothing has to quote, and of `symbols` if there are any.
    pub fn password(length: u32, symbols: &str) -> Self {
        let classes = [LOWER, UPPER, DIGITS, symbols].into_iter().filter(|class| !class.is_empty());
        Self::Password { length, classes: classes.map(str::to_owned).collect() }
    }

    /// Returns each kind of generator with its usual size.
    pub fn usual() -> [Self; 5] {
        [
            Self::password(32, ""),
            Self::Token { bytes: 32 },
            Self::Hex { bytes: 32 },
            Self::Base64 { bytes: 32 },
            Self::Uuid,
        ]
    }

    /// Returns the word that files have for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Password { .. } => "password",
            Self::Token { .. } => "token",
            Self::Hex { .. } => "hex",
            Self::Base64 { .. } => "base64",
            Self::Uuid => "uuid",
        }
    }

    /// Says whether values can be made like that.
    pub fn check(&self) -> Result<(), GeneratorError> {
        let bounded = |n: u32| if (8..=1024).contains(&n) { Ok(()) } else { Err(GeneratorError::Length(n)) };
        match self {
            Self::Uuid => Ok(()),
            Self::Token { bytes } | Self::Hex { bytes } | Self::Base64 { bytes } => bounded(*bytes),
            Self::Password { length, classes } => {
                bounded(*length)?;
                let mut all: Vec<char> = classes.iter().flat_map(|class| class.chars()).collect();
                if all.iter().any(|c| c.is_control() || c.is_whitespace()) {
                    return Err(GeneratorError::Unprintable);
                }
                let listed = all.len();
                all.sort_unstable();
                all.dedup();
                if all.len() < 2 || all.len() != listed || classes.iter().any(String::is_empty) {
                    return Err(GeneratorError::Alphabet);
                }
                if classes.len() > *length as usize / 2 {
                    return Err(GeneratorError::Classes { length: *length, classes: classes.len() });
                }
                Ok(())
            }
        }
    }
}
