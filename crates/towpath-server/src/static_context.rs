//! Static context: what flagd lays over the context of every evaluation, such as the region that a server is in.
//!
//! Metadata of a set whose names begin with `context.` is that; flagd's own schema lets it pass. Providers that evaluate themselves get
//! it with the flags.

use std::borrow::Cow;

use serde_json::{Map, Value};
use towpath_engine::flags::Served;

/// What names of metadata begin with that is static context.
pub(crate) const PREFIX: &str = "context.";

/// Returns the static context.
pub(crate) fn static_context(served: &Served) -> Map<String, Value> {
    let members = served.document.metadata.iter();
    members.filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value.clone()))).collect()
}

/// Returns a context with the static one laid over it. What cannot be read stays as it is: the evaluator says what is wrong.
pub(crate) fn enriched<'c>(served: &Served, context: &'c [u8]) -> Cow<'c, [u8]> {
    if !served.document.metadata.keys().any(|name| name.starts_with(PREFIX)) {
        return Cow::Borrowed(context);
    }
    let members = serde_json::from_slice::<Map<String, Value>>(context).ok();
    let whole = members.and_then(|mut members| {
        members.extend(static_context(served));
        serde_json::to_vec(&members).ok()
    });
    whole.map_or(Cow::Borrowed(context), Cow::Owned)
}

#[cfg(test)]
mod tests;
