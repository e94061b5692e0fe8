//! The `towpath` binary: the command line, files and wiring. Rules live in `towpath-core`, never here.

#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "what people read is short, and easier to read here as one expression than as calls that cannot fail"
)]

use std::process::ExitCode;

mod artifacts;
mod cli;
mod client;
mod commands;
mod context;
mod demo;
mod digest_key;
mod failure;
mod folder;
mod git;
mod mask;
mod output;
mod server;
mod sources;
mod words;

fn main() -> ExitCode {
    ExitCode::from(commands::main() as u8)
}
