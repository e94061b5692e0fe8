//! Flags: keys of applications, how often what was evaluated.

pub(crate) mod evaluations;
pub(crate) mod keys;
