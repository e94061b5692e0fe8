//! Writing down what was counted: every few seconds, when somebody looks, and when the server stops.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use towpath_core::{
    flags::{FlagKey, Reason},
    ids::EnvironmentName,
};
use towpath_engine::ports::{EvaluationCount, Evaluations, SampleError};

use super::ready::Evaluating;
use crate::app::App;

/// How often counts are written down.
const EVERY: Duration = Duration::from_secs(5);
/// After this long without an evaluation counts are forgotten.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How often those are looked for.
const SWEEP: SignedDuration = SignedDuration::from_hours(24);

/// Counts on their way to the store.
pub(crate) struct Counts {
    store: Option<Arc<dyn Evaluations>>,
    waiting: Mutex<Waiting>,
}

type Place = (FlagKey, Option<String>, &'static str, bool);

/// What was counted and could not be written down yet. As many as there are flags, variants and reasons.
#[derive(Default)]
struct Waiting {
    counts: BTreeMap<EnvironmentName, BTreeMap<Place, EvaluationCount>>,
    since: Option<Timestamp>,
    swept: Option<Timestamp>,
}

impl Counts {
    pub(crate) fn new(store: Option<Arc<dyn Evaluations>>) -> Self {
        Self { store, waiting: Mutex::default() }
    }

    /// Returns what was counted in an environment, up to now.
    pub(crate) async fn list(
        &self,
        evaluating: &Evaluating,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<Vec<EvaluationCount>, SampleError> {
        self.flush(evaluating, now).await?;
        match &self.store {
            Some(store) => store.list(environment).await,
            None => Ok(Vec::new()),
        }
    }

    /// Writes down what was counted since the last time. What cannot be written waits for the next time.
    pub(crate) async fn flush(&self, evaluating: &Evaluating, now: Timestamp) -> Result<(), SampleError> {
        let mut waiting = self.waiting.lock().await;
        let since = waiting.since.replace(now).unwrap_or(now);
        for ready in evaluating.counting() {
            let counts = waiting.counts.entry(ready.environment.clone()).or_default();
            for tally in ready.take() {
                let reason = Reason::as_str(tally.reason);
                let variant = tally.variant.map(str::to_owned);
                let place = (tally.flag.clone(), variant.clone(), reason, tally.bulk);
                let count = counts.entry(place).or_insert_with(|| EvaluationCount {
                    flag: tally.flag.clone(),
                    variant,
                    reason: reason.to_owned(),
                    bulk: tally.bulk,
                    count: 0,
                    first: since,
                    last: now,
                });
                count.count += tally.count;
                count.last = now;
            }
        }
        waiting.counts.retain(|_, counts| !counts.is_empty());
        let Some(store) = &self.store else {
            waiting.counts.clear();
            return Ok(());
        };
        while let Some((environment, counts)) = waiting.counts.first_key_value() {
            let counts: Vec<EvaluationCount> = counts.values().cloned().collect();
            store.add(environment, &counts).await?;
            waiting.counts.pop_first();
        }
        Ok(())
    }

    /// Forgets what nobody needs: of environments that are gone, and of flags that were long not evaluated.
    async fn sweep(&self, app: &App, now: Timestamp) -> Result<(), SampleError> {
        let world = app.engine.world();
        let gone = app.evaluating.retain(|environment| world.policy(environment).is_some());
        let Some(store) = &self.store else { return Ok(()) };
        for environment in gone {
            store.forget(&environment).await?;
        }
        let mut waiting = self.waiting.lock().await;
        if waiting.swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP) {
            store.forget_before(now.checked_sub(KEPT).unwrap_or(Timestamp::MIN)).await?;
            waiting.swept = Some(now);
        }
        Ok(())
    }
}

/// Writes counts down until the server stops, and then once more.
pub(crate) async fn keep(app: Arc<App>) {
    loop {
        let stopping = tokio::time::timeout(EVERY, app.stopping.cancelled()).await.is_ok();
        if stopping {
            break;
        }
        write_down(&app).await;
    }
}

/// Writes counts down; what fails is told and tried again.
pub(crate) async fn write_down(app: &App) {
    let now = app.engine.now();
    let written = app.counts.flush(&app.evaluating, now).await;
    let swept = if written.is_ok() { app.counts.sweep(app, now).await } else { Ok(()) };
    if let Err(error) = written.and(swept) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "counts of evaluations wait: they cannot be written down"
        );
    }
}
