//! Flags: changing them while they serve, keys of applications, how often what was evaluated.

pub(crate) mod changes;
pub(crate) mod evaluations;
pub(crate) mod keys;
pub(crate) mod requests;
pub(crate) mod schedules;
