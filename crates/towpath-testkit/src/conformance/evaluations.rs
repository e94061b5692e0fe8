//! What every storage of evaluation counts must do.

use std::sync::Arc;

use jiff::Timestamp;
use towpath_core::{flags::FlagKey, ids::EnvironmentName};
use towpath_engine::ports::{EvaluationCount, Evaluations};

/// Makes one test of each case for the storages of evaluation counts that an async function returns.
#[macro_export]
macro_rules! evaluations_conformance {
    ($fresh:path) => {
        $crate::conformance_cases!(
            evaluations,
            $fresh,
            counts_of_the_same_add_up,
            counts_of_environments_are_kept_apart_and_forgotten,
            what_was_not_seen_for_long_is_forgotten,
        );
    };
}

fn environment(name: &str) -> EnvironmentName {
    EnvironmentName::new(name).unwrap()
}

fn count(flag: &str, variant: Option<&str>, reason: &str, count: u64, second: i64) -> EvaluationCount {
    let at = Timestamp::from_second(1_790_000_000 + second).unwrap();
    let (flag, variant) = (FlagKey::new(flag).unwrap(), variant.map(str::to_owned));
    EvaluationCount { flag, variant, reason: reason.to_owned(), bulk: false, count, first: at, last: at }
}

/// What is added twice counts twice; first and last are those of all.
pub async fn counts_of_the_same_add_up(counts: Arc<dyn Evaluations>) {
    let place = environment("production");
    let first = [count("a b/ü", Some("on"), "STATIC", 2, 10), count("a b/ü", None, "DISABLED", 1, 10)];
    counts.add(&place, &first).await.unwrap();
    counts.add(&place, &[count("a b/ü", Some("on"), "STATIC", 3, 5)]).await.unwrap();
    counts
        .add(&place, &[count("a b/ü", Some("on"), "STATIC", 1, 20), count("b", Some("x"), "SPLIT", 1, 1)])
        .await
        .unwrap();
    let bulk = EvaluationCount { bulk: true, ..count("c", Some("x"), "STATIC", 1, 1) };
    counts.add(&place, &[bulk.clone(), count("c", Some("x"), "STATIC", 1, 1)]).await.unwrap();
    let listed = counts.list(&place).await.unwrap();
    let sum = EvaluationCount {
        first: count("b", None, "", 0, 5).first,
        last: count("b", None, "", 0, 20).last,
        ..count("a b/ü", Some("on"), "STATIC", 6, 0)
    };
    assert_eq!(
        listed,
        [
            count("a b/ü", None, "DISABLED", 1, 10),
            sum,
            count("b", Some("x"), "SPLIT", 1, 1),
            count("c", Some("x"), "STATIC", 1, 1),
            bulk
        ]
    );
}

/// Forgetting one environment leaves the others.
pub async fn counts_of_environments_are_kept_apart_and_forgotten(counts: Arc<dyn Evaluations>) {
    let (here, there) = (environment("production"), environment("staging"));
    counts.add(&here, &[count("a", Some("on"), "STATIC", 1, 1)]).await.unwrap();
    counts.add(&there, &[count("a", Some("on"), "STATIC", 7, 1)]).await.unwrap();
    counts.forget(&here).await.unwrap();
    assert_eq!(counts.list(&here).await.unwrap(), []);
    assert_eq!(counts.list(&there).await.unwrap(), [count("a", Some("on"), "STATIC", 7, 1)]);
}

/// Counts that nobody added to since a moment go.
pub async fn what_was_not_seen_for_long_is_forgotten(counts: Arc<dyn Evaluations>) {
    let place = environment("production");
    counts.add(&place, &[count("old", None, "ERROR", 1, 1), count("new", None, "ERROR", 1, 9)]).await.unwrap();
    counts.forget_before(count("x", None, "", 0, 9).last).await.unwrap();
    assert_eq!(counts.list(&place).await.unwrap(), [count("new", None, "ERROR", 1, 9)]);
}
