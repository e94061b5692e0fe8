//! The local target with real processes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what fails here is a failed test"
)]

mod adoption;
mod bed;
mod checks;
mod conformance;
mod processes;
mod rotators;
mod sync;
