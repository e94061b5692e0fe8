//! The HTTP API of the control plane.
//!
//! Handlers are thin: they parse, authorise, hand a command to the engine and render the answer. Nothing is decided here.

pub mod api;
