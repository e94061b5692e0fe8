//! One line of the ledger: an event with who, when and why, as it is stored and hashed.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    canonical::{write_string, write_value},
    tree::{Hash, leaf_hash},
};
use crate::ids::{EnvironmentName, PrincipalName};

/// How deeply the body of an entry may nest. JSON readers give up at 128.
pub const MAX_BODY_DEPTH: usize = 100;

/// An event as the ledger keeps it. `kind`, `version` and `body` are read by the typed events, which also
/// lift old versions; nothing here depends on what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Place in the ledger, from 0.
    pub sequence: u64,
    /// When it happened, by the clock of the server that wrote it.
    pub at: Timestamp,
    /// Who caused it.
    pub principal: PrincipalName,
    /// The command that led to it: a request id, or what the control plane was doing.
    pub cause: String,
    /// The environment it concerns, if it concerns one.
    pub environment: Option<EnvironmentName>,
    /// What happened, such as `release_created`.
    pub kind: String,
    /// Version of the body's shape for this kind, from 1.
    pub version: u16,
    /// The rest.
    pub body: Value,
}

/// An entry together with its Merkle leaf hash: computed when it is appended, as stored when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafEntry {
    /// The entry.
    pub entry: Entry,
    /// Its leaf hash.
    pub leaf_hash: Hash,
}

/// Why an entry cannot be stored so that it reads back the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The body nests too deeply.
    #[error("its body nests more than {MAX_BODY_DEPTH} levels deep")]
    TooDeep,
    /// A text has a NUL character, which PostgreSQL cannot store.
    #[error("its {0} contains a NUL character")]
    Nul(&'static str),
    /// The sequence is larger than databases count.
    #[error("its sequence is above {}", i64::MAX)]
    TooFar,
}

impl Entry {
    /// Returns the bytes that are hashed: one line of JSON with sorted keys and no spaces, the time with nine
    /// decimals. Two entries have the same canonical form only if they are the same.
    pub fn canonical(&self) -> String {
        self.canonical_at(self.sequence)
    }

    /// Returns the Merkle leaf hash of the canonical form (RFC 6962 section 2.1).
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(self.canonical().as_bytes())
    }

    /// Returns the leaf hash that this entry would have at another place; the audit finds moved entries with it.
    pub(super) fn leaf_hash_at(&self, sequence: u64) -> Hash {
        leaf_hash(self.canonical_at(sequence).as_bytes())
    }

    /// Returns the entry with its leaf hash, ready to be appended.
    pub fn into_leaf(self) -> LeafEntry {
        LeafEntry { leaf_hash: self.leaf_hash(), entry: self }
    }

    /// Says whether the entry reads back the same from every storage.
    pub fn check(&self) -> Result<(), EntryError> {
        if i64::try_from(self.sequence).is_err() {
            return Err(EntryError::TooFar);
        }
        for (name, text) in [("cause", &self.cause), ("kind", &self.kind)] {
            if text.contains('\0') {
                return Err(EntryError::Nul(name));
            }
        }
        if deeper_than(&self.body, MAX_BODY_DEPTH) { Err(EntryError::TooDeep) } else { Ok(()) }
    }

    fn canonical_at(&self, sequence: u64) -> String {
        let mut out = String::with_capacity(256);
        // Writing to a string cannot fail, so the results carry nothing.
        let _ = write!(out, r#"{{"at":"{:.9}","body":"#, self.at);
        write_value(&mut out, &self.body);
        out.push_str(r#","cause":"#);
        write_string(&mut out, &self.cause);
        out.push_str(r#","environment":"#);
        match &self.environment {
            Some(environment) => write_string(&mut out, environment.as_str()),
            None => out.push_str("null"),
        }
        out.push_str(r#","kind":"#);
        write_string(&mut out, &self.kind);
        out.push_str(r#","principal":"#);
        write_string(&mut out, self.principal.as_str());
        let _ = write!(out, r#","sequence":{sequence},"version":{}}}"#, self.version);
        out
    }
}

fn deeper_than(value: &Value, levels: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        Value::Array(items) => levels == 0 || items.iter().any(|item| deeper_than(item, levels - 1)),
        Value::Object(members) => levels == 0 || members.values().any(|item| deeper_than(item, levels - 1)),
    }
}

#[cfg(test)]
mod tests;
