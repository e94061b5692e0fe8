//! A value that was decrypted.

use std::{fmt, ops::Deref};

use towpath_core::secrets::SecretText;
use zeroize::{Zeroizing, optimization_barrier};

/// The bytes of a value. Erased when dropped, and not shown by `Debug`.
///
/// Not a `Zeroizing`: that writes byte by byte, twice, which for a kilobyte costs more than decrypting it did.
pub struct Opened(pub(super) Vec<u8>);

impl Opened {
    /// Returns the value as a text; `None` where it is none.
    pub fn into_text(mut self) -> Option<SecretText> {
        match String::from_utf8(std::mem::take(&mut self.0)) {
            Ok(text) => Some(SecretText::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                None
            }
        }
    }
}

impl Deref for Opened {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({} bytes, …)", self.0.len())
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.fill(0);
        // What is behind the barrier may look at the zeroes, so they are written.
        optimization_barrier(self.0.as_slice());
    }
}
