//! One suite per port: what every implementation must do, run on the fakes here and on the real ones in their crates.
//!
//! Each test takes a fresh, empty implementation and panics with what is wrong.

pub mod target;
