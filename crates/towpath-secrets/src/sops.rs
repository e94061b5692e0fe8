//! Files that `sops` reads and writes.

pub mod rules;
pub mod shamir;
