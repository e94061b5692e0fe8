//! The HTTP API of the control plane.
//!
//! Handlers are thin: they parse, authorise, hand a command to the engine and render the answer. Nothing is decided here,
//! and how files become a project comes in as [`Projects`] ([`Bundles`] for Towpath's own).

mod access;
pub mod api;
mod app;
mod applications;
mod bundles;
mod configuration;
mod etag;
mod extract;
mod follow;
mod grpc;
mod guard;
mod idempotency;
mod ofrep;
mod options;
mod problem;
mod serve;

pub use access::Access;
pub use api::{openapi, openapi_json};
pub use bundles::Bundles;
pub use options::{Mistake, Projects, ServerOptions};
pub use serve::{ServeError, serve};
