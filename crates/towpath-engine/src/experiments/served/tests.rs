//! Which evaluations count as exposures, and that counting never slows them.

use super::*;

fn served(places: usize) -> (ServedExposures, mpsc::Receiver<Seen>, Arc<Watched>) {
    let (sender, receiver) = mpsc::channel(places);
    let recent = (0..REMEMBERED).map(|_| AtomicU64::new(0)).collect();
    let id = RunId { environment: "production".parse().unwrap(), experiment: "one".parse().unwrap(), run: 1 };
    let watched = Arc::new(Watched {
        id: id.clone(),
        rule: ExposureRule::Single,
        unit: "targetingKey".to_owned(),
        variants: vec!["a".to_owned(), "b".to_owned()],
        since: Timestamp::UNIX_EPOCH,
        dropped: AtomicU64::new(0),
    });
    let flags = BTreeMap::from([("f".to_owned(), Arc::clone(&watched))]);
    let all = ArcSwap::from_pointee(BTreeMap::from([(id.environment, flags)]));
    (ServedExposures { watched: all, sender, recent }, receiver, watched)
}

#[test]
fn what_cannot_be_written_is_dropped_and_counted_and_nobody_waits() {
    let (served, mut receiver, watched) = served(2);
    for unit in ["u-1", "u-2", "u-3", "u-4"] {
        served.seen(&watched, "b", unit, Timestamp::UNIX_EPOCH);
    }
    served.seen(&watched, "unheard of", "u-1", Timestamp::UNIX_EPOCH);
    assert_eq!(served.dropped(&watched.id), 2);
    let first = receiver.try_recv().unwrap();
    assert_eq!((first.unit.as_str(), first.variant), ("u-1", 1));
}

#[test]
fn who_was_counted_lately_is_not_counted_again() {
    let (served, mut receiver, watched) = served(8);
    served.seen(&watched, "a", "u-1", Timestamp::UNIX_EPOCH);
    let seen = receiver.try_recv().unwrap();
    slot(&served.recent, seen.print).unwrap().store(seen.print, Ordering::Relaxed);
    served.seen(&watched, "a", "u-1", Timestamp::UNIX_EPOCH);
    assert!(receiver.try_recv().is_err());
    // Another variant is news.
    served.seen(&watched, "b", "u-1", Timestamp::UNIX_EPOCH);
    assert!(receiver.try_recv().is_ok());
}

#[test]
fn evaluations_of_all_flags_at_once_count_only_where_that_is_said() {
    let (served, _receiver, watched) = served(1);
    let environment = watched.id.environment.clone();
    assert!(served.watched(&environment, "f", false).is_some());
    assert!(served.watched(&environment, "f", true).is_none());
    assert!(served.watched(&environment, "g", false).is_none());
    assert!(!served.watches(&"staging".parse().unwrap()));
}
