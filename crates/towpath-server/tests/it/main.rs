//! The API over real sockets and the real engine, with everything outside of it in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not take for tests"
)]

mod access;
mod audit;
mod configuration;
mod description;
mod environments;
mod fakes;
mod flag_changes;
mod house;
mod life;
mod malformed;
mod ofrep;
mod overlay;
mod promotions;
mod releases;
mod repeating;
mod rollouts;
mod secrets;
mod store_source;
mod stream;
mod streams;
mod trouble;
