//! Exposures and metric events on SQLite, in a database of their own, so that writing them never holds up an entry of the
//! ledger.
//!
//! A batch is written by a few statements, whatever its size: units go in as one blob and times as one JSON array, which
//! SQLite takes apart. Sums are computed where the rows are.

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Sqlite, Transaction};
use towpath_core::{experiments::RunSums, ids::EnvironmentName};
use towpath_engine::ports::{ExperimentStore, ExperimentStoreError, Gained, RunId, SumsQuery, Taken, UnitHash};

use crate::database::{Database, Durability, OpenError, Step, Trouble, trouble};

mod add_up;
mod write;

const STEPS: [Step; 1] = [(1, "experiments", include_str!("../migrations/sqlite/experiments_0001_experiments.sql"))];

const ERASE_EXPOSURES: &str =
    "DELETE FROM exposures WHERE unit = $2 AND run IN (SELECT id FROM runs WHERE environment = $1)";
const ERASE_EVENTS: &str =
    "DELETE FROM metric_events WHERE unit = $2 AND event IN (SELECT id FROM event_names WHERE environment = $1)";
const FORGET: [&str; 4] = [
    "DELETE FROM exposures WHERE run IN (SELECT id FROM runs WHERE environment = $1)",
    "DELETE FROM metric_events WHERE event IN (SELECT id FROM event_names WHERE environment = $1)",
    "DELETE FROM runs WHERE environment = $1",
    "DELETE FROM event_names WHERE environment = $1",
];
const PRUNE_EVENTS: &str = "DELETE FROM metric_events \
     WHERE event IN (SELECT id FROM event_names WHERE environment = $1) AND at_ms < $2";
const PRUNE_RUN: &str = "DELETE FROM exposures \
     WHERE run IN (SELECT id FROM runs WHERE environment = $1 AND experiment = $2 AND run = $3)";

/// Exposures and metric events in an SQLite database.
#[derive(Debug, Clone)]
pub struct SqliteExperiments {
    database: Database,
}

impl SqliteExperiments {
    /// Opens them in the folder `data` (file `experiments.db`), or creates them there.
    pub async fn open(data: &Path) -> Result<Self, OpenError> {
        let database = Database::open(data.join("experiments.db"), Durability::Full, &STEPS).await?;
        Ok(Self { database })
    }

    /// Closes the database in good order.
    pub async fn close(&self) {
        self.database.close().await;
    }

    async fn begin(&self) -> Result<Transaction<'_, Sqlite>, ExperimentStoreError> {
        self.database.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failure)
    }
}

#[async_trait]
impl ExperimentStore for SqliteExperiments {
    async fn record(&self, gained: &[Gained]) -> Result<Vec<Taken>, ExperimentStoreError> {
        if gained.is_empty() {
            return Ok(Vec::new());
        }
        let mut transaction = self.begin().await?;
        let taken = write::record(&mut transaction, gained).await.map_err(failure)?;
        transaction.commit().await.map_err(failure)?;
        Ok(taken)
    }

    async fn sums(&self, query: &SumsQuery) -> Result<RunSums, ExperimentStoreError> {
        // One transaction sees one state, however long it takes and whatever is written meanwhile.
        let mut transaction = self.database.readers.begin().await.map_err(failure)?;
        add_up::sums(&mut transaction, query).await.map_err(failure)
    }

    async fn erase(&self, environment: &EnvironmentName, unit: &UnitHash) -> Result<u64, ExperimentStoreError> {
        let mut transaction = self.begin().await?;
        let mut erased = 0;
        for statement in [ERASE_EXPOSURES, ERASE_EVENTS] {
            let query = sqlx::query(statement).bind(environment.as_str()).bind(unit.0.as_slice());
            erased += query.execute(&mut *transaction).await.map_err(failure)?.rows_affected();
        }
        transaction.commit().await.map_err(failure)?;
        Ok(erased)
    }

    async fn forget(&self, environment: &EnvironmentName) -> Result<(), ExperimentStoreError> {
        let mut transaction = self.begin().await?;
        for statement in FORGET {
            sqlx::query(statement).bind(environment.as_str()).execute(&mut *transaction).await.map_err(failure)?;
        }
        transaction.commit().await.map_err(failure)
    }

    async fn prune(
        &self,
        environment: &EnvironmentName,
        events_before: Timestamp,
        runs: &[RunId],
    ) -> Result<u64, ExperimentStoreError> {
        let mut transaction = self.begin().await?;
        let query = sqlx::query(PRUNE_EVENTS).bind(environment.as_str()).bind(events_before.as_millisecond());
        let mut pruned = query.execute(&mut *transaction).await.map_err(failure)?.rows_affected();
        for run in runs {
            let query = sqlx::query(PRUNE_RUN).bind(run.environment.as_str()).bind(run.experiment.as_str());
            let query = query.bind(i64::from(run.run)).execute(&mut *transaction);
            pruned += query.await.map_err(failure)?.rows_affected();
        }
        transaction.commit().await.map_err(failure)?;
        Ok(pruned)
    }
}

fn failure(error: sqlx::Error) -> ExperimentStoreError {
    match trouble(&error) {
        Trouble::Full => ExperimentStoreError::Full(error.into()),
        Trouble::Corrupt | Trouble::ReadOnly | Trouble::Busy | Trouble::Other => {
            ExperimentStoreError::Storage(error.into())
        }
    }
}
