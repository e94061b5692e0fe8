//! The ports of the control plane and the loop that turns them: load, plan, perform, append.
//!
//! Nothing is decided here: `towpath-core` decides, this crate carries out and writes down. It performs an action first and
//! appends what happened after; it may be killed between the two, so every action may be performed twice.
#![warn(missing_docs)]

mod bundle_resolver;
mod collect;
mod engine;
pub mod experiments;
pub mod flags;
mod jobs;
pub mod journal;
mod lifecycle;
mod perform;
pub mod ports;
pub mod rotation;
mod sampling;
pub mod secrets;
mod waits;
mod writer;

pub use bundle_resolver::BundleResolver;
pub use collect::{CollectError, Garbage};
pub use engine::{Engine, EngineError, Ports, Progress};
pub use lifecycle::ListError;
pub use writer::{Done, LoadError, SubmitError, load};
