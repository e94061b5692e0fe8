//! Texts with places for values of secrets: what a deployment stores instead of the values.
//!
//! A place is `\0NAME\0`. No variable of a process can hold NUL, so no text that could ever be meant has one, and a template
//! is told from a value without a mark beside it. Filling is all that happens here; where values come from is not known.

use std::collections::{BTreeMap, BTreeSet};

use super::SecretText;

/// What stands around a name.
const SIGN: char = '\0';

/// Why a template cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// No value was given for a place.
    #[error("there is no value for the secret `{0}`")]
    Missing(String),
    /// The value cannot be given to a process.
    #[error("the value of the secret `{0}` has a NUL character, which no environment variable can hold")]
    Nul(String),
    /// A place is not closed.
    #[error("the text with the places of secrets is damaged")]
    Damaged,
}

/// Returns the text that stands for the value of a secret.
pub fn placeholder(name: &str) -> String {
    format!("{SIGN}{name}{SIGN}")
}

/// Says whether there are places in a text.
pub fn is_template(text: &str) -> bool {
    text.contains(SIGN)
}

/// Returns the secrets whose values belong into a text.
pub fn names_in(template: &str) -> BTreeSet<String> {
    template.split(SIGN).skip(1).step_by(2).map(str::to_owned).collect()
}

/// Puts the values in their places. A value that looks like a place is not filled again.
pub fn fill(template: &str, values: &BTreeMap<String, SecretText>) -> Result<SecretText, FillError> {
    let mut pieces = template.split(SIGN);
    let mut filled = zeroize::Zeroizing::new(String::with_capacity(template.len() + 64));
    filled.push_str(pieces.next().unwrap_or_default());
    while let Some(name) = pieces.next() {
        let value = values.get(name).ok_or_else(|| FillError::Missing(name.to_owned()))?;
        if value.expose().contains(SIGN) {
            return Err(FillError::Nul(name.to_owned()));
        }
        filled.push_str(value.expose());
        filled.push_str(pieces.next().ok_or(FillError::Damaged)?);
    }
    Ok(SecretText::new(std::mem::take(&mut *filled)))
}

#[cfg(test)]
mod tests;
