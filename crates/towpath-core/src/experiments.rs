//! Experiments: what is compared, who was exposed to what, and what may be concluded.
//!
//! Numbers come in as sums per variant; who was exposed when is kept by the store, not in the world.

pub mod statistics;
