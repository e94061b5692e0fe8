//! New age identities, and who they are: what `age-keygen` and `age-keygen -y` do.

use std::str::FromStr as _;

use age::{secrecy::ExposeSecret as _, x25519};
use zeroize::Zeroizing;

use super::KeyError;

/// A new X25519 identity of age.
pub struct NewIdentity {
    /// Its public key, `age1…`: for whom files are encrypted.
    pub recipient: String,
    /// What its file says, as `age-keygen` writes it. Erased when dropped.
    pub file: Zeroizing<String>,
}

/// Makes an identity; `created` stands in its file as it is given. Its randomness is age's own, that of the system.
pub fn new_identity(created: &str) -> NewIdentity {
    let identity = x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let secret = identity.to_string();
    // With all its room at once, so that no copy is left behind where it grew.
    let mut file = Zeroizing::new(String::with_capacity(512));
    for part in ["# created: ", created, "\n# public key: ", &recipient, "\n", secret.expose_secret(), "\n"] {
        file.push_str(part);
    }
    NewIdentity { recipient, file }
}

/// Returns the public keys of the identities in a file as `age-keygen` writes it, in their order. `Err` on the first line
/// that is none.
pub fn recipients_of(text: &str) -> Result<Vec<String>, KeyError> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            let identity = x25519::Identity::from_str(line.trim_end()).map_err(|_| KeyError::Identity(number))?;
            Ok(identity.to_public().to_string())
        })
        .collect()
}

impl std::fmt::Debug for NewIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewIdentity").field("recipient", &self.recipient).finish_non_exhaustive()
    }
}
