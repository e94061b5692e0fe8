//! The domain of Towpath: pure decisions.
//!
//! What is absent matters most: nothing here reads a clock, draws a random number, opens a file,
//! asks the network or waits. Time, ids and bytes come in as arguments; effects go out as data.
#![warn(missing_docs)]

pub mod config;
pub mod deployment;
pub mod ids;
pub mod instance;
pub mod ledger;
pub mod project;
pub mod traffic;
pub mod units;
