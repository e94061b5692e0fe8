//! How many instances each side of a rollout should have and what share of the traffic it should get, for one service.

use jiff::Timestamp;

use crate::{
    deployment::ServiceSpec,
    event::elapsed,
    ids::{EnvironmentName, ServiceName},
    instance::SetId,
    units::Percent,
};

use super::{Deployment, Observation, Phase, Running, Step};

/// What one service should look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    /// Instances of the revision that rolls out.
    pub(super) new: u32,
    /// Instances of the good revision.
    pub(super) old: u32,
    /// Share of the traffic for the revision that rolls out.
    pub(super) new_weight: Percent,
    /// Share of the traffic for the good revision.
    pub(super) old_weight: Percent,
    /// Whether the preview address shows the new revision.
    pub(super) preview: bool,
}

/// One service of a rollout with both its sides; a side is absent where its revision does not have the service.
pub(super) struct Sides<'a> {
    pub(super) rollout: &'a Deployment,
    pub(super) observation: &'a Observation,
    pub(super) now: Timestamp,
    pub(super) new: Option<(SetId, &'a ServiceSpec)>,
    pub(super) old: Option<(SetId, &'a ServiceSpec)>,
}

impl<'a> Sides<'a> {
    pub(super) fn of(
        rollout: &'a Deployment,
        stable: Option<&'a Deployment>,
        service: &ServiceName,
        (observation, now): (&'a Observation, Timestamp),
    ) -> Self {
        let side = |deployment: &'a Deployment| {
            let spec = deployment.spec.services.get(service)?;
            Some((set_of(&deployment.environment, service, deployment), spec))
        };
        Self { rollout, observation, now, new: side(rollout), old: stable.and_then(side) }
    }

    pub(super) fn shares(&self) -> Shares {
        match &self.rollout.phase {
            Phase::Running(running) => self.forward(running),
            Phase::RollingBack { since, .. } => self.back(*since),
            // Not a rollout any more: the good revision has everything.
            Phase::RolledBack { .. } => self.split(0, self.full_old(), Percent::ZERO),
            Phase::Completed | Phase::Retired => self.split(self.full_new(), 0, Percent::FULL),
        }
    }

    /// Instances of the new side that must be ready before the step in force can be over.
    pub(super) fn needed(&self, running: &Running) -> u32 {
        match self.rollout.steps.get(running.step) {
            Some(Step::StopOld) => 0,
            _ => self.new_at(running.step),
        }
    }

    pub(super) fn ready_new(&self) -> u32 {
        self.new.as_ref().map_or(0, |(set, spec)| self.observation.ready(set, spec.replicas))
    }

    pub(super) fn ready_old(&self) -> u32 {
        self.old.as_ref().map_or(0, |(set, spec)| self.observation.ready(set, spec.replicas))
    }

    pub(super) fn full_new(&self) -> u32 {
        self.new.as_ref().map_or(0, |(_, spec)| spec.replicas)
    }

    pub(super) fn full_old(&self) -> u32 {
        self.old.as_ref().map_or(0, |(_, spec)| spec.replicas)
    }

    fn existing_old(&self) -> u32 {
        self.old.as_ref().map_or(0, |(set, _)| self.observation.existing(set))
    }

    fn existing_new(&self) -> u32 {
        self.new.as_ref().map_or(0, |(set, _)| self.observation.existing(set))
    }

    fn steps_to(&self, step: usize) -> impl DoubleEndedIterator<Item = &'a Step> + use<'a> {
        self.rollout.steps.iter().take(step + 1)
    }

    /// Instances of the new side that the steps up to this one ask for. They never shrink on the way.
    fn new_at(&self, step: usize) -> u32 {
        let full = self.full_new();
        self.steps_to(step)
            .map(|step| match step {
                Step::Start | Step::Replace { .. } => full,
                Step::Weight { percent } => percent.of_ceil(full),
                Step::StopOld | Step::Pause { .. } | Step::Analysis(_) | Step::Verify | Step::Flag { .. } => 0,
            })
            .max()
            .unwrap_or(0)
    }

    fn weights_to(&self, step: usize) -> impl Iterator<Item = Percent> + use<'a> {
        self.steps_to(step).rev().filter_map(|step| match step {
            Step::Weight { percent } => Some(*percent),
            Step::StopOld
            | Step::Start
            | Step::Replace { .. }
            | Step::Pause { .. }
            | Step::Analysis(_)
            | Step::Verify
            | Step::Flag { .. } => None,
        })
    }

    fn forward(&self, running: &Running) -> Shares {
        let replace = self.steps_to(running.step).find_map(|step| match step {
            Step::Replace { max_surge, max_unavailable } => Some((*max_surge, *max_unavailable)),
            Step::StopOld
            | Step::Start
            | Step::Weight { .. }
            | Step::Pause { .. }
            | Step::Analysis(_)
            | Step::Verify
            | Step::Flag { .. } => None,
        });
        let dark = self.rollout.flag.as_ref().is_some_and(|flag| flag.dark_since.is_some());
        if replace.is_some() && dark {
            // Everything was replaced, and stays so however long the flag takes.
            return self.split(self.full_new(), 0, Percent::FULL);
        }
        if let Some((max_surge, max_unavailable)) = replace {
            return self.replace(max_surge, max_unavailable);
        }
        let stopped = self.steps_to(running.step).any(|step| *step == Step::StopOld);
        let old = if stopped { 0 } else { self.full_old() };
        let mut shares = self.split(self.new_at(running.step), old, self.weight_in_force(running.step));
        shares.preview =
            shares.new_weight == Percent::ZERO && self.weights_to(running.step).next().is_none() && !stopped;
        shares
    }

    /// The weight of the step in force once enough instances for it are ready; until then the weight before it, and less
    /// if instances that carried that one were lost.
    fn weight_in_force(&self, step: usize) -> Percent {
        let ready = self.ready_new();
        let mut weights = self.weights_to(step);
        let Some(wanted) = weights.next() else { return Percent::ZERO };
        if ready >= wanted.of_ceil(self.full_new()).max(1) {
            return wanted;
        }
        let before = match self.rollout.steps.get(step) {
            Some(Step::Weight { .. }) => weights.next().unwrap_or(Percent::ZERO),
            _ => wanted,
        };
        portion(before, ready, before.of_ceil(self.full_new()))
    }

    /// Kubernetes' rolling update: never more than declared + surge instances, never fewer ready than declared −
    /// unavailable. What is there and what is ready decides, so the same rule carries on from wherever it was left.
    fn replace(&self, max_surge: u32, max_unavailable: u32) -> Shares {
        let full = self.full_new();
        let most = full.saturating_add(max_surge);
        let least_ready = full.saturating_sub(max_unavailable);
        let room = most.saturating_sub(self.existing_old());
        let wanted = self.new.as_ref().map_or(0, |(set, _)| self.observation.wanted(set));
        let new = room.max(wanted).min(full);
        let ready_new = self.ready_new();
        let ready_old = self.ready_old();
        // Old instances that are not ready serve nobody and go first; they have no say in what must stay.
        let old = self.full_old().min(least_ready.saturating_sub(ready_new));
        let serving_old = ready_old.min(old);
        self.split(new, old, portion(Percent::FULL, ready_new, ready_new.saturating_add(serving_old)))
    }

    fn back(&self, since: Timestamp) -> Shares {
        let Some((_, spec)) = &self.old else {
            return self.split(0, 0, Percent::ZERO);
        };
        let full = spec.replicas;
        let ready = self.ready_old();
        if self.rollout.steps.contains(&Step::StopOld) {
            // The two may not run at once: first the new goes, then the old comes back; requests wait.
            let old = if self.existing_new() > 0 { 0 } else { full };
            return self.split(0, old, Percent::ZERO);
        }
        if is_overdue(self.rollout, since, self.now) {
            return self.split(0, full, Percent::ZERO);
        }
        let gradual = self.rollout.steps.iter().any(|step| matches!(step, Step::Replace { .. }));
        if ready >= full || (ready > 0 && !gradual) {
            return self.split(0, full, Percent::ZERO);
        }
        // Too few good instances to carry everything: what is ready of the new helps until they are.
        let helping = self.ready_new().min(full.saturating_sub(ready));
        let had_traffic = gradual || ready == 0;
        let weight =
            if had_traffic { portion(Percent::FULL, helping, helping.saturating_add(ready)) } else { Percent::ZERO };
        let wanted = self.new.as_ref().map_or(0, |(set, _)| self.observation.wanted(set));
        self.split(wanted, full, weight)
    }

    /// Shares with these counts; a side that has nothing ready gives its traffic to the other, unless that was to get none.
    fn split(&self, new: u32, old: u32, weight: Percent) -> Shares {
        let new_serves = self.new.as_ref().is_some_and(|(set, _)| self.observation.ready(set, new) > 0);
        let old_serves = self.old.as_ref().is_some_and(|(set, _)| self.observation.ready(set, old) > 0);
        let (new_weight, old_weight) = match (new_serves && weight > Percent::ZERO, old_serves) {
            (true, true) => (weight, weight.rest()),
            (true, false) => (Percent::FULL, Percent::ZERO),
            (false, true) => (Percent::ZERO, Percent::FULL),
            (false, false) => (Percent::ZERO, Percent::ZERO),
        };
        Shares { new, old, new_weight, old_weight, preview: false }
    }
}

/// Says whether going back has taken so long that the good revision will not become any better by waiting: what is there of it
/// must do.
pub(super) fn is_overdue(rollout: &Deployment, since: Timestamp, now: Timestamp) -> bool {
    let limit = rollout.spec.rollback.map_or(rollout.spec.progress_deadline, |policy| policy.timeout);
    elapsed(since, now) >= limit
}

/// Returns the set of instances that a deployment runs of a service.
pub(super) fn set_of(environment: &EnvironmentName, service: &ServiceName, deployment: &Deployment) -> SetId {
    SetId { environment: environment.clone(), service: service.clone(), revision: deployment.runs }
}

/// `share` × part / whole, rounded down, never more than `share`; nothing of nothing.
fn portion(share: Percent, part: u32, whole: u32) -> Percent {
    if whole == 0 {
        return Percent::ZERO;
    }
    let value = u64::from(share.get()) * u64::from(part.min(whole)) / u64::from(whole);
    // A side that serves gets at least one percent, or it would never be seen to serve.
    let value = if part > 0 && share > Percent::ZERO { value.max(1) } else { value };
    u8::try_from(value).ok().and_then(Percent::new).unwrap_or(share)
}
