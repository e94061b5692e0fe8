//! Flags: changing them while they serve.

pub(crate) mod changes;
pub(crate) mod requests;
