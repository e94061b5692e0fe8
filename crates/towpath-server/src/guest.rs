//! Who evaluates flags: an application with a key of an environment, or a person with a token.
//!
//! A key chooses the environment; a person names it. What a stream may be opened with by a client that cannot set headers is
//! made from the credential and opens nothing else. Whether pages of other sites may ask is not judged here.

use http::{HeaderMap, HeaderValue, header};
use subtle::ConstantTimeEq as _;
use towpath_core::ids::{Digest, EnvironmentName};

use crate::app::App;

/// What the text is made with that a stream is opened with, so that it is no good for anything else.
const PURPOSE: &[u8] = b"towpath event stream 1\0";

/// Somebody who was let in to the flags of an environment.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    /// The environment.
    pub(crate) environment: EnvironmentName,
    /// Only flags that are meant for pages.
    pub(crate) pages_only: bool,
    /// The digest of what was shown at the door.
    credential: Digest,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("a key is needed: send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`")]
    Nothing,
    #[error("the key is not known, or it was revoked")]
    Unknown,
    #[error("the key is not one of `{0}`")]
    Elsewhere(EnvironmentName),
    #[error("a person's token needs the environment: send `Flagd-Selector: flagSetId=ENVIRONMENT`")]
    NoEnvironment,
    #[error("there is no environment `{0}`")]
    NoSuchEnvironment(EnvironmentName),
}

impl Guest {
    /// Lets somebody in who shows a credential.
    pub(crate) fn of(app: &App, credential: &str, named: Option<&EnvironmentName>) -> Result<Self, Refused> {
        let digest = Digest::of(credential.trim().as_bytes());
        if is_person(app, &digest) {
            let environment = named.ok_or(Refused::NoEnvironment)?;
            if app.engine.world().policy(environment).is_none() {
                return Err(Refused::NoSuchEnvironment(environment.clone()));
            }
            return Ok(Self { environment: environment.clone(), pages_only: false, credential: digest });
        }
        Err(Refused::Unknown)
    }

    /// Lets somebody in by the headers of a request.
    pub(crate) fn of_headers(
        app: &App,
        headers: &HeaderMap,
        named: Option<&EnvironmentName>,
    ) -> Result<Self, Refused> {
        Self::of(app, credential(headers).ok_or(Refused::Nothing)?, named)
    }

    /// Lets somebody in who shows what a stream is opened with.
    pub(crate) fn of_ticket(app: &App, ticket: &str, environment: &EnvironmentName) -> Result<Self, Refused> {
        let people = app.access.tokens.iter().map(|(digest, _)| (*digest, false));
        for (credential, pages_only) in people {
            let guest = Self { environment: environment.clone(), pages_only, credential };
            if bool::from(guest.ticket().as_bytes().ct_eq(ticket.as_bytes())) {
                return Ok(guest);
            }
        }
        Err(Refused::Unknown)
    }

    /// Returns what opens a stream of this environment and nothing else, for clients that cannot set headers. It is the same each
    /// time, so that nobody connects anew for nothing, and ends with the credential.
    pub(crate) fn ticket(&self) -> String {
        let name = self.environment.as_str().as_bytes();
        Digest::of(&[PURPOSE, name, &[0], self.credential.as_bytes()].concat()).hex()
    }

    /// Says whether the credential is still good.
    pub(crate) fn is_welcome(&self, app: &App) -> bool {
        is_person(app, &self.credential)
    }
}

fn is_person(app: &App, given: &Digest) -> bool {
    let mut found = false;
    for (digest, _) in &app.access.tokens {
        found |= bool::from(digest.as_bytes().ct_eq(given.as_bytes()));
    }
    found
}

/// Returns the credential in the headers of a request: one `Authorization: Bearer` or one `X-API-Key`.
pub(crate) fn credential(headers: &HeaderMap) -> Option<&str> {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        HeaderValue::to_str(value).ok()
    };
    if let Some((scheme, token)) = one(header::AUTHORIZATION.as_str()).and_then(|value| value.split_once(' ')) {
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    one("x-api-key").map(str::trim)
}
