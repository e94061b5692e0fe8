//! Tests of `supervision`.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    deployment::{Probe, ProbeAction, Probes, Resources, ServiceSpec},
    ids::Digest,
    units::Millis,
};

fn at(ms: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms)
}

fn probe(initial_delay: u64, period: u64, failure_threshold: u32, success_threshold: u32) -> Probe {
    Probe {
        action: ProbeAction::Tcp,
        initial_delay: Millis(initial_delay),
        period: Millis(period),
        timeout: Millis(1000),
        failure_threshold,
        success_threshold,
    }
}

fn policy(probes: Probes) -> Policy {
    let spec = ServiceSpec {
        artifact: None,
        command: vec!["true".to_owned()],
        image: None,
        environment: Digest::of(b"{}"),
        replicas: 1,
        listen: None,
        preview: None,
        probes,
        resources: Resources::default(),
        stop_grace: Millis(5000),
        drain: Millis(0),
    };
    Policy::new(&spec, BackOff { reset_after: Millis(60_000), cap: Millis(8000), ..BackOff::default() })
}

/// Plays lines of `<ms> <input>` against one instance and prints what it asks for and where it is.
fn play(policy: &Policy, script: &str) -> String {
    let mut state = Supervised::fresh(at(0));
    let mut out = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (ms, what) = line.split_once(' ').unwrap();
        let now = at(ms.parse().unwrap());
        let run = state.run();
        let probed = |kind, result| Input::Probed { run, kind, result };
        let input = match what {
            "tick" => Input::Tick,
            "up" => Input::Launched { run },
            "cannot" => Input::LaunchFailed { run, message: "not found".to_owned() },
            "exit" => Input::Exited { run, message: "exited with status 1".to_owned(), port_taken: false },
            "port" => Input::Exited { run, message: "port taken".to_owned(), port_taken: true },
            "started" => probed(ProbeKind::Startup, Ok(())),
            "not-started" => probed(ProbeKind::Startup, Err("no".to_owned())),
            "ready" => probed(ProbeKind::Readiness, Ok(())),
            "unready" => probed(ProbeKind::Readiness, Err("no".to_owned())),
            "alive" => probed(ProbeKind::Liveness, Ok(())),
            "dead" => probed(ProbeKind::Liveness, Err("no".to_owned())),
            "stop" => Input::Stop,
            other => panic!("unknown input {other}"),
        };
        let (next, acts) = state.step(input, policy, now);
        state = next;
        let phase = match state.phase(policy) {
            None => "gone".to_owned(),
            Some(InstancePhase::BackOff { until } | InstancePhase::CrashLoop { until })
                if matches!(state.phase(policy), Some(InstancePhase::CrashLoop { .. })) =>
            {
                format!("CrashLoop until {}", until.as_millisecond())
            }
            Some(InstancePhase::BackOff { until }) => format!("BackOff until {}", until.as_millisecond()),
            Some(phase) => format!("{phase:?}"),
        };
        let message = state.message().map(|text| format!(" ({text})")).unwrap_or_default();
        writeln!(out, "{ms} {what}: {acts:?} {phase} restarts {}{message}", state.restarts()).unwrap();
    }
    out
}

#[test]
fn an_open_port_is_enough_without_probes() {
    insta::assert_snapshot!(play(&policy(Probes::default()), "
        0 tick
        5 up
        10 unready
        105 tick
        110 ready
        5105 tick
        5110 unready
        10105 tick
        10110 unready
    "), @"
    0 tick: [Launch { run: 1 }] Starting restarts 0
    5 up: [Probe { run: 1, kind: Readiness }] Starting restarts 0
    10 unready: [] Starting restarts 0 (readiness probe: no)
    105 tick: [Probe { run: 1, kind: Readiness }] Starting restarts 0 (readiness probe: no)
    110 ready: [] Ready restarts 0
    5105 tick: [Probe { run: 1, kind: Readiness }] Ready restarts 0
    5110 unready: [] Ready restarts 0 (readiness probe: no)
    10105 tick: [Probe { run: 1, kind: Readiness }] Ready restarts 0 (readiness probe: no)
    10110 unready: [] Unready restarts 0 (readiness probe: no)
    ");
}

#[test]
fn the_startup_probe_holds_the_others_back() {
    let probes = Probes {
        startup: Some(probe(100, 1000, 2, 1)),
        readiness: Some(probe(0, 1000, 1, 2)),
        liveness: Some(probe(0, 1000, 1, 1)),
    };
    insta::assert_snapshot!(play(&policy(probes), "
        0 tick
        0 up
        99 tick
        100 tick
        101 not-started
        1100 tick
        1101 started
        1102 ready
        1103 alive
        2101 tick
        2102 ready
    "), @"
    0 tick: [Launch { run: 1 }] Starting restarts 0
    0 up: [] Starting restarts 0
    99 tick: [] Starting restarts 0
    100 tick: [Probe { run: 1, kind: Startup }] Starting restarts 0
    101 not-started: [] Starting restarts 0 (startup probe: no)
    1100 tick: [Probe { run: 1, kind: Startup }] Starting restarts 0 (startup probe: no)
    1101 started: [Probe { run: 1, kind: Readiness }, Probe { run: 1, kind: Liveness }] Starting restarts 0 (startup probe: no)
    1102 ready: [] Starting restarts 0 (startup probe: no)
    1103 alive: [] Starting restarts 0 (startup probe: no)
    2101 tick: [Probe { run: 1, kind: Readiness }, Probe { run: 1, kind: Liveness }] Starting restarts 0 (startup probe: no)
    2102 ready: [] Ready restarts 0
    ");
}

#[test]
fn ends_are_waited_for_longer_and_longer_until_it_ran_well() {
    insta::assert_snapshot!(play(&policy(Probes::default()), "
        0 tick
        0 up
        10 exit
        1010 tick
        1010 cannot
        3010 tick
        3010 up
        3020 exit
        7020 tick
        7020 up
        7020 exit
        15020 tick
        15020 up
        15020 exit
        23020 tick
        23020 up
        90000 exit
        91000 tick
    "), @"
    0 tick: [Launch { run: 1 }] Starting restarts 0
    0 up: [Probe { run: 1, kind: Readiness }] Starting restarts 0
    10 exit: [] BackOff until 1010 restarts 0 (exited with status 1)
    1010 tick: [Launch { run: 2 }] Starting restarts 1 (exited with status 1)
    1010 cannot: [] BackOff until 3010 restarts 1 (not found)
    3010 tick: [Launch { run: 3 }] Starting restarts 2 (not found)
    3010 up: [Probe { run: 3, kind: Readiness }] Starting restarts 2 (not found)
    3020 exit: [] CrashLoop until 7020 restarts 2 (exited with status 1)
    7020 tick: [Launch { run: 4 }] Starting restarts 3 (exited with status 1)
    7020 up: [Probe { run: 4, kind: Readiness }] Starting restarts 3 (exited with status 1)
    7020 exit: [] CrashLoop until 15020 restarts 3 (exited with status 1)
    15020 tick: [Launch { run: 5 }] Starting restarts 4 (exited with status 1)
    15020 up: [Probe { run: 5, kind: Readiness }] Starting restarts 4 (exited with status 1)
    15020 exit: [] CrashLoop until 23020 restarts 4 (exited with status 1)
    23020 tick: [Launch { run: 6 }] Starting restarts 5 (exited with status 1)
    23020 up: [Probe { run: 6, kind: Readiness }] Starting restarts 5 (exited with status 1)
    90000 exit: [] BackOff until 91000 restarts 5 (exited with status 1)
    91000 tick: [Launch { run: 7 }] Starting restarts 6 (exited with status 1)
    ");
}

#[test]
fn a_failed_liveness_probe_restarts_with_grace() {
    let probes = Probes { liveness: Some(probe(0, 1000, 2, 1)), ..Probes::default() };
    insta::assert_snapshot!(play(&policy(probes), "
        0 tick
        0 up
        1 ready
        1 dead
        1000 tick
        1001 dead
        6000 tick
        6001 tick
        6002 exit
        7002 tick
    "), @"
    0 tick: [Launch { run: 1 }] Starting restarts 0
    0 up: [Probe { run: 1, kind: Readiness }, Probe { run: 1, kind: Liveness }] Starting restarts 0
    1 ready: [] Ready restarts 0
    1 dead: [] Ready restarts 0 (liveness probe: no)
    1000 tick: [Probe { run: 1, kind: Liveness }] Ready restarts 0 (liveness probe: no)
    1001 dead: [Terminate { run: 1 }] Unready restarts 0 (liveness probe: no)
    6000 tick: [] Unready restarts 0 (liveness probe: no)
    6001 tick: [Kill { run: 1 }] Unready restarts 0 (liveness probe: no)
    6002 exit: [] BackOff until 7002 restarts 0 (liveness probe: no)
    7002 tick: [Launch { run: 2 }] Starting restarts 1 (liveness probe: no)
    ");
}

#[test]
fn stopping_is_asked_for_once_and_kills_after_the_grace() {
    insta::assert_snapshot!(play(&policy(Probes::default()), "
        0 tick
        0 stop
        1 up
        2 stop
        5000 tick
        5001 tick
        9000 tick
        9001 exit
        9002 tick
    "), @"
    0 tick: [Launch { run: 1 }] Starting restarts 0
    0 stop: [] Stopping restarts 0
    1 up: [Terminate { run: 1 }] Stopping restarts 0
    2 stop: [] Stopping restarts 0
    5000 tick: [] Stopping restarts 0
    5001 tick: [Kill { run: 1 }] Stopping restarts 0
    9000 tick: [] Stopping restarts 0
    9001 exit: [Forget] gone restarts 0 (exited with status 1)
    9002 tick: [] gone restarts 0 (exited with status 1)
    ");
}

#[test]
fn a_taken_port_is_tried_again_at_once_but_not_for_ever() {
    let script = "0 tick\n0 up\n0 port\n".repeat(7);
    let told = play(&policy(Probes::default()), &script);
    assert_eq!(told.matches("BackOff").count(), 4, "{told}");
    assert!(told.ends_with("0 port: [] BackOff until 1000 restarts 0 (port taken)\n"), "{told}");
}

#[test]
fn an_adopted_instance_keeps_its_traffic_until_its_probe_fails() {
    let policy = policy(Probes { readiness: Some(probe(5000, 1000, 1, 1)), ..Probes::default() });
    let remembered = Remembered { restarts: 2, streak: 1, since: at(0), started: true, ready: true, stopping: false };
    let state = Supervised::adopted(&remembered, &policy, at(100));
    assert_eq!(state.phase(&policy), Some(InstancePhase::Ready));
    let (state, acts) = state.step(Input::Tick, &policy, at(100));
    assert_eq!(acts, [Act::Probe { run: 0, kind: ProbeKind::Readiness }]);
    let failed = Input::Probed { run: 0, kind: ProbeKind::Readiness, result: Err("no".to_owned()) };
    let (state, _) = state.step(failed, &policy, at(101));
    assert_eq!(state.phase(&policy), Some(InstancePhase::Unready));
    assert_eq!(state.remembered(at(102)), Remembered { ready: false, ..remembered });
}

/// What the world outside does next, in a run of the property below.
#[derive(Debug, Clone, Copy)]
enum Chance {
    Pass(u16),
    Launch(bool),
    Exit(bool),
    Answer(ProbeKind, bool),
    Stale,
    Stop,
}

fn chance() -> impl Strategy<Value = Chance> {
    let kind = prop_oneof![Just(ProbeKind::Startup), Just(ProbeKind::Readiness), Just(ProbeKind::Liveness)];
    prop_oneof![
        6 => (1_u16..4000).prop_map(Chance::Pass),
        6 => any::<bool>().prop_map(Chance::Launch),
        1 => prop::bool::weighted(0.2).prop_map(Chance::Exit),
        9 => (kind, prop::bool::weighted(0.7)).prop_map(|(kind, ok)| Chance::Answer(kind, ok)),
        1 => Just(Chance::Stale),
        1 => Just(Chance::Stop),
    ]
}

/// The world outside, which does what it is asked and notes what must never be.
#[derive(Default)]
struct World {
    now: i64,
    launching: Option<u32>,
    alive: Option<u32>,
    launches: u32,
    asked: BTreeMap<ProbeKind, u32>,
    told_at: Option<i64>,
    readiness_failed: bool,
    stopped: bool,
    forgotten: bool,
}

impl World {
    fn perform(&mut self, acts: &[Act]) {
        for act in acts {
            match act {
                Act::Launch { run } => {
                    assert!(self.launching.is_none() && self.alive.is_none(), "two processes at once");
                    assert!(!self.stopped, "started after it was stopped");
                    (self.launching, self.told_at) = (Some(*run), None);
                    self.launches += 1;
                    self.asked.clear();
                }
                Act::Probe { run, kind } => {
                    assert_eq!(self.alive, Some(*run));
                    assert!(self.asked.insert(*kind, *run).is_none(), "two probes of a kind at once");
                }
                Act::Terminate { run } => {
                    assert_eq!(self.alive, Some(*run));
                    assert!(self.told_at.replace(self.now).is_none(), "told twice");
                }
                Act::Kill { run } => {
                    assert_eq!(self.alive, Some(*run));
                    assert!(self.now >= self.told_at.expect("killed without having been told") + 5000);
                }
                Act::Forget => {
                    assert!(self.alive.is_none() && self.stopped && !self.forgotten);
                    self.forgotten = true;
                }
            }
        }
    }

    /// Turns chance into an input that can happen now.
    fn input(&mut self, chance: Chance) -> Option<Input> {
        Some(match chance {
            Chance::Pass(ms) => {
                self.now += i64::from(ms);
                Input::Tick
            }
            Chance::Launch(well) => {
                let run = self.launching.take()?;
                if well {
                    self.alive = Some(run);
                    self.readiness_failed = true;
                    Input::Launched { run }
                } else {
                    Input::LaunchFailed { run, message: "no".to_owned() }
                }
            }
            Chance::Exit(port_taken) => {
                Input::Exited { run: self.alive.take()?, message: "exited".to_owned(), port_taken }
            }
            Chance::Answer(kind, passed) => {
                let run = self.asked.remove(&kind)?;
                if kind == ProbeKind::Readiness && self.alive == Some(run) {
                    self.readiness_failed = !passed;
                }
                Input::Probed { run, kind, result: if passed { Ok(()) } else { Err("no".to_owned()) } }
            }
            Chance::Stale => Input::Exited { run: u32::MAX, message: "long ago".to_owned(), port_taken: false },
            Chance::Stop => {
                self.stopped = true;
                Input::Stop
            }
        })
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_rules_hold(
        chances in prop::collection::vec(chance(), 1..200),
        startup in any::<bool>(),
        liveness in any::<bool>(),
    ) {
        let policy = policy(Probes {
            startup: startup.then_some(probe(50, 500, 3, 1)),
            readiness: Some(probe(0, 300, 1, 1)),
            liveness: liveness.then_some(probe(0, 700, 2, 1)),
        });
        let mut world = World::default();
        let mut state = Supervised::fresh(at(0));
        let mut restarts = 0;
        for chance in chances {
            let Some(input) = world.input(chance) else { continue };
            let (next, acts) = state.step(input, &policy, at(world.now));
            state = next;
            world.perform(&acts);
            prop_assert!(state.restarts() >= restarts && state.restarts() < world.launches.max(1));
            restarts = state.restarts();
            if state.phase(&policy) == Some(InstancePhase::Ready) {
                prop_assert!(!world.readiness_failed, "ready while its probe fails");
                prop_assert!(world.alive.is_some(), "ready without a process");
            }
            prop_assert!(world.forgotten == state.phase(&policy).is_none());
        }
        // Told to stop, it ends even if the process ignores everything but SIGKILL.
        world.stopped = true;
        let mut input = Input::Stop;
        for _ in 0..10 {
            let (next, acts) = state.step(input, &policy, at(world.now));
            state = next;
            world.perform(&acts);
            if let Some(run) = world.launching.take() {
                world.alive = Some(run);
                input = Input::Launched { run };
            } else if acts.iter().any(|act| matches!(act, Act::Kill { .. })) || (world.alive.is_some() && state.wake_at().is_none()) {
                let run = world.alive.take().unwrap();
                input = Input::Exited { run, message: "killed".to_owned(), port_taken: false };
            } else {
                world.now = world.now.max(state.wake_at().map_or(0, Timestamp::as_millisecond));
                input = Input::Tick;
            }
        }
        prop_assert!(world.forgotten, "{:?}", state);
    }
}
