//! Counts of evaluations, beside the samples: neither needs to survive a crash to the last second.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Row as _, sqlite::SqliteRow};
use towpath_core::{flags::FlagKey, ids::EnvironmentName};
use towpath_engine::ports::{EvaluationCount, Evaluations, SampleError};

use super::{SqliteSamples, failure, nanoseconds};

const ADD: &str = "INSERT INTO evaluations (environment, flag, variant, reason, bulk, count, first_ns, last_ns) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (environment, flag, variant, reason, bulk) DO UPDATE SET \
     count = count + excluded.count, first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)";
const LIST: &str = "SELECT flag, variant, reason, bulk, count, first_ns, last_ns FROM evaluations WHERE environment = $1 \
     ORDER BY flag, variant, reason, bulk";
const FORGET_BEFORE: &str = "DELETE FROM evaluations WHERE last_ns < $1";
const FORGET: &str = "DELETE FROM evaluations WHERE environment = $1";

#[async_trait]
impl Evaluations for SqliteSamples {
    async fn add(&self, environment: &EnvironmentName, counts: &[EvaluationCount]) -> Result<(), SampleError> {
        if counts.is_empty() {
            return Ok(());
        }
        let mut transaction = self.database.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failure)?;
        for count in counts {
            sqlx::query(ADD)
                .bind(environment.as_str())
                .bind(count.flag.as_str())
                .bind(count.variant.as_deref().unwrap_or_default())
                .bind(&count.reason)
                .bind(count.bulk)
                .bind(i64::try_from(count.count).unwrap_or(i64::MAX))
                .bind(nanoseconds(count.first))
                .bind(nanoseconds(count.last))
                .execute(&mut *transaction)
                .await
                .map_err(failure)?;
        }
        transaction.commit().await.map_err(failure)
    }

    async fn list(&self, environment: &EnvironmentName) -> Result<Vec<EvaluationCount>, SampleError> {
        let rows = sqlx::query(LIST).bind(environment.as_str()).fetch_all(&self.database.readers).await;
        rows.map_err(failure)?.iter().map(count).collect()
    }

    async fn forget_before(&self, moment: Timestamp) -> Result<(), SampleError> {
        let query = sqlx::query(FORGET_BEFORE).bind(nanoseconds(moment)).execute(&self.database.writer);
        query.await.map(|_| ()).map_err(failure)
    }

    async fn forget(&self, environment: &EnvironmentName) -> Result<(), SampleError> {
        let query = sqlx::query(FORGET).bind(environment.as_str()).execute(&self.database.writer);
        query.await.map(|_| ()).map_err(failure)
    }
}

fn count(row: &SqliteRow) -> Result<EvaluationCount, SampleError> {
    let text = |column| row.try_get::<&str, usize>(column).map_err(failure);
    let number = |column| row.try_get::<i64, usize>(column).map_err(failure);
    let time =
        |column| Timestamp::from_nanosecond(i128::from(number(column)?)).map_err(|error| SampleError(error.into()));
    let variant = text(1)?;
    Ok(EvaluationCount {
        flag: FlagKey::new(text(0)?).map_err(|error| SampleError(error.into()))?,
        variant: (!variant.is_empty()).then(|| variant.to_owned()),
        reason: text(2)?.to_owned(),
        bulk: number(3)? != 0,
        count: u64::try_from(number(4)?).unwrap_or(0),
        first: time(5)?,
        last: time(6)?,
    })
}
