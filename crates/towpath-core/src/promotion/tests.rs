//! Tests of `promotion`: gates and windows.

use std::collections::BTreeSet;

use super::*;
use crate::{
    command::Command,
    project::{ApprovalPolicy, GatePolicy, Window},
    testing::{Play, at},
    units::Millis,
};

fn shown(play: &Play, number: u64) -> String {
    let promotion = &play.world.promotions[&PromotionNumber(number)];
    let lines = gates(&play.world, promotion, play.now).into_iter().map(|gate| {
        let state = if gate.open { "open  " } else { "closed" };
        let opens = gate.opens.map(|opens| format!(" -> {opens}")).unwrap_or_default();
        format!("{:<11} {state} {}{opens}", gate.gate.name(), gate.why)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn approve(play: &mut Play, who: &str) -> Result<Vec<crate::event::Event>, crate::refusal::Refusal> {
    play.ask(who, Command::Approve { promotion: PromotionNumber(1), plan: None, comment: None })
}

fn all_gates() -> GatePolicy {
    GatePolicy {
        approvals: Some(ApprovalPolicy {
            required: 2,
            roles: BTreeSet::from(["tech-lead".parse().unwrap()]),
            expires: Millis::from_secs(3600),
        }),
        checklist: vec!["rollback plan documented".to_owned(), "team notified".to_owned()],
        soak: Some(Millis::from_secs(600)),
        freeze: vec![Window::Recurring {
            cron: "0 18 * * 5".to_owned(),
            duration: Millis::from_secs(60 * 3600),
            time_zone: "Europe/Zurich".to_owned(),
            reason: Some("no releases at weekends".to_owned()),
        }],
        maintenance: vec![],
    }
}

fn asked(gates: GatePolicy) -> Play {
    let mut play = Play::new(gates);
    play.release("ana", "1.0");
    play.complete(1, "development");
    play.complete(1, "staging");
    play.wait(60);
    let promote = play.promote(1, "production");
    play.ask("ben", promote).unwrap();
    play
}

#[test]
fn every_closed_gate_says_why_and_what_opens_it() {
    let mut play = asked(all_gates());
    insta::assert_snapshot!("at_first", shown(&play, 1));
    play.wait(600);
    approve(&mut play, "cai").unwrap();
    for item in ["rollback plan documented", "team notified"] {
        let confirm = Command::Confirm { promotion: PromotionNumber(1), item: item.to_owned() };
        play.ask("dee", confirm).unwrap();
    }
    insta::assert_snapshot!("later", shown(&play, 1));
    play.now = at("2026-11-06T20:00:00Z");
    insta::assert_snapshot!("on_friday_night", shown(&play, 1));
}

#[test]
fn nobody_approves_their_own() {
    let mut play = asked(all_gates());
    let codes: Vec<String> = ["ana", "ben", "dee", "zoe"]
        .iter()
        .map(|who| approve(&mut play, who).unwrap_err())
        .map(|refusal| format!("{}: {}", refusal.code.name(), refusal.message))
        .collect();
    insta::assert_snapshot!(codes.join("\n"));
}

#[test]
fn one_person_counts_once_and_not_for_ever() {
    let mut play = asked(all_gates());
    approve(&mut play, "cai").unwrap();
    approve(&mut play, "cai").unwrap();
    assert!(shown(&play, 1).contains("1 of 2 (cai)"));
    play.wait(3600);
    assert!(shown(&play, 1).contains("0 of 2; cai's is older than 1h and no longer counts"));
}

#[test]
fn an_approval_of_another_plan_is_refused() {
    let mut play = asked(all_gates());
    let other = Command::Approve { promotion: PromotionNumber(1), plan: Some(Digest::of(b"other")), comment: None };
    assert_eq!(play.ask("cai", other).unwrap_err().code, crate::refusal::RefusalCode::PlanChanged);
}

#[test]
fn windows_follow_the_clock_of_their_time_zone() {
    // Summer time ends in Zurich on 25 October 2026: 18:00 is 16:00 UTC before and 17:00 UTC after.
    let window = all_gates().freeze.remove(0);
    assert_eq!(closing(&window, at("2026-10-23T15:59:59Z")), None);
    assert!(closing(&window, at("2026-10-23T16:00:00Z")).is_some());
    assert_eq!(closing(&window, at("2026-10-30T16:30:00Z")), None);
    assert_eq!(closing(&window, at("2026-10-30T17:00:00Z")), Some(at("2026-11-02T05:00:00Z")));
    assert_eq!(closing(&window, at("2026-11-02T05:00:00Z")), None);
    assert_eq!(next_opening(&window, at("2026-11-02T05:00:00Z")), Some(at("2026-11-06T17:00:00Z")));
}

#[test]
fn a_promotion_waits_for_a_maintenance_window() {
    let window = Window::Absolute { from: at("2026-11-03T01:00:00Z"), to: at("2026-11-03T03:00:00Z"), reason: None };
    let mut play = asked(GatePolicy { maintenance: vec![window], ..GatePolicy::default() });
    assert!(
        shown(&play, 1)
            .contains("maintenance closed no maintenance window is open -> waiting until 2026-11-03T01:00:00Z")
    );
    play.now = at("2026-11-03T02:00:00Z");
    assert!(shown(&play, 1).contains("maintenance open   a maintenance window is open until 2026-11-03T03:00:00Z"));
    play.now = at("2026-11-03T03:00:00Z");
    assert!(shown(&play, 1).contains("declaring a maintenance window that is not over"));
}

#[test]
fn windows_that_cannot_be_are_found_when_they_are_read() {
    let wrong = |cron: &str, zone: &str, seconds| Window::Recurring {
        cron: cron.to_owned(),
        duration: Millis::from_secs(seconds),
        time_zone: zone.to_owned(),
        reason: None,
    };
    assert_eq!(check_window(&wrong("0 18 * * 5", "Europe/Zurich", 60)), Ok(()));
    assert!(matches!(check_window(&wrong("0 18 * *", "UTC", 60)), Err(WindowError::Rule { .. })));
    assert!(matches!(check_window(&wrong("0 18 * * 5", "Mars/Olympus", 60)), Err(WindowError::Rule { .. })));
    assert_eq!(check_window(&wrong("0 18 * * 5", "UTC", 0)), Err(WindowError::Empty));
    let moment = at("2026-11-03T01:00:00Z");
    let reversed = Window::Absolute { from: moment, to: moment, reason: None };
    assert!(matches!(check_window(&reversed), Err(WindowError::Reversed { .. })));
}
