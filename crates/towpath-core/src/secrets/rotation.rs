//! Rotation: a secret gets a new value while whoever uses the old one keeps working.
//!
//! create → dual → switch → retire: the new value is made and made valid where it is used; both are valid while consumers get
//! the new one by an ordinary rollout; once all have it, it alone is current; after a grace the old one is made invalid.
//! Making values, storing them and talking to databases is not done here; commands are decided in `decide::rotation`.
//!
//! INVARIANT: every version that a running revision has is valid where it is used. So a version is in force only after it was
//! seen to be valid, and made invalid only in a phase that is entered while nothing runs with it and that nothing can go back
//! from.

mod command;
mod data_keys;
mod dues;
mod fact;
mod fold;
mod generator;
mod policy;
mod state;
mod step;

pub use command::{NewValue, RotationChange, RotationCommand};
pub use data_keys::{DATA_KEY_EVERY, DataKeyWork, MAX_SEALS, data_key_work};
pub use dues::{DueSecret, dues};
pub use fact::{
    Advance, RotationAborting, RotationAdvanced, RotationDue, RotationFailed, RotationFinished, RotationRetried,
    RotationStarted,
};
pub use generator::{Generator, GeneratorError};
pub use policy::{Credential, RotationPolicy};
pub use state::{MAX_TRIES, Phase, Rotation, Rotations, Trouble};
pub use step::{RotationAction, RotationWork, due, step, waits_for};

pub(crate) use fold::fold;
pub(crate) use state::is_unused;

#[cfg(test)]
mod simulation;
