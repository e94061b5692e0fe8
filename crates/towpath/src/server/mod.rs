//! `towpath up`: the store, the target, the proxy, the engine and the API wired together in one process.

pub mod files;
pub mod keys;
pub mod lock;
mod logging;
mod projects;
mod run;
mod tokens;

pub use run::{serve, stop_instances};
