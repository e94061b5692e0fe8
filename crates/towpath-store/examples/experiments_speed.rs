//! Measures exposures and metric events on SQLite: how many are acknowledged durably in a second, in batches from several
//! senders at once; what adding up 1,000,000 units with an event each takes; and the memory of it all.
//!
//! `cargo run --release -p towpath-store --example experiments_speed [FOLDER]`; the folder decides which disk is measured.
#![allow(clippy::print_stdout, reason = "it prints figures")]

use std::{error::Error, path::PathBuf, sync::Arc, time::Instant};

use jiff::Timestamp;
use serde_json::json;
use towpath_core::{
    ids::{Digest, EnvironmentName},
    units::Millis,
};
use towpath_engine::{
    experiments::{Intake, Limits},
    ports::{
        EventHash, ExperimentStore, Exposure, Gained, MetricEvent, MetricQuery, RunId, SumsQuery, UnitHash, UnitValue,
    },
};
use towpath_store::SqliteExperiments;

const UNITS: u32 = 1_000_000;
const BATCH: u32 = 1000;
const SENDERS: u32 = 8;

fn hash(number: u32) -> [u8; 16] {
    let digest = Digest::of(&number.to_be_bytes());
    let mut hash = [0; 16];
    hash.iter_mut().zip(digest.as_bytes()).for_each(|(byte, of)| *byte = *of);
    hash
}

fn run() -> Result<RunId, Box<dyn Error>> {
    Ok(RunId { environment: EnvironmentName::new("production")?, experiment: "checkout".parse()?, run: 1 })
}

fn exposure(run: &RunId, number: u32, at: Timestamp) -> Gained {
    let variant = u8::from(number.is_multiple_of(2));
    Gained::Exposure(Exposure { run: run.clone(), unit: UnitHash(hash(number)), variant, at })
}

fn event(run: &RunId, number: u32, at: Timestamp) -> Gained {
    Gained::Event(MetricEvent {
        environment: run.environment.clone(),
        event: "purchase".to_owned(),
        unit: UnitHash(hash(number)),
        id: EventHash(hash(number)),
        at,
        value: Some(2.5),
    })
}

/// Sends everything in batches from several senders, each waiting for its answers, and returns the items per second.
async fn send(
    intake: &Intake,
    make: fn(&RunId, u32, Timestamp) -> Gained,
    at: Timestamp,
) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let run = run()?;
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (intake, run) = (intake.clone(), run.clone());
            tokio::spawn(async move {
                let mut taken = 0;
                for batch in (0..UNITS / BATCH).filter(|batch| batch % SENDERS == sender) {
                    let items = (batch * BATCH..(batch + 1) * BATCH).map(|number| make(&run, number, at)).collect();
                    taken += intake.submit(items).await.map_or(0, |taken| taken.len());
                }
                taken
            })
        })
        .collect();
    let mut taken = 0;
    for sender in senders {
        taken += sender.await?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let rate = f64::from(u32::try_from(taken)?) / seconds;
    println!("{taken} acknowledged in {seconds:.1} s: {rate:.0} per second, {:.0} MB resident", resident_mb()?);
    Ok(rate)
}

fn resident_mb() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: f64 = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no VmRSS")?.parse()?;
    Ok(kilobytes / 1024.0)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let own = tempfile::tempdir()?;
    let folder = std::env::args_os().nth(1).map_or_else(|| own.path().to_owned(), PathBuf::from);
    let store = Arc::new(SqliteExperiments::open(&folder).await?);
    let intake = Intake::start(store.clone(), Limits::default());
    let at = Timestamp::from_second(1_772_442_000)?;
    let exposures = send(&intake, exposure, at).await?;
    let again = send(&intake, exposure, at).await?;
    let events = send(&intake, event, at).await?;
    let metric = |of| MetricQuery { event: "purchase".to_owned(), per: None, of, value: 1.0, cap: None, within: None };
    let query = SumsQuery {
        run: run()?,
        variants: 2,
        until: Timestamp::from_second(1_772_443_000)?,
        window: Some(Millis(86_400_000)),
        metrics: vec![metric(UnitValue::Any), metric(UnitValue::Sum)],
    };
    let start = Instant::now();
    let sums = store.sums(&query).await?;
    let sums_ms = start.elapsed().as_secs_f64() * 1000.0;
    let units: u64 = sums.variants.iter().map(|variant| variant.units).sum();
    println!("{units} units and two metrics added up in {sums_ms:.0} ms, {:.0} MB resident", resident_mb()?);
    let size = std::fs::metadata(folder.join("experiments.db"))?.len();
    let figures = json!({
        "exposures_per_s": exposures.round(),
        "known_per_s": again.round(),
        "events_per_s": events.round(),
        "sums_ms": sums_ms.round(),
        "resident_mb": resident_mb()?.round(),
        "disk_mb": size / 1_000_000,
    });
    println!("{figures}");
    Ok(())
}
