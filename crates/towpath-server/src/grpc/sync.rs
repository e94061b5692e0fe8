//! `flagd.sync.v1`: the flags themselves, for providers that evaluate in their own process.
//!
//! What goes out is a plain file of flagd. Metadata of the set whose names begin with `context.` is also what flagd calls static
//! context: it is laid over the context of every evaluation, here and in every such provider.

use bytes::Bytes;
use serde_json::{Map, Value as Json};
use towpath_engine::flags::Served;

use super::{messages::Struct, values::structure};

/// What names of metadata begin with that is static context.
const CONTEXT: &str = "context.";

/// Returns the flags as a file of flagd.
pub(super) fn plain(served: &Served) -> Bytes {
    let mut document = served.document.clone();
    // It goes out as context.
    document.metadata.retain(|name, _| !name.starts_with(CONTEXT));
    for flag in document.flags.values_mut() {
        flag.towpath = towpath_core::flags::FlagNotes::default();
    }
    serde_json::to_vec(&document).unwrap_or_default().into()
}

/// Returns the static context.
pub(super) fn static_context(served: &Served) -> Map<String, Json> {
    let members = served.document.metadata.iter();
    members.filter_map(|(name, value)| Some((name.strip_prefix(CONTEXT)?.to_owned(), value.clone()))).collect()
}

/// Returns it as a message.
pub(super) fn context_message(served: &Served) -> Struct {
    structure(static_context(served))
}

/// Returns a context with the static one laid over it. What cannot be read stays as it is: the evaluator says what is wrong.
pub(super) fn enriched(served: &Served, context: &[u8]) -> Vec<u8> {
    let more = static_context(served);
    if !more.is_empty()
        && let Ok(mut members) = serde_json::from_slice::<Map<String, Json>>(context)
    {
        members.extend(more);
        if let Ok(whole) = serde_json::to_vec(&members) {
            return whole;
        }
    }
    context.to_vec()
}

#[cfg(test)]
mod tests;
