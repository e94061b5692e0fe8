//! Who may evaluate flags: keys of applications, and people by their tokens.
//!
//! An index over the keys of every environment is made anew when keys change, so that a revoked key is refused from the next
//! request on, and a request costs one hash and one look.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;
use subtle::ConstantTimeEq as _;
use towpath_core::{
    flags::{ApplicationKey, ApplicationKeys, KeyKind},
    ids::{Digest, EnvironmentName},
    world::World,
};

use crate::app::App;

/// The header of a key beside `Authorization`.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The header with which flagd's clients choose a set of flags.
pub(crate) const SELECTOR: HeaderName = HeaderName::from_static("flagd-selector");

/// Who evaluates, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evaluator {
    /// The environment whose flags are asked for.
    pub(crate) environment: EnvironmentName,
    /// Whether only flags that are meant for pages and apps may be seen.
    pub(crate) client: bool,
    /// The digest of the key or token.
    pub(crate) credential: Digest,
}

/// Why somebody may not evaluate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denied {
    /// There is no key or token, or one that is not known (any more).
    Unknown,
    /// The key is of another environment, or not for this page.
    Forbidden,
    /// The key has made as many requests as it may.
    Later(Duration),
    /// A person has not said which environment.
    NoEnvironment,
    /// There is no such environment.
    NotFound(String),
}

/// The keys of every environment, ready to be looked for.
pub(crate) struct Applications {
    index: ArcSwap<Index>,
    began: Instant,
}

#[derive(Default)]
struct Index {
    /// The world it was made from.
    size: u64,
    keys: Vec<(EnvironmentName, Arc<ApplicationKeys>)>,
    by_digest: Arc<HashMap<[u8; 32], Arc<Entry>>>,
}

struct Entry {
    environment: EnvironmentName,
    key: Arc<ApplicationKey>,
    /// When the next request would be on time, in nanoseconds since the server began: the generic cell rate algorithm.
    due: AtomicU64,
}

impl Applications {
    pub(crate) fn new() -> Self {
        Self { index: ArcSwap::default(), began: Instant::now() }
    }

    fn index(&self, world: &World) -> Arc<Index> {
        let index = self.index.load();
        if index.size == world.size {
            return Arc::clone(&index);
        }
        let renewed = Arc::new(index.renewed(world));
        self.index.store(Arc::clone(&renewed));
        renewed
    }

    /// Returns the entry of a key that is valid now.
    fn entry(&self, world: &World, digest: &Digest, now: Timestamp) -> Option<Arc<Entry>> {
        let index = self.index(world);
        let entry = index.by_digest.get(digest.as_bytes())?;
        // What was found by its digest is compared once more in constant time: nothing is to be learnt from how long a look took.
        let same = bool::from(entry.key.digest.as_bytes().ct_eq(digest.as_bytes()));
        (same && entry.key.is_valid(now)).then(|| Arc::clone(entry))
    }
}

impl Index {
    fn renewed(&self, world: &World) -> Self {
        let keyed = world.environments.iter().filter(|(_, state)| !state.flag_keys.0.is_empty());
        let keys: Vec<_> = keyed.map(|(name, state)| (name.clone(), Arc::clone(&state.flag_keys))).collect();
        let same = keys.len() == self.keys.len()
            && keys.iter().zip(&self.keys).all(|(new, old)| new.0 == old.0 && Arc::ptr_eq(&new.1, &old.1));
        let by_digest = if same { Arc::clone(&self.by_digest) } else { Arc::new(self.entries(&keys)) };
        Self { size: world.size, keys, by_digest }
    }

    fn entries(&self, keys: &[(EnvironmentName, Arc<ApplicationKeys>)]) -> HashMap<[u8; 32], Arc<Entry>> {
        let all = keys.iter().flat_map(|(environment, keys)| keys.0.values().map(move |key| (environment, key)));
        let valid = all.filter(|(_, key)| key.revoked.is_none());
        let entries = valid.map(|(environment, key)| {
            let digest = *key.digest.as_bytes();
            // Limits go on where they were.
            let due = self.by_digest.get(&digest).map_or(0, |entry| entry.due.load(Ordering::Relaxed));
            let (environment, key, due) = (environment.clone(), Arc::clone(key), AtomicU64::new(due));
            (digest, Arc::new(Entry { environment, key, due }))
        });
        entries.collect()
    }
}

impl Entry {
    fn evaluator(&self) -> Evaluator {
        let client = self.key.kind == KeyKind::Client;
        Evaluator { environment: self.environment.clone(), client, credential: self.key.digest }
    }

    /// Counts a request; if there were too many of late, returns how long to wait. A second's worth may come at once.
    fn admit(&self, began: Instant) -> Result<(), Duration> {
        const SECOND: u64 = 1_000_000_000;
        let Some(per_second) = self.key.per_second else { return Ok(()) };
        let now = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let each = SECOND / u64::from(per_second.max(1));
        let next = |due: u64| {
            let due = due.max(now);
            let ahead = due - now;
            (ahead.saturating_add(each) <= SECOND.max(each)).then(|| due.saturating_add(each))
        };
        match self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(_) => Ok(()),
            Err(due) => Err(Duration::from_nanos(due.saturating_add(each).saturating_sub(now.saturating_add(SECOND)))),
        }
    }
}

impl App {
    /// Says who evaluates and where, by the headers of a request and the environment of its path, if that names one.
    pub(crate) fn evaluator(
        &self,
        headers: &HeaderMap,
        path: Option<&str>,
        now: Timestamp,
    ) -> Result<Evaluator, Denied> {
        let token = presented(headers).ok_or(Denied::Unknown)?;
        self.admitted(token, [path, selected(headers)], headers, now)
    }

    /// Says who evaluates and where, by a key or token and the environments that are named, of which the first weighs more.
    pub(crate) fn admitted(
        &self,
        token: &str,
        named: [Option<&str>; 2],
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Evaluator, Denied> {
        let digest = Digest::of(token.as_bytes());
        let world = self.engine.world();
        let Some(entry) = self.applications.entry(&world, &digest, now) else {
            return self.person(&world, digest, headers, named);
        };
        if named.into_iter().flatten().any(|name| name != entry.environment.as_str()) || !is_for(&entry.key, headers) {
            return Err(Denied::Forbidden);
        }
        entry.admit(self.applications.began).map_err(Denied::Later)?;
        Ok(entry.evaluator())
    }

    /// Says who evaluates by what a stream of an environment is opened with: `opens` is asked about each key and token.
    pub(crate) fn opened_by(
        &self,
        environment: &EnvironmentName,
        headers: &HeaderMap,
        opens: impl Fn(&Evaluator) -> bool,
    ) -> Result<Evaluator, Denied> {
        let (world, now) = (self.engine.world(), self.engine.now());
        let index = self.applications.index(&world);
        let keys =
            index.by_digest.values().filter(|entry| entry.environment == *environment && entry.key.is_valid(now));
        for entry in keys {
            let evaluator = entry.evaluator();
            if opens(&evaluator) {
                return if is_for(&entry.key, headers) { Ok(evaluator) } else { Err(Denied::Forbidden) };
            }
        }
        let people = self.access.tokens.iter().map(|(digest, _)| digest);
        let people =
            people.map(|digest| Evaluator { environment: environment.clone(), client: false, credential: *digest });
        let mut people = people.filter(|_| self.hosts.is_same_origin(headers));
        people.find(|person| opens(person)).ok_or(Denied::Unknown)
    }

    /// Says whether somebody who was let in would still be.
    pub(crate) fn is_welcome(&self, evaluator: &Evaluator) -> bool {
        let entry = self.applications.entry(&self.engine.world(), &evaluator.credential, self.engine.now());
        match entry {
            Some(entry) => entry.environment == evaluator.environment,
            None => self.access.who(&evaluator.credential).is_some(),
        }
    }

    fn person(
        &self,
        world: &World,
        digest: Digest,
        headers: &HeaderMap,
        named: [Option<&str>; 2],
    ) -> Result<Evaluator, Denied> {
        self.access.who(&digest).ok_or(Denied::Unknown)?;
        // Tokens of people are for people's own tools: no page of another site has one.
        if !self.hosts.is_same_origin(headers) {
            return Err(Denied::Forbidden);
        }
        let name = named.into_iter().flatten().next().ok_or(Denied::NoEnvironment)?;
        let environment = EnvironmentName::new(name).ok().filter(|name| world.policy(name).is_some());
        let environment = environment.ok_or_else(|| Denied::NotFound(name.chars().take(64).collect()))?;
        Ok(Evaluator { environment, client: false, credential: digest })
    }
}

/// Says whether the page that asks, if a page does, may use the key.
fn is_for(key: &ApplicationKey, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    key.origins.is_empty()
        || origins.all(|origin| key.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()))
}

/// Returns the key or token of a request.
pub(crate) fn presented(headers: &HeaderMap) -> Option<&str> {
    let one = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        value.to_str().ok()
    };
    let token = match one(&header::AUTHORIZATION) {
        Some(value) => match value.trim().split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token,
            Some(_) => return None,
            // Without a scheme, as the pages of the JavaScript providers show it.
            None => value,
        },
        None if headers.contains_key(header::AUTHORIZATION) => return None,
        None => one(&API_KEY)?,
    };
    Some(token.trim()).filter(|token| !token.is_empty())
}

/// Returns the environment that the selector names: `flagSetId=NAME` or just `NAME`.
fn selected(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(&SELECTOR)?.to_str().unwrap_or("?").trim();
    let name = text.strip_prefix("flagSetId=").unwrap_or(text);
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests;
