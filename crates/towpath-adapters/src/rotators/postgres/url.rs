//! The URL that an application connects with: who signs in is in it, and is all that a rotation changes.

use std::fmt::Write as _;

use towpath_core::secrets::SecretText;
use zeroize::Zeroizing;

/// A URL taken apart around its user and password.
pub(in crate::rotators) struct Url<'a> {
    scheme: &'a str,
    rest: &'a str,
    /// Who signs in, decoded.
    pub(in crate::rotators) user: String,
    /// With which password, decoded.
    pub(in crate::rotators) password: Zeroizing<String>,
}

impl<'a> Url<'a> {
    /// Takes a URL apart; nothing if it is none of PostgreSQL's or has no user or password.
    pub(in crate::rotators) fn read(text: &'a str) -> Option<Self> {
        let (scheme, rest) =
            text.split_once("://").filter(|(scheme, _)| ["postgres", "postgresql"].contains(scheme))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, _) = rest.split_at_checked(end)?;
        let at = authority.rfind('@')?;
        let (who, _) = authority.split_at_checked(at)?;
        let (user, password) = who.split_once(':')?;
        let (user, password) = (decode(user)?, Zeroizing::new(decode(password)?));
        let rest = rest.get(at + 1..)?;
        (!user.is_empty() && !password.is_empty()).then_some(Self { scheme, rest, user, password })
    }

    /// Returns the same URL for another user with another password.
    pub(in crate::rotators) fn with(&self, user: &str, password: &str) -> SecretText {
        let (user, password) = (encode(user), Zeroizing::new(encode(password)));
        SecretText::new(format!("{}://{user}:{}@{}", self.scheme, *password, self.rest))
    }
}

/// Percent-encodes everything but unreserved characters (RFC 3986, 2.3).
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
