//! Samples on SQLite, in a database of their own, so that writing them never holds up an entry of the ledger.

use std::{collections::BTreeMap, path::Path};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sqlx::{Row as _, Sqlite, Transaction, sqlite::SqliteRow};
use towpath_core::{
    ids::{EnvironmentName, Revision, ServiceName},
    traffic::{Counts, RouteId},
};
use towpath_engine::ports::{
    DELETED_AFTER, HOURS_AFTER, MINUTES_AFTER, Sample, SampleError, SampleWindow, Samples, span_end,
};

use crate::database::{Database, Durability, OpenError, Step};

mod evaluations;

const STEPS: [Step; 2] = [
    (1, "samples", include_str!("../migrations/sqlite/samples_0001_samples.sql")),
    (2, "evaluations", include_str!("../migrations/sqlite/samples_0002_evaluations.sql")),
];

const INSERT: &str = "INSERT INTO samples (environment, service, revision, span_s, from_ns, to_ns, counts) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";
const SELECT_WINDOW: &str = "SELECT environment, service, revision, from_ns, to_ns, counts FROM samples \
     WHERE environment = $1 AND service = $2 AND revision = $3 AND to_ns > $4 AND to_ns <= $5 ORDER BY to_ns, id";
const SELECT_FINER: &str = "SELECT environment, service, revision, from_ns, to_ns, counts FROM samples \
     WHERE span_s < $1 AND to_ns <= $2";
const DELETE_FINER: &str = "DELETE FROM samples WHERE span_s < $1 AND to_ns <= $2";
const TAKE_MERGED: &str = "DELETE FROM samples WHERE span_s = $1 AND to_ns = $2 AND environment = $3 AND service = $4 \
     AND revision = $5 RETURNING environment, service, revision, from_ns, to_ns, counts";
const FORGET: &str = "DELETE FROM samples WHERE environment = $1";
const DELETE_OLD: &str = "DELETE FROM samples WHERE to_ns <= $1";

/// Samples in an SQLite database.
#[derive(Debug, Clone)]
pub struct SqliteSamples {
    database: Database,
}

impl SqliteSamples {
    /// Opens the samples in the folder `data` (file `samples.db`), or creates them there.
    pub async fn open(data: &Path) -> Result<Self, OpenError> {
        let database = Database::open(data.join("samples.db"), Durability::Relaxed, &STEPS).await?;
        Ok(Self { database })
    }

    /// Closes the database in good order.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[async_trait]
impl Samples for SqliteSamples {
    async fn record(&self, samples: &[Sample]) -> Result<(), SampleError> {
        if samples.is_empty() {
            return Ok(());
        }
        let mut transaction = self.database.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failure)?;
        for sample in samples {
            insert(&mut transaction, 0, sample).await?;
        }
        transaction.commit().await.map_err(failure)
    }

    async fn sum(&self, window: &SampleWindow) -> Result<Counts, SampleError> {
        let mut total = Counts::default();
        for sample in self.list(window).await? {
            total.add(&sample.counts);
        }
        Ok(total)
    }

    async fn list(&self, window: &SampleWindow) -> Result<Vec<Sample>, SampleError> {
        let rows = sqlx::query(SELECT_WINDOW)
            .bind(window.route.environment.as_str())
            .bind(window.route.service.as_str())
            .bind(revision(window.revision))
            .bind(nanoseconds(window.from))
            .bind(nanoseconds(window.to))
            .fetch_all(&self.database.readers)
            .await
            .map_err(failure)?;
        rows.iter().map(sample).collect()
    }

    async fn forget(&self, environment: &EnvironmentName) -> Result<(), SampleError> {
        let query = sqlx::query(FORGET).bind(environment.as_str()).execute(&self.database.writer);
        query.await.map(|_| ()).map_err(failure)
    }

    async fn roll_up(&self, now: Timestamp) -> Result<(), SampleError> {
        let mut transaction = self.database.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failure)?;
        merge(&mut transaction, 60, before(now, MINUTES_AFTER)).await?;
        merge(&mut transaction, 3600, before(now, HOURS_AFTER)).await?;
        let oldest = nanoseconds(before(now, DELETED_AFTER));
        sqlx::query(DELETE_OLD).bind(oldest).execute(&mut *transaction).await.map_err(failure)?;
        transaction.commit().await.map_err(failure)
    }
}

/// Merges everything finer than `length` seconds in the spans that ended at `limit` or before.
async fn merge(transaction: &mut Transaction<'_, Sqlite>, length: i64, limit: Timestamp) -> Result<(), SampleError> {
    let whole = limit.as_second().div_euclid(length).saturating_mul(length);
    let end = nanoseconds(Timestamp::from_second(whole).unwrap_or(limit));
    let finer =
        sqlx::query(SELECT_FINER).bind(length).bind(end).fetch_all(&mut **transaction).await.map_err(failure)?;
    if finer.is_empty() {
        return Ok(());
    }
    let mut merged: BTreeMap<(RouteId, Revision, Timestamp), Sample> = BTreeMap::new();
    for row in &finer {
        let sample = sample(row)?;
        let to = span_end(sample.to, length);
        absorb(merged.entry((sample.route.clone(), sample.revision, to)), &sample, to, length);
    }
    sqlx::query(DELETE_FINER).bind(length).bind(end).execute(&mut **transaction).await.map_err(failure)?;
    for ((route, number, to), mut sum) in merged {
        let earlier = sqlx::query(TAKE_MERGED)
            .bind(length)
            .bind(nanoseconds(to))
            .bind(route.environment.as_str())
            .bind(route.service.as_str())
            .bind(revision(number))
            .fetch_all(&mut **transaction)
            .await
            .map_err(failure)?;
        for row in &earlier {
            sum.counts.add(&sample(row)?.counts);
        }
        insert(transaction, length, &sum).await?;
    }
    Ok(())
}

type Slot<'a> = std::collections::btree_map::Entry<'a, (RouteId, Revision, Timestamp), Sample>;

/// Adds a sample to the sum of its span.
fn absorb(slot: Slot<'_>, sample: &Sample, to: Timestamp, length: i64) {
    let start = before(to, SignedDuration::from_secs(length));
    let sum = slot.or_insert_with(|| Sample {
        route: sample.route.clone(),
        revision: sample.revision,
        from: start,
        to,
        counts: Counts::default(),
    });
    sum.from = sum.from.min(sample.from);
    sum.counts.add(&sample.counts);
}

async fn insert(transaction: &mut Transaction<'_, Sqlite>, span: i64, sample: &Sample) -> Result<(), SampleError> {
    let counts = serde_json::to_string(&sample.counts).map_err(|error| SampleError(error.into()))?;
    let query = sqlx::query(INSERT)
        .bind(sample.route.environment.as_str())
        .bind(sample.route.service.as_str())
        .bind(revision(sample.revision))
        .bind(span)
        .bind(nanoseconds(sample.from))
        .bind(nanoseconds(sample.to))
        .bind(counts)
        .execute(&mut **transaction);
    query.await.map(|_| ()).map_err(failure)
}

fn sample(row: &SqliteRow) -> Result<Sample, SampleError> {
    let text = |column| row.try_get::<&str, usize>(column).map_err(failure);
    let number = |column| row.try_get::<i64, usize>(column).map_err(failure);
    let time =
        |column| Timestamp::from_nanosecond(i128::from(number(column)?)).map_err(|error| SampleError(error.into()));
    Ok(Sample {
        route: RouteId {
            environment: EnvironmentName::new(text(0)?).map_err(|error| SampleError(error.into()))?,
            service: ServiceName::new(text(1)?).map_err(|error| SampleError(error.into()))?,
        },
        revision: Revision(u64::try_from(number(2)?).unwrap_or(0)),
        from: time(3)?,
        to: time(4)?,
        counts: serde_json::from_str(text(5)?).map_err(|error| SampleError(error.into()))?,
    })
}

fn revision(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

/// Returns nanoseconds since 1970, from 1677 to 2262; times beyond are taken for the nearest of these.
fn nanoseconds(time: Timestamp) -> i64 {
    let limit = if time.as_second() < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(time.as_nanosecond()).unwrap_or(limit)
}

fn before(time: Timestamp, length: SignedDuration) -> Timestamp {
    time.checked_sub(length).unwrap_or(Timestamp::MIN)
}

fn failure(error: sqlx::Error) -> SampleError {
    SampleError(error.into())
}
