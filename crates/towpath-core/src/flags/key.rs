//! What a flag is called.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// The longest key in bytes.
const LONGEST: usize = 256;

/// The key of a flag, such as `new-checkout`. Keys are the users' own: any text of 1 to 256 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FlagKey(Arc<str>);

/// Why a text is not the key of a flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the key of a flag: use 1 to {LONGEST} bytes without control characters")]
pub struct FlagKeyError(pub String);

impl FlagKey {
    /// Returns the key, or what is wrong with it.
    pub fn new(text: &str) -> Result<Self, FlagKeyError> {
        if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(FlagKeyError(text.escape_debug().take(LONGEST).collect()));
        }
        Ok(Self(text.into()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for FlagKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FlagKey {
    type Error = FlagKeyError;
    fn try_from(text: String) -> Result<Self, FlagKeyError> {
        Self::new(&text)
    }
}

impl From<FlagKey> for String {
    fn from(key: FlagKey) -> Self {
        key.0.as_ref().to_owned()
    }
}

impl fmt::Display for FlagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
