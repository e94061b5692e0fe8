//! What a deployment is: a release in an environment, with everything that was resolved for it.

mod display;
mod flag;
mod spec;

pub use flag::{FlagStep, FlagStrategy, Via};
pub use spec::*;
