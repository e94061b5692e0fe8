//! A rollout by a flag: what the share is in each phase, and what becomes of it.

use serde_json::{Value, json};

use super::check_flag;
use crate::{
    command::{Asker, Command},
    decide::commit,
    deployment::{DeploymentSpec, FlagStep, FlagStrategy, RollbackPolicy, Strategy, Via},
    event::{Fact, NewEvent, RollbackOrigin},
    flags::{ChangeFlags, FlagChange, FlagCommand, FlagKey, FlagPatch, FlagTarget},
    ids::{Digest, PrincipalName, ReleaseNumber, Revision},
    ledger::Tree,
    project::GatePolicy,
    rollout::{Failure, FailureKind, PauseReason},
    testing::{Play, environment, spec},
    units::{Millis, Percent},
    world::{read_snapshot, write_snapshot},
};

fn flagged(last: u8) -> DeploymentSpec {
    let at = |percent| FlagStep::Percent { percent: Percent::new(percent).unwrap() };
    let definition = json!({ "variants": { "on": true, "off": false }, "defaultVariant": "off" });
    spec(
        Strategy::Flag(Box::new(FlagStrategy {
            key: key(),
            variant: "on".to_owned(),
            via: Via::Rolling,
            definition: serde_json::from_value(definition).unwrap(),
            steps: vec![at(5), FlagStep::Pause { duration: None }, at(last)],
        })),
        2,
    )
}

fn key() -> FlagKey {
    FlagKey::new("new-checkout").unwrap()
}

/// A world in which a plain revision runs in development and things are written down one after the other.
struct Story(Play);

impl Story {
    fn new() -> Self {
        let mut play = Play::new(GatePolicy::default());
        for version in ["1", "2", "3", "4"] {
            play.release("ana", version);
        }
        play.complete(1, "development");
        Self(play)
    }

    fn write(&mut self, fact: Fact) {
        let asker = Asker { principal: PrincipalName::control_plane(), now: self.0.now };
        let decided = vec![NewEvent { environment: Some(environment("development")), fact }];
        self.0.world = commit(self.0.world.clone(), decided, &asker, "test").0;
        self.0.wait(1);
    }

    fn start(&mut self, spec: DeploymentSpec, back: Option<RollbackOrigin>) -> Revision {
        let revision = self.0.world.next_revision();
        let runs = back.as_ref().map_or(revision, |back| back.to);
        let release = ReleaseNumber(revision.0.min(4));
        let spec = Box::new(spec);
        self.write(Fact::DeploymentStarted { revision, release, runs, promotion: None, rollback: back, spec });
        revision
    }

    fn complete(&mut self, spec: DeploymentSpec) -> Revision {
        let revision = self.start(spec, None);
        let steps = self.0.world.deployments.get(&revision).unwrap().steps.len();
        for step in 1..steps {
            self.write(Fact::StepStarted { revision, step });
        }
        self.write(Fact::RolloutCompleted { revision });
        revision
    }

    fn live(&self) -> Value {
        let flags = self.0.world.flags(&environment("development"));
        flags.live(&FlagTarget::Flag(key())).unwrap_or(Value::Null)
    }

    fn lay(&mut self, live: Value) -> Result<Vec<&'static str>, String> {
        let environment = environment("development");
        let live = Some(live).filter(|live| !live.is_null());
        let patch = live.map(|live| FlagPatch(live.as_object().unwrap().clone()));
        let change = ChangeFlags {
            changes: vec![FlagChange::of_flag(key(), patch)],
            words: Vec::new(),
            plan: Digest::of(b""),
            seen: self.0.world.flag_basis(&environment),
            reason: None,
            undoes: None,
            from: None,
            environment,
        };
        let command = Command::ChangeFlags(Box::new(FlagCommand::Change(change)));
        let done = self.0.ask("ana", command).map_err(|refusal| refusal.message)?;
        Ok(done.iter().map(|event| event.fact.kind()).collect())
    }
}

fn at(percent: u8) -> Value {
    json!({ "targeting": { "fractional": [["on", percent], ["off", 100 - percent]] } })
}

fn failure() -> Failure {
    Failure { kind: FailureKind::Analysis, message: "too many errors".to_owned(), evidence: Vec::new() }
}

#[test]
fn the_flag_follows_the_steps_and_the_event_that_fails_turns_it_off() {
    let mut story = Story::new();
    let revision = story.start(flagged(50), None);
    assert_eq!(story.live(), Value::Null);
    story.write(Fact::StepStarted { revision, step: 1 });
    assert_eq!(story.live(), at(5));
    story.write(Fact::StepStarted { revision, step: 2 });
    assert_eq!(story.live(), at(5), "a pause changes nothing");
    story.write(Fact::RolloutPromoted { revision });
    story.write(Fact::StepStarted { revision, step: 3 });
    assert_eq!(story.live(), at(50));
    story.write(Fact::RolloutFailed { revision, failure: failure() });
    assert_eq!(story.live(), Value::Null);
    story.write(Fact::RolledBack { revision });
    assert_eq!(story.live(), Value::Null);
}

#[test]
fn what_people_laid_over_the_files_is_there_again_after_a_failure() {
    let mut story = Story::new();
    let mine = json!({ "metadata": { "team": "checkout" } });
    story.lay(mine.clone()).unwrap();
    let revision = story.start(flagged(50), None);
    story.write(Fact::StepStarted { revision, step: 1 });
    assert_eq!(story.live()["targeting"], at(5)["targeting"]);
    assert_eq!(story.live()["metadata"], mine["metadata"]);
    story.write(Fact::RolloutFailed { revision, failure: failure() });
    assert_eq!(story.live(), mine);
}

#[test]
fn a_failure_that_waits_for_a_person_has_turned_the_flag_off_already() {
    let mut story = Story::new();
    let mut spec = flagged(50);
    spec.rollback = Some(RollbackPolicy { enabled: true, automatic: false, timeout: Millis::from_secs(60) });
    let revision = story.start(spec, None);
    story.write(Fact::StepStarted { revision, step: 1 });
    story.write(Fact::RolloutPaused { revision, reason: PauseReason::Failed { failure: failure() } });
    assert_eq!(story.live(), Value::Null);
    story.write(Fact::RolloutResumed { revision });
    assert_eq!(story.live(), at(5), "whoever goes on wants it on");
}

#[test]
fn nobody_else_changes_the_flag_meanwhile_and_switching_it_off_fails_the_rollout() {
    let mut story = Story::new();
    let revision = story.start(flagged(50), None);
    story.write(Fact::StepStarted { revision, step: 1 });
    let refused = story.lay(at(80)).unwrap_err();
    assert_eq!(
        refused,
        "rollout d2 turns on `new-checkout` in development step by step; nobody else changes it meanwhile"
    );
    assert!(story.lay(Value::Null).is_err());
    let mut off = at(5);
    off["state"] = json!("DISABLED");
    assert_eq!(story.lay(off).unwrap(), ["rollout_failed", "flags_changed"]);
    assert_eq!(story.live(), json!({ "state": "DISABLED" }), "nothing of the rollout is left");
    let failed = story.0.world.deployments.get(&revision).unwrap().failure().unwrap().clone();
    assert_eq!(failed.kind, FailureKind::SwitchedOff);
    assert_eq!(failed.message, "`new-checkout`, which it was turning on, was switched off by ana");
}

#[test]
fn going_back_takes_the_flag_back_and_going_back_to_it_turns_it_on_again() {
    let mut story = Story::new();
    let on = story.complete(flagged(100));
    assert_eq!(story.live(), at(100));
    // The same strategy again has nothing to turn on.
    let later = story.complete(flagged(100));
    assert_eq!(story.0.world.deployments.get(&later).unwrap().steps.len(), 1);
    let first = Revision(1);
    let back = RollbackOrigin { to: first, from: later, reason: None };
    let back = story.start(spec(Strategy::Recreate, 1), Some(back));
    assert_eq!(story.live(), Value::Null, "off at once, not when the old instances are there");
    story.write(Fact::RolloutCompleted { revision: back });
    let again = RollbackOrigin { to: on, from: back, reason: None };
    let again = story.start(flagged(100), Some(again));
    assert_eq!(story.live(), Value::Null, "not before the revision is there that knows it");
    story.write(Fact::RolloutCompleted { revision: again });
    assert_eq!(story.live(), at(100));
}

#[test]
fn what_people_changed_since_stays_when_a_revision_goes_back() {
    let mut story = Story::new();
    let on = story.complete(flagged(100));
    story.lay(at(30)).unwrap();
    let back = RollbackOrigin { to: Revision(1), from: on, reason: None };
    story.start(spec(Strategy::Recreate, 1), Some(back));
    assert_eq!(story.live(), at(30));
}

#[test]
fn a_rollout_begins_where_the_flag_is_and_goes_back_there() {
    let mut story = Story::new();
    story.complete(flagged(25));
    let revision = story.start(flagged(80), None);
    let steps: Vec<String> =
        story.0.world.deployments.get(&revision).unwrap().steps.iter().map(ToString::to_string).collect();
    assert_eq!(steps, ["replace instances (surge 1, unavailable 0)", "give 80% of the users `on` of `new-checkout`"]);
    story.write(Fact::StepStarted { revision, step: 1 });
    assert_eq!(story.live(), at(80));
    story.write(Fact::RolloutFailed { revision, failure: failure() });
    assert_eq!(story.live(), at(25));
}

#[test]
fn a_snapshot_in_the_middle_of_a_rollout_is_read_back_the_same() {
    let mut story = Story::new();
    story.complete(flagged(25));
    let revision = story.start(flagged(80), None);
    story.write(Fact::StepStarted { revision, step: 1 });
    let mut tree = Tree::default();
    for _ in 0..story.0.world.size {
        tree.append([7; 32]);
    }
    let read = read_snapshot(&write_snapshot(&story.0.world, &tree)).map(|(_, world)| world);
    assert!(read.as_ref() == Some(&story.0.world));
}

#[test]
fn a_flag_that_cannot_be_turned_on_is_refused_with_the_reason() {
    let why = |story: &Story, spec: &DeploymentSpec| {
        let refusal = check_flag(&story.0.world, &environment("development"), spec).unwrap_err();
        refusal
            .message
            .strip_prefix("the rollout in development could not turn on `new-checkout`: ")
            .unwrap()
            .to_owned()
    };
    let mut story = Story::new();
    let with = |change: fn(&mut FlagStrategy)| {
        let mut spec = flagged(50);
        let Strategy::Flag(flag) = &mut spec.strategy else { panic!() };
        change(flag);
        spec
    };
    assert_eq!(why(&story, &with(|flag| flag.definition = None)), "the release defines no such flag");
    assert_eq!(
        why(&story, &with(|flag| flag.variant = "blue".to_owned())),
        "it has no variant `blue`: it has `off`, `on`"
    );
    let is_default = with(|flag| flag.variant = "off".to_owned());
    assert!(why(&story, &is_default).starts_with("`off` is its default variant"));
    story.lay(json!({ "targeting": { "==": [{ "var": "tier" }, "gold"] } })).unwrap();
    assert!(why(&story, &flagged(50)).starts_with("its targeting cannot be edited by a percentage"));
    story.lay(json!({ "state": "DISABLED" })).unwrap();
    assert_eq!(why(&story, &flagged(50)), "it is switched off (`DISABLED`)");
    story.lay(json!({ "variants": 3 })).unwrap();
    assert!(why(&story, &flagged(50)).starts_with("what was changed of it live does not fit"));
    story.lay(Value::Null).unwrap();
    assert!(check_flag(&story.0.world, &environment("development"), &flagged(50)).is_ok());
}
