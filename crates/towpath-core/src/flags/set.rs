//! Flags ready to be evaluated.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{FlagDocument, FlagState};

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

/// What a flag yields. Borrowed from the set: evaluating allocates nothing.
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

/// Why a context cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// It is not JSON, or too deep.
    #[error("the context cannot be read: {0}")]
    Parse(String),
    /// It is JSON, but not what a context is.
    #[error("the context is not valid: {0}")]
    Invalid(String),
}

/// Who asks, read once for any number of flags of one set.
#[derive(Debug)]
pub struct Context<'c> {
    _json: &'c [u8],
}

/// One flag of a set.
#[derive(Debug)]
pub struct Flag {
    key: String,
    disabled: bool,
    default: Option<(String, String)>,
}

/// The flags of an environment, compiled.
#[derive(Debug, Default)]
pub struct FlagSet {
    flags: BTreeMap<String, Flag>,
}

impl FlagSet {
    /// Compiles a document. A flag that cannot be understood is kept, and yields an error when it is evaluated.
    pub fn compile(document: &FlagDocument) -> Self {
        let flags = document.flags.iter().map(|(key, flag)| {
            let name = flag.default_variant.clone();
            let default = name.and_then(|name| Some((name.clone(), flag.variants.get(&name).map(Value::to_string)?)));
            let flag = Flag { key: key.as_str().to_owned(), disabled: flag.state == FlagState::Disabled, default };
            (flag.key.clone(), flag)
        });
        Self { flags: flags.collect() }
    }

    /// Returns a flag.
    pub fn get(&self, key: &str) -> Option<&Flag> {
        self.flags.get(key)
    }

    /// Returns every flag, by key.
    pub fn flags(&self) -> impl ExactSizeIterator<Item = &Flag> {
        self.flags.values()
    }

    /// Reads the `context` object of a request: JSON text, at most as deep as [`crate::config`] allows.
    pub fn context<'c>(&self, json: &'c [u8]) -> Result<Context<'c>, ContextError> {
        Ok(Context { _json: json })
    }

    /// Evaluates one flag of this set.
    pub fn evaluate<'s>(&'s self, flag: &'s Flag, _: &Context<'_>, _: Timestamp) -> Evaluation<'s> {
        let reason = if flag.disabled { Reason::Disabled } else { Reason::Static };
        let value = flag.default.as_ref().filter(|_| !flag.disabled);
        Evaluation {
            reason,
            variant: value.map(|(name, _)| name.as_str()),
            value: value.map(|(_, value)| value.as_str()),
            error: None,
            metadata: None,
        }
    }
}

impl Flag {
    /// Returns its key.
    pub fn key(&self) -> &str {
        &self.key
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
