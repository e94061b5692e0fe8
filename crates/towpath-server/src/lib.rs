//! The HTTP API of the control plane.
//!
//! Handlers are thin: they parse, authorise, hand a command to the engine and render the answer. Nothing is decided here,
//! and nothing here knows how files become a project: that comes in as [`Projects`].

mod access;
pub mod api;
mod app;
mod etag;
mod extract;
mod guard;
mod idempotency;
mod options;
mod problem;
mod serve;

pub use access::Access;
pub use api::{openapi, openapi_json};
pub use options::{Mistake, Projects, ServerOptions};
pub use serve::{ServeError, serve};
