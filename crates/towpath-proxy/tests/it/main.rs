//! The proxy over real sockets: what clients and instances see.

mod changes;
mod framing;
mod limits;
mod routing;
mod support;
