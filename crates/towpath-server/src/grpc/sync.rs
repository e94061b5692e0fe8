//! `flagd.sync.v1`: the flags themselves, for providers that evaluate in their own process.
//!
//! What goes out is a plain file of flagd, prerequisites lowered into its rules, and the static context beside it.

use bytes::Bytes;
use serde_json::Value as Json;
use towpath_core::flags::export;
use towpath_engine::flags::Served;

use super::{messages::Struct, values::structure};
use crate::static_context::{PREFIX, static_context};

/// Returns the flags as a file of flagd.
pub(super) fn plain(served: &Served) -> Bytes {
    let mut file = export(&served.document).file;
    if let Some(metadata) = file.get_mut("metadata").and_then(Json::as_object_mut) {
        // It goes out as context.
        metadata.retain(|name, _| !name.starts_with(PREFIX));
    }
    serde_json::to_vec(&file).unwrap_or_default().into()
}

/// Returns the static context as a message.
pub(super) fn context_message(served: &Served) -> Struct {
    structure(static_context(served))
}

#[cfg(test)]
mod tests;
