//! What is declared of a secret's life: how often it changes, when it ends, who answers for it, how a new value comes about.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::Generator;
use crate::{lifecycle::later, units::Millis};

/// What is declared of a secret's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationPolicy {
    /// How old a value may become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Millis>,
    /// The last day the value is good, in UTC: a certificate's or a contract's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// How long before it is due somebody is reminded.
    pub remind: Millis,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How a new value is made; without it a person brings one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generator>,
    /// What makes values valid.
    #[serde(default)]
    pub credential: Credential,
    /// How long the old value stays valid after all have the new one.
    pub grace: Millis,
    /// Whether it is rotated by itself when it is due; if not, a person starts it.
    #[serde(default)]
    pub automatic: bool,
}

/// What makes a value valid, so that a new one has to be made valid and an old one invalid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Credential {
    /// Nothing outside: whoever has the value uses it.
    #[default]
    Value,
    /// Two login roles of a PostgreSQL server that take turns. The secret's value is the URL that the application connects
    /// with; a rotation makes the same URL with the other role and a new password.
    Postgres {
        /// The variable of the server's process with the URL of somebody who may create and alter the roles.
        admin: String,
        /// The role that owns what the application uses; both are members of it and act as it.
        owner: String,
        /// The two roles.
        roles: [String; 2],
    },
    /// A program of the user, told by `TOWPATH_ROTATION` what to do: `create`, `verify`, `revoke`.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// How long it may take.
        timeout: Millis,
    },
}

impl RotationPolicy {
    /// How long before a value is due somebody is reminded if nothing else is declared.
    pub const REMIND: Millis = Millis::from_secs(14 * 86_400);
    /// How long an old value stays valid if nothing else is declared.
    pub const GRACE: Millis = Millis::from_secs(3600);

    /// Returns when a value that was written at `written` has to be replaced, if ever.
    pub fn due(&self, written: Timestamp) -> Option<Timestamp> {
        let by_age = self.every.map(|every| later(written, every));
        let by_date = self.expires.map(end_of);
        by_age.into_iter().chain(by_date).min()
    }
}

/// Returns the first moment after a day, in UTC.
fn end_of(day: Date) -> Timestamp {
    let next = day.tomorrow().unwrap_or(Date::MAX);
    next.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}
