//! Taking in: one task writes, everything that came while it wrote goes into the next transaction, and nobody is answered before
//! that is durable.
//!
//! What waits is bounded by the number of items; where there is no room left, senders are told at once to come back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::ports::{ExperimentStore, ExperimentStoreError, Gained, Taken};

/// How much may wait and be written at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Items that wait or are being written.
    pub waiting: usize,
    /// Items in one transaction, unless one request alone has more.
    pub group: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // About 100 bytes each.
        Self { waiting: 100_000, group: 20_000 }
    }
}

/// Why nothing was kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IntakeError {
    /// There is no room: come back later.
    #[error("more is reported than can be written; nothing of this was kept")]
    Busy {
        /// When.
        retry_after: Duration,
    },
    /// It could not be made durable.
    #[error("what was reported could not be written; nothing of it was kept")]
    Store(#[source] Arc<ExperimentStoreError>),
    /// The control plane is stopping.
    #[error("the control plane is stopping; nothing of this was kept")]
    Stopping,
}

/// Takes in exposures and events.
#[derive(Clone)]
pub struct Intake {
    sender: mpsc::UnboundedSender<Batch>,
    room: Arc<Semaphore>,
    waiting: usize,
    written: Arc<AtomicU64>,
}

struct Batch {
    gained: Vec<Gained>,
    reply: oneshot::Sender<Result<Vec<Taken>, IntakeError>>,
    // Gives its room back when it is dropped.
    _room: OwnedSemaphorePermit,
}

impl Intake {
    /// Starts the writer. Needs a Tokio runtime. It ends when every sender is gone, after everything that waits is written.
    pub fn start(store: Arc<dyn ExperimentStore>, limits: Limits) -> Self {
        // Batches are bounded by the room their items take, so the channel itself need not be.
        let (sender, receiver) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(limits.waiting));
        let written = Arc::<AtomicU64>::default();
        tokio::spawn(write(store, receiver, limits.group, Arc::clone(&written)));
        Self { sender, room, waiting: limits.waiting, written }
    }

    /// Keeps all of these, and returns when they are durable, with whether each is new. Never waits for room.
    pub async fn submit(&self, gained: Vec<Gained>) -> Result<Vec<Taken>, IntakeError> {
        if gained.is_empty() {
            return Ok(Vec::new());
        }
        let room = Arc::clone(&self.room).try_acquire_many_owned(self.places(&gained));
        let room = room.map_err(|_| IntakeError::Busy { retry_after: Duration::from_secs(1) })?;
        self.send(gained, room).await
    }

    /// As [`Intake::submit`], but waits for room.
    pub(super) async fn submit_patiently(&self, gained: Vec<Gained>) -> Result<Vec<Taken>, IntakeError> {
        let room = Arc::clone(&self.room).acquire_many_owned(self.places(&gained)).await;
        self.send(gained, room.map_err(|_| IntakeError::Stopping)?).await
    }

    /// How many items were written so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    async fn send(&self, gained: Vec<Gained>, room: OwnedSemaphorePermit) -> Result<Vec<Taken>, IntakeError> {
        let (reply, answer) = oneshot::channel();
        let batch = Batch { gained, reply, _room: room };
        self.sender.send(batch).map_err(|_| IntakeError::Stopping)?;
        answer.await.map_err(|_| IntakeError::Stopping)?
    }

    /// What is larger than all the room takes all of it.
    fn places(&self, gained: &[Gained]) -> u32 {
        u32::try_from(gained.len().clamp(1, self.waiting)).unwrap_or(u32::MAX)
    }
}

async fn write(
    store: Arc<dyn ExperimentStore>,
    mut batches: mpsc::UnboundedReceiver<Batch>,
    most: usize,
    written: Arc<AtomicU64>,
) {
    let mut next = batches.recv().await;
    while let Some(first) = next.take() {
        let mut group = vec![first];
        let mut size: usize = group.iter().map(|batch| batch.gained.len()).sum();
        while let Ok(batch) = batches.try_recv() {
            if size + batch.gained.len() > most {
                next = Some(batch);
                break;
            }
            size += batch.gained.len();
            group.push(batch);
        }
        keep(store.as_ref(), group).await;
        written.fetch_add(size as u64, Ordering::Relaxed);
        if next.is_none() {
            next = batches.recv().await;
        }
    }
}

/// Writes a group in one transaction and answers each of its senders.
async fn keep(store: &dyn ExperimentStore, mut group: Vec<Batch>) {
    let lengths: Vec<usize> = group.iter().map(|batch| batch.gained.len()).collect();
    let all: Vec<Gained> = group.iter_mut().flat_map(|batch| std::mem::take(&mut batch.gained)).collect();
    let recorded = store.record(&all).await.map_err(Arc::new);
    if let Err(error) = &recorded {
        tracing::error!(error = error.as_ref() as &dyn std::error::Error, "exposures and events could not be written");
    }
    let mut from = 0;
    for (batch, length) in group.into_iter().zip(lengths) {
        let answer = match &recorded {
            Ok(taken) => Ok(taken.get(from..from + length).unwrap_or_default().to_vec()),
            Err(error) => Err(IntakeError::Store(Arc::clone(error))),
        };
        from += length;
        // Who went away meanwhile sends it again, and is told then that it is known.
        let _ = batch.reply.send(answer);
    }
}

#[cfg(test)]
mod tests;
