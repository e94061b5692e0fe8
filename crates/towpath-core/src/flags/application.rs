//! The keys with which applications evaluate flags, per environment.
//!
//! A key is shown once, when it is made; here and in the ledger is only its digest. Commands are decided in
//! `decide::flag_keys`; whether a request carries a key is judged where requests come in.

use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{Event, Fact},
    ids::{Digest, EnvironmentName, KeyName, PrincipalName},
};

/// Most keys of one environment that can be used.
pub const MAX_KEYS: usize = 200;
/// Most keys of one environment that are remembered after they were revoked.
const MAX_REVOKED: usize = 200;
/// Most pages that a key of clients may be limited to.
pub const MAX_ORIGINS: usize = 50;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Services keep it secret; it evaluates every flag.
    Server,
    /// Pages and apps carry it where anybody can read it; it evaluates only flags that are meant for them.
    Client,
}

/// The keys of one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApplicationKeys(pub OrdMap<KeyName, Arc<ApplicationKey>>);

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationKey {
    /// What it may be used for.
    pub kind: KeyKind,
    /// The SHA-256 digest of its text.
    pub digest: Digest,
    /// The pages that may use it, such as `https://shop.example.org`; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// How many requests a second it may make; without it as many as there is room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub by: PrincipalName,
    /// Why, in the words of who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revoked>,
}

/// The end of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub by: PrincipalName,
    /// Why, in the words of who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A key was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagKeyMade {
    /// What it is called.
    pub name: KeyName,
    /// What it may be used for.
    pub key: KeyKind,
    /// The SHA-256 digest of its text.
    pub digest: Digest,
    /// The pages that may use it; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// How many requests a second it may make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Why, in the words of who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A key is refused from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagKeyRevoked {
    /// Which.
    pub name: KeyName,
    /// Why, in the words of who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A change of one environment's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCommand {
    /// Where.
    pub environment: EnvironmentName,
    /// Which key.
    pub name: KeyName,
    /// What.
    pub change: KeyChange,
    /// Why.
    pub reason: Option<String>,
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// Makes it.
    Make(NewKey),
    /// Refuses it from here on.
    Revoke,
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What it may be used for.
    pub kind: KeyKind,
    /// The SHA-256 digest of its text.
    pub digest: Digest,
    /// The pages that may use it; empty for any.
    pub origins: Vec<String>,
    /// How many requests a second it may make.
    pub per_second: Option<u32>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

impl KeyKind {
    /// Returns the word that people use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

impl ApplicationKey {
    /// Says whether it is let in.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl ApplicationKeys {
    /// Folds one event.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match over events is in `World::apply`")]
    pub fn fold(&mut self, event: &Event) {
        match &event.fact {
            Fact::FlagKeyMade(made) => {
                let key = ApplicationKey {
                    kind: made.key,
                    digest: made.digest,
                    origins: made.origins.clone(),
                    per_second: made.per_second,
                    expires_at: made.expires_at,
                    at: event.at,
                    by: event.principal.clone(),
                    reason: made.reason.clone(),
                    revoked: None,
                };
                self.0.insert(made.name.clone(), Arc::new(key));
            }
            Fact::FlagKeyRevoked(revoked) => {
                if let Some(key) = self.0.get_mut(&revoked.name) {
                    let (at, by, reason) = (event.at, event.principal.clone(), revoked.reason.clone());
                    Arc::make_mut(key).revoked = Some(Revoked { at, by, reason });
                }
                self.forget_old();
            }
            _ => {}
        }
    }

    /// Remembers only the newest of those that were revoked: they are in the ledger for who asks later.
    fn forget_old(&mut self) {
        let revoked = self.0.iter().filter_map(|(name, key)| Some((key.revoked.as_ref()?.at, name.clone())));
        let mut revoked: Vec<_> = revoked.collect();
        if revoked.len() > MAX_REVOKED {
            revoked.sort();
            for (_, name) in revoked.iter().take(revoked.len() - MAX_REVOKED) {
                self.0.remove(name);
            }
        }
    }
}

/// Says whether it need not be written down.
pub fn are_none(keys: &Arc<ApplicationKeys>) -> bool {
    keys.0.is_empty()
}
