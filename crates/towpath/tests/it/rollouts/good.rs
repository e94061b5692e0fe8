//! Good releases come in by every strategy while clients keep asking, and no request fails.

use std::time::{Duration, Instant};

use super::bed::{App, Bed, HERE, Version, answers, get, side_by_side};
use crate::{
    load::{Load, Plan},
    project::until,
};

const CANARY: &str = "{canary: {steps: [\
    {weight: 10%}, {pause: 300ms}, {analysis: {interval: 700ms, count: 1, min_requests: 3, max_error_rate: 1%, max_p95: 2s}}, \
    {weight: 25%}, {pause: 300ms}, {analysis: {interval: 700ms, count: 1, min_requests: 3, max_error_rate: 1%, max_p95: 2s}}, \
    {weight: 50%}, {pause: 300ms}, {weight: 100%}]}}";

/// Brings version 2 in while clients keep asking; artifact and configuration are others. No request may fail.
fn comes_in(app: App, strategy: &str, replicas: u32, steps: &[&str], steer: impl Fn(&Bed)) {
    if !app.is_there() {
        return;
    }
    let first = Version { strategy, replicas, env: &[("SITE", "blue")], ..Version::default() };
    let bed = Bed::with(app, first);
    assert!(bed.page().contains("version 1 blue"), "{}", bed.page());
    let load = bed.load(HERE);
    answers(&load, 20);
    let began = Instant::now();
    let two = bed.ship(Version { number: 2, env: &[("SITE", "green")], ..first });
    steer(&bed);
    let rollout = bed.ended(two);
    let took = began.elapsed();
    assert_eq!(rollout["status"], "completed", "{rollout:#}\n{}", bed.server_log());
    let taken: Vec<&str> =
        rollout["steps"].as_array().unwrap().iter().filter_map(|step| step["kind"].as_str()).collect();
    assert_eq!(taken, steps);
    assert!(bed.page().contains("version 2 green"), "{}", bed.page());
    answers(&load, 20);
    let tally = load.stop();
    println!("{app:?} {strategy}: {} requests, {} failed, {took:.1?}", tally.requests, tally.failed);
    assert_eq!(tally.failed, 0, "{tally:?}\n{}", bed.server_log());
    assert_eq!(tally.statuses.keys().collect::<Vec<_>>(), [&200]);
    until("the old instances are gone", || bed.instances().iter().all(|one| one.revision == 2).then_some(()));
    bed.no_strays();
}

const APPS: [App; 2] = [App::HttpServer, App::Nginx];

#[test]
fn rolling_replaces_instances_without_a_failed_request() {
    side_by_side(&APPS, 2, |app| {
        comes_in(*app, "{rolling: {max_surge: 1, max_unavailable: 1}}", 3, &["replace"], |_| {});
    });
}

#[test]
fn recreate_lets_requests_wait_and_fails_none() {
    side_by_side(&APPS, 2, |app| comes_in(*app, "recreate", 2, &["stop_old", "start", "weight"], |_| {}));
}

#[test]
fn a_canary_gets_ten_twenty_five_fifty_and_all_without_a_failed_request() {
    let steps = ["weight", "pause", "analysis", "weight", "pause", "analysis", "weight", "pause", "weight"];
    side_by_side(&APPS, 2, |app| {
        comes_in(*app, CANARY, 2, &steps, |bed| {
            for percent in [10, 25, 50] {
                bed.rollout(2, "has its share", |rollout| rollout["weightPercent"].as_u64() >= Some(percent));
            }
        });
    });
}

#[test]
fn a_canary_is_given_what_its_steps_say() {
    let strategy = "{canary: {steps: [{weight: 25%}, {pause: manual}]}}";
    let first = Version { strategy, ..Version::default() };
    let bed = Bed::with(App::HttpServer, first);
    let load = bed.load(HERE);
    bed.ship(Version { number: 2, ..first });
    bed.rollout(2, "waits", |rollout| rollout["status"] == "paused");
    let before = (bed.counter("towpath_requests_total", 1, ""), bed.counter("towpath_requests_total", 2, ""));
    answers(&load, 600);
    let after = (bed.counter("towpath_requests_total", 1, ""), bed.counter("towpath_requests_total", 2, ""));
    let (old, new) = (after.0 - before.0, after.1 - before.1);
    println!("a canary of 25 % got {new} of {} requests", old + new);
    assert!(new * 100 >= (old + new) * 15 && new * 100 <= (old + new) * 35, "{new} of {}", old + new);
    bed.ok("rollout resume development");
    assert_eq!(bed.ended(2)["status"], "completed");
    assert_eq!(load.stop().failed, 0);
}

#[test]
fn blue_green_shows_a_preview_switches_when_told_and_back_at_once() {
    side_by_side(&APPS, 2, |app| {
        if app.is_there() {
            blue_green(*app);
        }
    });
}

fn blue_green(app: App) {
    let first = Version { strategy: "{blue-green: {keep_old: 10m}}", env: &[("SITE", "blue")], ..Version::default() };
    let bed = Bed::with(app, first);
    let load = bed.load(HERE);
    bed.ship(Version { number: 2, env: &[("SITE", "green")], ..first });
    bed.rollout(2, "waits for a person", |rollout| rollout["status"] == "paused");
    let status = bed.json("status development");
    let preview = status["addresses"][0]["preview"].as_str().unwrap_or_else(|| panic!("{status:#}"));
    let preview = get(preview.trim_start_matches("http://").parse().unwrap());
    assert!(preview.contains("version 2 green"), "{preview}");
    let before = bed.counter("towpath_requests_total", 2, "");
    answers(&load, 50);
    assert_eq!(bed.counter("towpath_requests_total", 2, ""), before, "nobody but the preview sees the new version");
    assert!(bed.page().contains("version 1 blue"));

    bed.ok("rollout promote development");
    assert_eq!(bed.ended(2)["status"], "completed");
    assert!(bed.page().contains("version 2 green"));
    let old: Vec<u32> = bed.instances().iter().filter(|one| one.revision == 1).map(|one| one.pid).collect();
    assert_eq!(old.len(), 2, "the old colour is kept");

    let began = Instant::now();
    bed.ok("rollback development --reason 'parents complain'");
    until("the old colour serves", || bed.page().contains("version 1 blue").then_some(()));
    let took = began.elapsed();
    println!("{app:?} blue-green: back after {took:.2?}");
    assert!(took.as_secs() < 5, "{took:?}");
    let back = bed.settled(HERE);
    assert_eq!((back["status"].as_str(), back["rollback"]["to"].as_u64()), (Some("completed"), Some(1)), "{back:#}");
    let serving: Vec<u32> = bed.instances().iter().filter(|one| one.revision == 1).map(|one| one.pid).collect();
    assert_eq!(serving, old, "the same processes serve again");
    answers(&load, 20);
    let tally = load.stop();
    assert_eq!(tally.failed, 0, "{tally:?}\n{}", bed.server_log());
    bed.no_strays();
}

#[test]
fn requests_in_flight_are_answered_before_an_instance_is_stopped() {
    // Each answer takes 300 ms, and the app dies at once when it is told to stop. No request that was sent may be sent again:
    // they are no idempotent ones.
    let strategies = [
        "rolling",
        "recreate",
        "{blue-green: {auto_promote_after: 0s, keep_old: 0s}}",
        "{canary: {steps: [{weight: 50%}]}}",
    ];
    side_by_side(&strategies, 4, |strategy| {
        let slow = Version { strategy, env: &[("MODE", "slow")], ..Version::default() };
        let bed = Bed::with(App::Misbehaving, slow);
        let requests = vec![("POST", "/notices".to_owned(), "text=hello".to_owned())];
        let plan = Plan { address: bed.address(HERE), clients: 12, pause: Duration::ZERO, requests };
        let load = Load::start(&plan);
        answers(&load, 24);
        bed.ship(Version { number: 2, ..slow });
        assert_eq!(bed.ended(2)["status"], "completed");
        until("the old is gone", || bed.instances().iter().all(|one| one.revision == 2).then_some(()));
        bed.ok("rollback development --wait");
        until("the new is gone", || bed.instances().iter().all(|one| one.revision == 1).then_some(()));
        answers(&load, 24);
        let tally = load.stop();
        println!("{strategy}: {} requests of 300 ms, {} failed", tally.requests, tally.failed);
        assert_eq!(tally.failed, 0, "{strategy}: {tally:?}\n{}", bed.server_log());
        bed.no_strays();
    });
}

#[test]
fn an_instance_that_is_killed_is_started_again_and_no_idempotent_request_fails() {
    let bed = Bed::with(App::Misbehaving, Version { replicas: 3, ..Version::default() });
    let load = bed.load(HERE);
    answers(&load, 50);
    for index in 0..3 {
        let victim = bed.instances().into_iter().find(|one| one.index == index).unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(victim.pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        until("it is started again", || {
            let now = bed.instances().into_iter().find(|one| one.index == index)?;
            (now.restarts == 1 && now.phase == "ready" && now.pid != victim.pid).then_some(())
        });
    }
    answers(&load, 50);
    let tally = load.stop();
    println!("three instances killed: {} requests, {} failed", tally.requests, tally.failed);
    assert_eq!(tally.failed, 0, "{tally:?}\n{}", bed.server_log());
    bed.no_strays();
}
