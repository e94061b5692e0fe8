//! Who evaluates flags: an application with a key of an environment, or a person with a token.
//!
//! A key chooses the environment; a person names it. What a stream may be opened with by a client that cannot set headers is
//! made from the credential and opens nothing else. Whether pages of other sites may ask is not judged here.

use http::{HeaderMap, HeaderValue, header};
use subtle::ConstantTimeEq as _;
use towpath_core::{
    flags::{ApplicationKey, KeyKind},
    ids::{Digest, EnvironmentName, KeyName},
};

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
    /// The name of the key; `None` for a person's token.
    key: Option<KeyName>,
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
        let credential = Digest::of(credential.trim().as_bytes());
        let (world, now) = (app.engine.world(), app.engine.now());
        if is_person(app, &credential) {
            let environment = named.ok_or(Refused::NoEnvironment)?;
            if world.policy(environment).is_none() {
                return Err(Refused::NoSuchEnvironment(environment.clone()));
            }
            return Ok(Self { environment: environment.clone(), pages_only: false, credential, key: None });
        }
        for (environment, state) in &world.environments {
            for (name, key) in &state.flag_keys.0 {
                if same(&key.digest, &credential) && key.is_valid(now) {
                    if let Some(named) = named.filter(|named| *named != environment) {
                        return Err(Refused::Elsewhere(named.clone()));
                    }
                    return Ok(Self::with_key(environment, name, key));
                }
            }
        }
        Err(Refused::Unknown)
    }

    fn with_key(environment: &EnvironmentName, name: &KeyName, key: &ApplicationKey) -> Self {
        Self {
            environment: environment.clone(),
            pages_only: key.kind == KeyKind::Client,
            credential: key.digest,
            key: Some(name.clone()),
        }
    }

    /// Lets somebody in by the headers of a request.
    pub(crate) fn of_headers(app: &App, headers: &HeaderMap, named: Option<&EnvironmentName>) -> Result<Self, Refused> {
        Self::of(app, credential(headers).ok_or(Refused::Nothing)?, named)
    }

    /// Lets somebody in who shows what a stream is opened with.
    pub(crate) fn of_ticket(app: &App, ticket: &str, environment: &EnvironmentName) -> Result<Self, Refused> {
        let (world, now) = (app.engine.world(), app.engine.now());
        let keys = world.environments.get(environment).map(|state| &state.flag_keys.0);
        let keys = keys.into_iter().flatten().filter(|(_, key)| key.is_valid(now));
        let keys = keys.map(|(name, key)| Self::with_key(environment, name, key));
        let people = app.access.tokens.iter().map(|(digest, _)| Self {
            environment: environment.clone(),
            pages_only: false,
            credential: *digest,
            key: None,
        });
        for guest in keys.chain(people) {
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
        let Some(name) = &self.key else { return is_person(app, &self.credential) };
        let world = app.engine.world();
        let key = world.environments.get(&self.environment).and_then(|state| state.flag_keys.0.get(name));
        key.is_some_and(|key| same(&key.digest, &self.credential) && key.is_valid(app.engine.now()))
    }
}

fn is_person(app: &App, given: &Digest) -> bool {
    app.access.tokens.iter().fold(false, |found, (digest, _)| found | same(digest, given))
}

/// Says whether two digests are the same, in a time that does not tell how nearly.
fn same(one: &Digest, other: &Digest) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
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
