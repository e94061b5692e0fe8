//! The manifest of an environment: a keyed checksum over everything that its store holds, so that what is missing, replaced or
//! older than it should be is noticed.
//!
//! The checksum and its revision are kept in the ledger; the ledger's own chain anchors the revision against going back as a
//! whole.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use zeroize::Zeroizing;

use super::{DataKey, part};

/// One version of a secret as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry<'a> {
    /// The secret.
    pub name: &'a str,
    /// Its version.
    pub version: u32,
    /// The SHA-256 digest of the sealed value.
    pub sealed: [u8; 32],
}

/// Everything that the store of one environment holds at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest<'a> {
    revision: u64,
    entries: Vec<Entry<'a>>,
}

impl<'a> Manifest<'a> {
    /// Returns the manifest of these entries, in whatever order they come.
    pub fn new(revision: u64, entries: impl IntoIterator<Item = Entry<'a>>) -> Self {
        let mut entries: Vec<Entry<'a>> = entries.into_iter().collect();
        entries.sort_unstable();
        Self { revision, entries }
    }

    /// Returns its keyed checksum.
    pub fn mac(&self, key: &DataKey) -> [u8; 32] {
        let own = Zeroizing::new(key.derive(b"TPS1 manifest"));
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, own.as_slice()));
        let mut message = Vec::with_capacity(128);
        part(&mut message, &self.revision.to_be_bytes());
        context.update(&message);
        for entry in &self.entries {
            message.clear();
            part(&mut message, entry.name.as_bytes());
            part(&mut message, &entry.version.to_be_bytes());
            part(&mut message, &entry.sealed);
            context.update(&message);
        }
        let tag = context.sign();
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Says whether this is what was stored: whether the checksum is its own, compared in constant time.
    pub fn is(&self, key: &DataKey, mac: &[u8; 32]) -> bool {
        verify_slices_are_equal(&self.mac(key), mac).is_ok()
    }
}
