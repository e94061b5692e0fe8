//! Rotation: a secret gets a new value while whoever uses the old one keeps working.
//!
//! create → dual → switch → retire: the new value is made and made valid where it is used; both are valid while consumers get
//! the new one by an ordinary rollout; once all have it, it alone is current; after a grace the old one is made invalid.
//! Making values, storing them and talking to databases is not done here.

mod generator;
mod policy;

pub use generator::{Generator, GeneratorError};
pub use policy::{Credential, RotationPolicy};
