//! The ports of the control plane and the loop that turns them: load, plan, perform, append.
#![warn(missing_docs)]

pub mod journal;
pub mod ports;
