//! `towpath up`: the store, the target, the proxy, the engine and the API wired together in one process.

mod addresses;
mod descriptors;
pub(crate) mod files;
pub(crate) mod keys;
pub(crate) mod lock;
mod logging;
mod projects;
mod run;
mod secrets;
mod tokens;

pub(crate) use run::{serve, stop_instances};
