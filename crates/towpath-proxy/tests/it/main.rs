//! The proxy over real sockets: what clients and instances see.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of this is test code, its helpers too")]

mod changes;
mod framing;
mod limits;
mod routing;
mod support;
