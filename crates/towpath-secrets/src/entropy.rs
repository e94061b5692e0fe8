//! Randomness as an argument.

/// Where random bytes come from.
pub trait Entropy: Send + Sync {
    /// Fills all of `bytes`.
    ///
    /// Fails where the system has no randomness to give; nothing may be encrypted then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The system gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes, so nothing can be encrypted")]
pub struct NoEntropy;

/// The system's own randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        aws_lc_rs::rand::fill(bytes).map_err(|_| NoEntropy)
    }
}
