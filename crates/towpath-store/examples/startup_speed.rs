//! Measures how long the control plane takes to load a ledger of 100,000 events from SQLite, after a clean stop (a snapshot of
//! all of it), after a crash (a snapshot and up to 5,000 events), and without any snapshot. Prints one JSON line.
#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::{error::Error, path::Path, sync::Arc, time::Instant};

use towpath_core::{
    ledger::{CheckpointSigner, Tree},
    world::{SNAPSHOT_FORMAT, write_snapshot},
};
use towpath_engine::{
    journal::Journal,
    ports::{Ledger, Snapshot},
};
use towpath_store::SqliteStore;
use towpath_testkit::history::History;

const EVENTS: usize = 100_000;
const SINCE_SNAPSHOT: usize = 4_900;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let (mut history, first) = History::begin().ok_or("no history")?;
    let mut events = first;
    let mut earlier = None;
    let mut tree = Tree::default();
    while events.len() < EVENTS {
        events.extend(history.cycle()?);
        while let Some(event) = events.get(usize::try_from(tree.size())?) {
            tree.append(event.to_entry().into_leaf().leaf_hash);
        }
        if earlier.is_none() && events.len() >= EVENTS - SINCE_SNAPSHOT {
            earlier = Some(snapshot(&history, &tree)?);
        }
    }
    let ledger: Arc<dyn Ledger> = Arc::new(SqliteStore::open(folder.path()).await?);
    let mut journal = Journal::open(Arc::clone(&ledger), signer()?).await?;
    for group in events.chunks(1000) {
        journal.append(group.iter().map(towpath_core::event::Event::to_entry).collect()).await?;
    }
    drop((journal, ledger));
    let without = start(folder.path(), None).await?;
    let crashed = start(folder.path(), earlier).await?;
    let clean = start(folder.path(), Some(snapshot(&history, &tree)?)).await?;
    println!(
        "{{\"events\":{},\"clean_ms\":{clean:.1},\"crashed_ms\":{crashed:.1},\"without_snapshot_ms\":{without:.1}}}",
        events.len()
    );
    Ok(())
}

fn signer() -> Result<CheckpointSigner, Failure> {
    Ok(CheckpointSigner::new("towpath/shop", &[7; 32])?)
}

fn snapshot(history: &History, tree: &Tree) -> Result<Snapshot, Failure> {
    Ok(Snapshot {
        size: history.world.size,
        format: SNAPSHOT_FORMAT.to_owned(),
        bytes: signer()?.seal(&write_snapshot(&history.world, tree)),
    })
}

/// The median of five starts, in milliseconds.
async fn start(folder: &Path, snapshot: Option<Snapshot>) -> Result<f64, Failure> {
    if let Some(snapshot) = snapshot {
        SqliteStore::open(folder).await?.save_snapshot(&snapshot).await?;
    }
    let mut taken = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteStore::open(folder).await?);
        let world = towpath_engine::load(ledger, signer()?).await?;
        taken.push(started.elapsed().as_secs_f64() * 1000.0);
        drop(world);
    }
    taken.sort_by(f64::total_cmp);
    Ok(taken.get(2).copied().unwrap_or_default())
}
