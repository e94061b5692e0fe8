//! Following what an environment serves: who streams waits here for changes, for the time to say that the line is alive, and
//! for the end.
//!
//! One clock turns a wheel for all of them: a follower waits on one of its slots. There is no timer, task or lock of a follower's
//! own, and nothing is queued: a slow one finds the newest when it comes back. What is sent is the business of the protocols.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast, watch},
    time::Instant,
};
use towpath_core::ids::{Digest, EnvironmentName};
use towpath_engine::flags::Served;

use crate::{
    app::{App, Shared},
    applications::Evaluator,
};

/// How many slots the wheel has: so many parts of the followers are woken one after the other.
const SLOTS: usize = 64;
/// Who comes so shortly after a change may have been answered before it.
const JUST_NOW: Duration = Duration::from_mins(2);

/// What followers share.
pub(crate) struct Followers {
    places: Arc<Semaphore>,
    slots: Vec<Arc<Notify>>,
    next_slot: AtomicUsize,
    environments: Mutex<BTreeMap<EnvironmentName, Arc<Line>>>,
}

/// What followers of one environment share.
#[derive(Default)]
pub(crate) struct Line(ArcSwapOption<Revision>);

/// What an environment serves, as followers are told of it.
pub(crate) struct Revision {
    /// Short and without quotes; two that have the same evaluate alike.
    pub(crate) tag: String,
    /// When it was first seen here, in seconds since 1970.
    pub(crate) since: i64,
    digest: Option<Digest>,
    seen: Instant,
    /// Something else was there before it.
    is_change: bool,
    /// What a protocol sends of it, made once.
    frame: OnceLock<Bytes>,
    plain: OnceLock<Bytes>,
}

/// Why nobody can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CannotFollow {
    /// There are too many.
    Full,
    /// There is nothing to follow.
    Nothing,
}

/// Somebody who follows.
pub(crate) struct Follower {
    app: Shared,
    evaluator: Evaluator,
    pub(crate) line: Arc<Line>,
    pub(crate) slot: usize,
    beat: Arc<Notify>,
    served: watch::Receiver<Arc<Served>>,
    _place: OwnedSemaphorePermit,
}

/// What a follower waited for.
pub(crate) enum Next {
    /// The environment serves something else.
    Changed(Arc<Served>),
    /// It is time to say that the line is alive.
    Beat,
    /// There will be no more.
    Ended(End),
}

/// Why it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The server stops.
    Stopping,
    /// The environment is gone.
    Gone,
    /// The credential is no longer good.
    Revoked,
}

impl Followers {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            slots: (0..SLOTS).map(|_| Arc::default()).collect(),
            next_slot: AtomicUsize::new(0),
            environments: Mutex::default(),
        }
    }

    /// Returns what is known of what an environment serves.
    pub(crate) fn line(&self, environment: &EnvironmentName) -> Arc<Line> {
        let mut lines = self.environments.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lines.entry(environment.clone()).or_default())
    }

    /// Turns the wheel until the server stops.
    pub(crate) async fn run(app: Shared) {
        let followers = &app.followers;
        let slots = u32::try_from(followers.slots.len()).unwrap_or(1).max(1);
        let mut turn = tokio::time::interval((app.options.heartbeat / slots).max(Duration::from_millis(1)));
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut events = app.engine.subscribe();
        let mut at = followers.slots.iter().cycle();
        loop {
            tokio::select! {
                () = app.stopping.cancelled() => return,
                _ = turn.tick() => {
                    if let Some(slot) = at.next() {
                        slot.notify_waiters();
                    }
                }
                event = events.recv() => match event {
                    // Whoever came with that key looks and goes; the others say that they are alive.
                    Ok(event) if event.fact.kind() == "flag_key_revoked" => followers.wake_all(),
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => followers.wake_all(),
                    Err(broadcast::error::RecvError::Closed) => return,
                },
            }
        }
    }

    fn wake_all(&self) {
        for slot in &self.slots {
            slot.notify_waiters();
        }
    }
}

impl Follower {
    /// Begins to follow what the environment of somebody serves.
    pub(crate) fn new(app: &Shared, evaluator: Evaluator) -> Result<Self, CannotFollow> {
        let served = app.options.flags.follow(&evaluator.environment).ok_or(CannotFollow::Nothing)?;
        let place = Arc::clone(&app.followers.places).try_acquire_owned().map_err(|_| CannotFollow::Full)?;
        let line = app.followers.line(&evaluator.environment);
        let slot = app.followers.next_slot.fetch_add(1, Ordering::Relaxed) % app.followers.slots.len().max(1);
        let beat = app.followers.slots.get(slot).cloned().unwrap_or_default();
        Ok(Self { app: Arc::clone(app), evaluator, line, slot, beat, served, _place: place })
    }

    /// Returns what is served now; [`Self::next`] then waits for what comes after it.
    pub(crate) fn now(&mut self) -> Arc<Served> {
        Arc::clone(&self.served.borrow_and_update())
    }

    /// Waits for something to say.
    pub(crate) async fn next(&mut self) -> Next {
        let next = tokio::select! {
            biased;
            () = self.app.stopping.cancelled() => return Next::Ended(End::Stopping),
            changed = self.served.changed() => match changed {
                Ok(()) => Next::Changed(self.now()),
                Err(_) => return Next::Ended(End::Gone),
            },
            () = self.beat.notified() => Next::Beat,
        };
        if self.app.is_welcome(&self.evaluator) { next } else { Next::Ended(End::Revoked) }
    }
}

impl Line {
    /// Returns what is to be known of what the environment serves now.
    pub(crate) fn revision(&self, app: &App, served: &Served) -> Arc<Revision> {
        let known = self.0.load_full();
        if let Some(known) = known.as_ref().filter(|known| known.digest == served.digest) {
            return Arc::clone(known);
        }
        let digest = served.digest.map(|digest| digest.hex()).unwrap_or_default();
        let revision = Arc::new(Revision {
            tag: digest.chars().take(16).collect(),
            since: app.engine.now().as_second(),
            digest: served.digest,
            seen: Instant::now(),
            is_change: known.is_some(),
            frame: OnceLock::new(),
            plain: OnceLock::new(),
        });
        self.0.store(Some(Arc::clone(&revision)));
        revision
    }
}

impl Revision {
    /// Says whether somebody who asked for the flags a moment ago may have got others.
    pub(crate) fn is_fresh(&self) -> bool {
        self.is_change && self.seen.elapsed() < JUST_NOW
    }

    /// Returns what says that the flags are others now, made by whoever needs it first.
    pub(crate) fn frame(&self, make: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.frame.get_or_init(|| make(self)).clone()
    }

    /// Returns the flags as those get them who evaluate themselves, made by whoever needs them first.
    pub(crate) fn plain(&self, make: impl FnOnce() -> Bytes) -> Bytes {
        self.plain.get_or_init(make).clone()
    }
}
