//! Tests of `dora`.

use super::*;
use crate::{
    command::Asker,
    decide::commit,
    deployment::Strategy,
    event::{Fact, NewEvent, RollbackOrigin},
    ids::{PrincipalName, ReleaseNumber},
    project::GatePolicy,
    release::Commit,
    rollout::{Failure, FailureKind},
    testing::{Play, at, content, environment, spec},
};

/// A world in which deployments are told by hand, minute by minute.
struct Told {
    play: Play,
    start: Timestamp,
}

impl Told {
    fn new() -> Self {
        let play = Play::new(GatePolicy::default());
        let start = play.now;
        Self { play, start }
    }

    fn at(&mut self, minute: i64) -> &mut Self {
        self.play.now = self.start + jiff::SignedDuration::from_mins(minute);
        self
    }

    fn facts(&mut self, facts: Vec<Fact>) -> &mut Self {
        let asker = Asker { principal: PrincipalName::control_plane(), now: self.play.now };
        let decided =
            facts.into_iter().map(|fact| NewEvent { environment: Some(environment("production")), fact }).collect();
        self.play.world = commit(self.play.world.clone(), decided, &asker, "test").0;
        self
    }

    /// Makes a release, from a commit so many minutes ago if said.
    fn release(&mut self, version: &str, committed: Option<i64>) -> &mut Self {
        let mut content = content(version);
        content.commit = committed.map(|minutes| Commit {
            id: "c0ffee".to_owned(),
            at: self.play.now - jiff::SignedDuration::from_mins(minutes),
            dirty: false,
        });
        self.play.ask("ana", crate::command::Command::CreateRelease { content, notes: None }).unwrap();
        self
    }

    fn start(&mut self, revision: u64, release: u64) -> &mut Self {
        self.begin(revision, release, None)
    }

    fn back(&mut self, revision: u64, release: u64, from: u64, to: u64) -> &mut Self {
        self.begin(revision, release, Some(RollbackOrigin { to: Revision(to), from: Revision(from), reason: None }))
    }

    fn begin(&mut self, revision: u64, release: u64, rollback: Option<RollbackOrigin>) -> &mut Self {
        self.facts(vec![Fact::DeploymentStarted {
            revision: Revision(revision),
            release: ReleaseNumber(release),
            runs: rollback.as_ref().map_or(Revision(revision), |origin| origin.to),
            promotion: None,
            rollback,
            spec: Box::new(spec(Strategy::Recreate, 1)),
        }])
    }

    fn completes(&mut self, revision: u64) -> &mut Self {
        self.facts(vec![Fact::RolloutCompleted { revision: Revision(revision) }])
    }

    fn fails(&mut self, revision: u64) -> &mut Self {
        let failure = Failure { kind: FailureKind::Analysis, message: "5xx".to_owned(), evidence: Vec::new() };
        self.facts(vec![Fact::RolloutFailed { revision: Revision(revision), failure }])
    }

    fn is_back(&mut self, revision: u64) -> &mut Self {
        self.facts(vec![Fact::RolledBack { revision: Revision(revision) }])
    }

    /// The metrics from one minute to another.
    fn between(&self, from: i64, to: i64, failed_at: &[(u64, i64)]) -> Dora {
        let minute = |minute: i64| self.start + jiff::SignedDuration::from_mins(minute);
        let failed_at = failed_at.iter().map(|(revision, at)| (Revision(*revision), minute(*at))).collect();
        let span = Span { from: minute(from), to: minute(to) };
        dora(&self.play.world, &environment("production"), &failed_at, span)
    }
}

fn minutes(count: u64, median: u64, p90: u64) -> Durations {
    let minutes = |minutes: u64| Some(Millis::from_secs(minutes * 60));
    Durations { count, median: minutes(median), p90: minutes(p90) }
}

#[test]
fn a_span_in_which_nothing_happened_has_no_figures() {
    assert_eq!(Told::new().between(0, 1000, &[]), Dora::default());
}

#[test]
fn lead_time_is_from_the_commit_or_else_from_the_release() {
    let mut told = Told::new();
    told.at(0).release("1.0", Some(100)).start(1, 1).at(20).completes(1);
    told.at(30).release("1.1", None).at(35).start(2, 2).at(40).completes(2);
    // 120 minutes since the commit, and 10 since the release was made.
    assert_eq!(
        told.between(0, 100, &[]),
        Dora { completed: 2, lead_time: minutes(2, 65, 120), started: 2, failed: 0, restore: Durations::default() }
    );
}

#[test]
fn a_release_is_a_change_only_once() {
    let mut told = Told::new();
    told.at(0).release("1.0", None).start(1, 1).at(10).completes(1).at(20).start(2, 1).at(30).completes(2);
    let found = told.between(0, 100, &[]);
    assert_eq!((found.completed, found.lead_time), (2, minutes(1, 10, 10)));
}

#[test]
fn a_failed_rollout_is_restored_when_the_good_revision_serves_alone() {
    let mut told = Told::new();
    told.at(0).release("1.0", None).start(1, 1).at(1).completes(1);
    told.at(10).release("1.1", None).start(2, 2).at(14).fails(2).at(16).is_back(2);
    let found = told.between(0, 100, &[(2, 14)]);
    assert_eq!((found.started, found.failed, found.completed), (2, 1, 1));
    assert_eq!(found.restore, minutes(1, 2, 2));
}

#[test]
fn a_first_deployment_that_fails_is_restored_by_the_next_good_one() {
    let mut told = Told::new();
    told.at(0).release("1.0", None).start(1, 1).at(5).fails(1).at(6).is_back(1);
    assert_eq!(told.between(0, 100, &[(1, 5)]).restore.count, 0);
    told.at(20).release("1.1", None).start(2, 2).at(25).completes(2);
    assert_eq!(told.between(0, 100, &[(1, 5)]).restore, minutes(1, 20, 20));
}

#[test]
fn what_was_gone_back_from_later_failed_from_its_start_until_the_rollback_completed() {
    let mut told = Told::new();
    told.at(0).release("1.0", None).start(1, 1).at(1).completes(1);
    told.at(10).release("1.1", None).start(2, 2).at(12).completes(2);
    told.at(40).back(3, 1, 2, 1);
    assert_eq!(told.between(0, 100, &[]).restore.count, 0, "it is not back yet");
    told.at(41).completes(3);
    let found = told.between(0, 100, &[]);
    assert_eq!((found.started, found.failed, found.completed), (2, 1, 2), "a rollback is no deployment of a change");
    assert_eq!(found.restore, minutes(1, 31, 31));
}

#[test]
fn what_is_going_back_counts_as_failed_and_not_yet_as_restored() {
    let mut told = Told::new();
    told.at(0)
        .release("1.0", None)
        .start(1, 1)
        .at(1)
        .completes(1)
        .at(2)
        .release("1.1", None)
        .start(2, 2)
        .at(3)
        .fails(2);
    let found = told.between(0, 100, &[(2, 3)]);
    assert_eq!((found.failed, found.restore.count), (1, 0));
}

#[test]
fn a_span_holds_its_first_moment_and_not_its_last() {
    let mut told = Told::new();
    told.at(0).release("1.0", None).start(1, 1).at(10).completes(1);
    for (from, to, started, completed) in [(0, 10, 1, 0), (0, 11, 1, 1), (10, 11, 0, 1), (11, 20, 0, 0)] {
        let found = told.between(from, to, &[]);
        assert_eq!((found.started, found.completed), (started, completed), "{from} to {to}");
    }
}

#[test]
fn other_environments_are_not_counted() {
    let mut told = Told::new();
    told.at(0).release("1.0", None).start(1, 1).completes(1);
    let span = Span { from: at("2000-01-01T00:00:00Z"), to: at("2100-01-01T00:00:00Z") };
    assert_eq!(dora(&told.play.world, &environment("staging"), &BTreeMap::new(), span), Dora::default());
}

#[test]
fn durations_are_summed_up_by_median_and_nearest_rank() {
    let of = |all: &[u64]| {
        let found = Durations::of(all.iter().map(|length| Millis(*length)).collect());
        (found.count, found.median.map(|it| it.0), found.p90.map(|it| it.0))
    };
    assert_eq!(of(&[]), (0, None, None));
    assert_eq!(of(&[7]), (1, Some(7), Some(7)));
    assert_eq!(of(&[4, 1]), (2, Some(2), Some(4)));
    assert_eq!(of(&[3, 1, 2]), (3, Some(2), Some(3)));
    assert_eq!(of(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]), (10, Some(5), Some(9)));
    assert_eq!(of(&(1..=11).collect::<Vec<_>>()), (11, Some(6), Some(10)));
}
