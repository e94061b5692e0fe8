//! What happens to a rotation, as it is written into the ledger: never a value.
//!
//! That the new value was stored is told by the store's own event, whose origin names the rotation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Credential, Generator};
use crate::units::Millis;

/// A rotation began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationStarted {
    /// Of which secret.
    pub name: String,
    /// Its number among those of the secret.
    pub number: u32,
    /// The version in force.
    pub from: Option<u32>,
    /// What makes values valid.
    pub credential: Credential,
    /// How the new value is made; `None` if a person brings it.
    pub generate: Option<Generator>,
    /// How long both values stay valid.
    pub grace: Millis,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
}

/// A rotation reached its next phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationAdvanced {
    /// Of which secret.
    pub name: String,
    /// Which rotation.
    pub number: u32,
    /// The phase.
    pub to: Advance,
}

/// The phases that a rotation advances to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advance {
    /// The new value was seen to be valid and is in force; the old one is valid too.
    Dual,
    /// Nothing runs with the old one.
    Switched,
    /// The old one is to be made invalid; nothing can go back to it from here on.
    Retiring,
}

/// A step of a rotation did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationFailed {
    /// Of which secret.
    pub name: String,
    /// Which rotation.
    pub number: u32,
    /// Why; never a value.
    pub message: String,
    /// Whether trying again by itself helps nothing.
    pub hopeless: bool,
}

/// Somebody lets a rotation try again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationRetried {
    /// Of which secret.
    pub name: String,
    /// Which rotation.
    pub number: u32,
}

/// A rotation was given up: the old value is in force again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationAborting {
    /// Of which secret.
    pub name: String,
    /// Which rotation.
    pub number: u32,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
}

/// A rotation is over; one value is valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationFinished {
    /// Of which secret.
    pub name: String,
    /// Which rotation.
    pub number: u32,
    /// Whether the new value is the one; else it was given up.
    pub rotated: bool,
}

/// A secret is due soon: once for each due date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationDue {
    /// Which.
    pub name: String,
    /// When it is due.
    pub due: Timestamp,
    /// Who answers for it.
    pub owner: Option<String>,
}
