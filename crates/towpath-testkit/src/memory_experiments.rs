//! Exposures and events in memory: what the port means, written as plainly as can be.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use towpath_core::{
    experiments::{MetricSums, RunSums, VariantSums},
    ids::EnvironmentName,
    units::Millis,
};
use towpath_engine::ports::{
    EventHash, ExperimentStore, ExperimentStoreError, Gained, MetricQuery, RunId, SumsQuery, Taken, UnitHash, UnitValue,
};

/// Exposures and events in memory.
#[derive(Debug, Default)]
pub struct MemoryExperiments {
    kept: Mutex<Kept>,
}

type EventKey = (EnvironmentName, String, UnitHash, EventHash);

#[derive(Debug, Default)]
struct Kept {
    exposures: BTreeMap<(RunId, UnitHash), Exposed>,
    events: BTreeMap<EventKey, (Timestamp, Option<f64>)>,
}

#[derive(Debug, Clone, Copy)]
struct Exposed {
    variant: u8,
    at: Timestamp,
    mixed: bool,
}

impl MemoryExperiments {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn take(&mut self, gained: &Gained) -> Taken {
        match gained {
            Gained::Exposure(exposure) => {
                let key = (exposure.run.clone(), exposure.unit);
                let new = Exposed { variant: exposure.variant, at: exposure.at, mixed: false };
                let Some(known) = self.exposures.get_mut(&key) else {
                    self.exposures.insert(key, new);
                    return Taken::New;
                };
                known.at = known.at.min(new.at);
                let tells = known.variant != new.variant && !known.mixed;
                known.mixed |= tells;
                if tells { Taken::New } else { Taken::Known }
            }
            Gained::Event(event) => {
                let key = (event.environment.clone(), event.event.clone(), event.unit, event.id);
                if self.events.contains_key(&key) {
                    return Taken::Known;
                }
                self.events.insert(key, (event.at, event.value));
                Taken::New
            }
        }
    }

    fn add_up(&self, query: &SumsQuery) -> RunSums {
        let empty = VariantSums { units: 0, metrics: vec![MetricSums::default(); query.metrics.len()] };
        let mut sums = RunSums { variants: vec![empty; query.variants], mixed: 0 };
        let of_run = self.exposures.iter().filter(|((run, _), it)| *run == query.run && it.at < query.until);
        for ((_, unit), exposed) in of_run {
            let Some(variant) = sums.variants.get_mut(usize::from(exposed.variant)).filter(|_| !exposed.mixed) else {
                sums.mixed += u64::from(exposed.mixed);
                continue;
            };
            variant.units += 1;
            for (metric, sums) in query.metrics.iter().zip(&mut variant.metrics) {
                let until = metric.within.map_or(query.until, |within| query.until.min(later(exposed.at, within)));
                let after = (exposed.at, until);
                let before = query.window.map(|window| (earlier(exposed.at, window), exposed.at));
                let capped = |value: f64| metric.cap.map_or(value, |cap| value.min(cap));
                let one = |span| capped(self.of_unit(query, metric, unit, span));
                let denominator = metric.per.as_ref().map(|per| self.sum(query, per, unit, after, 1.0));
                sums.add(one(after), denominator.unwrap_or(0.0), before.map_or(0.0, one));
            }
        }
        sums
    }

    fn of_unit(&self, query: &SumsQuery, metric: &MetricQuery, unit: &UnitHash, span: (Timestamp, Timestamp)) -> f64 {
        let count = || self.of(query, &metric.event, unit, span).fold(0.0_f64, |count, _| count + 1.0);
        match metric.of {
            UnitValue::Any => count().min(1.0),
            UnitValue::Count => count(),
            UnitValue::Sum => self.sum(query, &metric.event, unit, span, metric.value),
        }
    }

    fn sum(&self, query: &SumsQuery, event: &str, unit: &UnitHash, span: (Timestamp, Timestamp), usual: f64) -> f64 {
        self.of(query, event, unit, span).map(|value| value.unwrap_or(usual)).sum()
    }

    fn of(
        &self,
        query: &SumsQuery,
        event: &str,
        unit: &UnitHash,
        (from, until): (Timestamp, Timestamp),
    ) -> impl Iterator<Item = Option<f64>> {
        let ours = move |key: &EventKey| key.0 == query.run.environment && key.1 == event && key.2 == *unit;
        let found = self.events.iter().filter(move |(key, (at, _))| ours(key) && *at >= from && *at < until);
        found.map(|(_, (_, value))| *value)
    }
}

fn later(at: Timestamp, by: Millis) -> Timestamp {
    at.checked_add(std::time::Duration::from_millis(by.0)).unwrap_or(Timestamp::MAX)
}

fn earlier(at: Timestamp, by: Millis) -> Timestamp {
    at.checked_sub(std::time::Duration::from_millis(by.0)).unwrap_or(Timestamp::MIN)
}

#[async_trait]
impl ExperimentStore for MemoryExperiments {
    async fn record(&self, gained: &[Gained]) -> Result<Vec<Taken>, ExperimentStoreError> {
        let mut kept = self.kept();
        Ok(gained.iter().map(|gained| kept.take(gained)).collect())
    }

    async fn sums(&self, query: &SumsQuery) -> Result<RunSums, ExperimentStoreError> {
        Ok(self.kept().add_up(query))
    }

    async fn erase(&self, environment: &EnvironmentName, unit: &UnitHash) -> Result<u64, ExperimentStoreError> {
        let mut kept = self.kept();
        let before = kept.exposures.len() + kept.events.len();
        kept.exposures.retain(|(run, of), _| run.environment != *environment || of != unit);
        kept.events.retain(|key, _| key.0 != *environment || key.2 != *unit);
        Ok((before - kept.exposures.len() - kept.events.len()) as u64)
    }

    async fn forget(&self, environment: &EnvironmentName) -> Result<(), ExperimentStoreError> {
        let mut kept = self.kept();
        kept.exposures.retain(|(run, _), _| run.environment != *environment);
        kept.events.retain(|key, _| key.0 != *environment);
        Ok(())
    }

    async fn prune(
        &self,
        environment: &EnvironmentName,
        events_before: Timestamp,
        runs: &[RunId],
    ) -> Result<u64, ExperimentStoreError> {
        let mut kept = self.kept();
        let before = kept.exposures.len() + kept.events.len();
        kept.exposures.retain(|(run, _), _| !runs.contains(run));
        kept.events.retain(|key, (at, _)| key.0 != *environment || *at >= events_before);
        Ok((before - kept.exposures.len() - kept.events.len()) as u64)
    }
}
