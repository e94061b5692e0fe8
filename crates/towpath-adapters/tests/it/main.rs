//! The local target with real processes.
#![expect(unused_crate_dependencies, reason = "dependencies of the library")]

mod adoption;
mod bed;
mod checks;
mod conformance;
mod processes;
