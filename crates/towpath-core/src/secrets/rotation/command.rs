//! What can be asked of rotations.

use jiff::Timestamp;

use super::{Advance, Generator};
use crate::{command::Configured, ids::EnvironmentName};

/// A change of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationCommand {
    /// Where.
    pub environment: EnvironmentName,
    /// Of which secret.
    pub name: String,
    /// What.
    pub change: RotationChange,
    /// Why.
    pub reason: Option<String>,
    /// What it was found to lead to, where another version comes into force.
    pub configured: Option<Configured>,
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotationChange {
    /// Begins a rotation.
    Start {
        /// Who makes the new value.
        value: NewValue,
    },
    /// Gives a rotation up, as long as the old value is valid.
    Abort,
    /// Lets a rotation that waits try again.
    Retry,
    /// Writes down that the next phase is reached. Asked by the control plane.
    Advance {
        /// Which rotation.
        number: u32,
        /// The phase.
        to: Advance,
    },
    /// Writes down that a step did not succeed. Asked by the control plane.
    Fail {
        /// Which rotation.
        number: u32,
        /// Why; never a value.
        message: String,
        /// Whether trying again by itself helps nothing.
        hopeless: bool,
    },
    /// Writes down that it is over. Asked by the control plane.
    Finish {
        /// Which rotation.
        number: u32,
        /// Whether the new value is the one.
        rotated: bool,
    },
    /// Writes down that somebody is reminded. Asked by the control plane.
    Remind {
        /// The due date.
        due: Timestamp,
    },
}

/// Who makes the new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewValue {
    /// The declared generator.
    Declared,
    /// Another generator, this time.
    Generated(Generator),
    /// A person, right after the rotation began.
    Given,
}
