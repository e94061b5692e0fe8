//! `flagd.sync.v1`: the flags themselves, for providers that evaluate in their own process.
//!
//! What goes out is a plain file of flagd, and the static context beside it.

use bytes::Bytes;
use towpath_engine::flags::Served;

use super::{messages::Struct, values::structure};
use crate::static_context::{PREFIX, static_context};

/// Returns the flags as a file of flagd.
pub(super) fn plain(served: &Served) -> Bytes {
    let mut document = served.document.clone();
    // It goes out as context.
    document.metadata.retain(|name, _| !name.starts_with(PREFIX));
    for flag in document.flags.values_mut() {
        flag.towpath = towpath_core::flags::FlagNotes::default();
    }
    serde_json::to_vec(&document).unwrap_or_default().into()
}

/// Returns the static context as a message.
pub(super) fn context_message(served: &Served) -> Struct {
    structure(static_context(served))
}

#[cfg(test)]
mod tests;
