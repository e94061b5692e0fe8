//! What performs the engine's actions here: local processes, probes and checks.
//!
//! Linux only: processes are watched by pidfds and recognised by what `/proc` says of them.
#![warn(missing_docs)]

pub mod checks;
mod command;
mod http;
pub mod local;
mod process;
pub mod sync;
