//! A fake of the port of evaluation counts: a map.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use towpath_core::{flags::FlagKey, ids::EnvironmentName};
use towpath_engine::ports::{EvaluationCount, Evaluations, SampleError};

type Place = (EnvironmentName, FlagKey, Option<String>, String, bool);

/// Evaluation counts in memory.
#[derive(Debug, Default)]
pub struct MemoryEvaluations {
    counts: Mutex<BTreeMap<Place, EvaluationCount>>,
}

impl MemoryEvaluations {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, EvaluationCount>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Evaluations for MemoryEvaluations {
    async fn add(&self, environment: &EnvironmentName, counts: &[EvaluationCount]) -> Result<(), SampleError> {
        let mut all = self.lock();
        for count in counts {
            let (flag, variant, reason) = (count.flag.clone(), count.variant.clone(), count.reason.clone());
            let place = (environment.clone(), flag, variant, reason, count.bulk);
            all.entry(place)
                .and_modify(|sum| {
                    sum.count += count.count;
                    sum.first = sum.first.min(count.first);
                    sum.last = sum.last.max(count.last);
                })
                .or_insert_with(|| count.clone());
        }
        Ok(())
    }

    async fn list(&self, environment: &EnvironmentName) -> Result<Vec<EvaluationCount>, SampleError> {
        let all = self.lock();
        Ok(all.iter().filter(|(place, _)| place.0 == *environment).map(|(_, count)| count.clone()).collect())
    }

    async fn forget_before(&self, moment: Timestamp) -> Result<(), SampleError> {
        self.lock().retain(|_, count| count.last >= moment);
        Ok(())
    }

    async fn forget(&self, environment: &EnvironmentName) -> Result<(), SampleError> {
        self.lock().retain(|place, _| place.0 != *environment);
        Ok(())
    }
}
