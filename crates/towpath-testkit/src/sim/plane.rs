//! One run: a control plane that lives, is killed and started again, while people ask for things and things go wrong.

use std::sync::Arc;

use towpath_core::{
    command::Command,
    event::{Event, Fact},
    ids::{Digest, EnvironmentName, PrincipalName, ReleaseNumber},
    ledger::CheckpointSigner,
    promotion::{Gate, Promotion, gates},
    rollout::{PauseReason, Phase},
    world::World,
};
use towpath_engine::{
    Engine, Ports, Progress,
    ports::{Blobs as _, Resolver},
};

use super::{
    chance::Chance,
    invariants::{Violation, at_rest, replay},
    live_flags,
    machine::{Machine, Shared, SimulatedChecks, SimulatedClock},
    overlay,
    scenario::{Scenario, SimulatedResolver, content},
    target::SimulatedTarget,
    traffic::SimulatedTraffic,
};
use crate::{LedgerFault, MemoryBlobs, MemoryExperiments, MemoryLedger, MemorySamples};

/// Releases made in a run.
const RELEASES: u64 = 4;

/// Moments during which people act and faults strike.
const STORMY: u32 = 150;

/// Moments after which a world left alone must have come to rest.
const CALM: u32 = 1500;

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Events in the ledger.
    pub events: u64,
    /// How often the control plane was killed.
    pub crashes: u64,
    /// Rollouts that became good.
    pub completed: u64,
    /// Rollouts that went back.
    pub rolled_back: u64,
    /// Rollouts that brought in live values and no other release.
    pub configured: u64,
    /// Environments that were destroyed.
    pub destroyed: u64,
    /// Rollouts that had turned a flag on and turned it off again.
    pub turned_off: u64,
    /// Rollouts that turned a flag on and became good.
    pub turned_on: u64,
}

pub(super) struct Run {
    pub(super) shared: Shared,
    ledger: Arc<MemoryLedger>,
    pub(super) ports: Ports,
    blobs: Arc<MemoryBlobs>,
    pub(super) chance: Chance,
    released: u64,
    moment: u32,
    pub(super) outcome: Outcome,
    /// The size of the world that was checked last.
    pub(super) checked: u64,
    /// Changes of flags that were acknowledged.
    told: Vec<Arc<Event>>,
}

/// Runs a seed to its end.
pub fn run(seed: u64) -> Result<Outcome, Violation> {
    let mut chance = Chance::new(seed);
    let scenario = Scenario::random(&mut chance, RELEASES);
    let shared = Shared::new(Machine::new(Chance::new(chance.next()), scenario.clone()));
    let ledger = Arc::new(MemoryLedger::default());
    let blobs = Arc::new(MemoryBlobs::default());
    let resolver = SimulatedResolver { scenario, blobs: blobs.clone() };
    let ports = Ports {
        ledger: ledger.clone(),
        blobs: blobs.clone(),
        samples: Arc::new(MemorySamples::default()),
        experiments: Arc::new(MemoryExperiments::default()),
        target: Arc::new(SimulatedTarget(shared.clone())),
        traffic: Arc::new(SimulatedTraffic(shared.clone())),
        checks: Arc::new(SimulatedChecks(shared.clone())),
        resolver: Arc::new(resolver),
        clock: Arc::new(SimulatedClock(shared.clone())),
    };
    let mut run = Run {
        shared,
        ledger,
        ports,
        blobs,
        chance,
        released: 0,
        moment: 0,
        outcome: Outcome::default(),
        checked: 0,
        told: Vec::new(),
    };
    loop {
        // A new runtime for each life: killing the control plane ends everything it had begun.
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| Violation::Unreadable(error.to_string()))?;
        if runtime.block_on(run.life())? {
            return Ok(run.outcome);
        }
        drop(runtime);
        run.outcome.crashes += 1;
        run.shared.lock().restart();
        run.ledger.restart();
    }
}

impl Run {
    /// Lives until killed (`false`) or until the world has come to rest (`true`).
    async fn life(&mut self) -> Result<bool, Violation> {
        let signer = CheckpointSigner::new("towpath/simulated", &[7; 32])
            .map_err(|error| Violation::Unreadable(error.to_string()))?;
        let opened = Engine::open(self.ports.clone(), signer).await;
        let engine = opened.map_err(|error| Violation::Unreadable(format!("{error:?}")))?;
        loop {
            self.moment += 1;
            let before = engine.world();
            let stormy = self.moment < STORMY;
            if !stormy {
                self.ledger.clear_faults();
            }
            let step = {
                let mut machine = self.shared.lock();
                machine.faults = stormy;
                let step = 100 + i64::try_from(self.chance.below(900)).unwrap_or(0);
                machine.advance(step);
                self.blobs.set_now(machine.now());
                step
            };
            if stormy {
                self.storm(&engine).await;
            } else {
                self.help(&engine).await;
            }
            self.flags(&before, &engine.world())?;
            let before = engine.world();
            let moved = self.turns(&engine).await;
            self.violation()?;
            self.flags(&before, &engine.world())?;
            live_flags::served(&engine).await?;
            self.gone_is_gone(&engine.world()).await?;
            if self.shared.lock().down || self.ledger.is_down() {
                return Ok(false);
            }
            if !stormy && moved == Some(Progress::Settled) && self.rests(&engine.world()) {
                let world = engine.world();
                self.sweep(&engine).await?;
                return self.finish(&world, &engine.world()).await.map(|()| true);
            }
            if self.moment > STORMY + CALM {
                return Err(self.not_settled(&engine.world(), step));
            }
        }
    }

    /// Lets time pass for what is stored, and for nothing else.
    pub(super) fn let_pass(&self, by_ms: i64) {
        let mut machine = self.shared.lock();
        machine.now_ms += by_ms;
        self.blobs.set_now(machine.now());
    }

    async fn turns(&mut self, engine: &Engine) -> Option<Progress> {
        let mut last = None;
        for _ in 0..4 {
            last = engine.turn().await.ok();
            // Jobs that a turn began come to an end between turns.
            tokio::task::yield_now().await;
            if last != Some(Progress::Moved) {
                break;
            }
        }
        last
    }

    fn violation(&self) -> Result<(), Violation> {
        self.shared.lock().violations.first().cloned().map_or(Ok(()), Err)
    }

    fn rests(&self, world: &World) -> bool {
        let machine = self.shared.lock();
        let quiet = world
            .environments
            .values()
            .all(|state| state.rollout.is_none() && state.retiring.is_empty() && state.destroying.is_none());
        // A release that was rolled back where it came from waits for ever, and rightly.
        let stuck = |promotion: &Promotion| {
            gates(world, promotion, machine.now()).iter().any(|gate| gate.gate == Gate::Upstream && !gate.open)
        };
        let waiting = world.waiting().any(|promotion| !stuck(promotion));
        quiet && !waiting && at_rest(&machine, world).is_ok()
    }

    fn not_settled(&self, world: &World, step: i64) -> Violation {
        let machine = self.shared.lock();
        let rollouts: Vec<String> = world
            .environments
            .values()
            .filter_map(|state| world.deployments.get(&state.rollout?))
            .map(|rollout| {
                format!("{} {} {:?} of {:?}", rollout.revision, rollout.environment, rollout.phase, rollout.steps)
            })
            .collect();
        let wrong = at_rest(&machine, world).err();
        let waiting: Vec<_> = world.waiting().map(|it| gates(world, it, machine.now())).collect();
        Violation::NotSettled(format!("{rollouts:?}, {wrong:?}, {waiting:?}, last step {step} ms"))
    }

    /// Checks the end: the world that came to rest, and what is after everything was swept.
    async fn finish(&mut self, world: &World, swept: &World) -> Result<(), Violation> {
        replay(&self.ledger, swept).await?;
        live_flags::kept(&self.ledger, &self.told, swept).await?;
        at_rest(&self.shared.lock(), world)?;
        self.ended_well(world).await?;
        // Resolving stores environments again, so what had to go is looked for before.
        overlay::agreed(world, self.ports.resolver.as_ref()).await?;
        self.outcome.events = world.size;
        for deployment in world.deployments.values() {
            let before = deployment.stable.and_then(|stable| world.deployments.get(&stable));
            let same = before.is_some_and(|before| before.release == deployment.release);
            self.outcome.configured += u64::from(same && deployment.rollback.is_none());
            let on = deployment.flag.as_ref().is_some_and(|flag| flag.on_since.is_some());
            self.outcome.turned_on += u64::from(on && matches!(deployment.phase, Phase::Completed | Phase::Retired));
            self.outcome.turned_off += u64::from(on && matches!(deployment.phase, Phase::RolledBack { .. }));
            match deployment.phase {
                Phase::Completed | Phase::Retired => self.outcome.completed += 1,
                Phase::RolledBack { .. } => self.outcome.rolled_back += 1,
                Phase::Running(_) | Phase::RollingBack { .. } => {}
            }
        }
        Ok(())
    }

    /// People ask for this and that; the ledger fails now and then.
    async fn storm(&mut self, engine: &Engine) {
        if self.chance.one_in(30) {
            let faults = [
                LedgerFault::Full,
                LedgerFault::FailsBefore,
                LedgerFault::FailsAfter,
                LedgerFault::CrashesBefore,
                LedgerFault::CrashesAfter,
            ];
            if let Some(fault) = self.chance.pick(&faults) {
                self.ledger.plan_fault(self.chance.below(3), fault);
            }
        }
        let project = self.shared.lock().scenario.project.clone();
        if engine.world().project.is_none() {
            let bundle = self.bundle(0).await;
            self.ask(engine, "ana", Command::DeclareProject { project, bundle }).await;
        }
        if self.released < RELEASES && self.chance.one_in(20) {
            self.released += 1;
            self.bundle(self.released).await;
            let content = content(self.released);
            self.ask(engine, "ana", Command::CreateRelease { content, notes: None }).await;
        }
        if self.chance.one_in(4) {
            self.meddle(engine).await;
        }
        if self.chance.one_in(6) {
            self.live_and_die(engine).await;
        }
        self.help(engine).await;
    }

    /// What keeps a world moving that waits for people: promoting, agreeing, going on.
    async fn help(&mut self, engine: &Engine) {
        let world = engine.world();
        for promotion in world.waiting() {
            for who in ["ben", "cai"] {
                let approve = Command::Approve { promotion: promotion.number, plan: None, comment: None };
                self.ask(engine, who, approve).await;
            }
        }
        for (environment, state) in &world.environments {
            let rollout = state.rollout.and_then(|revision| world.deployments.get(&revision));
            let running = rollout.and_then(|rollout| rollout.running());
            let Some(pause) = running.and_then(|running| running.pause.as_ref()) else { continue };
            let failed = matches!(pause.reason, PauseReason::Failed { .. });
            if self.chance.one_in(5) {
                let environment = environment.clone();
                let command = if failed && self.chance.one_in(2) {
                    // What waits after it failed may never become good.
                    Command::Abort { environment, reason: None }
                } else if self.chance.one_in(3) {
                    Command::PromoteRollout { environment }
                } else {
                    Command::Resume { environment }
                };
                self.ask(engine, "ben", command).await;
            }
        }
    }

    async fn meddle(&mut self, engine: &Engine) {
        let mut order = self.shared.lock().scenario.order.clone();
        order.extend(engine.world().previews.keys().cloned());
        let Some(environment) = self.chance.pick(&order) else { return };
        let reason = None;
        let command = match self.chance.below(14) {
            0 => Command::Pause { environment, comment: None },
            1 => Command::Abort { environment, reason },
            2 => Command::Rollback { environment, to: None, reason },
            3 | 4 => return self.lay(engine, environment).await,
            5 | 6 => return self.flip(engine, environment).await,
            7 | 8 => {
                let told = live_flags::change(engine, &mut self.chance, environment).await;
                return self.told.extend(told);
            }
            _ => match self.promotion(engine, environment).await {
                Some(command) => command,
                None => return,
            },
        };
        self.ask(engine, "ana", command).await;
    }

    /// Somebody sets a live value or takes one off.
    async fn lay(&mut self, engine: &Engine, environment: EnvironmentName) {
        let resolver = self.ports.resolver.as_ref();
        let Some(command) = overlay::change(engine, resolver, &mut self.chance, environment).await else { return };
        let before = engine.world();
        self.ask(engine, "ana", command).await;
        let changed = overlay::only_recorded(&before, &engine.world());
        self.shared.lock().violations.extend(changed.err());
    }

    /// Stores the bundle of a release and returns its name.
    async fn bundle(&self, number: u64) -> Digest {
        let bundle = live_flags::bundle(number);
        // Storing in memory does not fail.
        let _ = self.blobs.put(&bundle.to_bytes()).await;
        bundle.digest()
    }

    pub(super) async fn promotion(&mut self, engine: &Engine, environment: EnvironmentName) -> Option<Command> {
        let number = ReleaseNumber(1 + self.chance.below(RELEASES));
        let world = engine.world();
        let release = world.releases.get(&number).cloned()?;
        let live = world.live(&environment);
        let spec = Resolver::resolve(self.ports.resolver.as_ref(), &release, &environment, live).await.ok()?;
        Some(Command::Promote { environment, release: number, spec: Box::new(spec), reason: None })
    }

    pub(super) async fn ask(&self, engine: &Engine, who: &str, command: Command) {
        let Ok(principal) = PrincipalName::new(who) else { return };
        // Refusals and faults are part of the weather.
        if let Ok(done) = engine.submit(&principal, command, "simulation").await {
            debug_assert!(done.events.iter().all(|event| !matches!(event.fact, Fact::StepStarted { .. })));
        }
    }
}
