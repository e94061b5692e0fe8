//! Where values of secrets come from besides the own store and files: Vault, the process environment, a command.
//!
//! Which sources an environment has, and in which order they are asked, is decided by whoever wires them.

mod command;
mod digest;
mod environment;
#[cfg(test)]
mod tests;
mod vault;

pub use command::CommandSource;
pub use digest::VersionKey;
pub use environment::EnvironmentSource;
pub use vault::VaultSource;
