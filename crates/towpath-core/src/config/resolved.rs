//! A resolved environment: every value decided, typed and traceable.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};

use super::{
    interpolate::Used,
    resolve::SecretRoots,
    schema::{
        access::AccessFile,
        environment::{DeploymentFile, EnvironmentFile, HealthCheckFile, RollbackFile},
        keeping::{BackupsFile, BudgetFile, DataFile},
        promises::{AlertsFile, SlaFile},
        scaling::AutoscalingFile,
        sections::{InfrastructureFile, ObservabilityFile, ResourceFile, SecurityFile},
        service::ServiceFile,
        strategy::StrategyFile,
    },
    source::SourceSet,
    value::Value,
};
use crate::{
    deployment::{Check, DeploymentSpec, Probe, ProbeAction, Probes, Resources, RollbackPolicy, ServiceSpec, Strategy},
    ids::{ArtifactName, Digest, EnvironmentName, ServiceName},
    instance::Environment,
    project::{FlagPolicy, GatePolicy, Tier},
    secrets::{SecretPin, SecretText, SecretsSpec, template},
    units::Millis,
};

/// What holds where `progress_deadline` is not set.
const PROGRESS_DEADLINE: Millis = Millis::from_secs(600);

/// One environment with every value decided.
#[derive(Debug, Clone)]
pub struct ResolvedEnvironment {
    /// Its name.
    pub name: EnvironmentName,
    /// How much depends on it.
    pub tier: Tier,
    /// What it is for.
    pub description: Option<String>,
    /// Where people reach it.
    pub url: Option<String>,
    /// Where programs reach it.
    pub api_url: Option<String>,
    /// What runs.
    pub services: BTreeMap<ServiceName, ResolvedService>,
    /// The variables that have a value here, secret ones too.
    pub variables: BTreeMap<String, ResolvedVariable>,
    /// How a revision takes over.
    pub strategy: Strategy,
    /// How long a rollout may go without progress.
    pub progress_deadline: Millis,
    /// What is checked before a revision counts as good.
    pub verification: Vec<Check>,
    /// What a release must pass to enter.
    pub gates: GatePolicy,
    /// What live changes of flags need.
    pub flags: FlagPolicy,
    /// Where it runs.
    pub infrastructure: Option<InfrastructureFile>,
    /// What it uses beside the services.
    pub resources: BTreeMap<String, ResourceFile>,
    /// The Kubernetes namespace it lives in.
    pub namespace: Option<String>,
    /// What happens when a deployment fails.
    pub rollback: Option<RollbackFile>,
    /// How near to people its data are.
    pub data: Option<DataFile>,
    /// Who may use the application.
    pub access: Option<AccessFile>,
    /// What users are promised.
    pub sla: Option<SlaFile>,
    /// When somebody is told that something is wrong.
    pub alerts: Option<AlertsFile>,
    /// How its data are copied.
    pub backups: Option<BackupsFile>,
    /// What it may cost.
    pub budget: Option<BudgetFile>,
    /// How many instances run when the load decides.
    pub autoscaling: Option<AutoscalingFile>,
    /// What protects it.
    pub security: Option<SecurityFile>,
    /// Logs, metrics and traces.
    pub observability: Option<ObservabilityFile>,
    /// Features that are on or off from the start.
    pub features: BTreeMap<String, bool>,
    /// The variables declared secret, with and without a value here.
    pub secrets: BTreeSet<String>,
    /// Where values of secrets come from.
    pub secret_spec: SecretsSpec,
    /// The secrets that are not made of others.
    pub secret_roots: SecretRoots,
    /// Where the value of each secret comes from that has a place in [`Self::variables`], and which it is.
    pub secret_pins: BTreeMap<String, SecretPin>,
    /// The merged tree with provenance, references not replaced.
    pub values: Value,
    /// What the provenance points into.
    pub sources: SourceSet,
    /// What became of texts that refer to others, by their key.
    pub(crate) replacements: BTreeMap<String, Replacement>,
}

/// What resolving finds out about secrets.
pub(crate) struct Secrets {
    pub(crate) names: BTreeSet<String>,
    pub(crate) roots: SecretRoots,
    pub(crate) pins: BTreeMap<String, SecretPin>,
}

/// A text whose references were replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// The result; `None` if anything secret went into it.
    pub(crate) text: Option<Arc<str>>,
    /// What went into it, by its key.
    pub(crate) used: BTreeMap<String, Used>,
}

/// One service of a resolved environment.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedService {
    /// The artifact it was told to run in.
    pub artifact: Option<ArtifactName>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// The container image.
    pub image: Option<String>,
    /// Its own environment variables, references replaced; the variables of the environment come besides.
    pub env: BTreeMap<String, String>,
    /// How many instances.
    pub replicas: u32,
    /// Where the proxy listens.
    pub listen: Option<SocketAddr>,
    /// Where the proxy shows a new revision before promotion.
    pub preview: Option<SocketAddr>,
    /// Its probes.
    pub probes: Probes,
    /// Its limits.
    pub resources: Resources,
    /// How long it may take to stop.
    pub stop_grace: Millis,
    /// How long requests in flight may take.
    pub drain: Millis,
    /// How many instances run when the load decides.
    pub autoscaling: Option<AutoscalingFile>,
}

/// The value of a variable.
#[derive(Clone, PartialEq, Eq)]
pub struct ResolvedVariable {
    /// The value with references replaced; where a secret from elsewhere goes in, a template with its place.
    pub value: String,
    /// Whether it must not be shown.
    pub secret: bool,
}

/// Why no deployment can be made of an environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The release lacks an artifact.
    #[error("service `{service}` runs in artifact `{artifact}`, which the release does not have")]
    MissingArtifact {
        /// Which service.
        service: ServiceName,
        /// Which artifact.
        artifact: ArtifactName,
    },
}

impl std::fmt::Debug for ResolvedVariable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.shown())
    }
}

/// What stands for a secret value.
pub const MASK: &str = "••••••••";

impl ResolvedVariable {
    /// Returns the value, or a mask for a secret.
    pub fn shown(&self) -> &str {
        if self.secret { MASK } else { &self.value }
    }
}

impl ResolvedEnvironment {
    pub(crate) fn new(
        (name, tier): (EnvironmentName, Tier),
        file: EnvironmentFile,
        variables: BTreeMap<String, ResolvedVariable>,
        secrets: Secrets,
        mut env: BTreeMap<ServiceName, BTreeMap<String, String>>,
        (values, sources, replacements): (Value, SourceSet, BTreeMap<String, Replacement>),
    ) -> Self {
        let DeploymentFile { strategy, progress_deadline, health_check, rollback } = file.deployment;
        let services = file.services.into_iter().map(|(name, service)| {
            let env = env.remove(&name).unwrap_or_default();
            let service = ResolvedService::new(service, env, health_check.as_ref());
            (name, service)
        });
        Self {
            name,
            tier,
            description: file.description,
            url: file.url.map(|url| url.0),
            api_url: file.api_url.map(|url| url.0),
            services: services.collect(),
            variables,
            strategy: strategy.unwrap_or_else(StrategyFile::usual).0,
            progress_deadline: progress_deadline.unwrap_or(PROGRESS_DEADLINE),
            verification: file.verification.into_iter().map(|check| check.0).collect(),
            gates: file.gates.policy(),
            flags: file.flags.policy(),
            infrastructure: file.infrastructure,
            resources: file.resources,
            namespace: file.namespace.map(|name| name.0),
            rollback,
            data: file.data,
            access: file.access,
            sla: file.sla,
            alerts: file.alerts,
            backups: file.backups,
            budget: file.budget,
            autoscaling: file.autoscaling,
            security: file.security,
            observability: file.observability,
            features: file.features,
            secrets: secrets.names,
            secret_spec: file.secrets.spec(),
            secret_roots: secrets.roots,
            secret_pins: secrets.pins,
            values,
            sources,
            replacements,
        }
    }

    /// Returns the environment variables of a service: all variables, those made of secrets as templates, then its own. Secrets
    /// that stand in plain text in the files are left out.
    pub fn environment_of(&self, service: &ServiceName) -> Environment {
        let variables =
            self.variables.iter().filter(|(_, variable)| !variable.secret || template::is_template(&variable.value));
        let mut env: BTreeMap<String, String> =
            variables.map(|(name, variable)| (name.clone(), variable.value.clone())).collect();
        let own = self.services.get(service).map(|service| service.env.clone());
        env.extend(own.unwrap_or_default());
        Environment(env)
    }

    /// Returns a text by which two values can be compared without being known: the same one means the same value.
    pub(crate) fn comparable(&self, variable: &ResolvedVariable) -> String {
        if !variable.secret || !template::is_template(&variable.value) {
            return variable.value.clone();
        }
        let version = |pin: &SecretPin| SecretText::new(format!("{} {}", pin.from, pin.version));
        let pins = self.secret_pins.iter().map(|(name, pin)| (name.clone(), version(pin))).collect();
        template::fill(&variable.value, &pins)
            .map_or_else(|_| variable.value.clone(), |text| format!("\0{}", text.expose()))
    }

    /// Returns what a deployment of these artifacts is, and the environment of each service whose digest it names.
    /// Write the bytes of [`environment_bytes`] as the blobs.
    pub fn to_deployment_spec(
        &self,
        artifacts: &BTreeMap<ArtifactName, Digest>,
    ) -> Result<(DeploymentSpec, BTreeMap<ServiceName, Environment>), SpecError> {
        let mut services = BTreeMap::new();
        let mut environments = BTreeMap::new();
        for (name, service) in &self.services {
            let environment = self.environment_of(name);
            let digest = Digest::of(&environment_bytes(&environment));
            let artifact = artifact_of(name, service, artifacts)?;
            services.insert(name.clone(), service.spec(artifact, digest));
            environments.insert(name.clone(), environment);
        }
        let spec = DeploymentSpec {
            services,
            strategy: self.strategy.clone(),
            progress_deadline: self.progress_deadline,
            verification: self.verification.clone(),
            rollback: self.rollback.as_ref().map(RollbackFile::policy),
            secrets: self.secret_pins.clone(),
        };
        Ok((spec, environments))
    }
}

/// Returns the blob of an environment: a JSON object of strings, keys sorted, no blanks.
pub fn environment_bytes(environment: &Environment) -> Vec<u8> {
    let object: serde_json::Map<_, _> =
        environment.0.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    serde_json::Value::Object(object).to_string().into_bytes()
}

fn artifact_of(
    name: &ServiceName,
    service: &ResolvedService,
    artifacts: &BTreeMap<ArtifactName, Digest>,
) -> Result<Option<Digest>, SpecError> {
    if let Some(artifact) = &service.artifact {
        let missing = || SpecError::MissingArtifact { service: name.clone(), artifact: artifact.clone() };
        return artifacts.get(artifact).copied().map(Some).ok_or_else(missing);
    }
    Ok(artifacts.iter().find(|(artifact, _)| artifact.as_str() == name.as_str()).map(|(_, digest)| *digest))
}

impl ResolvedService {
    fn new(file: ServiceFile, env: BTreeMap<String, String>, health_check: Option<&HealthCheckFile>) -> Self {
        let mut probes = file.probes.probes();
        if probes.readiness.is_none() {
            probes.readiness = health_check.map(HealthCheckFile::probe);
        }
        Self {
            artifact: file.artifact,
            command: file.command.map(|command| command.0).unwrap_or_default(),
            image: file.image,
            env,
            replicas: file.replicas,
            listen: file.listen,
            preview: file.preview,
            probes,
            resources: file.resources.resources(),
            stop_grace: file.stop_grace,
            drain: file.drain,
            autoscaling: file.autoscaling,
        }
    }

    fn spec(&self, artifact: Option<Digest>, environment: Digest) -> ServiceSpec {
        ServiceSpec {
            artifact,
            command: self.command.clone(),
            image: self.image.clone(),
            environment,
            replicas: self.replicas,
            listen: self.listen,
            preview: self.preview,
            probes: self.probes.clone(),
            resources: self.resources.clone(),
            stop_grace: self.stop_grace,
            drain: self.drain,
        }
    }
}

impl RollbackFile {
    fn policy(&self) -> RollbackPolicy {
        // Saying only that nobody goes back says that nothing goes back by itself either.
        RollbackPolicy { enabled: self.enabled, automatic: self.enabled && self.automatic, timeout: self.timeout }
    }
}

impl HealthCheckFile {
    fn probe(&self) -> Probe {
        Probe {
            action: ProbeAction::Http { path: self.path.0.clone(), headers: BTreeMap::new() },
            initial_delay: Millis(0),
            period: self.interval,
            timeout: self.timeout,
            failure_threshold: 3,
            success_threshold: 1,
        }
    }
}
