//! Tests of what is made ready, and of counting.

use towpath_core::flags::FlagDocument;

use super::*;

fn served(text: &str) -> Arc<Served> {
    Arc::new(Served::new(serde_json::from_str::<FlagDocument>(text).unwrap()))
}

fn evaluation(variant: Option<&'static str>, reason: Reason) -> Evaluation<'static> {
    Evaluation { reason, variant, value: None, error: None, metadata: None }
}

const TWO: &str = r#"{"flags":{"a":{"variants":{"on":1,"off":0}},"b":{"variants":{}}}}"#;

#[test]
fn what_is_counted_is_taken_once_from_whatever_thread() {
    let place = EnvironmentName::new("development").unwrap();
    let ready = Ready::new(&place, served(TWO));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let piece = ready.piece("a").unwrap();
                    ready.count(piece, &evaluation(Some("on"), Reason::Static), false);
                    ready.count(piece, &evaluation(Some("what?"), Reason::Default), true);
                    ready.count(ready.piece("b").unwrap(), &evaluation(None, Reason::Error), true);
                }
            });
        }
    });
    let taken: Vec<_> = ready
        .take()
        .iter()
        .map(|tally| (tally.flag.as_str(), tally.variant, tally.reason.as_str(), tally.bulk, tally.count))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(flag, variant, reason, bulk, count)| format!("{flag} {variant:?} {reason} {bulk} {count}"))
        .collect();
    assert_eq!(taken, ["a None DEFAULT true 8000", "a Some(\"on\") STATIC false 8000", "b None ERROR true 8000"]);
    assert!(ready.take().is_empty());
}

#[test]
fn what_is_served_is_made_ready_once_and_old_counts_are_kept_until_nobody_counts() {
    let (evaluating, sets) = (Evaluating::new(), FlagSets::default());
    let place = EnvironmentName::new("development").unwrap();
    sets.publish(&place, served(TWO));
    let first = evaluating.ready(&sets, &place);
    assert!(Arc::ptr_eq(&first, &evaluating.ready(&sets, &place)));
    first.count(first.piece("a").unwrap(), &evaluation(Some("off"), Reason::Static), false);
    sets.publish(&place, served(r#"{"flags":{}}"#));
    let second = evaluating.ready(&sets, &place);
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(evaluating.counting().iter().map(|ready| ready.take().len()).sum::<usize>(), 1);
    assert_eq!(evaluating.counting().len(), 2, "somebody may still answer with the first");
    drop(first);
    evaluating.counting();
    assert_eq!(evaluating.counting().len(), 1);
    assert_eq!(evaluating.retain(|_| false), [place]);
}
