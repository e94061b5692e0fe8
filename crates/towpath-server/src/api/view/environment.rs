//! Environments and their instances.

use std::net::SocketAddr;

use towpath_core::{
    ids::EnvironmentName,
    instance::{self, InstanceStatus},
    project::{EnvironmentPolicy, GatePolicy},
    promotion::{Promotion, gates},
    rollout::{Deployment, Phase},
    world::World,
};

use super::{overlay_summary, preview_summary, rollout::status, sets, tier, version_of};
use crate::api::{
    look::Look,
    types::{
        AddressView, EnvironmentSummary, EnvironmentView, InstanceCounts, InstancePhase, InstanceView,
        PromotionSummary, RetiringView, RevisionSummary, RolloutSummary, ServiceView,
    },
};

/// Shows an environment at a glance.
pub(crate) fn summary(look: &Look, name: &EnvironmentName, policy: &EnvironmentPolicy) -> EnvironmentSummary {
    let world = &look.world;
    let counts = sets(look, name).iter().fold(InstanceCounts::default(), |sum, set| InstanceCounts {
        ready: sum.ready + set.ready,
        wanted: sum.wanted + set.wanted,
        existing: sum.existing + set.existing,
    });
    let waiting = world.waiting().filter(|promotion| promotion.environment == *name);
    EnvironmentSummary {
        name: name.to_string(),
        tier: tier(policy.tier),
        after: policy.after.iter().map(ToString::to_string).collect(),
        automatic: policy.automatic,
        current: world.current(name).map(|deployment| current(world, deployment)),
        rollout: world.rollout(name).map(|deployment| rollout(look, deployment)),
        instances: counts,
        addresses: addresses(look, name),
        waiting: waiting.map(|promotion| waits(look, promotion)).collect(),
        overlay: overlay_summary(world, name),
        preview: preview_summary(world, name),
        destroying: world.destroying(name).map(|destroying| destroying.since),
    }
}

/// Shows an environment in full.
pub(crate) fn environment(look: &Look, name: &EnvironmentName, policy: &EnvironmentPolicy) -> EnvironmentView {
    let world = &look.world;
    let state = world.environments.get(name);
    let runs = world.current(name).or_else(|| world.rollout(name));
    let services = runs.into_iter().flat_map(|deployment| &deployment.spec.services);
    let retiring = state.into_iter().flat_map(|state| &state.retiring);
    EnvironmentView {
        summary: summary(look, name, policy),
        services: services
            .map(|(name, spec)| ServiceView {
                name: name.to_string(),
                command: spec.command.clone(),
                image: spec.image.clone(),
                artifact: spec.artifact.map(|digest| digest.to_string()),
                replicas: spec.replicas,
            })
            .collect(),
        sets: sets(look, name),
        retiring: retiring.map(|old| RetiringView { revision: old.revision.0, since: old.since }).collect(),
        gates: declared_gates(&policy.gates),
    }
}

fn current(world: &World, deployment: &Deployment) -> RevisionSummary {
    RevisionSummary {
        revision: deployment.revision.0,
        release: deployment.release.0,
        version: version_of(world, deployment.release),
        since: deployment.ended_at,
    }
}

fn rollout(look: &Look, deployment: &Deployment) -> RolloutSummary {
    let message = match &deployment.phase {
        Phase::RollingBack { failure, .. } | Phase::RolledBack { failure } => failure.message.clone(),
        Phase::Running(_) | Phase::Completed | Phase::Retired => {
            deployment.step().map(ToString::to_string).unwrap_or_default()
        }
    };
    RolloutSummary {
        revision: deployment.revision.0,
        release: deployment.release.0,
        version: version_of(&look.world, deployment.release),
        status: status(deployment),
        step: deployment.running().map(|running| running.step),
        steps: deployment.steps.len(),
        message,
        weight_percent: look.weight(&deployment.environment, deployment.runs),
        started_at: deployment.started_at,
        started_by: deployment.started_by.to_string(),
    }
}

fn waits(look: &Look, promotion: &Promotion) -> PromotionSummary {
    let closed = gates(&look.world, promotion, look.now).into_iter().filter(|gate| !gate.open);
    PromotionSummary {
        number: promotion.number.0,
        release: promotion.release.0,
        version: version_of(&look.world, promotion.release),
        requested_by: promotion.requested_by.to_string(),
        requested_at: promotion.requested_at,
        closed: closed.map(|gate| format!("{}: {}", gate.gate.name(), gate.why)).collect(),
    }
}

fn addresses(look: &Look, name: &EnvironmentName) -> Vec<AddressView> {
    let routes = look.desired.routes.0.keys().filter(|id| id.environment == *name);
    let url = |address: SocketAddr| format!("http://{address}");
    routes
        .map(|id| {
            let status = look.traffic.routes.get(&format!("{}/{}", id.environment, id.service));
            AddressView {
                service: id.service.to_string(),
                url: status.and_then(|status| status.listen).map(url),
                preview: status.and_then(|status| status.preview).map(url),
                error: status.and_then(|status| status.error.clone()),
            }
        })
        .collect()
}

fn declared_gates(policy: &GatePolicy) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(rule) = &policy.approvals {
        let roles: Vec<&str> = rule.roles.iter().map(towpath_core::ids::Role::as_str).collect();
        let whom = if roles.is_empty() { "anybody else".to_owned() } else { roles.join(" or ") };
        words.push(format!("approval by {} of {whom}, valid for {}", rule.required, rule.expires));
    }
    if !policy.checklist.is_empty() {
        words.push(format!("checklist of {}", policy.checklist.len()));
    }
    words.extend(policy.soak.map(|soak| format!("soak of {soak}")));
    if !policy.freeze.is_empty() {
        words.push(format!("freeze windows: {}", policy.freeze.len()));
    }
    if !policy.maintenance.is_empty() {
        words.push(format!("maintenance windows: {}", policy.maintenance.len()));
    }
    words
}

/// Shows an instance.
pub(crate) fn instance(look: &Look, status: &InstanceStatus) -> InstanceView {
    let (phase, until) = match status.phase {
        instance::InstancePhase::Starting => (InstancePhase::Starting, None),
        instance::InstancePhase::Ready => (InstancePhase::Ready, None),
        instance::InstancePhase::Unready => (InstancePhase::Unready, None),
        instance::InstancePhase::BackOff { until } => (InstancePhase::BackOff, Some(until)),
        instance::InstancePhase::CrashLoop { until } => (InstancePhase::CrashLoop, Some(until)),
        instance::InstancePhase::Stopping => (InstancePhase::Stopping, None),
    };
    InstanceView {
        service: status.id.set.service.to_string(),
        revision: status.id.set.revision.0,
        index: status.id.index,
        phase,
        until,
        address: status.address.map(|address| address.to_string()),
        pid: status.pid,
        started_at: status.started_at,
        restarts: status.restarts,
        message: status.message.clone(),
        cpu_milli: status.usage.map(|usage| usage.cpu_milli),
        memory_bytes: status.usage.map(|usage| usage.memory.0),
        in_flight: look.observation.in_flight.get(&status.id).copied().unwrap_or(0),
    }
}
