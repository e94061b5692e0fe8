//! The simulated target: processes that boot, fail, stop slowly and outlive the control plane.

use async_trait::async_trait;
use jiff::Timestamp;
use towpath_core::{
    ids::ReleaseNumber,
    instance::{InstanceId, InstancePhase, InstanceSet, InstanceStatus, SetId},
    lifecycle::{Held, Holding},
};
use towpath_engine::ports::{LogChunk, LogQuery, Target, TargetError};

use super::{
    invariants::Violation,
    machine::{Instance, Machine, Shared, Strike},
    scenario::Behaviour,
};

/// Exits in a row after which the target speaks of a crash loop.
const CRASH_LOOP_AFTER: u32 = 2;

impl Machine {
    /// Lets the processes live for a while.
    pub(super) fn live(&mut self, by_ms: i64) {
        let now = self.now_ms;
        let chance = &mut self.chance;
        let faults = self.faults;
        self.instances.retain(|_, instance| {
            instance.phase != InstancePhase::Stopping || now - instance.since_ms < instance.stop_ms
        });
        for instance in self.instances.values_mut() {
            instance.live(now);
            // A healthy process dies now and then.
            let killed = faults
                && instance.phase == InstancePhase::Ready
                && chance.one_in(4000 / by_ms.clamp(1, 4000).unsigned_abs());
            if killed && chance.one_in(20) {
                instance.exit(now, "killed by the machine");
            }
        }
        self.fill();
    }

    /// Starts what is declared and missing: also what was still stopping when it was asked for again.
    fn fill(&mut self) {
        for (set, replicas) in self.declared.clone() {
            for index in 0..replicas {
                self.start(&set, index);
            }
        }
    }

    fn start(&mut self, set: &SetId, index: u32) {
        let id = InstanceId { set: set.clone(), index };
        if self.instances.contains_key(&id) {
            return;
        }
        let release = self.releases.get(set).copied().unwrap_or_default();
        let behaviour = self.scenario.behaviour(release, &set.environment);
        let instance = Instance {
            behaviour,
            phase: InstancePhase::Starting,
            since_ms: self.now_ms,
            boot_ms: 100 + i64::try_from(self.chance.below(3000)).unwrap_or(0),
            stop_ms: i64::try_from(self.chance.below(4000)).unwrap_or(0),
            restarts: 0,
            address: self.address(),
            message: None,
        };
        self.logs.insert(id.clone());
        self.instances.insert(id, instance);
    }

    fn stop_from(&mut self, set: &SetId, index: u32) {
        let now = self.now_ms;
        let doomed: Vec<InstanceId> =
            self.instances.keys().filter(|id| id.set == *set && id.index >= index).cloned().collect();
        for id in doomed {
            let routed = self.routes.0.values().any(|route| {
                route.backends.values().any(|backend| backend.weight.get() > 0 && backend.endpoints.contains_key(&id))
            });
            let Some(instance) = self.instances.get_mut(&id) else { continue };
            if instance.phase == InstancePhase::Stopping {
                continue;
            }
            if routed {
                self.violations.push(Violation::StoppedWhileRouted(id.clone()));
            }
            instance.phase = InstancePhase::Stopping;
            instance.since_ms = now;
        }
    }
}

impl Instance {
    fn live(&mut self, now: i64) {
        let age = now - self.since_ms;
        match (self.phase, self.behaviour) {
            (InstancePhase::Starting, Behaviour::CrashLoop) => self.exit(now, "exited with status 1"),
            (InstancePhase::Starting, Behaviour::NeverReady) => {}
            (InstancePhase::Starting, _) if age >= self.boot_ms => self.enter(InstancePhase::Ready, now),
            (InstancePhase::Ready, Behaviour::LosesReadiness) if age >= 1500 => {
                self.message = Some("GET /health answered 503".to_owned());
                self.enter(InstancePhase::Unready, now);
            }
            (InstancePhase::BackOff { until } | InstancePhase::CrashLoop { until }, _)
                if now >= until.as_millisecond() =>
            {
                self.restarts += 1;
                self.enter(InstancePhase::Starting, now);
            }
            (
                InstancePhase::Starting
                | InstancePhase::Ready
                | InstancePhase::Unready
                | InstancePhase::Stopping
                | InstancePhase::BackOff { .. }
                | InstancePhase::CrashLoop { .. },
                _,
            ) => {}
        }
    }

    fn enter(&mut self, phase: InstancePhase, now: i64) {
        self.phase = phase;
        self.since_ms = now;
    }

    fn exit(&mut self, now: i64, why: &str) {
        let until = Timestamp::from_millisecond(now + 1000).unwrap_or_default();
        self.message = Some(why.to_owned());
        let again = self.behaviour == Behaviour::CrashLoop && self.restarts >= CRASH_LOOP_AFTER;
        let phase = if again { InstancePhase::CrashLoop { until } } else { InstancePhase::BackOff { until } };
        self.enter(phase, now);
    }

    fn status(&self, id: &InstanceId) -> InstanceStatus {
        InstanceStatus {
            id: id.clone(),
            phase: self.phase,
            address: Some(self.address),
            pid: None,
            started_at: None,
            restarts: self.restarts,
            message: self.message.clone(),
            usage: None,
        }
    }
}

/// The machine's target.
pub(super) struct SimulatedTarget(pub(super) Shared);

fn failed() -> TargetError {
    TargetError::Failed("a simulated fault".into())
}

#[async_trait]
impl Target for SimulatedTarget {
    async fn scale(&self, set: &InstanceSet) -> Result<(), TargetError> {
        let mut machine = self.0.lock();
        let strike = machine.strike().ok_or_else(failed)?;
        let release = set.environment.0.get("RELEASE").and_then(|number| number.parse().ok()).unwrap_or(0);
        let release = ReleaseNumber(release);
        machine.releases.insert(set.id.clone(), release);
        if machine.scenario.behaviour(release, &set.id.environment) == Behaviour::CannotStart {
            let reason = "the command was not found".to_owned();
            return Err(TargetError::CannotStart { set: set.id.clone(), reason, source: None });
        }
        machine.declared.insert(set.id.clone(), set.replicas);
        machine.fill();
        machine.stop_from(&set.id, set.replicas);
        match strike {
            Strike::None => Ok(()),
            Strike::AnswerLost => Err(failed()),
        }
    }

    async fn remove(&self, set: &SetId) -> Result<(), TargetError> {
        let mut machine = self.0.lock();
        let strike = machine.strike().ok_or_else(failed)?;
        machine.declared.remove(set);
        machine.stop_from(set, 0);
        match strike {
            Strike::None => Ok(()),
            Strike::AnswerLost => Err(failed()),
        }
    }

    async fn observe(&self) -> Result<Vec<InstanceStatus>, TargetError> {
        let mut machine = self.0.lock();
        machine.strike().ok_or_else(failed)?;
        // Now and then the same is told again: what happened since is seen later.
        if machine.faults && !machine.told.is_empty() && machine.chance.one_in(20) {
            return Ok(machine.told.clone());
        }
        let told: Vec<InstanceStatus> = machine.instances.iter().map(|(id, instance)| instance.status(id)).collect();
        machine.told.clone_from(&told);
        Ok(told)
    }

    async fn logs(&self, instance: &InstanceId, _: LogQuery) -> Result<LogChunk, TargetError> {
        Err(TargetError::Unknown(instance.clone()))
    }

    async fn holdings(&self) -> Result<Vec<Held>, TargetError> {
        let mut machine = self.0.lock();
        machine.strike().ok_or_else(failed)?;
        let modified = machine.now();
        let held = machine.logs.iter().map(|instance| Held {
            what: Holding::Log { instance: instance.clone() },
            place: instance.to_string(),
            bytes: 1,
            modified,
        });
        Ok(held.collect())
    }

    async fn discard(&self, what: &[Holding]) -> Result<(), TargetError> {
        for one in what {
            let mut machine = self.0.lock();
            let strike = machine.strike().ok_or_else(failed)?;
            if let Holding::Log { instance } = one
                && !machine.instances.contains_key(instance)
            {
                machine.logs.remove(instance);
            }
            if matches!(strike, Strike::AnswerLost) {
                return Err(failed());
            }
        }
        Ok(())
    }

    async fn changed(&self) {
        std::future::pending::<()>().await;
    }
}
