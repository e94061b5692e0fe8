//! What an evaluation yields, in the words of OFREP.

use std::fmt;

/// Why a flag yields what it yields: the reasons of OFREP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has no rule.
    Static,
    /// A rule chose.
    TargetingMatch,
    /// No rule chose.
    Default,
    /// It is switched off.
    Disabled,
    /// It could not be evaluated.
    Error,
}

/// What went wrong with an evaluation: the error codes of OFREP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvaluationError {
    /// The definition of the flag cannot be understood.
    Parse(String),
    /// A rule needs a targeting key.
    TargetingKeyMissing,
    /// Anything else.
    General(String),
}

/// What a flag yields. Borrowed from the set: evaluating allocates nothing, except for the text of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation<'s> {
    /// Why.
    pub reason: Reason,
    /// Which variant, if any.
    pub variant: Option<&'s str>,
    /// The value as JSON text, as it was written; `None` means the caller's own default.
    pub value: Option<&'s str>,
    /// What went wrong; `reason` is then [`Reason::Error`].
    pub error: Option<EvaluationError>,
    /// Metadata of set and flag as the text of a JSON object; `None` if there is none.
    pub metadata: Option<&'s str>,
}

impl<'s> Evaluation<'s> {
    pub(super) fn failed(error: EvaluationError, metadata: Option<&'s str>) -> Self {
        Self { reason: Reason::Error, variant: None, value: None, error: Some(error), metadata }
    }
}

impl Reason {
    /// Returns the word of the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Default => "DEFAULT",
            Self::Disabled => "DISABLED",
            Self::Error => "ERROR",
        }
    }
}

impl EvaluationError {
    /// Returns the error code of the protocol.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Parse(_) => "PARSE_ERROR",
            Self::TargetingKeyMissing => "TARGETING_KEY_MISSING",
            Self::General(_) => "GENERAL",
        }
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(details) | Self::General(details) => f.write_str(details),
            Self::TargetingKeyMissing => f.write_str("the context has no `targetingKey`"),
        }
    }
}

impl std::error::Error for EvaluationError {}
