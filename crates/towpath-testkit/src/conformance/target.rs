//! What every [`Target`] must do.
//!
//! The suite knows nothing of processes: a [`Subject`] says how an instance that behaves in a certain way is declared, so that
//! a simulated target can take part. Time is Tokio's; waiting is for the thing itself, with a bound.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a conformance suite panics with what is wrong")]

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use towpath_core::{
    ids::{EnvironmentName, Revision, ServiceName},
    instance::{InstanceId, InstancePhase, InstanceSet, InstanceStatus, SetId},
};
use towpath_engine::ports::{LogQuery, Target, TargetError};

/// How an instance behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Becomes ready, and ends when it is told to.
    Serves,
    /// Becomes ready, and ignores SIGTERM. Its grace is short.
    IgnoresTerm,
    /// Runs, and never becomes ready.
    NeverReady,
    /// Writes the line `no way` and exits with status 3.
    Exits,
    /// Becomes ready, and has written the lines `line 1` to `line 100` before.
    Writes,
}

/// A target to try.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Returns the target, which runs nothing at first.
    fn target(&self) -> &dyn Target;

    /// Returns a set with these replicas that behaves so. The same arguments give the same set.
    async fn set(&self, id: SetId, replicas: u32, behaviour: Behaviour) -> InstanceSet;
}

/// Returns the set of this revision in the suite's environment.
pub fn set_id(revision: u64) -> SetId {
    SetId {
        environment: EnvironmentName::new("testing").expect("a name"),
        service: ServiceName::new("web").expect("a name"),
        revision: Revision(revision),
    }
}

/// Returns the instances of a set, by index.
pub async fn instances(target: &dyn Target, set: &SetId) -> Vec<InstanceStatus> {
    let mut all = target.observe().await.expect("observes");
    all.retain(|status| status.id.set == *set);
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

/// Waits until the instances of a set are as asked for, and returns them.
pub async fn until(
    target: &dyn Target,
    set: &SetId,
    what: &str,
    wanted: impl Fn(&[InstanceStatus]) -> bool,
) -> Vec<InstanceStatus> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let now = instances(target, set).await;
        if wanted(&now) {
            return now;
        }
        let changed = tokio::time::timeout_at(deadline, target.changed()).await;
        assert!(changed.is_ok(), "`{set}`: not {what} within 30 s, but {now:#?}");
    }
}

/// Waits until so many instances of a set are ready and no others exist.
pub async fn until_ready(target: &dyn Target, set: &SetId, count: usize) -> Vec<InstanceStatus> {
    until(target, set, "all ready", |all| all.len() == count && all.iter().all(InstanceStatus::is_ready)).await
}

/// Waits until a set has no instance.
pub async fn until_gone(target: &dyn Target, set: &SetId) {
    until(target, set, "gone", <[_]>::is_empty).await;
}

async fn scaled(subject: &dyn Subject, revision: u64, replicas: u32, behaviour: Behaviour) -> SetId {
    let set = subject.set(set_id(revision), replicas, behaviour).await;
    subject.target().scale(&set).await.expect("scales");
    set.id
}

/// Checks that what is declared runs, each instance at an address of its own.
pub async fn starts_what_is_declared(subject: &dyn Subject) {
    let set = scaled(subject, 1, 3, Behaviour::Serves).await;
    let ready = until_ready(subject.target(), &set, 3).await;
    let addresses: BTreeSet<_> = ready.iter().map(|status| status.address).collect();
    assert_eq!(addresses.len(), 3, "each has an address of its own");
    assert_eq!(ready.iter().map(|status| status.id.index).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(ready.iter().all(|status| status.restarts == 0 && status.started_at.is_some()));
}

/// Checks that the same declaration again changes nothing.
pub async fn the_same_again_changes_nothing(subject: &dyn Subject) {
    let set = scaled(subject, 1, 2, Behaviour::Serves).await;
    let key = |all: Vec<InstanceStatus>| -> Vec<_> {
        all.into_iter().map(|status| (status.id, status.address, status.pid, status.started_at)).collect()
    };
    let before = key(until_ready(subject.target(), &set, 2).await);
    scaled(subject, 1, 2, Behaviour::Serves).await;
    scaled(subject, 1, 3, Behaviour::Serves).await;
    let mut after = key(until_ready(subject.target(), &set, 3).await);
    after.truncate(2);
    assert_eq!(before, after);
}

/// Checks that the instances with the highest index go first, and that a set of none is forgotten.
pub async fn the_highest_index_goes_first(subject: &dyn Subject) {
    let set = scaled(subject, 1, 3, Behaviour::Serves).await;
    until_ready(subject.target(), &set, 3).await;
    scaled(subject, 1, 1, Behaviour::Serves).await;
    let left = until_ready(subject.target(), &set, 1).await;
    assert_eq!(left.first().map(|status| status.id.index), Some(0));
    scaled(subject, 1, 0, Behaviour::Serves).await;
    until_gone(subject.target(), &set).await;
}

/// Checks that a removed set ends, that removing is repeatable, and that it can be declared again.
pub async fn what_is_removed_ends_and_may_come_back(subject: &dyn Subject) {
    let set = scaled(subject, 1, 2, Behaviour::Serves).await;
    until_ready(subject.target(), &set, 2).await;
    for _ in 0..2 {
        subject.target().remove(&set).await.expect("removes");
    }
    // Declared again while it ends: a new instance takes the place of each that is gone.
    scaled(subject, 1, 2, Behaviour::Serves).await;
    until_ready(subject.target(), &set, 2).await;
    subject.target().remove(&set).await.expect("removes");
    until_gone(subject.target(), &set).await;
    subject.target().remove(&set).await.expect("removes what is not there");
}

/// Checks that revisions do not touch one another.
pub async fn revisions_are_apart(subject: &dyn Subject) {
    let old = scaled(subject, 1, 1, Behaviour::Serves).await;
    let before = until_ready(subject.target(), &old, 1).await;
    let new = scaled(subject, 2, 1, Behaviour::Serves).await;
    until_ready(subject.target(), &new, 1).await;
    subject.target().remove(&new).await.expect("removes");
    until_gone(subject.target(), &new).await;
    let after = instances(subject.target(), &old).await;
    assert_eq!(before.first().map(|status| status.pid), after.first().map(|status| status.pid));
}

/// Checks that an instance without a passing probe is never ready and says why.
pub async fn what_never_answers_is_never_ready(subject: &dyn Subject) {
    let set = scaled(subject, 1, 1, Behaviour::NeverReady).await;
    let told = |all: &[InstanceStatus]| all.iter().all(|status| status.message.is_some()) && !all.is_empty();
    let seen = until(subject.target(), &set, "told why it is not ready", told).await;
    assert_eq!(seen.first().map(|status| status.phase), Some(InstancePhase::Starting), "{seen:#?}");
    subject.target().remove(&set).await.expect("removes");
    until_gone(subject.target(), &set).await;
}

/// Checks that ends in a row become a crash loop that says how they end, and that it is tried again.
pub async fn ends_in_a_row_are_a_crash_loop(subject: &dyn Subject) {
    let set = scaled(subject, 1, 1, Behaviour::Exits).await;
    let loops = |all: &[InstanceStatus]| all.iter().any(|s| matches!(s.phase, InstancePhase::CrashLoop { .. }));
    let seen = until(subject.target(), &set, "in a crash loop", loops).await;
    let status = seen.first().expect("there is one");
    let message = status.message.clone().unwrap_or_default();
    assert!(message.contains("exited with status 3"), "{message}");
    assert!(message.contains("no way"), "{message}");
    assert!(!status.is_ready() && status.restarts >= 2, "{status:#?}");
    let before = status.restarts;
    let again = |all: &[InstanceStatus]| all.iter().any(|status| status.restarts > before);
    until(subject.target(), &set, "started again", again).await;
    subject.target().remove(&set).await.expect("removes");
    until_gone(subject.target(), &set).await;
}

/// Checks that what ignores being told to stop is killed.
pub async fn what_ignores_its_end_is_killed(subject: &dyn Subject) {
    let set = scaled(subject, 1, 1, Behaviour::IgnoresTerm).await;
    until_ready(subject.target(), &set, 1).await;
    subject.target().remove(&set).await.expect("removes");
    let stopping = |all: &[InstanceStatus]| all.iter().all(|status| status.phase == InstancePhase::Stopping);
    until(subject.target(), &set, "stopping", stopping).await;
    until_gone(subject.target(), &set).await;
}

/// Checks that a log is read by its end, by position, in pieces, and after the instance has ended.
pub async fn logs_are_read_by_position(subject: &dyn Subject) {
    let set = scaled(subject, 1, 1, Behaviour::Writes).await;
    until_ready(subject.target(), &set, 1).await;
    let instance = InstanceId { set: set.clone(), index: 0 };
    let target = subject.target();
    let read = |from, tail_lines, max_bytes| {
        let instance = &instance;
        async move { target.logs(instance, LogQuery { from, tail_lines, max_bytes }).await.expect("reads") }
    };
    let end = read(None, 2, 10_000).await;
    assert_eq!(end.text, "line 99\nline 100\n");
    assert_eq!(read(Some(end.next), 0, 10_000).await.text, "");
    let (mut text, mut from) = (String::new(), Some(0));
    loop {
        let chunk = read(from, 0, 64).await;
        if chunk.text.is_empty() {
            break;
        }
        assert!(chunk.text.len() <= 64 && chunk.text.ends_with('\n'));
        text += &chunk.text;
        from = Some(chunk.next);
    }
    let expected: Vec<_> = (1..=100).map(|number| format!("line {number}")).collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    target.remove(&set).await.expect("removes");
    until_gone(target, &set).await;
    assert_eq!(read(None, 1, 10_000).await.text, "line 100\n");
    let nobody = InstanceId { set: set_id(99), index: 0 };
    let unknown = target.logs(&nobody, LogQuery { from: None, tail_lines: 1, max_bytes: 10 }).await;
    assert!(matches!(unknown, Err(TargetError::Unknown(_))), "{unknown:?}");
}
