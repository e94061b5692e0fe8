//! The simulation: the real control plane in one thread, over a simulated target, proxy, clock and storage with seeded faults.
//!
//! Everything random comes from one seed, so a failing seed is a reproducible test. Nothing here sleeps or reads a clock.

mod chance;
mod flags;
mod invariants;
mod lives;
mod machine;
mod overlay;
mod plane;
mod scenario;
mod target;
mod traffic;

pub use invariants::Violation;
pub use plane::{Outcome, run};
pub use scenario::Behaviour;
