//! What a deployment is: a release in an environment, with everything that was resolved for it.

mod display;
mod spec;

pub use spec::*;
