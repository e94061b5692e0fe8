//! Encryption of secrets: bytes in, bytes out.
//!
//! Files and networks are not here: keys that live elsewhere are asked for through traits, time and randomness come in as
//! arguments. Whatever holds a key or a value erases it when it is dropped and shows nothing of it in `Debug`.

pub mod entropy;
pub mod envelope;
pub mod generate;
pub mod keyed;
pub mod leaks;
pub mod sealed_box;
pub mod sops;
pub mod strength;
