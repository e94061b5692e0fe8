//! Measures the ledger on SQLite: durable appends per second by group size, and how fast 100,000 entries are read.
//!
//! `cargo run --release -p towpath-store --example append_speed [FOLDER]`; the folder decides which disk is measured.
#![allow(clippy::print_stdout, reason = "it prints figures")]

use std::{error::Error, path::PathBuf, sync::Arc, time::Instant};

use jiff::Timestamp;
use serde_json::json;
use towpath_core::{
    ids::{EnvironmentName, PrincipalName},
    ledger::{CheckpointSigner, Entry},
};
use towpath_engine::{
    journal::{Journal, audit},
    ports::Ledger as _,
};
use towpath_store::SqliteStore;

const ENTRIES: u64 = 100_000;
const PAGE: usize = 10_000;

fn entry(sequence: u64) -> Result<Entry, Box<dyn Error>> {
    Ok(Entry {
        sequence,
        at: Timestamp::from_second(1_772_442_000 + i64::try_from(sequence)?)?,
        principal: PrincipalName::new("towpath")?,
        cause: format!("rollout-{sequence:08}"),
        environment: Some(EnvironmentName::new("production")?),
        kind: "rollout_step_started".to_owned(),
        version: 1,
        body: json!({
            "revision": sequence,
            "service": "web",
            "weight_percent": sequence % 101,
            "reason": "the canary served 1000 requests with 2 errors, the limit is 1 %",
            "artifact": "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        }),
    })
}

fn signer() -> Result<CheckpointSigner, Box<dyn Error>> {
    Ok(CheckpointSigner::new("towpath.example/bench", &[7; 32])?)
}

async fn append(journal: &mut Journal, group: u64, groups: u64) -> Result<f64, Box<dyn Error>> {
    let mut prepared = Vec::new();
    for number in 0..groups {
        let first = journal.size() + number * group;
        prepared.push((first..first + group).map(entry).collect::<Result<Vec<_>, _>>()?);
    }
    let start = Instant::now();
    for entries in prepared {
        journal.append(entries).await?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let count = f64::from(u32::try_from(group * groups)?);
    let each = seconds * 1000.0 / f64::from(u32::try_from(groups)?);
    println!("append in groups of {group:>3}: {:>8.0} entries/s, {each:.2} ms per group", count / seconds);
    Ok(count / seconds)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("towpath-append-speed-{}", std::process::id()));
    let measured = measure(&folder).await;
    std::fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let store = SqliteStore::open(folder).await?;
    let mut journal = Journal::open(Arc::new(store.clone()), signer()?).await?;
    let mut figures = Vec::new();
    for (group, groups) in [(1, 300), (16, 200), (256, 200)] {
        figures.push(append(&mut journal, group, groups).await?);
    }
    while journal.size() < ENTRIES {
        let end = ENTRIES.min(journal.size() + 1000);
        journal.append((journal.size()..end).map(entry).collect::<Result<_, _>>()?).await?;
    }
    store.close().await;

    let start = Instant::now();
    let store = SqliteStore::open(folder).await?;
    println!("open the database of {ENTRIES} entries: {:?}", start.elapsed());
    let start = Instant::now();
    let journal = Journal::open(Arc::new(store.clone()), signer()?).await?;
    println!("open the journal (load hashes, rebuild tree, check checkpoint): {:?}", start.elapsed());

    let start = Instant::now();
    let mut read = 0;
    while read < journal.size() {
        read += store.read(read, PAGE).await?.len() as u64;
    }
    println!("read {read} entries in pages of {PAGE}: {:?}", start.elapsed());
    let start = Instant::now();
    let proof = journal.prove_inclusion(ENTRIES / 3).await?;
    println!("prove inclusion ({} hashes): {:?}", proof.len(), start.elapsed());
    let start = Instant::now();
    let report = audit(&store, journal.verifier(), None).await?;
    println!("audit of {} entries ({} findings): {:?}", report.entries, report.findings.len(), start.elapsed());
    store.close().await;
    if let [single, sixteen, grouped] = figures.as_slice() {
        println!(
            "{{\"appends_per_s\":{grouped:.0},\"in_groups_of_16_per_s\":{sixteen:.0},\"single_per_s\":{single:.0}}}"
        );
    }
    Ok(())
}
