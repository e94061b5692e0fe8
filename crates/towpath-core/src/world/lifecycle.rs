//! Folding the life of environments: previews, destroying, what is gone.
//!
//! `World::apply` matches every kind of event and hands over those about the life of environments; the wildcard stands for the
//! rest.
#![expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match over events is in `World::apply`")]

use std::sync::Arc;

use jiff::Timestamp;

use super::World;
use crate::{
    event::{Event, Fact},
    ids::{EnvironmentName, ReleaseNumber, Revision},
    lifecycle::{Destroying, Gone, Preview, Removed},
    promotion::Promotion,
    rollout::{Deployment, Failure, FailureKind, Phase},
};

impl World {
    /// Says whether an environment is a preview.
    pub fn is_preview(&self, environment: &EnvironmentName) -> bool {
        self.previews.contains_key(environment)
    }

    /// Returns how an environment is being destroyed, if it is.
    pub fn destroying(&self, environment: &EnvironmentName) -> Option<&Destroying> {
        self.environments.get(environment)?.destroying.as_ref()
    }

    /// Says whether a revision went with an environment that was destroyed.
    pub fn is_gone(&self, environment: &EnvironmentName, revision: Revision) -> bool {
        self.gone.get(environment).is_some_and(|gone| gone.revision >= Some(revision))
    }

    /// Says whether what a deployment ran with is not kept any more.
    pub fn is_lost(&self, deployment: &Deployment) -> bool {
        self.is_gone(&deployment.environment, deployment.revision)
            || self.collected.contains(&deployment.revision)
            || self.collected.contains(&deployment.runs)
    }

    /// Says whether a promotion was asked for in an environment that was destroyed since.
    pub fn was_asked_before_gone(&self, promotion: &Promotion) -> bool {
        self.gone.get(&promotion.environment).is_some_and(|gone| gone.promotion >= Some(promotion.number))
    }

    /// Returns when a release passed an environment on its way: a preview is on no way.
    pub fn passed(&self, environment: &EnvironmentName, release: ReleaseNumber) -> Option<Timestamp> {
        if self.is_preview(environment) { None } else { self.completed_at(environment, release) }
    }

    pub(super) fn apply_lifecycle(&mut self, event: &Event) {
        let Some(environment) = &event.environment else { return };
        match &event.fact {
            Fact::PreviewCreated { file, extends, policy, expires_at, reason } => {
                let preview = Preview {
                    extends: extends.clone(),
                    policy: policy.clone(),
                    expires_at: *expires_at,
                    owner: event.principal.clone(),
                    created_at: event.at,
                    reason: reason.clone(),
                };
                self.previews.insert(environment.clone(), Arc::new(preview));
                let state = self.environments.entry(environment.clone()).or_default();
                Arc::make_mut(&mut state.live).file = Some(file.clone());
            }
            Fact::PreviewExtended { expires_at } => {
                if let Some(preview) = self.previews.get_mut(environment) {
                    Arc::make_mut(preview).expires_at = *expires_at;
                }
            }
            Fact::EnvironmentDestroying { cause, goes } => {
                let state = self.environments.entry(environment.clone()).or_default();
                let (since, by) = (event.at, event.principal.clone());
                state.destroying = Some(Destroying { since, by, cause: cause.clone(), goes: *goes });
            }
            Fact::EnvironmentDestroyed { removed } => self.forget(environment, *removed, event.at),
            _ => {}
        }
    }

    /// Leaves nothing of an environment but its history.
    fn forget(&mut self, environment: &EnvironmentName, removed: Removed, at: Timestamp) {
        self.environments.remove(environment);
        self.previews.remove(environment);
        let living: Vec<Revision> = self.history(environment).map(|it| it.revision).collect();
        for revision in &living {
            let Some(deployment) = self.deployments.get_mut(revision) else { continue };
            let ended = match &deployment.phase {
                Phase::Completed => Phase::Retired,
                Phase::RollingBack { failure, .. } => Phase::RolledBack { failure: failure.clone() },
                Phase::Running(_) => {
                    let message = format!("{environment} was destroyed");
                    let failure = Failure { kind: FailureKind::Aborted, message, evidence: Vec::new() };
                    Phase::RolledBack { failure }
                }
                Phase::RolledBack { .. } | Phase::Retired => continue,
            };
            let deployment = Arc::make_mut(deployment);
            deployment.phase = ended;
            deployment.ended_at.get_or_insert(at);
        }
        let promotion = self.promotions.values().rev().find(|it| it.environment == *environment).map(|it| it.number);
        self.gone.insert(environment.clone(), Gone { at, revision: living.into_iter().max(), promotion, removed });
    }
}
