//! The API over real sockets and the real engine, with everything outside of it in memory.
#![expect(clippy::unwrap_used, reason = "tests")]

mod access;
mod audit;
mod description;
mod environments;
mod fakes;
mod house;
mod malformed;
mod promotions;
mod releases;
mod repeating;
mod rollouts;
mod stream;
mod trouble;
