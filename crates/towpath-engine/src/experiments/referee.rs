//! Looking at running experiments again and again: what does harm is stopped, what was changed under it is written down, what is
//! old is deleted.
//!
//! It turns beside the control loop, since adding up many units takes its time.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use towpath_core::{
    experiments::{ExperimentChange, Run, SampleRatioRule, StopCause, mismatch, spoils, statistics::Decision},
    ids::{EnvironmentName, ExperimentName},
    world::World,
};

use super::{ExperimentError, Experiments, accept::OLDEST};
use crate::ports::RunId;

/// How long between two looks at least, and how much longer than a look took.
const PAUSE: Duration = Duration::from_secs(1);
const LONGER: u32 = 20;
/// How often what is old is deleted.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// What is remembered between two looks. All of it may be lost.
#[derive(Default)]
struct Memory {
    /// How much was written when a run was added up last.
    looked: BTreeMap<RunId, u64>,
    pruned: Option<Timestamp>,
}

impl Experiments {
    /// Looks until `stop` resolves.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut memory = Memory::default();
        loop {
            let began = tokio::time::Instant::now();
            if let Err(error) = self.look(&mut memory).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "experiments cannot be looked at");
            }
            let pause = PAUSE.max(began.elapsed().saturating_mul(LONGER));
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Looks at everything once, however little has changed.
    pub async fn turn(&self) -> Result<(), ExperimentError> {
        self.look(&mut Memory::default()).await
    }

    async fn look(&self, memory: &mut Memory) -> Result<(), ExperimentError> {
        self.watch();
        let world = self.engine.world();
        for (environment, state) in world.environments.iter().filter(|(_, state)| state.destroying.is_none()) {
            for (experiment, run) in state.experiments.running() {
                self.look_at(memory, environment, experiment, run).await?;
            }
        }
        let now = self.engine.now();
        if memory.pruned.is_none_or(|pruned| now.duration_since(pruned) >= PRUNE_EVERY) {
            self.prune(&world, now).await?;
            memory.pruned = Some(now);
        }
        Ok(())
    }

    async fn look_at(
        &self,
        memory: &mut Memory,
        environment: &EnvironmentName,
        experiment: &ExperimentName,
        run: &Run,
    ) -> Result<(), ExperimentError> {
        let served = self.engine.flags().served(environment);
        let spoiled = served.and_then(|served| spoils(&run.pinned, &run.definition.flag, &served.document));
        if let Some(what) = spoiled.filter(|_| run.altered.is_none()) {
            let change = ExperimentChange::Alter { run: run.number, what };
            self.report(environment, experiment, change).await?;
        }
        let id = RunId { environment: environment.clone(), experiment: experiment.clone(), run: run.number };
        let written = self.intake.written();
        if memory.looked.get(&id) == Some(&written) {
            return Ok(());
        }
        let Some(results) = self.results(environment, experiment, Some(run.number)).await? else { return Ok(()) };
        memory.looked.insert(id, written);
        let verdict = &results.analysis.verdict;
        let cause = if verdict.decision == Decision::Stop {
            let reason = verdict.reasons.first();
            Some(StopCause::Guardrail {
                metric: reason.and_then(|reason| reason.metric.clone()).unwrap_or_default(),
                variant: reason.and_then(|reason| reason.variant.clone()).unwrap_or_default(),
                evidence: reason.map(|reason| reason.text.clone()).unwrap_or_default(),
            })
        } else if run.definition.on_sample_ratio == SampleRatioRule::Stop {
            mismatch(&results.analysis).map(|evidence| StopCause::SampleRatio { evidence: evidence.to_owned() })
        } else {
            None
        };
        if let Some(cause) = cause {
            tracing::warn!(%environment, %experiment, cause = cause.words(), "an experiment is stopped");
            self.report(environment, experiment, ExperimentChange::Stop { run: Some(run.number), cause }).await?;
            self.watch();
        }
        Ok(())
    }

    async fn report(
        &self,
        environment: &EnvironmentName,
        experiment: &ExperimentName,
        change: ExperimentChange,
    ) -> Result<(), ExperimentError> {
        self.submit((&self.me, "experiments"), environment, experiment, change, None).await?;
        Ok(())
    }

    /// Deletes what no running experiment and none that ended lately needs.
    async fn prune(&self, world: &World, now: Timestamp) -> Result<(), ExperimentError> {
        let old = now.checked_sub(OLDEST).unwrap_or(Timestamp::MIN);
        for (environment, state) in &world.environments {
            let mut keep_from = old;
            let mut gone = Vec::new();
            for (experiment, run) in
                state.experiments.runs.iter().flat_map(|(name, runs)| runs.iter().map(move |run| (name, run)))
            {
                if run.ended_at().is_some_and(|ended| ended < old) {
                    gone.push(RunId {
                        environment: environment.clone(),
                        experiment: experiment.clone(),
                        run: run.number,
                    });
                } else {
                    // What units did before they were exposed is needed as long as the run is.
                    let window = SignedDuration::from_millis(
                        run.definition.cuped.map_or(0, |it| i64::try_from(it.0).unwrap_or(0)),
                    );
                    keep_from = keep_from.min(run.started_at.checked_sub(window).unwrap_or(run.started_at));
                }
            }
            if !state.experiments.runs.is_empty() {
                self.store.prune(environment, keep_from, &gone).await?;
            }
        }
        Ok(())
    }
}
