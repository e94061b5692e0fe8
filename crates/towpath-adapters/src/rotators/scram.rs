//! What PostgreSQL keeps of a password (RFC 5802, RFC 7677): computed here, so that the password itself never gets to the
//! server, its log or its list of what runs.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// How often the password is hashed, as PostgreSQL does itself.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// Why there is no verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScramError {
    /// Other characters would have to be normalised first (RFC 4013).
    #[error("a password of a role may have ASCII characters only")]
    NotAscii,
    /// No randomness.
    #[error("the system gives no random bytes")]
    NoEntropy,
}

/// Returns the verifier of a password with a fresh salt: `SCRAM-SHA-256$iterations:salt$stored:server`.
pub(super) fn verifier(password: &str) -> Result<String, ScramError> {
    let mut salt = [0; 16];
    rand::fill(&mut salt).map_err(|_| ScramError::NoEntropy)?;
    with_salt(password, &salt)
}

fn with_salt(password: &str, salt: &[u8]) -> Result<String, ScramError> {
    if !password.is_ascii() || password.chars().any(|c| c.is_ascii_control()) {
        return Err(ScramError::NotAscii);
    }
    let mut salted = Zeroizing::new([0; digest::SHA256_OUTPUT_LEN]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, password.as_bytes(), &mut *salted);
    let keyed = |words: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*salted), words);
    let stored = digest::digest(&digest::SHA256, keyed(b"Client Key").as_ref());
    let server = keyed(b"Server Key");
    let [salt, stored, server] = [salt, stored.as_ref(), server.as_ref()].map(|bytes| STANDARD.encode(bytes));
    Ok(format!("SCRAM-SHA-256${ITERATIONS}:{salt}${stored}:{server}"))
}

#[cfg(test)]
mod tests;
