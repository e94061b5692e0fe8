//! Tests of schedules: what is due when, what cancels what, who has to agree; and a simulation of all of it at once.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    command::Command,
    decide::commit,
    flags::{
        ChangeFlags, FlagChange, FlagCommand, FlagDefinition, FlagPatch, FlagTarget, Percent, schedules_due,
        with_percentage,
    },
    ids::Digest,
    project::GatePolicy,
    testing::{Play, at, environment, principal},
    units::Millis,
};

fn play(required: u32) -> Play {
    let approvals = (required > 0).then(|| ApprovalPolicy {
        required,
        roles: ["tech-lead".parse().unwrap()].into(),
        expires: Millis::from_secs(600),
    });
    Play::new(GatePolicy { approvals, ..GatePolicy::default() })
}

fn here() -> EnvironmentName {
    environment("production")
}

fn key(name: &str) -> FlagKey {
    FlagKey::new(name).unwrap()
}

fn percent(text: &str) -> ScheduledSet {
    ScheduledSet::Percentage { variant: Some("on".to_owned()), percent: text.parse().unwrap() }
}

fn add(play: &Play, flag: &str, steps: &[(i64, ScheduledSet)]) -> Command {
    let steps = steps
        .iter()
        .map(|(seconds, set)| ScheduledStep { at: play.now + SignedDuration::from_secs(*seconds), set: set.clone() });
    Command::ScheduleFlags(Box::new(ScheduleCommand::Add {
        environment: here(),
        key: key(flag),
        steps: steps.collect(),
        reason: Some("launch".to_owned()),
    }))
}

fn ramp(play: &Play) -> Command {
    add(play, "checkout", &[(0, percent("1")), (60, percent("5")), (120, percent("25")), (180, percent("100"))])
}

fn definition() -> FlagDefinition {
    serde_json::from_value(json!({ "variants": { "on": true, "off": false }, "defaultVariant": "off" })).unwrap()
}

/// Does what is due, as the engine does.
fn fire(play: &mut Play) -> Vec<String> {
    let mut done = Vec::new();
    for due in schedules_due(&play.world, play.now) {
        let schedules = play.world.schedules(&here());
        let schedule = schedules.all.get(&due.number).unwrap();
        let set = &schedule.asked.steps[due.step].set;
        let change = change(play, schedule.asked.key.as_str(), set);
        let command = ScheduleCommand::Fire {
            environment: here(),
            number: due.number,
            step: due.step,
            change: Ok(Box::new(change)),
        };
        let asker = Asker { principal: PrincipalName::control_plane(), now: play.now };
        let decided = super::decide(&play.world, &command, &asker);
        // What another schedule cancelled a moment before is not done.
        let Ok(decided) = decided else { continue };
        play.world = commit(play.world.clone(), decided, &asker, "test").0;
        done.push(format!("{} {}", due.number, set));
    }
    done
}

fn change(play: &Play, name: &str, set: &ScheduledSet) -> ChangeFlags {
    let live = play.world.flags(&here());
    let mut patch = live.patches.get(&key(name)).cloned().unwrap_or_default();
    let whole = patch.over(Some(&definition())).unwrap();
    match set {
        ScheduledSet::On => drop(patch.0.remove("state")),
        ScheduledSet::Off => drop(patch.0.insert("state".to_owned(), "DISABLED".into())),
        ScheduledSet::Variant { variant } => drop(patch.0.insert("defaultVariant".to_owned(), variant.as_str().into())),
        ScheduledSet::Percentage { variant, percent } => {
            let targeting = with_percentage(&whole, variant.as_deref(), *percent).unwrap();
            patch.0.insert("targeting".to_owned(), targeting);
        }
    }
    by_hand(play, name, Some(patch))
}

fn by_hand(play: &Play, name: &str, patch: Option<FlagPatch>) -> ChangeFlags {
    let changes = vec![FlagChange::of_flag(key(name), patch)];
    let live = play.world.flags(&here());
    let changes = changes.into_iter().filter(|change| live.live(&change.target) != change.live).collect();
    ChangeFlags {
        environment: here(),
        changes,
        words: Vec::new(),
        plan: Digest::of(b""),
        seen: play.world.flag_basis(&here()),
        reason: Some("because".to_owned()),
        undoes: None,
        from: None,
    }
}

fn change_by_hand(play: &mut Play, live: &Value) {
    let wish = by_hand(play, "checkout", Some(FlagPatch(live.as_object().unwrap().clone())));
    if wish.changes.is_empty() {
        return;
    }
    play.ask("ana", Command::ChangeFlags(Box::new(FlagCommand::Change(wish)))).unwrap();
}

fn weight(play: &Play) -> Value {
    let live = play.world.flags(&here()).live(&FlagTarget::Flag(key("checkout")));
    live.map_or(Value::Null, |live| live["targeting"]["fractional"][0][1].clone())
}

fn state(play: &Play, number: u64) -> ScheduleState {
    play.world.schedules(&here()).all.get(&ScheduleNumber(number)).unwrap().state.clone()
}

fn refused(play: &Play, who: &str, command: &Command) -> String {
    play.decide(who, command).unwrap_err().message
}

#[test]
fn a_ramp_goes_step_by_step_and_is_done() {
    let mut play = play(0);
    play.ask("ana", ramp(&play)).unwrap();
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.extend(fire(&mut play));
        play.wait(30);
    }
    assert_eq!(seen, ["s1 on for 1%", "s1 on for 5%", "s1 on for 25%", "s1 on for 100%"]);
    assert_eq!(weight(&play), 100);
    assert!(matches!(state(&play, 1), ScheduleState::Done { .. }));
}

#[test]
fn what_was_missed_is_caught_up_once_with_the_last_step() {
    let mut play = play(0);
    play.ask("ana", ramp(&play)).unwrap();
    play.wait(150);
    assert_eq!(fire(&mut play), ["s1 on for 25%"]);
    assert_eq!(fire(&mut play), Vec::<String>::new());
    play.wait(30);
    assert_eq!(fire(&mut play), ["s1 on for 100%"]);
}

#[test]
fn a_person_who_changes_the_same_or_switches_it_off_cancels_it() {
    for (live, cancels) in [
        (json!({ "targeting": { "fractional": [["on", 3], ["off", 97]] } }), true),
        (json!({ "state": "DISABLED" }), true),
        (json!({ "defaultVariant": "on" }), false),
        (json!({ "metadata": { "team": "a" } }), false),
    ] {
        let mut play = play(0);
        play.ask("ana", ramp(&play)).unwrap();
        play.wait(1);
        fire(&mut play);
        let before = play.world.flags(&here()).live(&FlagTarget::Flag(key("checkout"))).unwrap();
        let mut whole = before.clone();
        for (name, value) in live.as_object().unwrap() {
            whole[name] = value.clone();
        }
        change_by_hand(&mut play, &whole);
        assert_eq!(matches!(state(&play, 1), ScheduleState::Cancelled { .. }), cancels, "{live}");
        if let ScheduleState::Cancelled { by, why, .. } = state(&play, 1) {
            assert_eq!((by, why.as_str()), (principal("ana"), "ana changed the flag (c2)"));
            play.wait(600);
            assert_eq!(fire(&mut play), Vec::<String>::new());
        }
    }
}

#[test]
fn what_only_switches_off_is_not_cancelled() {
    let mut play = play(0);
    play.ask("ana", add(&play, "checkout", &[(60, ScheduledSet::Off)])).unwrap();
    play.ask("ana", add(&play, "checkout", &[(30, ScheduledSet::On)])).unwrap();
    change_by_hand(&mut play, &json!({ "state": "DISABLED" }));
    assert_eq!(state(&play, 1), ScheduleState::Open);
    assert!(matches!(state(&play, 2), ScheduleState::Cancelled { .. }));
}

#[test]
fn where_the_policy_asks_others_agree_when_it_is_scheduled() {
    let mut play = play(1);
    play.ask("ana", ramp(&play)).unwrap();
    play.wait(45);
    assert_eq!(fire(&mut play), Vec::<String>::new());
    let approve = Command::ScheduleFlags(Box::new(ScheduleCommand::Approve {
        environment: here(),
        number: ScheduleNumber(1),
        comment: None,
    }));
    assert!(refused(&play, "ana", &approve).ends_with("you asked for it yourself"));
    assert!(refused(&play, "dee", &approve).ends_with("dee has none of the roles tech-lead"));
    play.ask("ben", approve.clone()).unwrap();
    // It begins when it is agreed on, not in the middle.
    assert_eq!(fire(&mut play), ["s1 on for 1%"]);
    play.wait(60);
    assert_eq!(fire(&mut play), ["s1 on for 5%"]);
    assert_eq!(refused(&play, "cai", &approve), "schedule s1 of production waits for nobody");
    // Switching off waits for nobody.
    play.ask("ana", add(&play, "old-thing", &[(5, ScheduledSet::Off)])).unwrap();
    assert_eq!(state(&play, 2), ScheduleState::Open);
    // Nobody agrees to what should have been done.
    play.ask("ana", add(&play, "old-thing", &[(5, ScheduledSet::On)])).unwrap();
    play.wait(5);
    let late = Command::ScheduleFlags(Box::new(ScheduleCommand::Approve {
        environment: here(),
        number: ScheduleNumber(3),
        comment: None,
    }));
    assert!(refused(&play, "ben", &late).starts_with("schedule s3 of production could be approved until"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut play = play(0);
    let no = |play: &Play, steps: &[(i64, ScheduledSet)]| refused(play, "ana", &add(play, "checkout", steps));
    assert_eq!(no(&play, &[]), "a schedule has 1 to 100 steps");
    assert_eq!(no(&play, &[(-1, ScheduledSet::On)]), "2026-11-02T07:59:59Z is over already");
    assert_eq!(no(&play, &[(5, percent("1")), (5, percent("2"))]), "two steps are at 2026-11-02T08:00:05Z");
    assert!(no(&play, &[(40_000_000, ScheduledSet::On)]).ends_with("is more than a year ahead"));
    play.ask("ana", ramp(&play)).unwrap();
    assert_eq!(no(&play, &[(5, percent("50"))]), "schedule s1 changes the same of `checkout` in production already");
    let cancel = |number| {
        let number = ScheduleNumber(number);
        Command::ScheduleFlags(Box::new(ScheduleCommand::Cancel { environment: here(), number, reason: None }))
    };
    assert_eq!(refused(&play, "ana", &cancel(7)), "production has no schedule s7");
    play.ask("ana", cancel(1)).unwrap();
    assert_eq!(refused(&play, "ana", &cancel(1)), "schedule s1 of production is over");
    assert_eq!(at("2026-11-02T08:00:00Z"), play.now);
}

#[test]
fn a_step_that_cannot_be_done_ends_it_with_the_reason() {
    let mut play = play(0);
    play.ask("ana", ramp(&play)).unwrap();
    let command = ScheduleCommand::Fire {
        environment: here(),
        number: ScheduleNumber(1),
        step: 0,
        change: Err("there is no flag `checkout`".to_owned()),
    };
    let asker = Asker { principal: PrincipalName::control_plane(), now: play.now };
    let decided = super::decide(&play.world, &command, &asker).unwrap();
    play.world = commit(play.world.clone(), decided, &asker, "test").0;
    assert!(matches!(state(&play, 1), ScheduleState::Failed { why, .. } if why == "there is no flag `checkout`"));
    play.wait(600);
    assert!(schedules_due(&play.world, play.now).is_empty());
    // What was done once is not done again.
    assert!(super::decide(&play.world, &command, &asker).is_err());
}

#[derive(Debug, Clone)]
enum Move {
    Ramp { every: i64, ahead: i64 },
    Single { ahead: i64, on: bool },
    Hand { percent: u8 },
    Kill,
    Cancel { number: u64 },
    Away { seconds: i64 },
    Look { seconds: i64 },
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        (1..50_i64, 0..50_i64).prop_map(|(every, ahead)| Move::Ramp { every, ahead }),
        (1..80_i64, any::<bool>()).prop_map(|(ahead, on)| Move::Single { ahead, on }),
        (0..=100_u8).prop_map(|percent| Move::Hand { percent }),
        Just(Move::Kill),
        (1..6_u64).prop_map(|number| Move::Cancel { number }),
        (1..200_i64).prop_map(|seconds| Move::Away { seconds }),
        (1..20_i64).prop_map(|seconds| Move::Look { seconds }),
    ];
    proptest::collection::vec(one, 1..40)
}

proptest! {
    #[test]
    fn whatever_happens_a_schedule_does_each_step_at_most_once_in_order_and_never_after_it_is_over(all in moves()) {
        let mut play = play(0);
        let mut fired: Vec<(ScheduleNumber, Percent)> = Vec::new();
        for one in all {
            let over: Vec<ScheduleNumber> = play
                .world
                .schedules(&here())
                .all
                .iter()
                .filter(|(_, schedule)| schedule.is_over())
                .map(|(number, _)| *number)
                .collect();
            let size = play.world.size;
            match one {
                Move::Ramp { every, ahead } => {
                    let steps: Vec<_> =
                        [(0, "1"), (1, "5"), (2, "25"), (3, "100")].map(|(n, p)| (ahead + n * every, percent(p))).to_vec();
                    drop(play.ask("ana", add(&play, "checkout", &steps)));
                }
                Move::Single { ahead, on } => {
                    let set = if on { ScheduledSet::On } else { ScheduledSet::Off };
                    drop(play.ask("ana", add(&play, "checkout", &[(ahead, set)])));
                }
                Move::Hand { percent } => {
                    let live = json!({ "targeting": { "fractional": [["on", percent], ["off", 100 - percent]] } });
                    change_by_hand(&mut play, &live);
                }
                Move::Kill => change_by_hand(&mut play, &json!({ "state": "DISABLED" })),
                Move::Cancel { number } => {
                    let number = ScheduleNumber(number);
                    let cancel = ScheduleCommand::Cancel { environment: here(), number, reason: None };
                    drop(play.ask("ana", Command::ScheduleFlags(Box::new(cancel))));
                }
                Move::Away { seconds } => play.wait(seconds),
                Move::Look { seconds } => {
                    play.wait(seconds);
                    for done in fire(&mut play) {
                        let (number, what) = done.split_once(' ').unwrap();
                        let number: ScheduleNumber = number.parse().unwrap();
                        prop_assert!(!over.contains(&number), "{number} was over");
                        let Some(part) = what.strip_prefix("on for ") else { continue };
                        let part: Percent = part.parse().unwrap();
                        let earlier = fired.iter().rev().find(|(other, _)| *other == number);
                        prop_assert!(earlier.is_none_or(|(_, before)| *before < part));
                        fired.push((number, part));
                    }
                    prop_assert!(schedules_due(&play.world, play.now).is_empty(), "what is due is done in one go");
                }
            }
            prop_assert!(play.world.size >= size);
        }
    }
}
