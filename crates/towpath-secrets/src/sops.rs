//! Files that `sops` reads and writes.

pub mod shamir;
