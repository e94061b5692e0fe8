//! The domain of Towpath: pure decisions.
//!
//! What is absent matters most: nothing here reads a clock, draws a random number, opens a file,
//! asks the network or waits. Time, ids and bytes come in as arguments; effects go out as data.
#![warn(missing_docs)]

pub mod analysis;
pub mod artifact;
pub mod command;
pub mod config;
pub mod decide;
pub mod deployment;
pub mod dora;
pub mod event;
pub mod experiments;
pub mod flags;
pub mod ids;
pub mod import;
pub mod instance;
pub mod ledger;
pub mod lifecycle;
pub mod plan;
pub mod ports;
pub mod project;
pub mod promotion;
pub mod refusal;
pub mod release;
pub mod rollout;
pub mod secrets;
pub mod supervision;
#[cfg(test)]
mod testing;
pub mod traffic;
pub mod units;
pub mod world;
