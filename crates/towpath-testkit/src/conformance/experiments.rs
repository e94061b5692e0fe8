//! What every storage of exposures and metric events must do.

#![expect(clippy::float_cmp, reason = "sums of small whole numbers are exact")]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use towpath_core::{experiments::MetricSums, ids::EnvironmentName, units::Millis};
use towpath_engine::ports::{
    EventHash, ExperimentStore, Exposure, Gained, MetricEvent, MetricQuery, RunId, SumsQuery, Taken, UnitHash,
    UnitValue,
};

/// Makes one test of each case for the storages that an async function returns.
#[macro_export]
macro_rules! experiments_conformance {
    ($fresh:path) => {
        $crate::conformance_cases!(
            experiments,
            $fresh,
            what_comes_again_is_known_and_counted_once,
            a_unit_counts_from_its_earliest_exposure_on,
            a_unit_in_two_variants_is_in_no_sum,
            what_happened_before_exposure_is_the_covariate,
            metrics_add_up_each_in_its_way,
            caps_windows_and_ends_bound_what_counts,
            runs_and_environments_are_kept_apart,
            a_unit_is_erased_and_no_other,
            an_environment_is_forgotten_and_no_other,
            old_events_and_ended_runs_are_pruned,
            many_units_in_any_order_add_up_to_what_they_are,
        );
    };
}

fn at(seconds: i64) -> Timestamp {
    "2026-03-02T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn production() -> EnvironmentName {
    EnvironmentName::new("production").unwrap()
}

fn run(number: u32) -> RunId {
    RunId { environment: production(), experiment: "checkout".parse().unwrap(), run: number }
}

fn hash(number: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    // Knuth's multiplicative hash spreads neighbours, as real hashes do.
    bytes[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn exposed(unit: u32, variant: u8, seconds: i64) -> Gained {
    Gained::Exposure(Exposure { run: run(1), unit: UnitHash(hash(unit)), variant, at: at(seconds) })
}

fn event(unit: u32, id: u32, seconds: i64, value: Option<f64>) -> Gained {
    named("purchase", unit, id, seconds, value)
}

fn named(event: &str, unit: u32, id: u32, seconds: i64, value: Option<f64>) -> Gained {
    let (unit, id) = (UnitHash(hash(unit)), EventHash(hash(id)));
    Gained::Event(MetricEvent { environment: production(), event: event.to_owned(), unit, id, at: at(seconds), value })
}

fn metric(of: UnitValue) -> MetricQuery {
    MetricQuery { event: "purchase".to_owned(), per: None, of, value: 1.0, cap: None, within: None }
}

fn query(metrics: Vec<MetricQuery>) -> SumsQuery {
    SumsQuery { run: run(1), variants: 2, until: at(1_000_000), window: Some(Millis(100_000)), metrics }
}

type Store = Arc<dyn ExperimentStore>;

async fn new(store: &Store, gained: &[Gained]) {
    assert_eq!(store.record(gained).await.unwrap(), vec![Taken::New; gained.len()]);
}

async fn units(store: &Store) -> (Vec<u64>, u64) {
    let sums = store.sums(&query(Vec::new())).await.unwrap();
    (sums.variants.iter().map(|variant| variant.units).collect(), sums.mixed)
}

async fn one(store: &Store, metric: MetricQuery) -> MetricSums {
    store.sums(&query(vec![metric])).await.unwrap().variants[0].metrics[0]
}

/// In one batch or in several.
pub async fn what_comes_again_is_known_and_counted_once(store: Store) {
    assert_eq!(store.record(&[]).await.unwrap(), []);
    let first = [exposed(1, 0, 0), event(1, 7, 5, None), exposed(1, 0, 3), event(1, 7, 5, None), exposed(2, 1, 0)];
    let (n, k) = (Taken::New, Taken::Known);
    assert_eq!(store.record(&first).await.unwrap(), [n, n, k, k, n]);
    assert_eq!(store.record(&first).await.unwrap(), [k; 5]);
    assert_eq!(store.record(&[event(1, 8, 5, None), event(1, 7, 9, None), exposed(3, 1, 0)]).await.unwrap(), [n, k, n]);
    assert_eq!(units(&store).await, (vec![1, 2], 0));
    assert_eq!(one(&store, metric(UnitValue::Count)).await.sum, 2.0);
}

/// Whatever order they come in.
pub async fn a_unit_counts_from_its_earliest_exposure_on(store: Store) {
    new(&store, &[exposed(1, 0, 100), event(1, 1, 50, None)]).await;
    let sums = one(&store, metric(UnitValue::Any)).await;
    assert_eq!((sums.sum, sums.before), (0.0, 1.0));
    assert_eq!(store.record(&[exposed(1, 0, 40)]).await.unwrap(), [Taken::Known]);
    let sums = one(&store, metric(UnitValue::Any)).await;
    assert_eq!((sums.sum, sums.before), (1.0, 0.0));
    store.record(&[exposed(1, 0, 60)]).await.unwrap();
    assert_eq!(one(&store, metric(UnitValue::Any)).await.sum, 1.0);
}

/// It is counted as mixed, once.
pub async fn a_unit_in_two_variants_is_in_no_sum(store: Store) {
    new(&store, &[exposed(1, 0, 0), exposed(2, 0, 0), event(1, 1, 5, None)]).await;
    assert_eq!(store.record(&[exposed(1, 1, 9), exposed(1, 1, 9)]).await.unwrap(), [Taken::New, Taken::Known]);
    assert_eq!(store.record(&[exposed(1, 1, 9), exposed(1, 0, 0)]).await.unwrap(), [Taken::Known; 2]);
    assert_eq!(units(&store).await, (vec![1, 0], 1));
    assert_eq!(one(&store, metric(UnitValue::Count)).await.sum, 0.0);
    // Both in one batch.
    store.record(&[exposed(3, 1, 0), exposed(3, 0, 0)]).await.unwrap();
    assert_eq!(units(&store).await, (vec![1, 0], 2));
}

/// Also where the event was told before the exposure, or long after it.
pub async fn what_happened_before_exposure_is_the_covariate(store: Store) {
    new(&store, &[event(1, 1, -50, Some(3.0)), event(1, 2, -101, Some(100.0)), event(9, 1, 0, Some(5.0))]).await;
    new(&store, &[exposed(1, 0, 0), event(1, 3, 10, Some(4.0)), event(1, 4, -1, Some(2.0))]).await;
    let sums = one(&store, metric(UnitValue::Sum)).await;
    let expected = MetricSums {
        sum: 4.0,
        squares: 16.0,
        before: 5.0,
        before_squares: 25.0,
        before_cross: 20.0,
        ..MetricSums::default()
    };
    assert_eq!(sums, expected);
    let without = SumsQuery { window: None, ..query(vec![metric(UnitValue::Sum)]) };
    assert_eq!(store.sums(&without).await.unwrap().variants[0].metrics[0].before, 0.0);
}

/// What a unit gets is any, count or sum; a ratio has a denominator.
pub async fn metrics_add_up_each_in_its_way(store: Store) {
    new(&store, &[exposed(1, 0, 0), exposed(2, 0, 0), exposed(3, 0, 0)]).await;
    new(&store, &[event(1, 1, 1, Some(2.5)), event(1, 2, 1, None), event(2, 3, 1, Some(-1.0))]).await;
    new(&store, &[named("view", 1, 4, 1, None), named("view", 1, 5, 1, Some(3.0)), named("view", 3, 6, 1, None)]).await;
    let sums = one(&store, metric(UnitValue::Any)).await;
    assert_eq!((sums.sum, sums.squares), (2.0, 2.0));
    let sums = one(&store, metric(UnitValue::Count)).await;
    assert_eq!((sums.sum, sums.squares), (3.0, 5.0));
    let sums = one(&store, MetricQuery { value: 10.0, ..metric(UnitValue::Sum) }).await;
    assert_eq!((sums.sum, sums.squares), (11.5, 157.25));
    let sums = one(&store, MetricQuery { per: Some("view".to_owned()), ..metric(UnitValue::Sum) }).await;
    assert_eq!((sums.sum, sums.denominator, sums.denominator_squares, sums.ratio_cross), (2.5, 5.0, 17.0, 14.0));
    let same = MetricQuery { per: Some("purchase".to_owned()), ..metric(UnitValue::Count) };
    let sums = one(&store, same).await;
    assert_eq!((sums.sum, sums.denominator), (3.0, 2.5));
}

/// Ends are exclusive, beginnings inclusive.
pub async fn caps_windows_and_ends_bound_what_counts(store: Store) {
    new(&store, &[exposed(1, 0, 0), exposed(2, 1, 500)]).await;
    new(&store, &[event(1, 1, 0, Some(3.0)), event(1, 2, 10, Some(4.0)), event(1, 3, 600, Some(5.0))]).await;
    let capped = MetricQuery { cap: Some(5.0), ..metric(UnitValue::Sum) };
    assert_eq!(one(&store, capped).await.sum, 5.0);
    let within = MetricQuery { within: Some(Millis(10_000)), ..metric(UnitValue::Sum) };
    assert_eq!(one(&store, within).await.sum, 3.0);
    let ended = SumsQuery { until: at(500), ..query(vec![metric(UnitValue::Sum)]) };
    let sums = store.sums(&ended).await.unwrap();
    assert_eq!((sums.variants[0].metrics[0].sum, sums.variants[1].units), (7.0, 0));
}

/// No run and no environment sees the others' units.
pub async fn runs_and_environments_are_kept_apart(store: Store) {
    let staging = EnvironmentName::new("staging").unwrap();
    let unit = UnitHash(hash(1));
    let elsewhere = RunId { environment: staging.clone(), ..run(1) };
    new(
        &store,
        &[
            exposed(1, 0, 0),
            Gained::Exposure(Exposure { run: run(2), unit, variant: 1, at: at(0) }),
            Gained::Exposure(Exposure { run: elsewhere, unit, variant: 1, at: at(0) }),
            Gained::Event(MetricEvent {
                environment: staging,
                event: "purchase".to_owned(),
                unit,
                id: EventHash(hash(1)),
                at: at(1),
                value: None,
            }),
        ],
    )
    .await;
    assert_eq!(units(&store).await, (vec![1, 0], 0));
    assert_eq!(one(&store, metric(UnitValue::Any)).await.sum, 0.0);
    let second = SumsQuery { run: run(2), ..query(Vec::new()) };
    assert_eq!(store.sums(&second).await.unwrap().variants[1].units, 1);
    let none = SumsQuery { run: run(3), ..query(vec![metric(UnitValue::Any)]) };
    assert_eq!(store.sums(&none).await.unwrap().variants[0].units, 0);
}

/// Erasing takes exposures and events, of this environment only, and can be done again.
pub async fn a_unit_is_erased_and_no_other(store: Store) {
    new(
        &store,
        &[exposed(1, 0, 0), exposed(2, 0, 0), event(1, 1, 1, None), event(1, 2, 1, None), event(2, 1, 1, None)],
    )
    .await;
    assert_eq!(store.erase(&EnvironmentName::new("staging").unwrap(), &UnitHash(hash(1))).await.unwrap(), 0);
    assert_eq!(store.erase(&production(), &UnitHash(hash(1))).await.unwrap(), 3);
    assert_eq!(store.erase(&production(), &UnitHash(hash(1))).await.unwrap(), 0);
    assert_eq!(units(&store).await, (vec![1, 0], 0));
    assert_eq!(one(&store, metric(UnitValue::Count)).await.sum, 1.0);
}

/// And what comes afterwards is new.
pub async fn an_environment_is_forgotten_and_no_other(store: Store) {
    let gained = [exposed(1, 0, 0), event(1, 1, 1, None)];
    new(&store, &gained).await;
    store.forget(&EnvironmentName::new("staging").unwrap()).await.unwrap();
    assert_eq!(units(&store).await, (vec![1, 0], 0));
    for _ in 0..2 {
        store.forget(&production()).await.unwrap();
        assert_eq!(units(&store).await, (vec![0, 0], 0));
    }
    new(&store, &gained).await;
    assert_eq!(one(&store, metric(UnitValue::Any)).await.sum, 1.0);
}

/// Only what is named goes.
pub async fn old_events_and_ended_runs_are_pruned(store: Store) {
    let later = Gained::Exposure(Exposure { run: run(2), unit: UnitHash(hash(1)), variant: 0, at: at(0) });
    new(&store, &[exposed(1, 0, 0), later, event(1, 1, 10, None), event(1, 2, 20, None)]).await;
    assert_eq!(store.prune(&production(), at(20), &[]).await.unwrap(), 1);
    assert_eq!(one(&store, metric(UnitValue::Count)).await.sum, 1.0);
    assert_eq!(store.prune(&production(), at(0), &[run(1), run(9)]).await.unwrap(), 1);
    assert_eq!(units(&store).await, (vec![0, 0], 0));
    let second = SumsQuery { run: run(2), ..query(Vec::new()) };
    assert_eq!(store.sums(&second).await.unwrap().variants[0].units, 1);
}

/// Two thousand units with up to three events each, in batches whose order has nothing to do with time.
pub async fn many_units_in_any_order_add_up_to_what_they_are(store: Store) {
    let mut all = Vec::new();
    let mut expected = [(0_u64, 0.0, 0.0, 0.0); 2];
    for unit in 0..2000_u32 {
        let variant = u8::try_from(unit % 2).unwrap();
        let (events, prior) = (unit % 4, f64::from(unit % 7));
        all.push(exposed(unit, variant, i64::from(unit)));
        all.extend((0..events).map(|id| event(unit, id, i64::from(unit + id), Some(f64::from(id + 1)))));
        all.push(event(unit, 99, i64::from(unit) - 1, Some(prior)));
        let sum = f64::from(events * (events + 1) / 2);
        let slot = &mut expected[usize::from(variant)];
        *slot = (slot.0 + 1, slot.1 + sum, slot.2 + sum * sum, slot.3 + sum * prior);
    }
    // Coprime to the length, so every item comes once.
    let stride = 7919;
    let mixed: Vec<Gained> = (0..all.len()).map(|place| all[place * stride % all.len()].clone()).collect();
    for batch in mixed.chunks(617) {
        assert!(store.record(batch).await.unwrap().iter().all(|taken| *taken == Taken::New));
    }
    let sums = store.sums(&query(vec![metric(UnitValue::Sum)])).await.unwrap();
    for (variant, (units, sum, squares, cross)) in sums.variants.iter().zip(expected) {
        let metric = variant.metrics[0];
        assert_eq!((variant.units, metric.sum, metric.squares, metric.before_cross), (units, sum, squares, cross));
    }
}
