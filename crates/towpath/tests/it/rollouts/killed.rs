//! The control plane is killed in every phase of a rollout and started again: what ran goes on running and serving, is taken
//! up again, and the rollout ends as it would have.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use super::bed::{App, Bed, HERE, Instance, Version, answers, get, side_by_side};
use crate::project::until;

/// One phase to be killed in.
struct Case {
    /// What it is called.
    name: &'static str,
    /// How the second version comes in.
    strategy: &'static str,
    /// What else its environment file says.
    more: &'static str,
    /// The environments of the instances of both versions.
    envs: [&'static [(&'static str, &'static str)]; 2],
    replicas: u32,
    /// What is done once the second version is on its way.
    before: fn(&Bed),
    /// Whether this is the phase.
    now: fn(&Value) -> bool,
    /// What is done once the server is there again.
    after: fn(&Bed),
    /// The release whose rollout is in that phase.
    rolls: u64,
    /// The release whose rollout is the last, and how it ends.
    ends: (u64, &'static str),
    /// The revision that is being stopped: its instances may go at any moment.
    leaves: Option<u64>,
}

const NOTHING: &[(&str, &str)] = &[];
const SLOW_START: &[(&str, &str)] = &[("START_MS", "1200")];
const STUBBORN: &[(&str, &str)] = &[("MODE", "stubborn")];
const PAUSE: &str = "{canary: {steps: [{weight: 50%}, {pause: 1200ms}]}}";
const WAITS: &str = "{canary: {steps: [{weight: 50%}, {pause: manual}]}}";

const USUAL: Case = Case {
    name: "",
    strategy: PAUSE,
    more: "",
    envs: [NOTHING, NOTHING],
    replicas: 2,
    before: |_| {},
    now: |_| true,
    after: |_| {},
    rolls: 2,
    ends: (2, "completed"),
    leaves: None,
};

fn step(rollout: &Value) -> &str {
    let index = rollout["step"].as_u64().and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| rollout["steps"][index]["kind"].as_str()).unwrap_or_default()
}

/// Returns how many instances of a revision are ready and exist.
fn counts(rollout: &Value, revision: u64) -> (u64, u64) {
    let sets = rollout["sets"].as_array().cloned().unwrap_or_default();
    let of = sets.iter().find(|set| set["revision"] == revision);
    of.map_or((0, 0), |set| (set["ready"].as_u64().unwrap_or(0), set["existing"].as_u64().unwrap_or(0)))
}

fn aborted_when(bed: &Bed, what: &str, fits: fn(&Value) -> bool) {
    bed.rollout(2, what, fits);
    bed.ok("rollout abort development --reason 'no good'");
}

fn canary_phases() -> Vec<Case> {
    vec![
        Case {
            name: "instances start",
            envs: [NOTHING, SLOW_START],
            now: |rollout| step(rollout) == "weight" && counts(rollout, 2) == (0, 1),
            ..USUAL
        },
        Case {
            name: "a higher weight waits for its instances",
            strategy: "{canary: {steps: [{weight: 50%}]}}",
            envs: [NOTHING, SLOW_START],
            now: |rollout| rollout["step"] == 1 && counts(rollout, 2) == (1, 2),
            ..USUAL
        },
        Case { name: "it waits with a weight in force", now: |rollout| step(rollout) == "pause", ..USUAL },
        Case {
            name: "it waits for a person",
            strategy: WAITS,
            now: |rollout| rollout["status"] == "paused",
            after: |bed| {
                bed.rollout(2, "still waits", |rollout| rollout["status"] == "paused");
                bed.ok("rollout resume development");
            },
            ..USUAL
        },
        Case {
            name: "somebody paused it",
            before: |bed| {
                bed.rollout(2, "waits", |rollout| step(rollout) == "pause");
                bed.ok("rollout pause development --reason lunch");
            },
            now: |rollout| rollout["pause"]["kind"] == "by_hand",
            after: |bed| {
                bed.rollout(2, "still waits", |rollout| rollout["pause"]["kind"] == "by_hand");
                bed.ok("rollout resume development");
            },
            ..USUAL
        },
        Case {
            name: "it is analysed",
            strategy: "{canary: {steps: [{weight: 50%}, {analysis: {interval: 600ms, count: 2, min_requests: 1, \
                       inconclusive_limit: 50, max_error_rate: 1%}}]}}",
            now: |rollout| step(rollout) == "analysis",
            ..USUAL
        },
        Case {
            name: "it is verified",
            more: "verification: [{name: slow, command: [sleep, '1']}]\n",
            strategy: "{canary: {steps: [{weight: 50%}]}}",
            now: |rollout| step(rollout) == "verify",
            ..USUAL
        },
    ]
}

fn other_phases() -> Vec<Case> {
    vec![
        Case {
            name: "blue-green before the switch",
            strategy: "{blue-green: {keep_old: 10m}}",
            now: |rollout| rollout["status"] == "paused",
            after: |bed| {
                bed.rollout(2, "still waits", |rollout| rollout["status"] == "paused");
                assert!(bed.page().contains("version 1"));
                bed.ok("rollout promote development");
            },
            ..USUAL
        },
        Case {
            name: "blue-green after the switch",
            strategy: "{blue-green: {auto_promote_after: 0s, keep_old: 10m, analysis: {interval: 600ms, count: 2, \
                       min_requests: 1, inconclusive_limit: 50, max_error_rate: 1%}}}",
            now: |rollout| step(rollout) == "analysis",
            ..USUAL
        },
        Case {
            name: "blue-green with the old colour kept",
            strategy: "{blue-green: {auto_promote_after: 0s, keep_old: 10m}}",
            now: |rollout| rollout["status"] == "completed",
            after: |bed| {
                let page = bed.page();
                assert!(page.contains("version 2"), "{page}");
                bed.ok("rollback development --wait");
            },
            ends: (1, "completed"),
            ..USUAL
        },
        Case {
            name: "rolling midway",
            strategy: "rolling",
            replicas: 3,
            envs: [NOTHING, SLOW_START],
            now: |rollout| counts(rollout, 2).0 >= 1 && counts(rollout, 1).0 >= 1,
            leaves: Some(1),
            ..USUAL
        },
        Case {
            name: "recreate with the old stopped",
            strategy: "recreate",
            envs: [NOTHING, SLOW_START],
            now: |rollout| step(rollout) == "start" && counts(rollout, 2).1 == 2,
            ..USUAL
        },
        Case {
            name: "completed while the old stops",
            strategy: "{canary: {steps: [{weight: 50%}]}}",
            envs: [STUBBORN, NOTHING],
            now: |rollout| rollout["status"] == "completed",
            leaves: Some(1),
            after: |bed| until("the old is gone", || bed.instances().iter().all(|one| one.revision == 2).then_some(())),
            ..USUAL
        },
    ]
}

fn phases_of_going_back() -> Vec<Case> {
    vec![
        Case {
            name: "a canary goes back",
            strategy: WAITS,
            envs: [NOTHING, STUBBORN],
            before: |bed| aborted_when(bed, "waits", |rollout| rollout["status"] == "paused"),
            now: |rollout| rollout["status"] == "rolling_back",
            ends: (2, "aborted"),
            leaves: Some(2),
            ..USUAL
        },
        Case {
            name: "a rolling one goes back",
            strategy: "rolling",
            replicas: 3,
            envs: [SLOW_START, SLOW_START],
            before: |bed| aborted_when(bed, "is midway", |rollout| counts(rollout, 2).0 >= 2),
            now: |rollout| rollout["status"] == "rolling_back",
            ends: (2, "aborted"),
            leaves: Some(2),
            ..USUAL
        },
        Case {
            name: "recreate goes back",
            strategy: "recreate",
            envs: [SLOW_START, SLOW_START],
            before: |bed| aborted_when(bed, "starts", |rollout| step(rollout) == "start" && counts(rollout, 2).1 == 2),
            now: |rollout| rollout["status"] == "rolling_back" && counts(rollout, 1).1 == 2,
            ends: (2, "aborted"),
            leaves: Some(2),
            ..USUAL
        },
        Case {
            name: "somebody went back",
            strategy: "rolling",
            envs: [SLOW_START, NOTHING],
            before: |bed| {
                assert_eq!(bed.ended(2)["status"], "completed");
                until("the old is gone", || bed.instances().iter().all(|one| one.revision == 2).then_some(()));
                bed.ok("rollback development");
            },
            now: |rollout| counts(rollout, 1) == (0, 2),
            rolls: 1,
            leaves: Some(2),
            ends: (1, "completed"),
            ..USUAL
        },
    ]
}

/// Returns the instances that are there to stay.
fn living(bed: &Bed) -> Vec<Instance> {
    bed.instances().into_iter().filter(|one| one.phase != "stopping").collect()
}

fn play(case: &Case) {
    println!("killed while {}", case.name);
    let version = |number: u64| Version {
        number,
        env: case.envs[usize::try_from(number - 1).unwrap()],
        strategy: case.strategy,
        more: case.more,
        replicas: case.replicas,
    };
    let mut bed = Bed::with(App::Misbehaving, version(1));
    bed.ship(version(2));
    (case.before)(&bed);
    bed.until_rollout(HERE, case.name, |rollout| rollout["release"] == case.rolls && (case.now)(rollout));
    let before = living(&bed);
    bed.kill();
    goes_on(case, &before);
    bed.up();
    let load = bed.load(HERE);
    (case.after)(&bed);
    let rollout = bed.ended(case.ends.0);
    assert_eq!(rollout["status"], case.ends.1, "{}: {rollout:#}\n{}", case.name, bed.server_log());
    answers(&load, 20);
    let tally = load.stop();
    assert_eq!(tally.failed, 0, "{}: {tally:?}\n{}", case.name, bed.server_log());
    let good = if case.ends == (2, "completed") { 2 } else { 1 };
    assert!(bed.page().contains(&format!("version {good}")), "{}: {}", case.name, bed.page());
    let after = until("all of the good instances are ready", || {
        let after = bed.instances();
        let ready = after.iter().filter(|one| one.revision == good && one.phase == "ready").count();
        (ready == usize::try_from(case.replicas).unwrap()).then_some(after)
    });
    same_processes(case, &before, &after);
    bed.no_strays();
    assert!(bed.ok("audit verify").starts_with("ok"), "{}", case.name);
}

/// Every instance lives on without the server, and what was ready serves on its own port.
fn goes_on(case: &Case, before: &[Instance]) {
    let name = case.name;
    for one in before.iter().filter(|one| case.leaves != Some(one.revision)) {
        assert!(fs::exists(format!("/proc/{}", one.pid)).unwrap(), "{name}: {one:?} died with the server");
        if one.phase == "ready" {
            let page = get(one.address.unwrap());
            assert!(page.contains(&format!("version {}", one.revision)), "{name}: {one:?} says {page}");
        }
    }
}

/// What is still there are the processes that were there, once each.
fn same_processes(case: &Case, before: &[Instance], after: &[Instance]) {
    let places: BTreeSet<_> = after.iter().map(|one| (one.revision, one.index)).collect();
    assert_eq!(places.len(), after.len(), "{}: {after:?}", case.name);
    for one in before.iter().filter(|one| case.leaves != Some(one.revision)) {
        let Some(now) = after.iter().find(|now| (now.revision, now.index) == (one.revision, one.index)) else {
            continue;
        };
        assert_eq!((now.pid, now.restarts), (one.pid, one.restarts), "{}: {after:?}", case.name);
    }
}

#[test]
fn killed_in_any_phase_of_a_canary_the_server_carries_on() {
    side_by_side(&canary_phases(), 3, play);
}

#[test]
fn killed_in_any_phase_of_other_strategies_the_server_carries_on() {
    side_by_side(&other_phases(), 3, play);
}

#[test]
fn killed_while_going_back_the_server_carries_on() {
    side_by_side(&phases_of_going_back(), 3, play);
}

#[test]
fn killed_again_and_again_the_server_carries_on() {
    let strategies = [
        "rolling",
        "recreate",
        "{blue-green: {auto_promote_after: 500ms, keep_old: 500ms}}",
        "{canary: {steps: [{weight: 50%}, {pause: 500ms}]}}",
    ];
    side_by_side(&strategies, 4, |strategy| {
        let first = Version { strategy, replicas: 3, env: SLOW_START, ..Version::default() };
        let mut bed = Bed::with(App::Misbehaving, first);
        bed.ship(Version { number: 2, ..first });
        let mut kills = 0;
        loop {
            kills += 1;
            let seen = bed.until_rollout(HERE, "is there", |rollout| rollout["release"] == 2);
            bed.kill();
            bed.up();
            if seen["active"] == false {
                break;
            }
            assert!(kills < 200, "{strategy}: {seen:#}");
        }
        println!("{strategy}: killed {kills} times in one rollout");
        assert_eq!(bed.ended(2)["status"], "completed", "{strategy}\n{}", bed.server_log());
        until("only the new is left", || bed.instances().iter().all(|one| one.revision == 2).then_some(()));
        assert!(bed.page().contains("version 2"), "{strategy}");
        assert!(bed.instances().iter().all(|one| one.restarts == 0), "{strategy}: {:?}", bed.instances());
        bed.no_strays();
        assert!(bed.ok("audit verify").starts_with("ok"), "{strategy}");
    });
}
