//! A fake of the sample port: a list.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use towpath_core::{ids::EnvironmentName, traffic::Counts};
use towpath_engine::ports::{
    DELETED_AFTER, HOURS_AFTER, MINUTES_AFTER, Sample, SampleError, SampleWindow, Samples, span_end,
};

/// Samples in memory.
#[derive(Debug, Default)]
pub struct MemorySamples {
    samples: Mutex<Vec<Sample>>,
}

impl MemorySamples {
    fn lock(&self) -> MutexGuard<'_, Vec<Sample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Samples for MemorySamples {
    async fn record(&self, samples: &[Sample]) -> Result<(), SampleError> {
        self.lock().extend_from_slice(samples);
        Ok(())
    }

    async fn sum(&self, window: &SampleWindow) -> Result<Counts, SampleError> {
        let mut total = Counts::default();
        for sample in self.lock().iter().filter(|sample| window.contains(sample)) {
            total.add(&sample.counts);
        }
        Ok(total)
    }

    async fn list(&self, window: &SampleWindow) -> Result<Vec<Sample>, SampleError> {
        let mut found: Vec<_> = self.lock().iter().filter(|sample| window.contains(sample)).cloned().collect();
        found.sort_by_key(|sample| sample.to);
        Ok(found)
    }

    async fn forget(&self, environment: &EnvironmentName) -> Result<(), SampleError> {
        self.lock().retain(|sample| sample.route.environment != *environment);
        Ok(())
    }

    async fn roll_up(&self, now: Timestamp) -> Result<(), SampleError> {
        let mut samples = self.lock();
        merge(&mut samples, 60, now, MINUTES_AFTER);
        merge(&mut samples, 3600, now, HOURS_AFTER);
        samples.retain(|sample| now.duration_since(sample.to) < DELETED_AFTER);
        Ok(())
    }
}

fn merge(samples: &mut Vec<Sample>, length: i64, now: Timestamp, age: SignedDuration) {
    let mut merged = BTreeMap::new();
    samples.retain(|sample| {
        let end = span_end(sample.to, length);
        if now.duration_since(end) < age {
            return true;
        }
        let start = end.checked_sub(SignedDuration::from_secs(length)).unwrap_or(end);
        let (from, counts) =
            merged.entry((sample.route.clone(), sample.revision, end)).or_insert_with(|| (start, Counts::default()));
        *from = (*from).min(sample.from);
        counts.add(&sample.counts);
        false
    });
    samples.extend(merged.into_iter().map(|((route, revision, to), (from, counts))| Sample {
        route,
        revision,
        from,
        to,
        counts,
    }));
}
