//! Groups, full queues, and that nothing is acknowledged before it is durable.

use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;
use towpath_core::{experiments::RunSums, ids::EnvironmentName};

use super::*;
use crate::ports::{Exposure, RunId, SumsQuery, UnitHash};

/// Holds every write until it is let go, and remembers how many came at once.
#[derive(Default)]
struct Slow {
    go: Notify,
    groups: Mutex<Vec<usize>>,
    broken: bool,
}

#[async_trait]
impl ExperimentStore for Slow {
    async fn record(&self, gained: &[Gained]) -> Result<Vec<Taken>, ExperimentStoreError> {
        self.groups.lock().unwrap().push(gained.len());
        self.go.notified().await;
        if self.broken {
            Err(ExperimentStoreError::Storage("broken".into()))
        } else {
            Ok(vec![Taken::New; gained.len()])
        }
    }

    async fn sums(&self, _: &SumsQuery) -> Result<RunSums, ExperimentStoreError> {
        Ok(RunSums::default())
    }

    async fn erase(&self, _: &EnvironmentName, _: &UnitHash) -> Result<u64, ExperimentStoreError> {
        Ok(0)
    }

    async fn forget(&self, _: &EnvironmentName) -> Result<(), ExperimentStoreError> {
        Ok(())
    }

    async fn prune(&self, _: &EnvironmentName, _: Timestamp, _: &[RunId]) -> Result<u64, ExperimentStoreError> {
        Ok(0)
    }
}

fn some(count: usize) -> Vec<Gained> {
    let run = RunId { environment: "production".parse().unwrap(), experiment: "one".parse().unwrap(), run: 1 };
    let exposure = Exposure { run, unit: UnitHash([1; 16]), variant: 0, at: Timestamp::UNIX_EPOCH };
    vec![Gained::Exposure(exposure); count]
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_comes_while_something_is_written_is_written_together_and_answered_apart() {
    let store = Arc::new(Slow::default());
    let intake = Intake::start(store.clone(), Limits { waiting: 100, group: 5 });
    let tasks: Vec<_> = [3, 2, 2, 4]
        .into_iter()
        .map(|count| {
            let intake = intake.clone();
            tokio::spawn(async move { intake.submit(some(count)).await.unwrap().len() })
        })
        .collect();
    settle().await;
    let mut answers = Vec::new();
    for task in tasks {
        while !task.is_finished() {
            store.go.notify_one();
            settle().await;
        }
        answers.push(task.await.unwrap());
    }
    assert_eq!(answers, [3, 2, 2, 4]);
    let groups = store.groups.lock().unwrap().clone();
    assert_eq!(groups.iter().sum::<usize>(), 11);
    assert!(groups.iter().all(|group| *group <= 5) && groups.len() < 4, "{groups:?}");
    assert_eq!(intake.written(), 11);
}

#[tokio::test]
async fn where_no_room_is_left_senders_are_told_at_once_and_room_comes_back() {
    let store = Arc::new(Slow::default());
    let intake = Intake::start(store.clone(), Limits { waiting: 10, group: 5 });
    let first = tokio::spawn({
        let intake = intake.clone();
        async move { intake.submit(some(8)).await }
    });
    settle().await;
    assert!(matches!(intake.submit(some(3)).await, Err(IntakeError::Busy { .. })));
    store.go.notify_one();
    assert_eq!(first.await.unwrap().unwrap().len(), 8);
    store.go.notify_one();
    assert_eq!(intake.submit(some(10)).await.unwrap().len(), 10);
}

#[tokio::test]
async fn nothing_is_acknowledged_that_could_not_be_written() {
    let store = Arc::new(Slow { broken: true, ..Slow::default() });
    let intake = Intake::start(store.clone(), Limits::default());
    store.go.notify_one();
    assert!(matches!(intake.submit(some(1)).await, Err(IntakeError::Store(_))));
    assert_eq!(intake.submit(Vec::new()).await.unwrap(), []);
}
