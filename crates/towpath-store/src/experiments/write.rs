//! Writing a batch: sorted by where it belongs, each part of it by one statement.

use std::{collections::BTreeMap, fmt::Write as _};

use sqlx::{Row as _, Sqlite, Transaction};
use towpath_core::ids::EnvironmentName;
use towpath_engine::ports::{Gained, RunId, Taken};

const NAME_RUN: &str = "INSERT INTO runs (environment, experiment, run) VALUES ($1, $2, $3) \
     ON CONFLICT (environment, experiment, run) DO NOTHING";
const RUN: &str = "SELECT id FROM runs WHERE environment = $1 AND experiment = $2 AND run = $3";
const NAME_EVENT: &str =
    "INSERT INTO event_names (environment, name) VALUES ($1, $2) ON CONFLICT (environment, name) DO NOTHING";
const EVENT: &str = "SELECT id FROM event_names WHERE environment = $1 AND name = $2";

/// Which of the units tell nothing new: the same variant is known, or that there are several. `CROSS JOIN` has SQLite look each
/// item up; left to itself it reads the items anew for every row that there is.
const KNOWN_EXPOSURES: &str = "SELECT item.key FROM json_each($3) AS item \
     CROSS JOIN exposures AS it ON it.run = $1 AND it.unit = substr($2, item.key * 16 + 1, 16) \
     WHERE it.variant = $4 OR it.mixed = 1";
const EXPOSE: &str = "INSERT INTO exposures (run, unit, variant, at_ms, mixed) \
     SELECT $1, substr($2, item.key * 16 + 1, 16), $4, item.value, 0 FROM json_each($3) AS item WHERE true \
     ON CONFLICT (run, unit) DO UPDATE SET at_ms = min(at_ms, excluded.at_ms), \
     mixed = max(mixed, variant <> excluded.variant) \
     WHERE excluded.at_ms < at_ms OR (variant <> excluded.variant AND mixed = 0)";
const KNOWN_EVENTS: &str = "SELECT item.key FROM json_each($3) AS item \
     CROSS JOIN metric_events AS it ON it.event = $1 AND it.unit = substr($2, item.key * 32 + 1, 16) \
     AND it.id = substr($2, item.key * 32 + 17, 16)";
const HAPPEN: &str = "INSERT INTO metric_events (event, unit, id, at_ms, value) \
     SELECT $1, substr($2, item.key * 32 + 1, 16), substr($2, item.key * 32 + 17, 16), item.value ->> 0, \
     CAST(item.value ->> 1 AS REAL) FROM json_each($3) AS item WHERE true \
     ON CONFLICT (event, unit, id) DO NOTHING";

/// What belongs together, each with its place in the batch: sorted by key, so that neighbours are written together.
#[derive(Default)]
struct Part {
    rows: Vec<Row>,
}

struct Row {
    key: [u8; 32],
    at_ms: i64,
    value: Option<f64>,
    place: usize,
}

type Opened<'t> = Transaction<'t, Sqlite>;

pub(super) async fn record(transaction: &mut Opened<'_>, gained: &[Gained]) -> Result<Vec<Taken>, sqlx::Error> {
    let mut exposures: BTreeMap<(&RunId, u8), Part> = BTreeMap::new();
    let mut events: BTreeMap<(&EnvironmentName, &str), Part> = BTreeMap::new();
    for (place, gained) in gained.iter().enumerate() {
        match gained {
            Gained::Exposure(it) => exposures.entry((&it.run, it.variant)).or_default().rows.push(Row {
                key: key(&it.unit.0, &[0; 16]),
                at_ms: it.at.as_millisecond(),
                value: None,
                place,
            }),
            Gained::Event(it) => events.entry((&it.environment, &it.event)).or_default().rows.push(Row {
                key: key(&it.unit.0, &it.id.0),
                at_ms: it.at.as_millisecond(),
                value: it.value,
                place,
            }),
        }
    }
    let mut taken = vec![Taken::New; gained.len()];
    for ((run, variant), mut part) in exposures {
        part.sort(&mut taken);
        let run = run_id(transaction, run).await?;
        let (units, times) = (part.bytes(16), part.times());
        let known = sqlx::query(KNOWN_EXPOSURES).bind(run).bind(&units).bind(&times).bind(variant);
        let known = known.fetch_all(&mut **transaction).await?;
        part.known(&known, &mut taken)?;
        sqlx::query(EXPOSE).bind(run).bind(units).bind(times).bind(variant).execute(&mut **transaction).await?;
    }
    for ((environment, name), mut part) in events {
        part.sort(&mut taken);
        let event = event_id(transaction, environment, name).await?;
        let (keys, values) = (part.bytes(32), part.values());
        let known = sqlx::query(KNOWN_EVENTS).bind(event).bind(&keys).bind(&values);
        let known = known.fetch_all(&mut **transaction).await?;
        part.known(&known, &mut taken)?;
        sqlx::query(HAPPEN).bind(event).bind(keys).bind(values).execute(&mut **transaction).await?;
    }
    Ok(taken)
}

fn key(unit: &[u8; 16], id: &[u8; 16]) -> [u8; 32] {
    let mut key = [0; 32];
    key.iter_mut().zip(unit.iter().chain(id)).for_each(|(byte, of)| *byte = *of);
    key
}

impl Part {
    /// Brings the rows in order and leaves one of those with the same key: of exposures the earliest, of events the first.
    fn sort(&mut self, taken: &mut [Taken]) {
        self.rows.sort_by_key(|row| (row.key, row.place));
        let mut rows: Vec<Row> = Vec::with_capacity(self.rows.len());
        for row in self.rows.drain(..) {
            match rows.last_mut().filter(|last| last.key == row.key) {
                Some(first) => {
                    if is_exposure(&row.key) {
                        first.at_ms = first.at_ms.min(row.at_ms);
                    }
                    if let Some(taken) = taken.get_mut(row.place) {
                        *taken = Taken::Known;
                    }
                }
                None => rows.push(row),
            }
        }
        self.rows = rows;
    }

    fn known(&self, found: &[sqlx::sqlite::SqliteRow], taken: &mut [Taken]) -> Result<(), sqlx::Error> {
        for row in found {
            let index = usize::try_from(row.try_get::<i64, usize>(0)?).unwrap_or(usize::MAX);
            if let Some(taken) = self.rows.get(index).and_then(|row| taken.get_mut(row.place)) {
                *taken = Taken::Known;
            }
        }
        Ok(())
    }

    fn bytes(&self, width: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.rows.len() * width);
        self.rows.iter().for_each(|row| bytes.extend(row.key.iter().take(width)));
        bytes
    }

    fn times(&self) -> String {
        let mut text = String::with_capacity(self.rows.len() * 15 + 2);
        for (index, row) in self.rows.iter().enumerate() {
            // Writing to a text never fails.
            let _ = write!(text, "{}{}", if index == 0 { '[' } else { ',' }, row.at_ms);
        }
        text.push(']');
        text
    }

    fn values(&self) -> String {
        let mut text = String::with_capacity(self.rows.len() * 24 + 2);
        for (index, row) in self.rows.iter().enumerate() {
            let begin = if index == 0 { '[' } else { ',' };
            let _ = match row.value {
                // The shortest text that reads back as the same number.
                Some(value) => write!(text, "{begin}[{},{value:e}]", row.at_ms),
                None => write!(text, "{begin}[{},null]", row.at_ms),
            };
        }
        text.push(']');
        text
    }
}

/// Exposures have no id.
fn is_exposure(key: &[u8; 32]) -> bool {
    key.iter().skip(16).all(|byte| *byte == 0)
}

async fn run_id(transaction: &mut Opened<'_>, run: &RunId) -> Result<i64, sqlx::Error> {
    let mut id = None;
    for text in [NAME_RUN, RUN] {
        let query = sqlx::query(text).bind(run.environment.as_str()).bind(run.experiment.as_str());
        id = query.bind(i64::from(run.run)).fetch_optional(&mut **transaction).await?;
    }
    id.ok_or(sqlx::Error::RowNotFound)?.try_get(0)
}

async fn event_id(transaction: &mut Opened<'_>, environment: &EnvironmentName, name: &str) -> Result<i64, sqlx::Error> {
    let mut id = None;
    for text in [NAME_EVENT, EVENT] {
        let query = sqlx::query(text).bind(environment.as_str()).bind(name);
        id = query.fetch_optional(&mut **transaction).await?;
    }
    id.ok_or(sqlx::Error::RowNotFound)?.try_get(0)
}

#[cfg(test)]
mod tests;
