//! Tests of the live overlay: what is recorded, what is asked for, what is refused.

use super::*;
use crate::{
    command::Command,
    deployment::{DeploymentSpec, Strategy},
    ids::ReleaseNumber,
    project::{ApprovalPolicy, GatePolicy},
    testing::{Play, environment, principal, spec},
    units::Millis,
};

fn set(key: &str, value: &str) -> OverlayChange {
    OverlayChange::Set { key: key.to_owned(), value: Some(value.to_owned()) }
}

fn unset(key: &str) -> OverlayChange {
    OverlayChange::Unset { key: key.to_owned() }
}

/// What would run with these many replicas.
fn with(replicas: u32) -> DeploymentSpec {
    spec(Strategy::Recreate, replicas)
}

fn in_production(approvals: bool) -> Play {
    let approvals = approvals.then(|| ApprovalPolicy {
        required: 1,
        roles: ["tech-lead".parse().unwrap()].into(),
        expires: Millis::from_secs(600),
    });
    let mut play = Play::new(GatePolicy { approvals, ..GatePolicy::default() });
    for version in ["1.0", "1.1"] {
        play.release("ana", version);
    }
    for place in ["development", "staging", "production"] {
        play.complete(1, place);
    }
    play
}

fn change(play: &Play, place: &str, changes: &[OverlayChange], promote: Option<u32>) -> Command {
    let place = environment(place);
    let promote = promote.map(|replicas| (ReleaseNumber(1), Box::new(with(replicas))));
    let seen = play.world.live(&place).digest();
    Command::ChangeOverlay {
        environment: place,
        changes: changes.to_vec(),
        reason: Some("the queue grows".to_owned()),
        configured: Configured { seen, promote, outdated: play.world.waiting().map(|it| it.number).collect() },
    }
}

fn kinds(events: &[crate::event::Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.fact.kind()).collect()
}

fn said(play: &Play, place: &str) -> Vec<String> {
    let line = |entry: &OverlayEntry| {
        let value = entry.value.as_deref().unwrap_or("null");
        format!("{}={value} e{} {}", entry.key, entry.origin.sequence, entry.origin.principal)
    };
    play.world.live(&environment(place)).overlay.iter().map(line).collect()
}

fn refused(play: &Play, command: &Command) -> String {
    let refusal = play.decide("ana", command).unwrap_err();
    let next = refusal.next.map(|next| format!(" | next: {next}")).unwrap_or_default();
    format!("{}: {}{next}", refusal.code.name(), refusal.message)
}

#[test]
fn a_value_and_the_promotion_that_brings_it_are_recorded_together() {
    let mut play = in_production(false);
    let at = play.world.size;
    let command =
        change(&play, "production", &[set("services.web.replicas", "3"), set("variables.LEVEL", "debug")], Some(3));
    let events = play.ask("ana", command.clone()).unwrap();
    assert_eq!(kinds(&events), ["overlay_set", "overlay_set", "promotion_requested"]);
    let expected = [format!("services.web.replicas=3 e{at} ana"), format!("variables.LEVEL=debug e{} ana", at + 1)];
    assert_eq!(said(&play, "production"), expected);
    assert!(said(&play, "staging").is_empty());
    assert!(refused(&play, &command).starts_with("stale"), "what it was resolved from is no longer what is laid");
}

#[test]
fn what_is_said_already_is_not_recorded_again_but_still_brought_into_force() {
    let mut play = in_production(false);
    play.ask("ana", change(&play, "production", &[set("services.web.replicas", "3")], None)).unwrap();
    let again = change(&play, "production", &[set("services.web.replicas", "3")], Some(3));
    assert_eq!(kinds(&play.ask("ben", again.clone()).unwrap()), ["promotion_requested"]);
    assert_eq!(play.ask("ben", again).unwrap(), [], "and that waits already");
    let same = change(&play, "production", &[set("services.web.replicas", "3")], Some(1));
    let events = play.ask("ben", same).unwrap();
    assert_eq!(kinds(&events), ["promotion_failed"], "what runs would not change, so what waits is closed");
}

#[test]
fn unsetting_lets_the_files_decide_and_removing_takes_a_key_away() {
    let mut play = in_production(false);
    let both = [set("a.b", "1"), OverlayChange::Set { key: "c".to_owned(), value: None }];
    play.ask("ana", change(&play, "staging", &both, None)).unwrap();
    play.ask("ben", change(&play, "staging", &[unset("a.b")], None)).unwrap();
    assert_eq!(said(&play, "staging"), [format!("c=null e{} ana", play.world.size - 2)]);
    insta::assert_snapshot!(refused(&play, &change(&play, "staging", &[unset("missing")], None)), @"not_found: `missing` is not set in the live overlay of staging | next: towpath env overlay staging");
}

#[test]
fn what_cannot_be_set_is_refused_and_nothing_is_recorded() {
    let play = in_production(false);
    let long = "x".repeat(MAX_VALUE + 1);
    let keys = ["tier", "extends.x", "gates.approvals.required", "variables", "verification[0]", "a..b", "", "a\nb"];
    let mut lines: Vec<String> =
        keys.iter().map(|key| refused(&play, &change(&play, "staging", &[set(key, "1")], None))).collect();
    lines.push(refused(&play, &change(&play, "staging", &[set("a", &long)], None)));
    lines.push(refused(&play, &change(&play, "staging", &[set("a", "1"), set("a", "2")], None)));
    lines.push(refused(&play, &change(&play, "staging", &[], None)));
    lines.push(refused(&play, &change(&play, "moon", &[set("a", "1")], None)));
    let mut silent = change(&play, "production", &[set("a", "1")], None);
    if let Command::ChangeOverlay { reason, .. } = &mut silent {
        *reason = Some(" ".to_owned());
    }
    lines.push(refused(&play, &silent));
    let many: Vec<OverlayChange> = (0..=MAX_KEYS).map(|n| set(&format!("k{n}"), "1")).collect();
    lines.push(refused(&play, &change(&play, "staging", &many, None)));
    let large: Vec<OverlayChange> = (0..5).map(|n| set(&format!("k{n}"), &"x".repeat(MAX_VALUE))).collect();
    lines.push(refused(&play, &change(&play, "staging", &large, None)));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_change_of_what_runs_leaves_a_newer_release_waiting_unless_that_is_out_of_date() {
    let mut play = in_production(true);
    play.complete(2, "development");
    play.complete(2, "staging");
    let ask = play.promote(2, "production");
    play.ask("ana", ask).unwrap();
    let mut quiet = change(&play, "production", &[set("services.web.replicas", "3")], Some(3));
    if let Command::ChangeOverlay { configured, .. } = &mut quiet {
        configured.outdated.clear();
    }
    assert_eq!(kinds(&play.ask("ana", quiet).unwrap()), ["overlay_set", "promotion_requested"]);
    assert_eq!(play.world.waiting().count(), 2);
    let outdated = change(&play, "production", &[set("services.web.replicas", "4")], Some(4));
    let events = play.ask("ana", outdated).unwrap();
    assert_eq!(kinds(&events), ["overlay_set", "promotion_failed", "promotion_superseded", "promotion_requested"]);
    assert_eq!(play.world.waiting().count(), 1);
}

#[test]
fn what_is_rolling_out_is_not_changed_under_it() {
    let mut play = in_production(false);
    let first = change(&play, "production", &[set("services.web.replicas", "3")], Some(3));
    play.ask("ana", first).unwrap();
    start(&mut play, 3);
    let second = change(&play, "production", &[set("services.web.replicas", "4")], Some(4));
    insta::assert_snapshot!(refused(&play, &second), @"rollout_running: rollout d4 is running in production, so what runs there is changing already | next: wait for it (towpath rollout watch production), or give --record-only and ask for the promotion later");
    let recorded = change(&play, "production", &[set("services.web.replicas", "4")], None);
    assert!(play.ask("ana", recorded).is_ok());
}

fn start(play: &mut Play, replicas: u32) {
    let promotion = play.world.waiting().next().unwrap().number;
    let live = play.world.live(&environment("production")).digest();
    play.ask("ana", Command::StartDeployment { promotion, spec: Box::new(with(replicas)), live }).unwrap();
}

fn finish(play: &mut Play) {
    use crate::command::{Happened, Report};
    while let Some(rollout) = play.world.rollout(&environment("production")).cloned() {
        let next = rollout.next_step(rollout.running().unwrap());
        let happened = next.map_or(Happened::Completed, |step| Happened::StepStarted { step });
        play.ask("ana", Command::Report(Report { revision: rollout.revision, happened })).unwrap();
    }
}

#[test]
fn what_was_resolved_before_the_overlay_changed_is_not_started() {
    let mut play = in_production(false);
    play.ask("ana", change(&play, "production", &[set("services.web.replicas", "3")], Some(3))).unwrap();
    let live = play.world.live(&environment("production")).digest();
    play.ask("ana", change(&play, "production", &[set("services.web.replicas", "4")], Some(4))).unwrap();
    let promotion = play.world.waiting().next().unwrap().number;
    let old = Command::StartDeployment { promotion, spec: Box::new(with(3)), live };
    assert!(refused(&play, &old).starts_with("stale"));
    let live = play.world.live(&environment("production")).digest();
    let other = Command::StartDeployment { promotion, spec: Box::new(with(3)), live };
    assert!(refused(&play, &other).starts_with("plan_changed"));
}

#[test]
fn going_back_restores_what_was_laid_then_and_does_not_flip_to_and_fro() {
    let mut play = in_production(false);
    play.ask("ana", change(&play, "production", &[set("services.web.replicas", "3")], Some(3))).unwrap();
    start(&mut play, 3);
    finish(&mut play);
    let place = environment("production");
    assert_eq!(play.world.current(&place).unwrap().live.overlay.len(), 1);
    let back = Command::Rollback { environment: place.clone(), to: None, reason: None };
    play.ask("ana", back.clone()).unwrap();
    finish(&mut play);
    let current = play.world.current(&place).unwrap();
    assert_eq!((current.spec.as_ref(), current.live.as_ref()), (&with(1), &Live::NONE));
    assert_eq!(play.world.live(&place).changed(&current.live), ["services.web.replicas"]);
    assert!(play.world.completed_at(&place, ReleaseNumber(1)).is_some());
    assert!(refused(&play, &back).starts_with("nothing_to_roll_back_to"));
}

#[test]
fn who_set_a_value_does_not_approve_what_brings_it_in() {
    let mut play = in_production(true);
    play.ask("ben", change(&play, "production", &[set("services.web.replicas", "3")], None)).unwrap();
    let ask = Command::Promote {
        environment: environment("production"),
        release: ReleaseNumber(1),
        spec: Box::new(with(3)),
        reason: None,
    };
    play.ask("dee", ask).unwrap();
    let promotion = play.world.waiting().next().unwrap().number;
    let approve = Command::Approve { promotion, plan: None, comment: None };
    let refusal = play.ask("ben", approve.clone()).unwrap_err();
    assert_eq!(
        refusal.message,
        "your approval of p1 does not count: you set a value of the live overlay that it brings in"
    );
    assert!(play.ask("cai", approve).is_ok());
    assert!(play.world.project.as_ref().unwrap().people.contains_key(&principal("cai")));
}
