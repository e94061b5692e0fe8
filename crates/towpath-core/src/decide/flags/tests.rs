//! Tests of live changes of flags: what takes effect, what waits for whom, what is refused.

use serde_json::json;

use super::*;
use crate::{
    command::Command,
    event::Event,
    flags::FlagKey,
    ids::Digest,
    project::GatePolicy,
    testing::{Play, environment},
};

fn play(required: u32) -> Play {
    let approvals = (required > 0).then(|| ApprovalPolicy {
        required,
        roles: ["tech-lead".parse().unwrap()].into(),
        expires: Millis::from_secs(600),
    });
    Play::new(GatePolicy { approvals, ..GatePolicy::default() })
}

fn key(name: &str) -> FlagKey {
    FlagKey::new(name).unwrap()
}

fn flag(name: &str, live: Value) -> FlagChange {
    let live = Some(live).filter(|live| !live.is_null());
    FlagChange { target: FlagTarget::Flag(key(name)), live }
}

fn wish(play: &Play, changes: &[FlagChange]) -> ChangeFlags {
    let environment = environment("production");
    ChangeFlags {
        changes: changes.to_vec(),
        words: Vec::new(),
        plan: Digest::of(format!("{changes:?}").as_bytes()),
        seen: play.world.flag_basis(&environment),
        reason: Some("the shop is slow".to_owned()),
        undoes: None,
        from: None,
        environment,
    }
}

fn command(wish: ChangeFlags) -> Command {
    Command::ChangeFlags(Box::new(FlagCommand::Change(wish)))
}

fn approval(play: &Play, number: u64) -> ApproveFlags {
    let environment = environment("production");
    let asked = play.world.flags(&environment);
    let plan = asked.requests.get(&FlagChangeNumber(number)).map(|it| it.asked.plan);
    ApproveFlags {
        number: FlagChangeNumber(number),
        shown: None,
        now: plan.unwrap_or_else(|| Digest::of(b"")),
        seen: play.world.flag_basis(&environment),
        comment: None,
        environment,
    }
}

fn approve(wish: ApproveFlags) -> Command {
    Command::ChangeFlags(Box::new(FlagCommand::Approve(wish)))
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.fact.kind()).collect()
}

fn live(play: &Play, name: &str) -> Value {
    play.world.flags(&environment("production")).live(&FlagTarget::Flag(key(name))).unwrap_or(Value::Null)
}

fn refused(play: &Play, who: &str, command: &Command) -> String {
    let refusal = play.decide(who, command).unwrap_err();
    format!("{}: {}", refusal.code.name(), refusal.message)
}

#[test]
fn without_approvals_a_change_takes_effect_at_once_and_says_who_and_why() {
    let mut play = play(0);
    let off = flag("checkout", json!({ "state": "DISABLED" }));
    let events = play.ask("ana", command(wish(&play, std::slice::from_ref(&off)))).unwrap();
    assert_eq!(kinds(&events), ["flags_changed"]);
    assert_eq!(live(&play, "checkout"), json!({ "state": "DISABLED" }));
    let flags = play.world.flags(&environment("production"));
    let record = flags.record(FlagChangeNumber(1)).unwrap();
    assert_eq!((record.by.as_str(), record.change.reason.as_deref()), ("ana", Some("the shop is slow")));
    assert!(play.ask("ana", command(wish(&play, &[off]))).unwrap().is_empty(), "the same again changes nothing");
}

#[test]
fn in_production_a_change_needs_a_reason() {
    let play = play(0);
    let mut wish = wish(&play, &[flag("checkout", json!({ "state": "DISABLED" }))]);
    for reason in [None, Some("  ".to_owned())] {
        wish.reason = reason;
        let expected = "reason_required: a change of the flags of production needs a reason";
        assert_eq!(refused(&play, "ana", &command(wish.clone())), expected);
    }
    wish.environment = environment("staging");
    wish.reason = None;
    assert!(play.decide("ana", &command(wish)).is_ok());
}

#[test]
fn what_was_worked_out_from_something_else_is_stale() {
    let mut play = play(0);
    let early = wish(&play, &[flag("a", json!({ "state": "DISABLED" }))]);
    play.ask("ana", command(wish(&play, &[flag("b", json!({ "state": "DISABLED" }))]))).unwrap();
    insta::assert_snapshot!(refused(&play, "ana", &command(early)), @"stale: the flags of production were changed meanwhile");
}

#[test]
fn where_approvals_are_asked_a_change_waits_for_enough_other_people() {
    let mut play = play(2);
    let change = flag("checkout", json!({ "defaultVariant": "on" }));
    let events = play.ask("ben", command(wish(&play, std::slice::from_ref(&change)))).unwrap();
    assert_eq!(kinds(&events), ["flag_change_requested"]);
    assert_eq!(live(&play, "checkout"), Value::Null);
    assert!(play.ask("ana", command(wish(&play, &[change]))).unwrap().is_empty(), "it is asked for already");
    let one = approve(approval(&play, 1));
    insta::assert_snapshot!(refused(&play, "ben", &one), @"self_approval: your approval of c1 does not count: you asked for it yourself");
    insta::assert_snapshot!(refused(&play, "ana", &one), @"missing_role: your approval of c1 does not count: ana has none of the roles tech-lead");
    let mut other = approval(&play, 1);
    other.shown = Some(Digest::of(b"other"));
    assert!(refused(&play, "cai", &approve(other)).starts_with("plan_changed: c1 is not what was shown"));
    assert_eq!(kinds(&play.ask("cai", one.clone()).unwrap()), ["flag_change_approved"]);
    assert_eq!(kinds(&play.ask("cai", one).unwrap()), ["flag_change_approved"], "the same person counts once");
    assert_eq!(live(&play, "checkout"), Value::Null);
}

#[test]
fn the_last_approval_brings_the_change_into_force_with_it() {
    let mut play = play(1);
    play.ask("ana", command(wish(&play, &[flag("checkout", json!({ "defaultVariant": "on" }))]))).unwrap();
    let events = play.ask("cai", approve(approval(&play, 1))).unwrap();
    assert_eq!(kinds(&events), ["flag_change_approved", "flags_changed"]);
    assert_eq!(live(&play, "checkout"), json!({ "defaultVariant": "on" }));
    let flags = play.world.flags(&environment("production"));
    let record = flags.record(FlagChangeNumber(1)).unwrap();
    assert_eq!((record.by.as_str(), record.approvals[0].by.as_str()), ("ana", "cai"));
    insta::assert_snapshot!(refused(&play, "cai", &approve(approval(&play, 1))), @"flag_change_closed: c1 does not wait: it is in force");
}

#[test]
fn switching_off_waits_for_nobody_and_switching_on_does() {
    let mut play = play(1);
    let off = play.ask("ana", command(wish(&play, &[flag("checkout", json!({ "state": "DISABLED" }))]))).unwrap();
    assert_eq!(kinds(&off), ["flags_changed"]);
    let mixed = flag("checkout", json!({ "state": "DISABLED", "defaultVariant": "on" }));
    assert_eq!(kinds(&play.ask("ana", command(wish(&play, &[mixed]))).unwrap()), ["flag_change_requested"]);
    let on = flag("checkout", json!({ "state": "ENABLED" }));
    assert_eq!(kinds(&play.ask("ana", command(wish(&play, &[on]))).unwrap()), ["flag_change_requested"]);
    let mut undo = wish(&play, &[flag("checkout", Value::Null)]);
    undo.undoes = Some(FlagChangeNumber(1));
    assert_eq!(kinds(&play.ask("ana", command(undo)).unwrap()), ["flag_change_requested"], "it would switch on");
}

#[test]
fn taking_back_an_approved_change_waits_for_nobody() {
    let mut play = play(1);
    play.ask("ana", command(wish(&play, &[flag("checkout", json!({ "defaultVariant": "on" }))]))).unwrap();
    play.ask("cai", approve(approval(&play, 1))).unwrap();
    let mut undo = wish(&play, &[flag("checkout", Value::Null)]);
    undo.undoes = Some(FlagChangeNumber(1));
    assert_eq!(kinds(&play.ask("ana", command(undo.clone())).unwrap()), ["flags_changed"]);
    assert_eq!(live(&play, "checkout"), Value::Null);
    assert_eq!(
        play.world.flags(&undo.environment).record(FlagChangeNumber(1)).unwrap().undone_by,
        Some(FlagChangeNumber(2))
    );
    // What only says that it takes something back does not pass.
    let mut other = wish(&play, &[flag("checkout", json!({ "defaultVariant": "gold" }))]);
    other.undoes = Some(FlagChangeNumber(1));
    assert_eq!(kinds(&play.ask("ana", command(other)).unwrap()), ["flag_change_requested"]);
}

#[test]
fn a_change_that_waits_is_outdated_by_one_of_the_same_flag_and_expires() {
    let mut play = play(1);
    play.ask("ana", command(wish(&play, &[flag("checkout", json!({ "defaultVariant": "on" }))]))).unwrap();
    play.ask("ana", command(wish(&play, &[flag("search", json!({ "defaultVariant": "on" }))]))).unwrap();
    play.ask("ana", command(wish(&play, &[flag("checkout", json!({ "state": "DISABLED" }))]))).unwrap();
    insta::assert_snapshot!(refused(&play, "cai", &approve(approval(&play, 1))), @"plan_changed: c3 changed the same flags after c1 was asked for, so it is not what was shown any more");
    let mut released = approval(&play, 2);
    released.now = Digest::of(b"something else");
    insta::assert_snapshot!(refused(&play, "cai", &approve(released)), @"plan_changed: a release changed the flags since c2 was asked for, so it is not what was shown any more");
    play.wait(8 * 86_400);
    insta::assert_snapshot!(refused(&play, "cai", &approve(approval(&play, 2))), @"flag_change_closed: c2 does not wait: it expired at 2026-11-09T08:00:00Z");
    insta::assert_snapshot!(refused(&play, "cai", &approve(approval(&play, 9))), @"not_found: production has no change c9 of flags");
}

#[test]
fn a_change_that_waits_can_be_rejected_once() {
    let mut play = play(1);
    play.ask("ana", command(wish(&play, &[flag("checkout", json!({ "defaultVariant": "on" }))]))).unwrap();
    let no = RejectFlags { environment: environment("production"), number: FlagChangeNumber(1), comment: None };
    let no = Command::ChangeFlags(Box::new(FlagCommand::Reject(no)));
    assert_eq!(kinds(&play.ask("cai", no.clone()).unwrap()), ["flag_change_rejected"]);
    insta::assert_snapshot!(refused(&play, "cai", &no), @"flag_change_closed: c1 does not wait: it took effect, was rejected or expired");
}

#[test]
fn what_is_no_change_of_a_flag_is_refused() {
    let play = play(0);
    let tried = |changes: &[FlagChange]| refused(&play, "ana", &command(wish(&play, changes)));
    let twice = [flag("a", json!({ "state": "DISABLED" })), flag("a", json!({ "state": "ENABLED" }))];
    let segment = |name: &str, rule| FlagChange { target: FlagTarget::Segment(name.to_owned()), live: Some(rule) };
    insta::assert_snapshot!(tried(&[]), @"invalid: a change names 1 to 200 flags and segments");
    insta::assert_snapshot!(tried(&twice), @"invalid: `a` is named twice");
    insta::assert_snapshot!(tried(&[flag("a", json!([1]))]), @"invalid: the change of `a` is not a map of properties");
    insta::assert_snapshot!(tried(&[flag("a", json!({ "stat": "ENABLED" }))]), @"invalid: `a`: a flag has no `stat`; it has state, variants, defaultVariant, targeting, metadata, towpath");
    insta::assert_snapshot!(tried(&[segment("", json!(true))]), @"invalid: the name of a segment has 1 to 256 bytes and no control characters");
    let large = flag("a", json!({ "metadata": { "text": "x".repeat(MAX_CHANGE) } }));
    insta::assert_snapshot!(tried(&[large]), @"invalid: the change has more than 256 KiB");
}

#[test]
fn the_control_plane_waits_for_nobody_and_remembers_only_the_latest() {
    let mut play = play(1);
    for round in 0..=crate::flags::MAX_RECORDS as u64 {
        let state = if round % 2 == 0 { "ENABLED" } else { "DISABLED" };
        let mut wish = wish(&play, &[flag("checkout", json!({ "state": state }))]);
        wish.reason = None;
        assert_eq!(kinds(&play.ask("towpath", command(wish)).unwrap()), ["flags_changed"]);
    }
    let flags = play.world.flags(&environment("production"));
    assert_eq!(flags.records.len(), crate::flags::MAX_RECORDS);
    assert!(flags.record(FlagChangeNumber(1)).is_none());
}
