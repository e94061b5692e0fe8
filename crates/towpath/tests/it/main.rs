//! End to end through the binary: real processes, real sockets. Wiring is checked here, rules are in core's tests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failed expectation is a failed test"
)]
// What one module of scenarios does not use, another does.
#![allow(dead_code, reason = "the fixture serves every module")]

mod bad_input;
mod cli;
mod compare;
mod demo;
mod docs;
mod environments;
mod experiments;
mod flag_changes;
mod import;
mod layers;
#[path = "../../src/demo/load.rs"]
mod load;
mod ofrep;
mod overlay;
mod previews;
mod project;
mod release;
mod render;
mod rollouts;
mod run;
mod schema;
mod secrets;
mod server;
mod statistics;
mod streams;
