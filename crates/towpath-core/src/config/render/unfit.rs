//! Why variables cannot be written in a format, all of them at once. Values are never part of it: they may be secret.

use std::fmt;

use serde::Serialize;

use super::{Format, ObjectError};

/// How many formats a message names.
const SHOWN: usize = 4;

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The format cannot hold these.
    #[error("{} cannot be written as {}", counted(variables.len()), format.as_str())]
    Unfit {
        /// Which format.
        format: Format,
        /// Each of them.
        variables: Vec<Unfit>,
    },
    /// Together they are more than Kubernetes stores.
    #[error(
        "the values have {bytes} bytes together, and Kubernetes stores at most {limit} in one object; \
         choose some with `--only` and write several"
    )]
    Size {
        /// How many bytes there are.
        bytes: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The object they are to be part of cannot be.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

/// A variable that a format cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfit {
    /// Which variable.
    pub name: String,
    /// Why.
    pub why: Why,
    /// The formats that can hold it.
    pub fits: Vec<Format>,
}

/// Why a format cannot hold a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// No process can be given it.
    #[error("has a NUL character, which no environment variable can hold")]
    Nul,
    /// The name would be read as something else.
    #[error("is not a name the format can hold")]
    Name,
    /// The name is taken.
    #[error("cannot be set: {0}")]
    Reserved(&'static str),
    /// The format is one value to the line.
    #[error("has several lines")]
    Lines,
    /// The reader has a longest line.
    #[error("is longer than the {0} bytes its reader takes in a line")]
    Long(usize),
    /// Some versions of the reader take quotes away, others do not.
    #[error("begins and ends with a quote, which some versions of the reader take away")]
    Enclosed,
    /// The reader has no escape for a quote.
    #[error("has quotes in a way its reader has no escape for")]
    Quotes,
    /// What one reader needs, another takes literally.
    #[error("is read differently by the readers of the format, however it is written")]
    Readers,
    /// Unicode reserves the character for internal use, and the reader refuses it.
    #[error("has a Unicode noncharacter, which its reader refuses")]
    Noncharacter,
    /// The reader would change the text.
    #[error("is not in Unicode normal form C, to which the reader converts every text")]
    Form,
    /// A secret where there must be none, or the reverse.
    #[error("belongs into the other kind of object: secrets into a Secret, all else into a ConfigMap")]
    Kind,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.name, self.why)?;
        let fits: Vec<&str> = self.fits.iter().take(SHOWN).map(|format| format.as_str()).collect();
        if fits.is_empty() {
            return Ok(());
        }
        write!(f, "; {}", fits.join(", "))?;
        match self.fits.len().saturating_sub(SHOWN) {
            0 => f.write_str(" can hold it"),
            more => write!(f, " and {more} more can hold it"),
        }
    }
}

fn counted(count: usize) -> String {
    if count == 1 { "a variable".to_owned() } else { format!("{count} variables") }
}
