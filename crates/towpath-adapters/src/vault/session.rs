//! The token in use: how it is got, when it is renewed, when another one is needed.

use std::time::{Duration, Instant};

use serde::Deserialize;
use towpath_core::secrets::SecretText;

/// After this long the age of a token that was given is looked at for the first time: short runs need no renewal.
const FIRST_LOOK: Duration = Duration::from_secs(10);
/// With less left than this a token is as good as expired.
const TOO_SHORT: Duration = Duration::from_secs(5);

/// What signing in and renewing answer.
#[derive(Deserialize)]
pub(super) struct Signed {
    pub(super) auth: Option<Auth>,
}

/// A token and its lease.
#[derive(Deserialize)]
pub(super) struct Auth {
    pub(super) client_token: String,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

/// The token in use.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) token: SecretText,
    /// Counts up with every signing in, so that of many requests that find it dead one signs in again.
    pub(super) number: u64,
    renew_at: Option<Instant>,
    ends: Option<Instant>,
}

impl Session {
    /// Takes a token whose age is not known.
    pub(super) fn given(token: SecretText, now: Instant) -> Self {
        Self { token, number: 0, renew_at: Some(now + FIRST_LOOK), ends: None }
    }

    /// Takes what signing in or renewing answered.
    pub(super) fn signed(auth: Auth, number: u64, now: Instant) -> Self {
        let lease = Duration::from_secs(auth.lease_duration);
        let lives = (!lease.is_zero()).then_some(lease);
        Self {
            token: SecretText::new(auth.client_token),
            number,
            renew_at: lives.filter(|_| auth.renewable).map(|lease| now + lease * 2 / 3),
            ends: lives.map(|lease| now + lease),
        }
    }

    /// Does not ask for renewal any more: Vault said no.
    pub(super) fn stop_renewing(&mut self) {
        self.renew_at = None;
    }

    /// Asks again after a while.
    pub(super) fn postpone(&mut self, now: Instant) {
        self.renew_at = Some(now + FIRST_LOOK);
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.renew_at.is_some_and(|at| at <= now)
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.ends.is_some_and(|ends| ends <= now + TOO_SHORT)
    }

    /// Returns when something is to be done about it, if ever.
    pub(super) fn next(&self) -> Option<Instant> {
        self.renew_at.or(self.ends)
    }
}
