//! What every sample storage must do.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use towpath_core::{
    ids::{EnvironmentName, Revision, ServiceName},
    traffic::{Counts, RouteId},
};
use towpath_engine::ports::{Sample, SampleWindow, Samples};

/// Makes one test of each case for the sample storages that an async function returns.
#[macro_export]
macro_rules! samples_conformance {
    ($fresh:path) => {
        $crate::conformance_cases!(
            samples,
            $fresh,
            a_window_holds_what_ends_in_it,
            routes_and_revisions_are_kept_apart,
            counts_come_back_complete,
            samples_become_minutes_and_hours_and_go,
            sums_over_whole_hours_survive_merging,
            merging_again_changes_nothing,
            a_late_sample_joins_its_span,
            an_environment_is_forgotten_and_no_other,
        );
    };
}

fn start() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn route(service: &str) -> RouteId {
    RouteId { environment: EnvironmentName::new("production").unwrap(), service: ServiceName::new(service).unwrap() }
}

/// A sample of one second that ends `seconds` after the start.
fn second(seconds: i64, requests: u64) -> Sample {
    let mut counts = Counts { requests, latency_sum_us: requests * 1500, ..Counts::default() };
    if let Some(successes) = counts.status.get_mut(1) {
        *successes = requests;
    }
    Sample { route: route("web"), revision: Revision(1), from: at(seconds - 1), to: at(seconds), counts }
}

fn window(from: i64, to: i64) -> SampleWindow {
    SampleWindow { route: route("web"), revision: Revision(1), from: at(from), to: at(to) }
}

async fn requests(samples: &Arc<dyn Samples>, from: i64, to: i64) -> u64 {
    samples.sum(&window(from, to)).await.unwrap().requests
}

/// Beginnings are exclusive, ends inclusive.
pub async fn a_window_holds_what_ends_in_it(samples: Arc<dyn Samples>) {
    samples.record(&[]).await.unwrap();
    samples.record(&[second(3, 100), second(1, 1), second(2, 10)]).await.unwrap();
    samples.record(&[second(4, 1000)]).await.unwrap();
    for (from, to, sum) in [(0, 4, 1111), (1, 3, 110), (1, 1, 0), (3, 9, 1000), (4, 9, 0), (-5, 1, 1)] {
        assert_eq!(requests(&samples, from, to).await, sum, "({from}, {to}]");
    }
    let listed: Vec<_> = samples.list(&window(0, 4)).await.unwrap();
    assert_eq!(listed, [second(1, 1), second(2, 10), second(3, 100), second(4, 1000)]);
    assert_eq!(samples.list(&window(4, 9)).await.unwrap(), []);
}

/// No route and no revision sees the others' samples.
pub async fn routes_and_revisions_are_kept_apart(samples: Arc<dyn Samples>) {
    let other_service = Sample { route: route("api"), ..second(1, 20) };
    let other_revision = Sample { revision: Revision(2), ..second(1, 300) };
    samples.record(&[second(1, 1), other_service.clone(), other_revision.clone()]).await.unwrap();
    samples.roll_up(at(2 * 3600)).await.unwrap();
    assert_eq!(requests(&samples, 0, 60).await, 1);
    let api = SampleWindow { route: route("api"), ..window(0, 60) };
    assert_eq!(samples.sum(&api).await.unwrap(), other_service.counts);
    let second_revision = SampleWindow { revision: Revision(2), ..window(0, 60) };
    assert_eq!(samples.sum(&second_revision).await.unwrap(), other_revision.counts);
}

/// Every count is kept, to the largest.
pub async fn counts_come_back_complete(samples: Arc<dyn Samples>) {
    let mut counts = Counts {
        requests: u64::MAX,
        status: [1, 2, 3, 4, 5],
        upstream_errors: 6,
        retries: 7,
        latency_sum_us: u64::MAX - 1,
        ..Counts::default()
    };
    (100..).zip(&mut counts.latency).for_each(|(number, bucket)| *bucket = number);
    let to = at(1) + SignedDuration::from_nanos(123_456_789);
    let sample = Sample { to, counts, ..second(1, 0) };
    samples.record(std::slice::from_ref(&sample)).await.unwrap();
    assert_eq!(samples.list(&window(0, 60)).await.unwrap(), [sample]);
}

/// Seconds become minutes after an hour, hours after a day, and nothing after 90 days.
pub async fn samples_become_minutes_and_hours_and_go(samples: Arc<dyn Samples>) {
    let hour = 3600;
    let seconds: Vec<Sample> = (1..=2 * hour).step_by(20).map(|to| second(to, 1)).collect();
    samples.record(&seconds).await.unwrap();

    // Half a minute short of an hour after the tenth minute: nine whole minutes are old enough.
    samples.roll_up(at(hour + 600 - 30)).await.unwrap();
    let listed = samples.list(&window(0, 600)).await.unwrap();
    assert_eq!(listed.len(), 9 + 3);
    assert_eq!(listed.first().map(|sample| (sample.from, sample.to, sample.counts.requests)), Some((at(0), at(60), 3)));

    samples.roll_up(at(26 * hour)).await.unwrap();
    let listed = samples.list(&window(0, 2 * hour)).await.unwrap();
    let spans: Vec<_> = listed.iter().map(|sample| (sample.from, sample.to, sample.counts.requests)).collect();
    assert_eq!(spans, [(at(0), at(hour), 180), (at(hour), at(2 * hour), 180)]);

    samples.roll_up(at(90 * 24 * hour + hour)).await.unwrap();
    assert_eq!(requests(&samples, 0, 2 * hour).await, 180);
    samples.roll_up(at(90 * 24 * hour + 2 * hour)).await.unwrap();
    assert_eq!(requests(&samples, 0, 2 * hour).await, 0);
}

/// Merging never changes the sum over whole hours, whenever it runs.
pub async fn sums_over_whole_hours_survive_merging(samples: Arc<dyn Samples>) {
    let hour = 3600;
    let recorded: Vec<Sample> =
        (0..400).map(|number: i64| second(1 + number * 37 % (4 * hour), 1 + number.unsigned_abs())).collect();
    samples.record(&recorded).await.unwrap();
    let mut before = Vec::new();
    for number in 0..4 {
        before.push(samples.sum(&window(number * hour, (number + 1) * hour)).await.unwrap());
    }
    for now in [hour, hour + 61, 2 * hour + 1799, 5 * hour, 24 * hour + 1, 26 * hour + 59, 40 * hour] {
        samples.roll_up(at(now)).await.unwrap();
        for (number, sum) in (0..).zip(&before) {
            assert_eq!(samples.sum(&window(number * hour, (number + 1) * hour)).await.unwrap(), *sum);
        }
    }
    assert_eq!(samples.list(&window(0, 4 * hour)).await.unwrap().len(), 4);
}

/// Merging what is merged does nothing.
pub async fn merging_again_changes_nothing(samples: Arc<dyn Samples>) {
    samples.record(&(1..500).map(|to| second(to, 2)).collect::<Vec<_>>()).await.unwrap();
    samples.roll_up(at(3600 + 300)).await.unwrap();
    let once = samples.list(&window(0, 600)).await.unwrap();
    samples.roll_up(at(3600 + 300)).await.unwrap();
    assert_eq!(samples.list(&window(0, 600)).await.unwrap(), once);
}

/// A sample that arrives after its minute was merged is added to it.
pub async fn a_late_sample_joins_its_span(samples: Arc<dyn Samples>) {
    samples.record(&[second(10, 1)]).await.unwrap();
    samples.roll_up(at(7200)).await.unwrap();
    samples.record(&[second(20, 5)]).await.unwrap();
    samples.roll_up(at(7200)).await.unwrap();
    let listed = samples.list(&window(0, 60)).await.unwrap();
    let spans: Vec<_> = listed.iter().map(|sample| (sample.from, sample.to, sample.counts.requests)).collect();
    assert_eq!(spans, [(at(0), at(60), 6)]);
}

/// Forgetting an environment leaves the others alone, and can be done again.
pub async fn an_environment_is_forgotten_and_no_other(samples: Arc<dyn Samples>) {
    let preview = EnvironmentName::new("pr-42").unwrap();
    let mut other = second(1, 5);
    other.route.environment = preview.clone();
    samples.record(&[second(1, 3), other.clone()]).await.unwrap();
    for _ in 0..2 {
        samples.forget(&preview).await.unwrap();
        let gone = SampleWindow { route: other.route.clone(), ..window(0, 10) };
        assert_eq!(samples.sum(&gone).await.unwrap().requests, 0);
        assert_eq!(requests(&samples, 0, 10).await, 3);
    }
}
