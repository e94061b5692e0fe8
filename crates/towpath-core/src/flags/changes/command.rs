//! What can be asked of flags while they serve.

use super::FlagChange;
use crate::{
    flags::FlagBasis,
    ids::{Digest, EnvironmentName, FlagChangeNumber},
};

/// A change of flags, or what somebody says of one that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagCommand {
    /// Changes flags, or asks for it where the policy wants others to agree.
    Change(ChangeFlags),
    /// Agrees.
    Approve(ApproveFlags),
    /// Says no.
    Reject(RejectFlags),
}

/// Changes flags. That the flags work afterwards was found by compiling them before the command is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFlags {
    /// Where.
    pub environment: EnvironmentName,
    /// What.
    pub changes: Vec<FlagChange>,
    /// The same for people.
    pub words: Vec<String>,
    /// The checksum of what it does to the flags as they are.
    pub plan: Digest,
    /// What it was worked out from: with anything else it does not count.
    pub seen: FlagBasis,
    /// Why.
    pub reason: Option<String>,
    /// The change that it takes back.
    pub undoes: Option<FlagChangeNumber>,
    /// The environment that flags are taken over from.
    pub from: Option<EnvironmentName>,
}

/// Agrees to a change that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApproveFlags {
    /// Where.
    pub environment: EnvironmentName,
    /// Which.
    pub number: FlagChangeNumber,
    /// The checksum that was shown, if the client says it: another one is refused.
    pub shown: Option<Digest>,
    /// The checksum of what it would do now.
    pub now: Digest,
    /// What that was worked out from.
    pub seen: FlagBasis,
    /// What they say.
    pub comment: Option<String>,
}

/// Says no to a change that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectFlags {
    /// Where.
    pub environment: EnvironmentName,
    /// Which.
    pub number: FlagChangeNumber,
    /// What they say.
    pub comment: Option<String>,
}
