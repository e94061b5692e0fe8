//! The only writer of the ledger: takes commands, decides them one after the other, appends what was decided in groups.
//!
//! A group is everything that was asked for while the group before was made durable. A caller is answered only when its
//! events are.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{broadcast, mpsc, oneshot};
use towpath_core::{
    command::{Asker, Command},
    decide::{commit, decide},
    event::{Event, ReadEventError},
    ledger::{CheckpointSigner, Entry},
    refusal::Refusal,
    world::{SNAPSHOT_FORMAT, World, read_snapshot, write_snapshot},
};

use crate::{
    flags::Serving,
    journal::Journal,
    ports::{Ledger, LedgerError, Snapshot},
};

/// Most commands in one group.
const MAX_GROUP: usize = 1024;

/// Events between two snapshots.
const SNAPSHOT_EVERY: u64 = 5000;

/// Entries read at once.
const PAGE: usize = 4096;

/// What a command led to.
#[derive(Debug, Clone)]
pub struct Done {
    /// What was appended; nothing when everything was as asked already.
    pub events: Vec<Arc<Event>>,
    /// The world after it.
    pub world: Arc<World>,
}

/// Why a command was not carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A rule says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be made durable.
    #[error("the change could not be written; nothing was changed")]
    Ledger(#[source] Arc<LedgerError>),
    /// The control plane is stopping.
    #[error("the control plane is stopping; nothing was changed")]
    Stopping,
}

/// A command on its way to the writer.
pub(crate) struct Request {
    pub(crate) asker: Asker,
    pub(crate) command: Command,
    pub(crate) cause: String,
    pub(crate) reply: oneshot::Sender<Result<Done, SubmitError>>,
}

/// What everybody reads: the newest world and the stream of events.
pub(crate) struct Published {
    pub(crate) world: ArcSwap<World>,
    pub(crate) events: broadcast::Sender<Arc<Event>>,
}

/// Why the ledger could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An event in it could not.
    #[error(transparent)]
    Event(#[from] ReadEventError),
}

pub(crate) struct Writer {
    ledger: Arc<dyn Ledger>,
    signer: CheckpointSigner,
    journal: Journal,
    published: Arc<Published>,
    snapshot_at: u64,
    serving: Option<Serving>,
}

impl Writer {
    /// Opens the journal and folds the world, from the newest snapshot that fits.
    pub(crate) async fn open(
        ledger: Arc<dyn Ledger>,
        signer: CheckpointSigner,
    ) -> Result<(Self, Arc<Published>), LoadError> {
        let (journal, start) = open(&ledger, &signer).await?;
        let snapshot_at = start.size;
        let world = replay(ledger.as_ref(), start, journal.size()).await?;
        let (events, _) = broadcast::channel(4096);
        let published = Arc::new(Published { world: ArcSwap::from_pointee(world), events });
        Ok((Self { ledger, signer, journal, published: Arc::clone(&published), snapshot_at, serving: None }, published))
    }

    /// Lets what environments serve follow every append, before who asked is answered.
    pub(crate) async fn serve_flags(&mut self, serving: Serving) {
        self.serving = Some(serving);
        self.refresh_flags().await;
    }

    async fn refresh_flags(&mut self) {
        if let Some(serving) = &mut self.serving {
            serving.refresh(&self.published.world.load_full()).await;
        }
    }

    /// Serves requests until every sender is gone.
    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut group = Vec::new();
        while requests.recv_many(&mut group, MAX_GROUP).await > 0 {
            self.carry_out(std::mem::take(&mut group)).await;
            self.keep_snapshot(SNAPSHOT_EVERY).await;
        }
        self.keep_snapshot(1).await;
    }

    async fn carry_out(&mut self, group: Vec<Request>) {
        let before = self.published.world.load_full();
        let mut world = World::clone(&before);
        let mut decided = Vec::new();
        let mut answers = Vec::with_capacity(group.len());
        for Request { asker, command, cause, reply } in group {
            match decide(&world, &command, &asker) {
                Err(refusal) => drop(reply.send(Err(refusal.into()))),
                Ok(new) => {
                    let (after, events) = commit(world, new, &asker, &cause);
                    world = after;
                    let from = decided.len();
                    decided.extend(events.into_iter().map(Arc::new));
                    answers.push((reply, from..decided.len()));
                }
            }
        }
        let appended = self.append(&decided).await;
        let world = match &appended {
            Ok(()) => self.publish(world, &decided),
            Err(_) => before,
        };
        if !decided.is_empty() {
            self.refresh_flags().await;
        }
        for (reply, range) in answers {
            let answer = match &appended {
                Ok(()) => {
                    let events = decided.get(range).map(<[_]>::to_vec).unwrap_or_default();
                    Ok(Done { events, world: Arc::clone(&world) })
                }
                Err(error) => Err(SubmitError::Ledger(Arc::clone(error))),
            };
            // Whoever asked may have gone; what was asked for is done all the same.
            drop(reply.send(answer));
        }
    }

    async fn append(&mut self, events: &[Arc<Event>]) -> Result<(), Arc<LedgerError>> {
        if events.is_empty() {
            return Ok(());
        }
        let entries: Vec<Entry> = events.iter().map(|event| event.to_entry()).collect();
        let result = self.journal.append(entries).await;
        if let Err(error) = &result {
            tracing::error!(error = error as &dyn std::error::Error, "the ledger refused an append");
            self.recover().await;
        }
        result.map_err(Arc::new)
    }

    /// After a failed append it is not known what the storage holds: what is there is what counts.
    async fn recover(&mut self) {
        let Ok(journal) = Journal::open(Arc::clone(&self.ledger), self.signer.clone()).await else { return };
        let known = self.published.world.load_full();
        if let Ok(world) = replay(self.ledger.as_ref(), World::clone(&known), journal.size()).await {
            self.published.world.store(Arc::new(world));
            self.journal = journal;
        }
    }

    fn publish(&self, world: World, events: &[Arc<Event>]) -> Arc<World> {
        let world = Arc::new(world);
        self.published.world.store(Arc::clone(&world));
        for event in events {
            // Nobody may be listening.
            drop(self.published.events.send(Arc::clone(event)));
        }
        world
    }

    async fn keep_snapshot(&mut self, every: u64) {
        let world = self.published.world.load_full();
        if world.size < self.snapshot_at.saturating_add(every) {
            return;
        }
        // Only a world and a tree of the same size belong together; after a failed recovery they may differ.
        if self.journal.size() != world.size {
            return;
        }
        let bytes = self.signer.seal(&write_snapshot(&world, self.journal.tree()));
        let snapshot = Snapshot { size: world.size, format: SNAPSHOT_FORMAT.to_owned(), bytes };
        match self.ledger.save_snapshot(&snapshot).await {
            Ok(()) => self.snapshot_at = world.size,
            // Only the next start is slower for it.
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "no snapshot was kept"),
        }
    }
}

/// Loads the world as it is now, as the engine does when it opens: the journal is checked, the newest fitting snapshot is taken
/// and the entries after it are folded.
pub async fn load(ledger: Arc<dyn Ledger>, signer: CheckpointSigner) -> Result<Arc<World>, LoadError> {
    let (_, published) = Writer::open(ledger, signer).await?;
    Ok(published.world.load_full())
}

/// Opens the journal with the newest snapshot that fits the ledger, or without one.
async fn open(ledger: &Arc<dyn Ledger>, signer: &CheckpointSigner) -> Result<(Journal, World), LedgerError> {
    let kept = ledger.snapshot().await?.filter(|kept| kept.format == SNAPSHOT_FORMAT);
    // Whoever can write to the database could otherwise tell any story of what the entries say.
    if let Some((tree, world)) = kept.and_then(|kept| read_snapshot(signer.unseal(&kept.bytes)?)) {
        match Journal::open_from(Arc::clone(ledger), signer.clone(), tree).await {
            Ok(journal) if world.size <= journal.size() => return Ok((journal, world)),
            // The ledger is judged without the snapshot: it may be the snapshot that is wrong.
            Ok(_) | Err(LedgerError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((Journal::open(Arc::clone(ledger), signer.clone()).await?, World::default()))
}

async fn replay(ledger: &dyn Ledger, mut world: World, size: u64) -> Result<World, LoadError> {
    while world.size < size {
        let entries = ledger.read(world.size, PAGE).await?;
        if entries.is_empty() {
            return Err(LoadError::Ledger(LedgerError::Damaged {
                sequence: world.size,
                reason: "the entry is missing".to_owned(),
            }));
        }
        for leaf in entries {
            // What was signed is the hash: a body changed behind it must not take effect.
            if leaf.entry.leaf_hash() != leaf.leaf_hash {
                let reason = "it was changed after it was written; `towpath audit verify` says more".to_owned();
                return Err(LoadError::Ledger(LedgerError::Damaged { sequence: leaf.entry.sequence, reason }));
            }
            world = world.apply(&Event::from_entry(leaf.entry)?);
        }
    }
    Ok(world)
}
