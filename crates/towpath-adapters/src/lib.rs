//! What performs the engine's actions here: local processes, probes and checks, keys and
//! sources of secrets.
//!
//! Linux only: processes are watched by pidfds and recognised by what `/proc` says of them.
#![warn(missing_docs)]

pub mod checks;
mod command;
mod http;
pub mod keys;
pub mod local;
mod process;
pub mod rotators;
pub mod secret_file;
pub mod sources;
pub mod sync;
pub mod vault;
