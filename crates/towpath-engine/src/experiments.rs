//! Experiments while they run: taking in what applications report, counting what is served, adding up, stopping what does harm.
//!
//! What is measured never goes through the ledger; that an experiment began and ended does. Units are hashed here, before
//! anything else sees them, and nothing that is logged or kept names one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use towpath_core::{
    command::Command,
    config::{Bundle, BundleError},
    experiments::{
        DeclaredExperiments, ExperimentChange, ExperimentCommand, ExperimentDefinition, MetricKind, Run, RunSums,
        StopCause, blocked, judge, pin, read_experiments, statistics::Analysis,
    },
    ids::{Digest, EnvironmentName, ExperimentName, PrincipalName},
    refusal::{Refusal, RefusalCode},
    world::World,
};
use towpath_secrets::keyed::DigestKey;

use crate::{
    Done, Engine, SubmitError,
    ports::{BlobError, ExperimentStore, ExperimentStoreError, MetricQuery, RunId, SumsQuery, UnitHash, UnitValue},
};

mod accept;
mod intake;
mod referee;
mod served;

pub use accept::{Known, MAX_ITEMS, Refused, ReportedEvent, ReportedExposure};
pub use intake::{Intake, IntakeError, Limits};
pub use served::{ServedExposures, Watched};

/// How many bundles are remembered.
const REMEMBERED: usize = 16;

/// Why something could not be done with an experiment.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// A rule says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be written down.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The bundle with the definitions is not there.
    #[error("the files of experiments cannot be read")]
    Blob(#[from] BlobError),
    /// It is no bundle.
    #[error("the bundle with the files of experiments is damaged")]
    Bundle(#[from] BundleError),
    /// What was counted cannot be read or erased.
    #[error(transparent)]
    Store(#[from] ExperimentStoreError),
}

/// What was counted of a run, and what it says.
#[derive(Debug, Clone)]
pub struct Results {
    /// The run.
    pub run: Arc<Run>,
    /// When it was looked at.
    pub at: Timestamp,
    /// What was counted.
    pub sums: RunSums,
    /// What that says.
    pub analysis: Analysis,
    /// Why nothing may be concluded, if so.
    pub blocked: Option<String>,
    /// Served evaluations that were not counted since the server started, because more came than could be written.
    pub dropped: u64,
}

/// Experiments while they run.
pub struct Experiments {
    engine: Arc<Engine>,
    store: Arc<dyn ExperimentStore>,
    key: DigestKey,
    intake: Intake,
    served: Arc<ServedExposures>,
    declared: Mutex<BTreeMap<Digest, Arc<DeclaredExperiments>>>,
    known: Mutex<BTreeMap<EnvironmentName, (u64, Arc<Known>)>>,
    me: PrincipalName,
}

impl Experiments {
    /// Starts the writer. Needs a Tokio runtime. The key must be the same after every start, or every unit would be another.
    pub fn new(engine: Arc<Engine>, key: DigestKey, limits: Limits) -> Arc<Self> {
        let store = Arc::clone(&engine.ports().experiments);
        let intake = Intake::start(Arc::clone(&store), limits);
        let served = ServedExposures::start(intake.clone(), key.clone());
        Arc::new(Self {
            engine,
            store,
            key,
            intake,
            served,
            declared: Mutex::default(),
            known: Mutex::default(),
            me: PrincipalName::control_plane(),
        })
    }

    /// Returns what takes in what is reported.
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Returns what counts evaluations as exposures.
    pub fn served(&self) -> &Arc<ServedExposures> {
        &self.served
    }

    /// Returns a unit as it is kept.
    pub fn unit(&self, environment: &EnvironmentName, unit: &str) -> UnitHash {
        accept::unit(&self.key, environment, unit)
    }

    /// Returns the experiments that the files of what an environment runs declare. What is wrong in them is left out.
    pub async fn declared(
        &self,
        world: &World,
        environment: &EnvironmentName,
    ) -> Result<Arc<DeclaredExperiments>, ExperimentError> {
        let Some(bundle) = world.flag_basis(environment).bundle else { return Ok(Arc::default()) };
        if let Some(known) = lock(&self.declared).get(&bundle) {
            return Ok(Arc::clone(known));
        }
        let bytes = self.engine.ports().blobs.get(&bundle).await?;
        let (declared, _) = read_experiments(&Bundle::from_bytes(&bytes)?.to_sources());
        let declared = Arc::new(declared);
        let mut all = lock(&self.declared);
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(bundle, Arc::clone(&declared));
        Ok(declared)
    }

    /// Returns what can be reported in an environment now.
    pub async fn known(&self, environment: &EnvironmentName) -> Result<Arc<Known>, ExperimentError> {
        let world = self.engine.world();
        if let Some((size, known)) = lock(&self.known).get(environment)
            && *size == world.size
        {
            return Ok(Arc::clone(known));
        }
        let declared = self.declared(&world, environment).await?;
        let known = Arc::new(Known::new(environment, world.experiments(environment).map(AsRef::as_ref), &declared));
        lock(&self.known).insert(environment.clone(), (world.size, Arc::clone(&known)));
        Ok(known)
    }

    /// Turns what was reported into what is kept.
    pub fn key(&self) -> &DigestKey {
        &self.key
    }

    /// Returns an experiment as it is declared, with the control and every treatment named, or why it cannot be started.
    pub async fn startable(
        &self,
        environment: &EnvironmentName,
        experiment: &ExperimentName,
    ) -> Result<(ExperimentDefinition, towpath_core::experiments::Pinned), ExperimentError> {
        let world = self.engine.world();
        let declared = self.declared(&world, environment).await?;
        let Some(definition) = declared.get(experiment) else {
            let known: Vec<&str> = declared.keys().map(ExperimentName::as_str).collect();
            let message = format!("no experiment `{experiment}` is declared in what {environment} runs");
            let next = if known.is_empty() {
                "declare it in `flags/experiments/` and make a release".to_owned()
            } else {
                format!("one of: {}; what is new needs a release", known.join(", "))
            };
            return Err(Refusal::new(RefusalCode::NotFound, message).next(next).into());
        };
        let served = self.engine.flags().served(environment).unwrap_or_default();
        let pinned = pin(&definition.value, &served.document);
        Ok(pinned.map_err(|unfit| {
            let message = format!("`{experiment}` cannot start in {environment}: {unfit}");
            Refusal::new(RefusalCode::Invalid, message)
                .next(format!("towpath flags show {environment} {}", definition.value.flag))
        })?)
    }

    /// Starts an experiment as it is declared.
    pub async fn start(
        &self,
        who: (&PrincipalName, &str),
        environment: &EnvironmentName,
        experiment: &ExperimentName,
        reason: Option<String>,
    ) -> Result<Done, ExperimentError> {
        let (definition, pinned) = self.startable(environment, experiment).await?;
        let change = ExperimentChange::Start { definition: Box::new(definition), pinned };
        let done = self.submit(who, environment, experiment, change, reason).await?;
        self.watch();
        Ok(done)
    }

    /// Ends an experiment without a decision.
    pub async fn stop(
        &self,
        who: (&PrincipalName, &str),
        environment: &EnvironmentName,
        experiment: &ExperimentName,
        reason: Option<String>,
    ) -> Result<Done, ExperimentError> {
        let change = ExperimentChange::Stop { run: None, cause: StopCause::Person };
        let done = self.submit(who, environment, experiment, change, reason).await?;
        self.watch();
        Ok(done)
    }

    /// Ends an experiment with a decision.
    pub async fn decide(
        &self,
        who: (&PrincipalName, &str),
        environment: &EnvironmentName,
        experiment: &ExperimentName,
        (variant, force): (String, bool),
        reason: Option<String>,
    ) -> Result<Done, ExperimentError> {
        let results = self.results(environment, experiment, None).await?;
        let summary = results.as_ref().map(|results| {
            let reasons = results.analysis.verdict.reasons.iter().map(|reason| reason.text.as_str());
            reasons.collect::<Vec<_>>().join("; ")
        });
        let blocked = results.and_then(|results| results.blocked);
        let change = ExperimentChange::Decide { variant, blocked, force, summary };
        let done = self.submit(who, environment, experiment, change, reason).await?;
        self.watch();
        Ok(done)
    }

    /// Adds up a run and judges it; without a number the last one. `None` if there is no such run.
    pub async fn results(
        &self,
        environment: &EnvironmentName,
        experiment: &ExperimentName,
        number: Option<u32>,
    ) -> Result<Option<Results>, ExperimentError> {
        let world = self.engine.world();
        let run = world.experiments(environment).and_then(|experiments| match number {
            Some(number) => experiments.run(experiment, number),
            None => experiments.latest(experiment),
        });
        let Some(run) = run.cloned() else { return Ok(None) };
        let id = RunId { environment: environment.clone(), experiment: experiment.clone(), run: run.number };
        let at = self.engine.now();
        let sums = self.store.sums(&query(&run, id.clone(), at)).await?;
        let analysis = judge(&run.definition, &run.pinned, &sums);
        let blocked = blocked(&analysis, run.altered.as_ref().map(|(_, what)| what.as_str()));
        let dropped = self.served.dropped(&id);
        Ok(Some(Results { run, at, sums, analysis, blocked, dropped }))
    }

    /// Deletes everything of a unit in an environment and says how many rows that were.
    pub async fn erase(&self, environment: &EnvironmentName, unit: &str) -> Result<u64, ExperimentError> {
        Ok(self.store.erase(environment, &self.unit(environment, unit)).await?)
    }

    /// Counts evaluations of the flags that are in experiments from now on.
    pub fn watch(&self) {
        self.served.watch(&self.engine.world());
    }

    async fn submit(
        &self,
        (who, cause): (&PrincipalName, &str),
        environment: &EnvironmentName,
        experiment: &ExperimentName,
        change: ExperimentChange,
        reason: Option<String>,
    ) -> Result<Done, ExperimentError> {
        let (environment, experiment) = (environment.clone(), experiment.clone());
        let command = ExperimentCommand { environment, experiment, change, reason };
        match self.engine.submit(who, Command::Experiment(Box::new(command)), cause).await {
            Ok(done) => Ok(done),
            Err(SubmitError::Refused(refusal)) => Err(refusal.into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns what to add up of a run.
fn query(run: &Run, id: RunId, now: Timestamp) -> SumsQuery {
    let metrics = run.definition.metrics.iter().map(|metric| MetricQuery {
        event: metric.event.clone(),
        per: metric.per.clone(),
        of: match metric.kind {
            MetricKind::Proportion => UnitValue::Any,
            MetricKind::Count => UnitValue::Count,
            MetricKind::Mean | MetricKind::Ratio => UnitValue::Sum,
        },
        value: metric.value,
        cap: metric.cap,
        within: metric.within,
    });
    SumsQuery {
        run: id,
        variants: run.pinned.arms.len(),
        // What is from this very moment counts too.
        until: run.ended_at().unwrap_or_else(|| now.checked_add(accept::SKEW).unwrap_or(now)),
        window: run.definition.cuped,
        metrics: metrics.collect(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
