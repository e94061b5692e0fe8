//! Evaluations as exposures: seen in passing, written later, and dropped rather than ever holding up an answer.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::mpsc;
use towpath_core::{
    experiments::{ExposureRule, Run},
    ids::EnvironmentName,
    world::World,
};
use towpath_secrets::keyed::DigestKey;

use super::{accept, intake::Intake};
use crate::ports::{Exposure, Gained, RunId};

/// How many evaluations may wait to be written.
const WAITING: usize = 32_768;
/// How many are written at once.
const GROUP: usize = 4096;
/// How many units are remembered as written: most evaluations are of somebody who was counted long ago.
const REMEMBERED: usize = 1 << 16;

/// Counts evaluations of flags as exposures.
pub struct ServedExposures {
    watched: ArcSwap<BTreeMap<EnvironmentName, BTreeMap<String, Arc<Watched>>>>,
    sender: mpsc::Sender<Seen>,
    recent: Arc<[AtomicU64]>,
}

/// A flag whose evaluations count for a running experiment.
#[derive(Debug)]
pub struct Watched {
    id: RunId,
    rule: ExposureRule,
    unit: String,
    variants: Vec<String>,
    since: Timestamp,
    dropped: AtomicU64,
}

struct Seen {
    watched: Arc<Watched>,
    variant: u8,
    unit: String,
    at: Timestamp,
    print: u64,
}

impl ServedExposures {
    pub(super) fn start(intake: Intake, key: DigestKey) -> Arc<Self> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let recent: Arc<[AtomicU64]> = (0..REMEMBERED).map(|_| AtomicU64::new(0)).collect();
        tokio::spawn(write(receiver, intake, key, Arc::clone(&recent)));
        Arc::new(Self { watched: ArcSwap::default(), sender, recent })
    }

    /// Watches the flags of every experiment that runs now, and no others.
    pub(super) fn watch(&self, world: &World) {
        let before = self.watched.load();
        let mut all: BTreeMap<EnvironmentName, BTreeMap<String, Arc<Watched>>> = BTreeMap::new();
        for (environment, state) in &world.environments {
            for (experiment, run) in state.experiments.running() {
                if run.definition.exposure == ExposureRule::Tracked {
                    continue;
                }
                let flag = run.definition.flag.to_string();
                let id = RunId { environment: environment.clone(), experiment: experiment.clone(), run: run.number };
                let known = before.get(environment).and_then(|flags| flags.get(&flag)).filter(|known| known.id == id);
                let watched = known.cloned().unwrap_or_else(|| Arc::new(Watched::new(id, run)));
                all.entry(environment.clone()).or_default().insert(flag, watched);
            }
        }
        self.watched.store(Arc::new(all));
    }

    /// Returns what to know of a flag if its evaluation counts; `bulk` where it was evaluated with all others.
    pub fn watched(&self, environment: &EnvironmentName, flag: &str, bulk: bool) -> Option<Arc<Watched>> {
        let watched = self.watched.load();
        let found = watched.get(environment)?.get(flag)?;
        (!bulk || found.rule == ExposureRule::Served).then(|| Arc::clone(found))
    }

    /// Says whether any flag of an environment is watched: where none is, nothing more need be looked at.
    pub fn watches(&self, environment: &EnvironmentName) -> bool {
        self.watched.load().contains_key(environment)
    }

    /// Counts an evaluation. Never waits; where too many wait already, it is dropped and that is counted.
    pub fn seen(&self, watched: &Arc<Watched>, variant: &str, unit: &str, at: Timestamp) {
        let Some(place) = watched.variants.iter().position(|known| known == variant) else { return };
        let mut hasher = DefaultHasher::new();
        (watched.id.environment.as_str(), watched.id.experiment.as_str(), watched.id.run, place, unit)
            .hash(&mut hasher);
        // 0 stands for an empty place.
        let print = hasher.finish() | 1;
        if self.recent(print).is_some_and(|slot| slot.load(Ordering::Relaxed) == print) {
            return;
        }
        let seen = Seen {
            watched: Arc::clone(watched),
            variant: u8::try_from(place).unwrap_or(u8::MAX),
            unit: unit.to_owned(),
            at: at.max(watched.since),
            print,
        };
        if self.sender.try_send(seen).is_err() {
            watched.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many evaluations of a run were dropped since the server started.
    pub fn dropped(&self, id: &RunId) -> u64 {
        let watched = self.watched.load();
        let found = watched.get(&id.environment).and_then(|flags| flags.values().find(|watched| watched.id == *id));
        found.map_or(0, |watched| watched.dropped.load(Ordering::Relaxed))
    }

    fn recent(&self, print: u64) -> Option<&AtomicU64> {
        slot(&self.recent, print)
    }
}

impl Watched {
    fn new(id: RunId, run: &Run) -> Self {
        Self {
            id,
            rule: run.definition.exposure,
            unit: run.definition.unit.clone(),
            variants: run.pinned.arms.iter().map(|arm| arm.variant.clone()).collect(),
            since: run.started_at,
            dropped: AtomicU64::new(0),
        }
    }

    /// Returns the member of the context that names the unit.
    pub fn unit(&self) -> &str {
        &self.unit
    }
}

fn slot(recent: &[AtomicU64], print: u64) -> Option<&AtomicU64> {
    let place = (print >> 1) % (REMEMBERED as u64);
    recent.get(usize::try_from(place).unwrap_or(0))
}

async fn write(mut seen: mpsc::Receiver<Seen>, intake: Intake, key: DigestKey, recent: Arc<[AtomicU64]>) {
    let mut group = Vec::with_capacity(GROUP);
    while seen.recv_many(&mut group, GROUP).await > 0 {
        let prints: Vec<u64> = group.iter().map(|seen| seen.print).collect();
        let watched: Vec<Arc<Watched>> = group.iter().map(|seen| Arc::clone(&seen.watched)).collect();
        let gained = group.drain(..).map(|seen| {
            let id = seen.watched.id.clone();
            let unit = accept::unit(&key, &id.environment, &seen.unit);
            Gained::Exposure(Exposure { run: id, unit, variant: seen.variant, at: seen.at })
        });
        if intake.submit_patiently(gained.collect()).await.is_ok() {
            // Only what is durable need not be written again.
            for print in prints {
                if let Some(slot) = slot(&recent, print) {
                    slot.store(print, Ordering::Relaxed);
                }
            }
        } else {
            for watched in watched {
                watched.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests;
