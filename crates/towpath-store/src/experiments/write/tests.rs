//! Tests of `write`.

use sqlx::Row as _;
use tempfile::TempDir;

use super::{KNOWN_EVENTS, KNOWN_EXPOSURES};
use crate::SqliteExperiments;

#[tokio::test]
async fn what_is_known_is_looked_up_by_its_whole_key_however_much_there_is() {
    let folder = TempDir::new().unwrap();
    let store = SqliteExperiments::open(folder.path()).await.unwrap();
    for (statement, key) in [(KNOWN_EXPOSURES, "(run=? AND unit=?)"), (KNOWN_EVENTS, "(event=? AND unit=? AND id=?)")] {
        let text = format!("EXPLAIN QUERY PLAN {statement}");
        let mut query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(1).bind(vec![0_u8; 64]).bind("[1,2]");
        if statement.contains("$4") {
            query = query.bind(0);
        }
        let plan = query.fetch_all(&store.database.writer).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get::<String, usize>(3)).collect();
        let [items, rows] = plan.as_slice() else { panic!("{plan:?}") };
        assert!(items.starts_with("SCAN item"), "{plan:?}");
        assert!(rows.starts_with("SEARCH it USING PRIMARY KEY") && rows.ends_with(key), "{plan:?}");
    }
}
