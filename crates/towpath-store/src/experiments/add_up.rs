//! Adding up: one pass over the events of a metric, in the order of units.

use sqlx::{Row as _, Sqlite, Transaction, sqlite::SqliteRow};
use towpath_core::experiments::{MetricSums, RunSums, VariantSums};
use towpath_engine::ports::{MetricQuery, SumsQuery, UnitValue};

const RUN: &str = "SELECT id FROM runs WHERE environment = $1 AND experiment = $2 AND run = $3";
const EVENT: &str = "SELECT id FROM event_names WHERE environment = $1 AND name = $2";
const UNITS: &str =
    "SELECT variant, mixed, count(*) FROM exposures WHERE run = $1 AND at_ms < $2 GROUP BY variant, mixed";

// $1 run, $2 event, $3 until, $4 within, $5 window, $6 what an event is worth that says nothing, $7 cap, $8 denominator.
// Units without an event add nothing, so only those with one are looked at. `CROSS JOIN` keeps SQLite from
// reading exposures first: events lie in the order of their units.
macro_rules! sums_of {
    ($of:literal, $all:literal, $events:literal) => {
        concat!(
            "SELECT variant, sum(y), sum(y * y), sum(d), sum(d * d), sum(y * d), sum(x), sum(x * x), sum(y * x) FROM (",
            "SELECT variant, min($7, ",
            $all,
            "(y)) AS y, sum(d) AS d, min($7, ",
            $all,
            "(x)) AS x FROM (",
            "SELECT it.variant AS variant, e.unit AS unit, ",
            "CASE WHEN e.event = $2 AND e.at_ms >= it.at_ms AND e.at_ms < min($3, it.at_ms + $4) THEN ",
            $of,
            " ELSE 0 END AS y, ",
            "CASE WHEN e.event = $8 AND e.at_ms >= it.at_ms AND e.at_ms < min($3, it.at_ms + $4) ",
            "THEN coalesce(e.value, 1) ELSE 0 END AS d, ",
            "CASE WHEN e.event = $2 AND e.at_ms < it.at_ms AND e.at_ms >= it.at_ms - $5 THEN ",
            $of,
            " ELSE 0 END AS x ",
            "FROM metric_events AS e CROSS JOIN exposures AS it ON it.run = $1 AND it.unit = e.unit ",
            "WHERE ",
            $events,
            " AND it.mixed = 0 AND it.at_ms < $3) GROUP BY unit) GROUP BY variant"
        )
    };
}

const ANY: &str = sums_of!("1", "max", "e.event = $2");
const COUNT: &str = sums_of!("1", "sum", "e.event = $2");
const SUM: &str = sums_of!("coalesce(e.value, $6)", "sum", "e.event = $2");
const ANY_PER: &str = sums_of!("1", "max", "e.event IN ($2, $8)");
const COUNT_PER: &str = sums_of!("1", "sum", "e.event IN ($2, $8)");
const SUM_PER: &str = sums_of!("coalesce(e.value, $6)", "sum", "e.event IN ($2, $8)");

/// Stands for no bound: more milliseconds than any two times are apart, and few enough to be added to one.
const UNBOUNDED: i64 = 1 << 60;
/// Stands for an event that nobody has told of.
const NO_EVENT: i64 = -1;

type Opened<'t> = Transaction<'t, Sqlite>;

pub(super) async fn sums(transaction: &mut Opened<'_>, query: &SumsQuery) -> Result<RunSums, sqlx::Error> {
    let empty = VariantSums { units: 0, metrics: vec![MetricSums::default(); query.metrics.len()] };
    let mut sums = RunSums { variants: vec![empty; query.variants], mixed: 0 };
    let run = sqlx::query(RUN).bind(query.run.environment.as_str()).bind(query.run.experiment.as_str());
    let Some(run) = run.bind(i64::from(query.run.run)).fetch_optional(&mut **transaction).await? else {
        return Ok(sums);
    };
    let run: i64 = run.try_get(0)?;
    let until = query.until.as_millisecond();
    for row in sqlx::query(UNITS).bind(run).bind(until).fetch_all(&mut **transaction).await? {
        let units = u64::try_from(row.try_get::<i64, usize>(2)?).unwrap_or(0);
        match sums.variants.get_mut(place(&row)?) {
            Some(variant) if row.try_get::<i64, usize>(1)? == 0 => variant.units = units,
            _ => sums.mixed += units,
        }
    }
    for (index, metric) in query.metrics.iter().enumerate() {
        for row in of_metric(transaction, query, metric, run).await? {
            let variant = sums.variants.get_mut(place(&row)?);
            if let Some(slot) = variant.and_then(|variant| variant.metrics.get_mut(index)) {
                *slot = read(&row)?;
            }
        }
    }
    Ok(sums)
}

async fn of_metric(
    transaction: &mut Opened<'_>,
    query: &SumsQuery,
    metric: &MetricQuery,
    run: i64,
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    let event = event_of(transaction, query, &metric.event).await?;
    let per = match &metric.per {
        Some(per) => event_of(transaction, query, per).await?,
        None => NO_EVENT,
    };
    let text = match (metric.of, &metric.per) {
        (UnitValue::Any, None) => ANY,
        (UnitValue::Count, None) => COUNT,
        (UnitValue::Sum, None) => SUM,
        (UnitValue::Any, Some(_)) => ANY_PER,
        (UnitValue::Count, Some(_)) => COUNT_PER,
        (UnitValue::Sum, Some(_)) => SUM_PER,
    };
    let milliseconds = |it: Option<towpath_core::units::Millis>, none: i64| {
        it.map_or(none, |it| i64::try_from(it.0).unwrap_or(UNBOUNDED).min(UNBOUNDED))
    };
    let query = sqlx::query(text)
        .bind(run)
        .bind(event)
        .bind(query.until.as_millisecond())
        .bind(milliseconds(metric.within, UNBOUNDED))
        .bind(milliseconds(query.window, 0))
        .bind(metric.value)
        .bind(metric.cap.unwrap_or(f64::MAX))
        .bind(per);
    query.fetch_all(&mut **transaction).await
}

async fn event_of(transaction: &mut Opened<'_>, query: &SumsQuery, name: &str) -> Result<i64, sqlx::Error> {
    let found = sqlx::query(EVENT).bind(query.run.environment.as_str()).bind(name);
    let found = found.fetch_optional(&mut **transaction).await?;
    found.map_or(Ok(NO_EVENT), |row| row.try_get(0))
}

fn place(row: &SqliteRow) -> Result<usize, sqlx::Error> {
    Ok(usize::try_from(row.try_get::<i64, usize>(0)?).unwrap_or(usize::MAX))
}

fn read(row: &SqliteRow) -> Result<MetricSums, sqlx::Error> {
    // Sums of whole numbers come as such.
    let number = |column: usize| row.try_get_unchecked::<f64, usize>(column);
    Ok(MetricSums {
        sum: number(1)?,
        squares: number(2)?,
        denominator: number(3)?,
        denominator_squares: number(4)?,
        ratio_cross: number(5)?,
        before: number(6)?,
        before_squares: number(7)?,
        before_cross: number(8)?,
    })
}
