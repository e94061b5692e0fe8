//! Paths in Vault as part of an address.

use std::fmt::Write as _;

use super::VaultError;

/// Joins parts to a path below `/v1/`, each checked. What is shown to people is what comes back, before encoding.
pub(super) fn join(parts: &[&str]) -> Result<String, VaultError> {
    let mut path = String::new();
    for part in parts {
        let part = part.trim_matches('/');
        let wrong = part.is_empty()
            || part.len() > 1024
            || part.chars().any(char::is_control)
            || part.split('/').any(|segment| matches!(segment, "" | "." | ".."));
        if wrong {
            return Err(VaultError::Path { path: part.chars().filter(|it| !it.is_control()).take(100).collect() });
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(part);
    }
    Ok(path)
}

/// Encodes what must not stand as it is in an address (RFC 3986, section 2.3), slashes excepted.
pub(super) fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
