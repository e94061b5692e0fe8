//! Tests of `decide`: what is refused and why, and what asking twice leads to.

use crate::{
    command::Command,
    ids::{Digest, PromotionNumber, ReleaseNumber, Revision},
    project::GatePolicy,
    refusal::Refusal,
    testing::{Play, content, environment},
};

fn line(refusal: &Refusal) -> String {
    let next = refusal.next.as_deref().map(|next| format!(" | next: {next}")).unwrap_or_default();
    format!("{}: {}{next}", refusal.code.name(), refusal.message)
}

fn refused(play: &Play, command: &Command) -> String {
    line(&play.decide("ana", command).unwrap_err())
}

fn in_staging() -> Play {
    let mut play = Play::new(GatePolicy::default());
    for version in ["1.0", "1.1", "1.2"] {
        play.release("ana", version);
    }
    for release in [1, 2] {
        play.complete(release, "development");
    }
    play.complete(2, "staging");
    play
}

#[test]
fn promotion_goes_forward_only() {
    let play = in_staging();
    let all = [(1, "staging"), (2, "staging"), (3, "staging"), (1, "production"), (9, "staging"), (1, "moon")];
    let lines: Vec<String> = all.iter().map(|(release, to)| refused(&play, &play.promote(*release, to))).collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert!(play.decide("ana", &play.promote(2, "production")).is_ok());
}

#[test]
fn making_the_same_release_twice_yields_the_same_release() {
    let mut play = Play::new(GatePolicy::default());
    play.release("ana", "1.0");
    let again = Command::CreateRelease { content: content("1.0"), notes: Some("other notes".to_owned()) };
    assert_eq!(play.ask("ben", again).unwrap(), vec![]);
    assert_eq!(play.world.releases.len(), 1);
    let empty = Command::CreateRelease { content: content("  "), notes: None };
    assert!(refused(&play, &empty).starts_with("invalid"));
}

#[test]
fn asking_twice_is_asking_once_and_a_newer_request_takes_the_place() {
    let mut play = in_staging();
    play.complete(1, "staging");
    let first = play.promote(1, "production");
    assert_eq!(play.ask("ana", first.clone()).unwrap().len(), 1);
    assert_eq!(play.ask("ana", first).unwrap(), vec![]);
    let newer = play.promote(2, "production");
    let kinds: Vec<&str> = play.ask("ana", newer).unwrap().iter().map(|event| event.fact.kind()).collect();
    assert_eq!(kinds, ["promotion_superseded", "promotion_requested"]);
    let late = Command::Reject { promotion: PromotionNumber(1), comment: None };
    assert_eq!(refused(&play, &late), "promotion_closed: promotion p1 was superseded by p2");
}

#[test]
fn what_would_be_done_must_be_what_was_asked_for() {
    let mut play = in_staging();
    let ask = play.promote(2, "production");
    play.ask("ana", ask).unwrap();
    let mut spec = crate::testing::spec(crate::deployment::Strategy::Recreate, 1);
    let start = |spec: &crate::deployment::DeploymentSpec| Command::StartDeployment {
        promotion: PromotionNumber(1),
        spec: Box::new(spec.clone()),
        live: crate::config::Live::NONE.digest(),
    };
    assert!(play.decide("ana", &start(&spec)).is_ok());
    spec.services.values_mut().for_each(|service| service.environment = Digest::of(b"changed"));
    assert!(refused(&play, &start(&spec)).starts_with("plan_changed"));
}

#[test]
fn a_rollback_says_where_it_cannot_go() {
    let play = in_staging();
    let back = |to: Option<u64>, place: &str| Command::Rollback {
        environment: environment(place),
        to: to.map(Revision),
        reason: None,
    };
    let lines = [
        refused(&play, &back(None, "production")),
        refused(&play, &back(None, "staging")),
        refused(&play, &back(Some(1), "staging")),
        refused(&play, &back(Some(2), "development")),
        refused(&play, &back(Some(77), "development")),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_was_rolled_back_is_no_longer_fit_to_go_forward() {
    let mut play = in_staging();
    let back = Command::Rollback { environment: environment("development"), to: None, reason: Some("broken".into()) };
    let events = play.ask("ana", back).unwrap();
    assert!(matches!(
        &events[0].fact,
        crate::event::Fact::DeploymentStarted { runs: Revision(1), release: ReleaseNumber(1), .. }
    ));
    assert!(play.world.completed_at(&environment("development"), ReleaseNumber(2)).is_none());
}

#[test]
fn a_rollout_that_does_not_run_cannot_be_steered() {
    let play = in_staging();
    let place = environment("staging");
    let lines = [
        refused(&play, &Command::Pause { environment: place.clone(), comment: None }),
        refused(&play, &Command::Resume { environment: place.clone() }),
        refused(&play, &Command::Abort { environment: place, reason: None }),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

fn rolling_out(policy: crate::deployment::RollbackPolicy) -> Play {
    use crate::{
        event::{Fact, NewEvent},
        ids::PrincipalName,
        testing::spec,
    };
    let mut play = Play::new(GatePolicy::default());
    play.release("ana", "1.0");
    play.release("ana", "1.1");
    play.complete(1, "development");
    let spec =
        crate::deployment::DeploymentSpec { rollback: Some(policy), ..spec(crate::deployment::Strategy::Recreate, 1) };
    let fact = Fact::DeploymentStarted {
        revision: Revision(2),
        release: ReleaseNumber(2),
        runs: Revision(2),
        promotion: None,
        rollback: None,
        spec: Box::new(spec),
    };
    let asker = crate::command::Asker { principal: PrincipalName::control_plane(), now: play.now };
    let event = NewEvent { environment: Some(environment("development")), fact };
    play.world = crate::decide::commit(play.world.clone(), vec![event], &asker, "test").0;
    play
}

#[test]
fn what_failed_goes_back_by_itself_only_where_the_environment_lets_it() {
    use crate::{
        command::{Happened, Report},
        deployment::RollbackPolicy,
        rollout::{Failure, FailureKind},
        units::Millis,
    };
    let failure = Failure { kind: FailureKind::CrashLoop, message: "it exits".to_owned(), evidence: Vec::new() };
    let failed = Command::Report(Report { revision: Revision(2), happened: Happened::Failed(failure) });
    let kinds = |play: &mut Play, command: &Command| -> Vec<&str> {
        play.ask("towpath", command.clone()).unwrap().iter().map(|event| event.fact.kind()).collect()
    };
    let policy = |enabled, automatic| RollbackPolicy { enabled, automatic, timeout: Millis::from_secs(60) };
    let mut by_itself = rolling_out(policy(true, true));
    assert_eq!(kinds(&mut by_itself, &failed), ["rollout_failed"]);
    let mut waits = rolling_out(policy(true, false));
    assert_eq!(kinds(&mut waits, &failed), ["rollout_paused"]);
    assert!(refused(&waits, &failed).starts_with("stale"), "it is told once");
    let resume = Command::Resume { environment: environment("development") };
    assert_eq!(kinds(&mut waits, &resume), ["rollout_resumed"]);
    assert_eq!(kinds(&mut waits, &failed), ["rollout_paused"], "it may fail again");
    let abort = Command::Abort { environment: environment("development"), reason: None };
    assert_eq!(kinds(&mut waits, &abort), ["rollout_failed"]);
}
