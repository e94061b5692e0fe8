//! The text of a Secret: written, and read again.
//!
//! The same values always give the same bytes. Only what was written here is read from files: what others wrote is theirs.

use std::{collections::BTreeMap, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use towpath_core::{ids::Digest, secrets::SecretText};
use zeroize::Zeroizing;

/// The first line of every file we write; a file without it is not ours.
const HEAD: &str =
    "# Written by `towpath secrets sync`. Values are only encoded, not encrypted: keep this file out of git.\n";
const CHECKSUM: &str = "towpath/checksum";

/// A Secret that is to be.
pub(super) struct Manifest<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) values: &'a BTreeMap<String, SecretText>,
}

impl Manifest<'_> {
    /// Returns the manifest in YAML. Names are checked before: they need no quotes, and get some.
    pub(super) fn text(&self) -> Zeroizing<String> {
        let length: usize = self.values.iter().map(|(name, value)| name.len() + value.len() * 2 + 16).sum();
        // Grown at once, so that no half of it is left behind elsewhere.
        let mut text = Zeroizing::new(String::with_capacity(length + 1_024));
        text.push_str(HEAD);
        let _ = write!(text, "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"{}\"\n", self.name);
        if let Some(namespace) = self.namespace {
            let _ = writeln!(text, "  namespace: \"{namespace}\"");
        }
        text.push_str("  labels:\n    app.kubernetes.io/managed-by: towpath\n");
        let _ = write!(text, "  annotations:\n    {CHECKSUM}: \"{}\"\ntype: Opaque\n", self.checksum());
        text.push_str(if self.values.is_empty() { "data: {}\n" } else { "data:\n" });
        for (name, value) in self.values {
            let encoded = Zeroizing::new(STANDARD.encode(value.expose()));
            let _ = writeln!(text, "  \"{name}\": \"{}\"", encoded.as_str());
        }
        text
    }

    /// Returns what changes when any name or value does, to restart what uses them.
    fn checksum(&self) -> String {
        let mut bytes = Zeroizing::new(Vec::new());
        for part in self.values.iter().flat_map(|(name, value)| [name.as_str(), value.expose()]) {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Digest::of(&bytes).to_string()
    }
}

/// Returns the values of a file we wrote; `None` for one of somebody else, or one that was changed beyond values.
pub(super) fn read_written(text: &str) -> Option<BTreeMap<String, SecretText>> {
    let rest = text.strip_prefix(HEAD)?;
    let (_, data) = rest.split_once("\ndata:")?;
    let mut values = BTreeMap::new();
    for line in data.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        let (name, value) = line.trim().split_once(": ")?;
        let unquoted = |text: &str| Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned());
        values.insert(unquoted(name)?, decoded(&Zeroizing::new(unquoted(value)?))?);
    }
    Some(values)
}

/// Returns the values of a Secret as the API shows it; none for an empty answer. Values that are no text are left out: they are
/// none of ours.
pub(super) fn read_applied(json: &[u8]) -> Option<BTreeMap<String, SecretText>> {
    if json.iter().all(u8::is_ascii_whitespace) {
        return Some(BTreeMap::new());
    }
    let secret: Value = serde_json::from_slice(json).ok()?;
    let Some(data) = secret.get("data") else { return Some(BTreeMap::new()) };
    let entries = data.as_object()?.iter();
    Some(entries.filter_map(|(name, value)| Some((name.clone(), decoded(value.as_str()?)?))).collect())
}

fn decoded(text: &str) -> Option<SecretText> {
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    std::str::from_utf8(&bytes).ok().map(SecretText::new)
}
