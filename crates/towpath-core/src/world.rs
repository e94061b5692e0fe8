//! The world: everything that is known, as the fold of the ledger.
//!
//! Plain data, cheap to clone: what grows is kept in persistent maps that share structure.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    config::{Live, OverlayEntry, OverlayOrigin},
    decide::secrets::STORE,
    deployment::DeploymentSpec,
    event::{Event, Fact},
    experiments::{self, Experiments},
    flags::{ApplicationKeys, FlagSchedules, LiveFlags},
    ids::{Digest, EnvironmentName, PromotionNumber, ReleaseNumber, Revision},
    lifecycle::{Destroying, Gone, Preview},
    project::{EnvironmentPolicy, Project},
    promotion::{Approval, Confirmation, Promotion, PromotionState},
    release::Release,
    rollout::{Deployment, Phase, RolloutFlag, Running, fold, follow, restore, steps, take_back},
    secrets::{
        SecretVersion,
        rotation::{self, Rotations},
        store::SecretStore,
    },
    units::Percent,
};

mod lifecycle;
mod snapshot;

pub use snapshot::{SNAPSHOT_FORMAT, read_snapshot, write_snapshot};

/// Everything that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// How many events are folded in.
    pub size: u64,
    /// The policy in force.
    pub project: Option<Arc<Project>>,
    /// The bundle that the policy was read from.
    pub bundle: Option<Digest>,
    /// Every release.
    pub releases: OrdMap<ReleaseNumber, Arc<Release>>,
    /// The releases by content.
    pub release_by_digest: OrdMap<Digest, ReleaseNumber>,
    /// Every promotion.
    pub promotions: OrdMap<PromotionNumber, Arc<Promotion>>,
    /// Every deployment.
    pub deployments: OrdMap<Revision, Arc<Deployment>>,
    /// Every environment that anything was asked for.
    pub environments: OrdMap<EnvironmentName, EnvironmentState>,
    /// The environments that are in no file, until they are destroyed.
    #[serde(default)]
    pub previews: OrdMap<EnvironmentName, Arc<Preview>>,
    /// What was destroyed, the last time if more than once.
    #[serde(default)]
    pub gone: OrdMap<EnvironmentName, Gone>,
    /// Revisions that cannot be gone back to: what they ran with was collected.
    #[serde(default)]
    pub collected: OrdSet<Revision>,
}

/// What is known of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentState {
    /// The good revision.
    pub current: Option<Revision>,
    /// The rollout that is running or going back.
    pub rollout: Option<Revision>,
    /// Revisions that were replaced and still run.
    pub retiring: Vec<Retiring>,
    /// When releases completed here, the last time; a release that was rolled back is taken out.
    pub completed: OrdMap<ReleaseNumber, Timestamp>,
    /// The newest release that was ever asked for here.
    pub newest_asked: Option<ReleaseNumber>,
    /// Whether it is being destroyed.
    #[serde(default)]
    pub destroying: Option<Destroying>,
    /// What is laid over the files of every release here.
    #[serde(default, skip_serializing_if = "crate::config::is_nothing_live")]
    pub live: Arc<Live>,
    /// The server's own store of secrets.
    #[serde(default, skip_serializing_if = "crate::secrets::store::is_unused")]
    pub secrets: Arc<SecretStore>,
    /// The rotations of secrets.
    #[serde(default, skip_serializing_if = "crate::secrets::rotation::is_unused")]
    pub rotations: Arc<Rotations>,
    /// What was changed of flags while they serve.
    #[serde(default, skip_serializing_if = "crate::flags::is_unused")]
    pub flags: Arc<LiveFlags>,
    /// The experiments that were ever started here.
    #[serde(default, skip_serializing_if = "crate::experiments::is_unused")]
    pub experiments: Arc<Experiments>,
    /// Changes of flags at a time, and ramps.
    #[serde(default, skip_serializing_if = "crate::flags::no_schedules")]
    pub schedules: Arc<FlagSchedules>,
    /// The keys with which applications evaluate them.
    #[serde(default, skip_serializing_if = "crate::flags::are_none")]
    pub flag_keys: Arc<ApplicationKeys>,
}

impl EnvironmentState {
    fn is_revoked(&self, name: &str, version: &SecretVersion) -> bool {
        version.0.parse().is_ok_and(|version| self.rotations.is_revoked(name, version))
    }

    /// Takes for versions of secrets that a rotation made invalid those that are in force: what is gone back to must work.
    pub fn with_valid_secrets(&self, mut live: Arc<Live>) -> Arc<Live> {
        if live.secrets.iter().any(|(name, version)| self.is_revoked(name, version)) {
            let secrets = &mut Arc::make_mut(&mut live).secrets;
            secrets.retain(|name, version| !self.is_revoked(name, version) || self.live.secrets.contains_key(name));
            for (name, version) in secrets.iter_mut() {
                if let Some(valid) = self.live.secrets.get(name).filter(|_| self.is_revoked(name, version)) {
                    version.clone_from(valid);
                }
            }
        }
        live
    }

    /// Lets what is laid over the files say which versions of secrets are in force.
    pub(crate) fn refresh_secrets(&mut self) {
        let in_force = self.secrets.in_force();
        if self.live.secrets != in_force {
            Arc::make_mut(&mut self.live).secrets = in_force;
        }
    }
}

/// A revision that was replaced and still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retiring {
    /// Which.
    pub revision: Revision,
    /// Since when.
    pub since: Timestamp,
}

impl World {
    /// Returns the policy of an environment of the pipeline, or of a preview.
    pub fn policy(&self, environment: &EnvironmentName) -> Option<&EnvironmentPolicy> {
        if let Some(preview) = self.previews.get(environment) {
            return Some(&preview.policy);
        }
        self.project.as_ref()?.environments.get(environment)
    }

    /// Returns when a release was last deployed and verified in an environment, if it was and was not rolled back since.
    pub fn completed_at(&self, environment: &EnvironmentName, release: ReleaseNumber) -> Option<Timestamp> {
        self.environments.get(environment)?.completed.get(&release).copied()
    }

    /// Returns the deployment that is good in an environment.
    pub fn current(&self, environment: &EnvironmentName) -> Option<&Arc<Deployment>> {
        self.deployments.get(&self.environments.get(environment)?.current?)
    }

    /// Returns the deployment that is rolling out or back in an environment.
    pub fn rollout(&self, environment: &EnvironmentName) -> Option<&Arc<Deployment>> {
        self.deployments.get(&self.environments.get(environment)?.rollout?)
    }

    /// Returns what is laid over the files of every release in an environment.
    pub fn live(&self, environment: &EnvironmentName) -> &Live {
        static NONE: Live = Live::NONE;
        self.environments.get(environment).map_or(&NONE, |state| &state.live)
    }

    /// Returns the store of secrets of an environment, if it was ever used.
    pub fn secrets(&self, environment: &EnvironmentName) -> Option<&Arc<SecretStore>> {
        self.environments.get(environment).map(|state| &state.secrets).filter(|store| !store.is_empty())
    }

    /// Returns the rotations of an environment, if there ever were any.
    pub fn rotations(&self, environment: &EnvironmentName) -> Option<&Arc<Rotations>> {
        self.environments.get(environment).map(|state| &state.rotations).filter(|it| !rotation::is_unused(it))
    }

    /// Returns the experiments of an environment, if there ever were any.
    pub fn experiments(&self, environment: &EnvironmentName) -> Option<&Arc<Experiments>> {
        self.environments.get(environment).map(|state| &state.experiments).filter(|it| !experiments::is_unused(it))
    }

    /// Returns a specification with the versions in force for those that a rotation made invalid: what is gone back to must
    /// work, and nothing of it runs any more.
    pub fn with_valid_secrets(&self, environment: &EnvironmentName, spec: &DeploymentSpec) -> DeploymentSpec {
        let mut spec = spec.clone();
        let Some(state) = self.environments.get(environment) else { return spec };
        for (name, pin) in spec.secrets.iter_mut().filter(|(_, pin)| pin.from.0 == STORE) {
            if let Some(valid) = state.live.secrets.get(name).filter(|_| state.is_revoked(name, &pin.version)) {
                pin.version.clone_from(valid);
            }
        }
        spec
    }

    /// Returns what was changed of the flags of an environment while they serve.
    pub fn flags(&self, environment: &EnvironmentName) -> Arc<LiveFlags> {
        self.environments.get(environment).map(|state| Arc::clone(&state.flags)).unwrap_or_default()
    }

    /// Returns the schedules of the flags of an environment.
    pub fn schedules(&self, environment: &EnvironmentName) -> Arc<FlagSchedules> {
        self.environments.get(environment).map(|state| Arc::clone(&state.schedules)).unwrap_or_default()
    }

    /// Returns the promotions that wait, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &Arc<Promotion>> {
        self.promotions.values().filter(|promotion| promotion.is_waiting())
    }

    /// Returns the deployments of an environment, newest first.
    pub fn history<'a>(&'a self, environment: &'a EnvironmentName) -> impl Iterator<Item = &'a Arc<Deployment>> {
        self.deployments.values().rev().filter(move |deployment| deployment.environment == *environment)
    }

    /// Returns the number that the next release gets.
    pub fn next_release(&self) -> ReleaseNumber {
        ReleaseNumber(self.releases.get_max().map_or(1, |(number, _)| number.0.saturating_add(1)))
    }

    /// Returns the number that the next promotion gets.
    pub fn next_promotion(&self) -> PromotionNumber {
        PromotionNumber(self.promotions.get_max().map_or(1, |(number, _)| number.0.saturating_add(1)))
    }

    /// Returns the number that the next deployment gets.
    pub fn next_revision(&self) -> Revision {
        Revision(self.deployments.get_max().map_or(1, |(number, _)| number.0.saturating_add(1)))
    }

    /// Folds one event.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a line for each kind of event, and nothing else")]
    pub fn apply(mut self, event: &Event) -> Self {
        self.size = event.sequence + 1;
        match &event.fact {
            Fact::ProjectDeclared { project, bundle } => {
                self.project = Some(Arc::new(project.clone()));
                self.bundle = Some(*bundle);
            }
            Fact::OverlaySet { .. } | Fact::OverlayUnset { .. } => self.apply_overlay(event),
            Fact::ReleaseCreated { release } => {
                self.release_by_digest.insert(release.digest, release.number);
                self.releases.insert(release.number, Arc::new(Release::clone(release)));
            }
            Fact::PromotionRequested { .. }
            | Fact::PromotionApproved { .. }
            | Fact::PromotionRejected { .. }
            | Fact::ChecklistConfirmed { .. }
            | Fact::PromotionSuperseded { .. }
            | Fact::PromotionFailed { .. } => self.apply_promotion(event),
            Fact::DeploymentStarted { .. } => self.start_deployment(event),
            Fact::StepStarted { revision, .. }
            | Fact::RolloutProgressed { revision, .. }
            | Fact::AnalysisMeasured { revision, .. }
            | Fact::VerificationPassed { revision, .. }
            | Fact::RolloutPaused { revision, .. }
            | Fact::RolloutResumed { revision }
            | Fact::RolloutPromoted { revision }
            | Fact::RolloutCompleted { revision }
            | Fact::RolloutFailed { revision, .. }
            | Fact::RolledBack { revision }
            | Fact::RevisionRetired { revision } => self.apply_rollout(*revision, event),
            Fact::PreviewCreated { .. }
            | Fact::PreviewExtended { .. }
            | Fact::EnvironmentDestroying { .. }
            | Fact::EnvironmentDestroyed { .. } => self.apply_lifecycle(event),
            Fact::GarbageCollected { revisions, .. } => self.collected.extend(revisions.iter().copied()),
            Fact::DataKeyMade(_)
            | Fact::DataKeyRewrapped(_)
            | Fact::DataKeyRetired(_)
            | Fact::SecretWritten(_)
            | Fact::SecretRestored(_)
            | Fact::SecretUnset(_)
            | Fact::SecretDestroyed(_)
            | Fact::SecretsResealed(_) => self.apply_secrets(event),
            Fact::RotationStarted(_)
            | Fact::RotationAdvanced(_)
            | Fact::RotationFailed(_)
            | Fact::RotationRetried(_)
            | Fact::RotationAborting(_)
            | Fact::RotationFinished(_)
            | Fact::RotationDue(_) => self.apply_rotation(event),
            Fact::ExperimentStarted(_)
            | Fact::ExperimentAltered(_)
            | Fact::ExperimentStopped(_)
            | Fact::ExperimentDecided(_) => self.apply_experiment(event),
            Fact::FlagKeyMade(_)
            | Fact::FlagKeyRevoked(_)
            | Fact::FlagsChanged(_)
            | Fact::FlagChangeRequested(_)
            | Fact::FlagChangeApproved(_)
            | Fact::FlagChangeRejected(_)
            | Fact::FlagScheduled(_)
            | Fact::FlagScheduleApproved(_)
            | Fact::FlagScheduleFired(_)
            | Fact::FlagScheduleFailed(_)
            | Fact::FlagScheduleCancelled(_) => self.apply_flags(event),
            // Reading changes nothing; it is in the ledger for who asks who saw what.
            Fact::SecretsRead(_) => {}
        }
        self
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match over events is in `World::apply`")]
    fn apply_overlay(&mut self, event: &Event) {
        let Some(environment) = event.environment.clone() else { return };
        let state = self.environments.entry(environment).or_default();
        let live = Arc::make_mut(&mut state.live);
        match &event.fact {
            Fact::OverlaySet { key, value, reason } => {
                let origin = OverlayOrigin {
                    sequence: event.sequence,
                    at: event.at,
                    principal: event.principal.clone(),
                    reason: reason.clone(),
                };
                live.set(OverlayEntry { key: key.clone(), value: value.clone(), origin });
            }
            Fact::OverlayUnset { key, .. } => live.unset(key),
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match over events is in `World::apply`")]
    fn apply_promotion(&mut self, event: &Event) {
        let (by, at) = (&event.principal, event.at);
        match &event.fact {
            Fact::PromotionRequested { promotion, release, spec, plan, reason } => {
                let Some(environment) = event.environment.clone() else { return };
                let state = self.environments.entry(environment.clone()).or_default();
                state.newest_asked = state.newest_asked.max(Some(*release));
                let asked = Promotion {
                    number: *promotion,
                    environment,
                    release: *release,
                    spec: Arc::new(spec.as_ref().clone()),
                    plan: *plan,
                    requested_by: by.clone(),
                    requested_at: at,
                    reason: reason.clone(),
                    approvals: Vec::new(),
                    confirmed: Vec::new(),
                    state: PromotionState::Waiting,
                };
                self.promotions.insert(*promotion, Arc::new(asked));
            }
            Fact::PromotionApproved { promotion, comment, .. } => self.change_promotion(*promotion, |it| {
                it.approvals.push(Approval { by: by.clone(), at, comment: comment.clone() });
            }),
            Fact::ChecklistConfirmed { promotion, item } => self.change_promotion(*promotion, |it| {
                it.confirmed.push(Confirmation { item: item.clone(), by: by.clone(), at });
            }),
            Fact::PromotionRejected { promotion, comment } => self.change_promotion(*promotion, |it| {
                it.state = PromotionState::Rejected { by: by.clone(), comment: comment.clone() };
            }),
            Fact::PromotionSuperseded { promotion, by } => self.change_promotion(*promotion, |it| {
                it.state = PromotionState::Superseded { by: *by };
            }),
            Fact::PromotionFailed { promotion, reason } => self.change_promotion(*promotion, |it| {
                it.state = PromotionState::Failed { reason: reason.clone() };
            }),
            _ => {}
        }
    }

    fn apply_secrets(&mut self, event: &Event) {
        let Some(environment) = event.environment.clone() else { return };
        let state = self.environments.entry(environment).or_default();
        Arc::make_mut(&mut state.secrets).fold(event);
        state.refresh_secrets();
        rotation::fold(state, event);
    }

    fn apply_rotation(&mut self, event: &Event) {
        let Some(environment) = event.environment.clone() else { return };
        rotation::fold(self.environments.entry(environment).or_default(), event);
    }

    fn apply_experiment(&mut self, event: &Event) {
        let Some(environment) = event.environment.clone() else { return };
        let state = self.environments.entry(environment).or_default();
        experiments::fold(Arc::make_mut(&mut state.experiments), event);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match over events is in `World::apply`")]
    fn apply_flags(&mut self, event: &Event) {
        let Some(environment) = event.environment.clone() else { return };
        let state = self.environments.entry(environment).or_default();
        match &event.fact {
            Fact::FlagKeyMade(_) | Fact::FlagKeyRevoked(_) => Arc::make_mut(&mut state.flag_keys).fold(event),
            Fact::FlagScheduled(_)
            | Fact::FlagScheduleApproved(_)
            | Fact::FlagScheduleFired(_)
            | Fact::FlagScheduleFailed(_)
            | Fact::FlagScheduleCancelled(_) => Arc::make_mut(&mut state.schedules).fold(event),
            Fact::FlagsChanged(change) if state.schedules.open().next().is_some() => {
                Arc::make_mut(&mut state.schedules).contradicted(change, &state.flags, event);
                Arc::make_mut(&mut state.flags).fold(event);
            }
            _ => Arc::make_mut(&mut state.flags).fold(event),
        }
    }

    fn change_promotion(&mut self, number: PromotionNumber, change: impl FnOnce(&mut Promotion)) {
        if let Some(promotion) = self.promotions.get_mut(&number) {
            change(Arc::make_mut(promotion));
        }
    }

    fn start_deployment(&mut self, event: &Event) {
        let Fact::DeploymentStarted { revision, release, runs, promotion, rollback, spec } = &event.fact else {
            return;
        };
        let Some(environment) = event.environment.clone() else { return };
        if let Some(number) = promotion {
            self.change_promotion(*number, |it| it.state = PromotionState::Deployed { revision: *revision });
        }
        // What is gone back to is restored with everything that was laid over it then.
        let restored = rollback.as_ref().and_then(|origin| self.deployments.get(&origin.to)).map(|to| to.live.clone());
        let left = rollback.as_ref().and_then(|origin| self.deployments.get(&origin.from)).map(|left| left.release);
        let state = self.environments.entry(environment.clone()).or_default();
        let restored = restored.map(|live| state.with_valid_secrets(live));
        if let Some(left) = left.filter(|left| left != release) {
            // What somebody went back from is no longer fit to go forward, unless only its configuration was bad.
            state.completed.remove(&left);
        }
        state.rollout = Some(*revision);
        if let Some(origin) = rollback {
            let later = self.deployments.iter().rev().take_while(|(revision, _)| **revision > origin.to);
            let here =
                later.map(|(_, it)| it.as_ref()).filter(|it| Some(&it.environment) == event.environment.as_ref());
            take_back(&mut state.flags, here);
        }
        let stable = state.current;
        let flag = if rollback.is_none() { RolloutFlag::begin(spec, &state.flags) } else { None };
        let served = flag.as_ref().map_or(Percent::ZERO, |flag| flag.served);
        let steps = steps(spec, stable.is_some(), rollback.is_some(), served);
        let phase = Phase::Running(Running::begin(&steps, 0, event.at));
        let deployment = Deployment {
            revision: *revision,
            environment,
            release: *release,
            runs: *runs,
            promotion: *promotion,
            rollback: rollback.clone(),
            spec: Arc::new(spec.as_ref().clone()),
            stable,
            steps,
            phase,
            started_at: event.at,
            started_by: event.principal.clone(),
            ended_at: None,
            measurements: Vec::new(),
            verification: Vec::new(),
            live: restored.unwrap_or_else(|| Arc::clone(&state.live)),
            flag,
        };
        self.deployments.insert(*revision, Arc::new(deployment));
    }

    fn apply_rollout(&mut self, revision: Revision, event: &Event) {
        let Some(before) = self.deployments.get(&revision) else { return };
        let was_running = before.running().is_some();
        let was_going_back = matches!(before.phase, Phase::RollingBack { .. });
        let after = fold(Deployment::clone(before), &event.fact, event.at);
        let target = after.rollback.as_ref().and_then(|origin| self.deployments.get(&origin.to));
        let state = self.environments.entry(after.environment.clone()).or_default();
        follow(&mut state.flags, before, &after);
        match &after.phase {
            Phase::Completed if was_running => {
                if let Some(replaced) = state.current.replace(revision) {
                    state.retiring.push(Retiring { revision: replaced, since: event.at });
                }
                state.rollout = None;
                state.completed.insert(after.release, event.at);
                if let Some(target) = target {
                    restore(&mut state.flags, target);
                }
            }
            Phase::RolledBack { .. } if was_going_back => state.rollout = None,
            Phase::Retired => state.retiring.retain(|retiring| retiring.revision != revision),
            Phase::Running(_) | Phase::RollingBack { .. } | Phase::RolledBack { .. } | Phase::Completed => {}
        }
        self.deployments.insert(revision, Arc::new(after));
    }
}
