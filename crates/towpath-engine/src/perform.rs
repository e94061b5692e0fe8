//! Performing: one action of a plan at a time. An action that fails is planned again at the next turn.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use towpath_core::{
    analysis::{Behind, measure_behind},
    command::{Command, Happened, Report},
    deployment::AnalysisSpec,
    ids::{EnvironmentName, PromotionNumber, ReleaseNumber, Revision},
    instance::{Environment, InstanceSet, SetId},
    plan::Action,
    refusal::RefusalCode,
    rollout::{Deployment, Observation, Step},
    secrets::{SecretPin, template},
    traffic::{Counts, RouteId, RouteTable},
    units::{Millis, Percent},
    world::World,
};

use crate::{
    engine::{Engine, Memory},
    ports::{ResolveError, SampleError, SampleWindow, SourceError, TargetError},
    waits::What,
    writer::SubmitError,
};

/// How long to wait before an address that is taken is asked for again.
const TRY_AGAIN: SignedDuration = SignedDuration::from_secs(5);

impl Engine {
    /// Performs an action; says whether something was written down.
    pub(crate) async fn perform(
        &self,
        world: &World,
        observation: &Observation,
        memory: &mut Memory,
        action: Action,
    ) -> bool {
        match action {
            Action::Route(table) => {
                self.route(memory, table).await;
                true
            }
            Action::Scale { set, replicas } => {
                self.scale(world, memory, set, replicas).await;
                true
            }
            Action::Report(report) => self.report(report).await,
            Action::Measure { revision, step, from, to } => {
                memory.sampler.flush(&self.ports, to, true).await;
                self.measure(world, revision, step, (from, to)).await
            }
            Action::Verify { revision, step } => {
                if let Some(deployment) = world.deployments.get(&revision) {
                    self.verify(memory, deployment, step, observation);
                }
                false
            }
            Action::RequestPromotion { environment, release } => {
                self.request_promotion(world, memory, environment, release).await
            }
            Action::StartDeployment { promotion } => self.start_deployment(world, memory, promotion).await,
            Action::Expire { environment } => self.expire(&environment).await,
            Action::CleanUp { environment } => self.clean_up(world, memory, &environment).await,
        }
    }

    async fn route(&self, memory: &mut Memory, table: RouteTable) {
        match self.ports.traffic.apply(&table).await {
            Ok(()) => {
                memory.routes = table;
                memory.doubtful_routes = None;
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "it is not known whether the routing was applied"
                );
                memory.doubtful_routes = Some(table);
            }
        }
    }

    /// Tells which routes cannot be reached, once for each reason, and tries them again: whoever holds their address may be
    /// gone, and nothing else would ever ask for it.
    pub(crate) async fn look_after_routes(&self, memory: &mut Memory, now: Timestamp) {
        let routes = self.ports.traffic.status().routes;
        let unheard: BTreeMap<String, String> =
            routes.into_iter().filter_map(|(id, status)| Some((id, status.error?))).collect();
        for (id, reason) in unheard.iter().filter(|(id, reason)| memory.unheard.get(*id) != Some(*reason)) {
            tracing::warn!(route = id.as_str(), reason, "a service cannot be reached");
        }
        for id in memory.unheard.keys().filter(|id| !unheard.contains_key(*id)) {
            tracing::info!(route = id.as_str(), "the service can be reached now");
        }
        let due = memory.tried_again.is_none_or(|at| now.duration_since(at) >= TRY_AGAIN);
        if !unheard.is_empty() && due && memory.doubtful_routes.is_none() {
            memory.tried_again = Some(now);
            self.route(memory, memory.routes.clone()).await;
        }
        memory.unheard = unheard;
    }

    async fn scale(&self, world: &World, memory: &mut Memory, set: SetId, replicas: u32) {
        let result = if replicas == 0 {
            self.ports.target.remove(&set).await
        } else {
            let what = What::Scale(set.clone(), replicas);
            if memory.waits.holds(&what, self.now()) {
                return;
            }
            match self.instance_set(world, &set, replicas).await {
                Ok(declared) => {
                    memory.waits.succeeded(&what);
                    self.ports.target.scale(&declared).await
                }
                Err(error) => {
                    memory.waits.failed(what, self.now());
                    Err(error)
                }
            }
        };
        match result {
            Ok(()) => {
                memory.cannot_start.remove(&set);
                memory.declared.insert(set, replicas);
            }
            Err(TargetError::CannotStart { reason, source, .. }) => {
                let cause = source.map(|source| format!(": {source}")).unwrap_or_default();
                memory.cannot_start.insert(set, format!("{reason}{cause}"));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, %set, "scaling failed; it is tried again");
            }
        }
    }

    async fn instance_set(&self, world: &World, set: &SetId, replicas: u32) -> Result<InstanceSet, TargetError> {
        let cannot = |reason: String| TargetError::CannotStart { set: set.clone(), reason, source: None };
        let deployment = world.deployments.get(&set.revision);
        let deployment = deployment.ok_or_else(|| cannot("the revision is not known".to_owned()))?;
        let spec = deployment.spec.services.get(&set.service);
        let spec = spec.ok_or_else(|| cannot("the revision has no such service".to_owned()))?;
        let blob = self.ports.blobs.get(&spec.environment).await;
        let blob = blob.map_err(|error| cannot(format!("its environment cannot be read: {error}")))?;
        let variables: BTreeMap<String, String> =
            serde_json::from_slice(&blob).map_err(|_| cannot("its environment is damaged".to_owned()))?;
        let variables = self.with_secrets(world, deployment, set, variables).await?;
        Ok(InstanceSet { id: set.clone(), replicas, spec: spec.clone(), environment: Environment(variables) })
    }

    /// Puts the values of the versions that a deployment names in their places.
    async fn with_secrets(
        &self,
        world: &World,
        deployment: &Deployment,
        set: &SetId,
        mut variables: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, TargetError> {
        let cannot = |reason: &str, source: Box<dyn std::error::Error + Send + Sync>| TargetError::CannotStart {
            set: set.clone(),
            reason: reason.to_owned(),
            source: Some(source),
        };
        let mut needed: BTreeMap<String, SecretPin> = BTreeMap::new();
        for name in
            variables.values().filter(|text| template::is_template(text)).flat_map(|text| template::names_in(text))
        {
            needed.extend(deployment.spec.secrets.get(&name).map(|pin| (name.clone(), pin.clone())));
        }
        if needed.is_empty() {
            return Ok(variables);
        }
        let release = world.releases.get(&deployment.release);
        let release = release.ok_or_else(|| cannot("its release is not known", "nobody made it".into()))?;
        let environment = &deployment.environment;
        let values = self.ports.resolver.reveal(release, environment, world.live(environment), &needed).await;
        let values = values.map_err(|error| {
            if error.is_passing() {
                // What is only away comes back; what runs goes on, and a rollout has its deadline.
                return TargetError::Failed(Box::new(error));
            }
            match error {
                ResolveError::Secrets(error) => cannot("its secrets cannot be had", Box::new(error)),
                error @ (ResolveError::Invalid { .. } | ResolveError::Blob(_)) => {
                    cannot("its secrets cannot be had", Box::new(error))
                }
            }
        })?;
        for text in variables.values_mut().filter(|text| template::is_template(text)) {
            let filled =
                template::fill(text, &values).map_err(|error| cannot("its secrets do not fit", Box::new(error)))?;
            filled.expose().clone_into(text);
        }
        Ok(variables)
    }

    async fn report(&self, report: Report) -> bool {
        match self.submit_own(Command::Report(report), "control loop").await {
            Ok(done) => !done.events.is_empty(),
            // The world moved on between looking and writing; the next turn looks again.
            Err(SubmitError::Refused(_)) => false,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "what happened could not be written down");
                false
            }
        }
    }

    async fn measure(
        &self,
        world: &World,
        revision: Revision,
        step: usize,
        (from, to): (jiff::Timestamp, jiff::Timestamp),
    ) -> bool {
        let Some(deployment) = world.deployments.get(&revision) else { return false };
        let Some(Step::Analysis(spec)) = deployment.steps.get(step) else { return false };
        let measured = async {
            let sum = self.sum(deployment, deployment.runs, (from, to)).await?;
            let behind = self.behind(world, deployment, spec).await?;
            Ok::<_, SampleError>(measure_behind(spec, &sum, behind.as_ref(), (from, to)))
        };
        let measurement = match measured.await {
            Ok(measurement) => measurement,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "samples cannot be read; tried again");
                return false;
            }
        };
        self.report(Report { revision, happened: Happened::Measured { step, measurement } }).await
    }

    /// Sums what the proxy saw of a revision, over the services of a deployment.
    async fn sum(
        &self,
        deployment: &Deployment,
        revision: Revision,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Counts, SampleError> {
        let mut sum = Counts::default();
        for service in deployment.spec.services.keys() {
            let route = RouteId { environment: deployment.environment.clone(), service: service.clone() };
            let window = SampleWindow { route, revision, from, to };
            sum.add(&self.ports.samples.sum(&window).await?);
        }
        Ok(sum)
    }

    /// Returns what there was before the flag of a rollout went on for more users, if it has.
    async fn behind(
        &self,
        world: &World,
        deployment: &Deployment,
        spec: &AnalysisSpec,
    ) -> Result<Option<Behind>, SampleError> {
        let now = deployment.flag_share().map_or(0, Percent::get);
        let Some(share) = Percent::new(now.saturating_sub(deployment.served().get())) else { return Ok(None) };
        if share == Percent::ZERO {
            return Ok(None);
        }
        let span = Millis(spec.interval.0.saturating_mul(u64::from(spec.count)));
        let mut best = Counts::default();
        for (revision, from, to) in deployment.baselines(world, span) {
            let without = self.sum(deployment, revision, (from, to)).await?;
            if without.requests >= spec.min_requests.max(1) {
                best = without;
                break;
            }
        }
        Ok(Some(Behind { share, without: best }))
    }

    async fn request_promotion(
        &self,
        world: &World,
        memory: &mut Memory,
        environment: EnvironmentName,
        number: ReleaseNumber,
    ) -> bool {
        let live = world.live(&environment);
        let key = (environment, number, live.digest());
        let Some(release) = world.releases.get(&number).filter(|_| !memory.unresolvable.contains(&key)) else {
            return false;
        };
        let (environment, ..) = &key;
        let what = What::Request(environment.clone(), number);
        if memory.waits.holds(&what, self.now()) {
            return false;
        }
        let failure = match self.ports.resolver.resolve(release, environment, live).await {
            Err(ResolveError::Secrets(error)) if matches!(error, SourceError::Away { .. }) => {
                tracing::warn!(error = &error as &dyn std::error::Error, %environment, "a source of secrets is away; tried again");
                memory.waits.failed(what, self.now());
                return false;
            }
            Err(error) => told(&error),
            Ok(spec) => {
                let spec = Box::new(spec);
                let command =
                    Command::Promote { environment: environment.clone(), release: number, spec, reason: None };
                match self.submit_own(command, "automatic deployment").await {
                    Ok(done) => return !done.events.is_empty(),
                    Err(error) => error.to_string(),
                }
            }
        };
        tracing::warn!(%environment, release = %number, failure, "a release cannot enter by itself");
        memory.unresolvable.push(key);
        false
    }

    async fn start_deployment(&self, world: &World, memory: &mut Memory, number: PromotionNumber) -> bool {
        let what = What::Start(number);
        if memory.waits.holds(&what, self.now()) {
            return false;
        }
        let Some(promotion) = world.promotions.get(&number) else { return false };
        let Some(release) = world.releases.get(&promotion.release) else { return false };
        let live = world.live(&promotion.environment);
        let resolved = match self.ports.resolver.resolve(release, &promotion.environment, live).await {
            Ok(spec) => {
                let checked = self.ports.resolver.check_secrets(release, &promotion.environment, live, &spec).await;
                checked.map(|()| spec)
            }
            Err(error) => Err(error),
        };
        let failed = match resolved {
            Err(error) if !error.is_passing() => told(&error),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a promotion cannot start; it is tried again");
                memory.waits.failed(what, self.now());
                return false;
            }
            Ok(spec) => {
                let command = Command::StartDeployment { promotion: number, spec: Box::new(spec), live: live.digest() };
                match self.submit_own(command, "gates open").await {
                    Ok(_) => return true,
                    // A gate closed or the overlay was changed between looking and starting: it is looked at again.
                    Err(SubmitError::Refused(refusal))
                        if matches!(refusal.code, RefusalCode::GateClosed | RefusalCode::Stale) =>
                    {
                        return false;
                    }
                    Err(SubmitError::Refused(refusal)) => refusal.message,
                    Err(_) => return false,
                }
            }
        };
        let command = Command::FailPromotion { promotion: number, reason: failed };
        self.submit_own(command, "gates open").await.is_ok()
    }
}

/// Says why a release cannot be resolved, with every mistake and the cause underneath.
fn told(error: &ResolveError) -> String {
    match error {
        ResolveError::Invalid { mistakes, .. } if !mistakes.is_empty() => {
            // The ledger keeps it for ever, and nobody reads a hundred mistakes there.
            let first: Vec<&str> = mistakes.iter().take(3).map(String::as_str).collect();
            format!("{error}: {}", first.join("; "))
        }
        ResolveError::Secrets(cause) => format!("{error}: {cause}"),
        ResolveError::Invalid { .. } | ResolveError::Blob(_) => error.to_string(),
    }
}
