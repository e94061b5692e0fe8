//! Scenarios: a project with random strategies and gates, and releases that behave well or badly.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use towpath_core::{
    config::Live,
    deployment::{
        AnalysisSpec, CanaryStep, Check, CheckAction, DeploymentSpec, FlagStep, FlagStrategy, Probes, Resources,
        RollbackPolicy, ServiceSpec, Strategy, Via,
    },
    flags::FlagKey,
    ids::{Digest, EnvironmentName, PrincipalName, ProjectName, ReleaseNumber, Role, ServiceName},
    lifecycle::Housekeeping,
    project::{ApprovalPolicy, EnvironmentPolicy, FlagPolicy, GatePolicy, Project, Tier},
    release::{Release, ReleaseContent},
    units::{Millis, Percent},
};
use towpath_engine::ports::{Blobs, ResolveError, Resolver};

use super::chance::Chance;

/// How the instances of a release behave in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// As they should.
    Good,
    /// They never become ready.
    NeverReady,
    /// They exit at once, again and again.
    CrashLoop,
    /// They become ready and lose it later.
    LosesReadiness,
    /// They answer a share of the requests with errors.
    Errors,
    /// They answer slowly.
    Slow,
    /// They cannot be started.
    CannotStart,
    /// They run, but a check finds a fault.
    FailsVerification,
    /// They answer those who have the flag with errors.
    BreaksWithFlag,
}

/// A project and its releases.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) project: Project,
    pub(super) order: Vec<EnvironmentName>,
    specs: BTreeMap<EnvironmentName, DeploymentSpec>,
    bad: BTreeMap<(ReleaseNumber, EnvironmentName), Behaviour>,
}

impl Scenario {
    /// Makes a scenario with `releases` releases.
    pub(super) fn random(chance: &mut Chance, releases: u64) -> Self {
        let order: Vec<EnvironmentName> =
            ["development", "staging", "production"].iter().filter_map(|it| it.parse().ok()).collect();
        let mut environments = BTreeMap::new();
        let mut specs = BTreeMap::new();
        for (index, name) in order.iter().enumerate() {
            let after = index.checked_sub(1).and_then(|before| order.get(before)).cloned().into_iter().collect();
            let tier = if index == 2 { Tier::Production } else { Tier::Development };
            let automatic = index == 0 || chance.one_in(3);
            let flags = FlagPolicy::default();
            let policy = EnvironmentPolicy { tier, after, automatic, gates: gates(chance, index), flags };
            environments.insert(name.clone(), policy);
            specs.insert(name.clone(), spec(chance));
        }
        let people =
            ["ana", "ben", "cai"].iter().filter_map(|who| who.parse().ok()).map(|who: PrincipalName| (who, roles()));
        let (revisions, grace) = (1 + u32::try_from(chance.below(3)).unwrap_or(0), Millis::from_secs(chance.below(20)));
        let housekeeping = Housekeeping { revisions, grace, ..Housekeeping::default() };
        let name = ProjectName::new("simulated").unwrap_or_else(|_| unreachable!("the name is well formed"));
        let project = Project { name, people: people.collect(), environments, housekeeping, secrets: BTreeMap::new() };
        let mut bad = BTreeMap::new();
        for number in 1..=releases {
            for environment in &order {
                if chance.one_in(5) {
                    bad.insert((ReleaseNumber(number), environment.clone()), fault(chance));
                }
            }
        }
        Self { project, order, specs, bad }
    }

    /// Returns how a release behaves in an environment.
    pub(super) fn behaviour(&self, release: ReleaseNumber, environment: &EnvironmentName) -> Behaviour {
        self.bad.get(&(release, environment.clone())).copied().unwrap_or(Behaviour::Good)
    }

    /// Says whether a rollout of such a release can only fail.
    pub(super) fn must_fail(&self, release: ReleaseNumber, environment: &EnvironmentName) -> bool {
        matches!(
            self.behaviour(release, environment),
            Behaviour::NeverReady | Behaviour::CrashLoop | Behaviour::CannotStart | Behaviour::FailsVerification
        )
    }
}

/// The version of a release is its number, so that a resolver knows it without a bundle.
pub(super) fn content(number: u64) -> ReleaseContent {
    ReleaseContent {
        version: number.to_string(),
        artifacts: BTreeMap::new(),
        bundle: Digest::of(&number.to_be_bytes()),
        commit: None,
    }
}

fn roles() -> BTreeSet<Role> {
    "tech-lead".parse().into_iter().collect()
}

fn gates(chance: &mut Chance, index: usize) -> GatePolicy {
    let approvals = (index == 2 && chance.one_in(2)).then(|| ApprovalPolicy {
        required: 1 + u32::try_from(chance.below(2)).unwrap_or(0),
        roles: roles(),
        expires: Millis::from_secs(600),
    });
    let soak = (index > 0 && chance.one_in(3)).then(|| Millis::from_secs(chance.below(20)));
    GatePolicy { approvals, soak, ..GatePolicy::default() }
}

fn fault(chance: &mut Chance) -> Behaviour {
    let all = [
        Behaviour::NeverReady,
        Behaviour::CrashLoop,
        Behaviour::LosesReadiness,
        Behaviour::Errors,
        Behaviour::Slow,
        Behaviour::CannotStart,
        Behaviour::FailsVerification,
        Behaviour::BreaksWithFlag,
    ];
    chance.pick(&all).unwrap_or(Behaviour::NeverReady)
}

fn spec(chance: &mut Chance) -> DeploymentSpec {
    let services = ["web", "worker"].iter().take(1 + usize::from(chance.one_in(3)));
    let services = services.filter_map(|name| Some((name.parse::<ServiceName>().ok()?, service(chance)))).collect();
    let check = Check {
        name: "smoke".to_owned(),
        action: CheckAction::Command { command: vec!["check".to_owned()] },
        timeout: Millis::from_secs(5),
        retries: 0,
    };
    DeploymentSpec {
        services,
        strategy: strategy(chance),
        progress_deadline: Millis::from_secs(30),
        verification: vec![check],
        rollback: chance.one_in(8).then(|| RollbackPolicy {
            enabled: chance.one_in(2),
            automatic: false,
            timeout: Millis::from_secs(1 + chance.below(30)),
        }),
        secrets: std::collections::BTreeMap::new(),
    }
}

fn service(chance: &mut Chance) -> ServiceSpec {
    ServiceSpec {
        artifact: None,
        command: vec!["serve".to_owned()],
        image: None,
        environment: Digest::of(b""),
        replicas: 1 + u32::try_from(chance.below(4)).unwrap_or(0),
        listen: None,
        preview: None,
        probes: Probes::default(),
        resources: Resources::default(),
        stop_grace: Millis::from_secs(5),
        drain: Millis::from_secs(5),
    }
}

fn strategy(chance: &mut Chance) -> Strategy {
    match chance.below(5) {
        0 => Strategy::Recreate,
        1 => Strategy::Rolling {
            max_surge: u32::try_from(chance.below(3)).unwrap_or(0),
            max_unavailable: u32::try_from(chance.below(2)).unwrap_or(0),
        },
        2 => Strategy::BlueGreen {
            auto_promote_after: chance.one_in(2).then(|| Millis::from_secs(chance.below(5))),
            analysis: chance.one_in(2).then(|| analysis(chance)),
            keep_old: Millis::from_secs(chance.below(30)),
        },
        3 => Strategy::Canary { steps: canary(chance) },
        _ => flag(chance).map_or(Strategy::Recreate, |flag| Strategy::Flag(Box::new(flag))),
    }
}

fn flag(chance: &mut Chance) -> Option<FlagStrategy> {
    let mut steps = Vec::new();
    if chance.one_in(2) {
        steps.push(FlagStep::Analysis(analysis(chance)));
    }
    for percent in [5, 25, 50, 100] {
        if chance.one_in(4) {
            continue;
        }
        steps.extend(Percent::new(percent).map(|percent| FlagStep::Percent { percent }));
        let duration = (!chance.one_in(4)).then(|| Millis::from_secs(chance.below(5)));
        steps.push(FlagStep::Pause { duration });
        steps.push(FlagStep::Analysis(analysis(chance)));
    }
    if !steps.iter().any(|step| matches!(step, FlagStep::Percent { .. })) {
        steps.push(FlagStep::Percent { percent: Percent::FULL });
    }
    let definition = serde_json::json!({ "variants": { "on": true, "off": false }, "defaultVariant": "off" });
    Some(FlagStrategy {
        key: FlagKey::new(super::flags::FLAG).ok()?,
        variant: "on".to_owned(),
        via: chance.pick(&[Via::Rolling, Via::BlueGreen, Via::Recreate])?,
        definition: serde_json::from_value(definition).ok(),
        steps,
    })
}

fn canary(chance: &mut Chance) -> Vec<CanaryStep> {
    let mut steps = Vec::new();
    for weight in [10, 25, 50] {
        if chance.one_in(3) {
            continue;
        }
        steps.extend(Percent::new(weight).map(|percent| CanaryStep::Weight { percent }));
        let duration = (!chance.one_in(4)).then(|| Millis::from_secs(chance.below(5)));
        steps.push(CanaryStep::Pause { duration });
        steps.push(CanaryStep::Analysis(analysis(chance)));
    }
    steps
}

fn analysis(chance: &mut Chance) -> AnalysisSpec {
    AnalysisSpec {
        interval: Millis::from_secs(2),
        count: 1 + u32::try_from(chance.below(3)).unwrap_or(0),
        failure_limit: u32::try_from(chance.below(2)).unwrap_or(0),
        inconclusive_limit: u32::try_from(chance.below(3)).unwrap_or(0),
        min_requests: 1,
        max_error_rate_bp: Some(500),
        max_p95: Some(Millis(400)),
    }
}

/// Resolves a simulated release: the specification of the environment with the release's number in its variables.
pub(super) struct SimulatedResolver {
    pub(super) scenario: Scenario,
    pub(super) blobs: std::sync::Arc<dyn Blobs>,
}

#[async_trait]
impl Resolver for SimulatedResolver {
    async fn resolve(
        &self,
        release: &Release,
        environment: &EnvironmentName,
        live: &Live,
    ) -> Result<DeploymentSpec, ResolveError> {
        let mut variables = BTreeMap::from([("RELEASE".to_owned(), release.number.0.to_string())]);
        variables.insert("ENVIRONMENT".to_owned(), environment.to_string());
        let laid = live.overlay.iter().filter_map(|entry| Some((entry.key.clone(), entry.value.clone()?)));
        variables.extend(laid);
        let bytes = serde_json::to_vec(&variables).unwrap_or_default();
        let digest = self.blobs.put(&bytes).await?;
        let file = live.file.as_ref().and_then(|_| self.scenario.order.get(1));
        let mut spec = self.scenario.specs.get(file.unwrap_or(environment)).cloned().ok_or_else(|| {
            ResolveError::Invalid { environment: environment.clone(), mistakes: vec!["no such environment".to_owned()] }
        })?;
        for service in spec.services.values_mut() {
            service.environment = digest;
        }
        Ok(spec)
    }
}
