//! A whole life of rotations under faults: crashes between any two steps, lost answers, effects that land late, backends that
//! fail, people who deploy, go back, abort and retry in between. What must hold is looked at after every step.

use std::collections::BTreeMap;

use super::{
    Advance, Credential, Generator, NewValue, Phase, RotationAction, RotationChange, RotationCommand, RotationPolicy,
    RotationWork, due,
};
use crate::{
    command::{Command, Configured},
    decide::secrets::STORE,
    deployment::{DeploymentSpec, Strategy},
    event::{Event, Fact, NewEvent},
    ids::{Digest, EnvironmentName, PrincipalName, ReleaseNumber, Revision},
    project::GatePolicy,
    secrets::store::{Mark, NewDataKey, SecretOrigin, StoreChange, StoreCommand},
    testing::{Play, environment, spec},
    units::Millis,
    world::World,
};

const NAME: &str = "DB_URL";

/// xorshift64*: enough to choose with, and the same at every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

/// Two login roles that take turns: each is valid with one value or with none.
#[derive(Default)]
struct Roles {
    valid: [Option<u64>; 2],
}

/// What a backend is asked.
#[derive(Clone, Copy)]
enum Ask {
    Create { value: u64, keep: Option<u64> },
    Revoke { value: u64 },
}

impl Roles {
    fn does(&mut self, ask: Ask) {
        match ask {
            Ask::Create { value, keep } => {
                let free = usize::from(self.valid[0].is_some() && self.valid[0] == keep);
                self.valid[free] = Some(value);
            }
            Ask::Revoke { value } => {
                for role in &mut self.valid {
                    *role = role.filter(|valid| *valid != value);
                }
            }
        }
    }

    fn has(&self, value: u64) -> bool {
        self.valid.contains(&Some(value))
    }
}

/// A mistake of whoever performs the actions, to see that it is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bug {
    None,
    /// A new value is put in force before it is valid.
    OffersUntried,
    /// The old value is made invalid while some still run with it.
    RevokesAtOnce,
    /// The old value is made invalid before that is written down, so that somebody goes back to it in between.
    RevokesUnannounced,
    /// What was stored is not what was made valid.
    StoresAnother,
    /// Going back brings what was made invalid.
    ForgetsRevoked,
    /// A new value takes the role that the old one is in.
    TakesTheSameRole,
}

struct Sim {
    play: Play,
    chance: Chance,
    roles: Roles,
    /// What each stored version is.
    values: BTreeMap<u32, u64>,
    next_value: u64,
    /// Effects of a process that is gone, which land later.
    late: Vec<Ask>,
    bug: Bug,
    events: Vec<Event>,
    rotations: u32,
    crashes: u32,
}

fn here() -> EnvironmentName {
    environment("development")
}

/// What would run: another version of a secret makes another specification, as pins do.
fn specified(live: &crate::config::Live) -> DeploymentSpec {
    let mut spec = spec(Strategy::Recreate, 1);
    let from = crate::secrets::SourceId(STORE.to_owned());
    let pins = live.secrets.iter().map(|(name, version)| {
        (name.clone(), crate::secrets::SecretPin { from: from.clone(), version: version.clone() })
    });
    spec.secrets = pins.collect();
    spec
}

impl Sim {
    fn new(seed: u64, bug: Bug) -> Self {
        let play = Play::new(GatePolicy::default());
        let chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (roles, values, late) = (Roles::default(), BTreeMap::new(), Vec::new());
        let mut sim = Self {
            play,
            chance,
            roles,
            values,
            next_value: 1,
            late,
            bug,
            events: Vec::new(),
            rotations: 0,
            crashes: 0,
        };
        let policy = RotationPolicy {
            every: Some(Millis::from_secs(86_400)),
            expires: None,
            remind: Millis::from_secs(3600),
            owner: None,
            generate: Some(Generator::Uuid),
            credential: Credential::Value,
            grace: Millis::from_secs(60),
            automatic: true,
        };
        let mut project = sim.play.world.project.as_deref().unwrap().clone();
        project.secrets.insert(NAME.to_owned(), policy);
        sim.ask("ana", Command::DeclareProject { project, bundle: Digest::of(b"bundle") });
        let made = NewDataKey {
            version: 1,
            project: "shop".to_owned(),
            wrapped: Digest::of(b"key"),
            provider: "age".to_owned(),
            commitment: Digest::of(b"commitment"),
        };
        sim.store(StoreChange::MakeDataKey(made));
        let first = sim.new_value();
        sim.roles.does(Ask::Create { value: first, keep: None });
        sim.write(SecretOrigin::Given, first);
        for release in 1..=2 {
            sim.play.release("ana", &release.to_string());
        }
        sim.deploy(1);
        sim
    }

    fn ask(&mut self, who: &str, command: Command) -> bool {
        match self.play.ask(who, command) {
            Ok(events) => {
                self.events.extend(events);
                true
            }
            Err(_) => false,
        }
    }

    fn world(&self) -> &World {
        &self.play.world
    }

    fn new_value(&mut self) -> u64 {
        self.next_value += 1;
        self.next_value
    }

    fn store(&mut self, change: StoreChange) -> bool {
        let revision = self.world().secrets(&here()).map_or(0, |store| store.revision()) + 1;
        let marks = vec![Mark { revision, data_key: 1, mac: Digest::of(b"mark") }];
        let command = StoreCommand { environment: here(), change, reason: None, marks, configured: None };
        self.ask("towpath", Command::ChangeSecrets(Box::new(command)))
    }

    fn write(&mut self, origin: SecretOrigin, value: u64) {
        let store = self.world().secrets(&here());
        let version = store.and_then(|store| store.secrets.get(NAME)).map_or(1, |secret| secret.next_version());
        let change = StoreChange::Write {
            name: NAME.to_owned(),
            version,
            ciphertext: Digest::of(&version.to_be_bytes()),
            data_key: 1,
            origin,
        };
        if self.store(change) {
            self.values.insert(version, value);
        }
    }

    fn rotate(&mut self, change: RotationChange) -> bool {
        // Which version the change brings into force decides what would run.
        let state = self.world().environments.get(&here()).unwrap();
        let running = state.rotations.running(NAME);
        let version = match (&change, running.map(|it| (it.phase, it.from))) {
            (RotationChange::Advance { to: Advance::Dual, .. }, Some((phase, _))) => phase.new_version(),
            (RotationChange::Abort, Some((_, from))) => from,
            _ => None,
        };
        let mut live = state.live.as_ref().clone();
        let seen = live.digest();
        let configured = version.map(|version| {
            live.secrets.insert(NAME.to_owned(), crate::secrets::SecretVersion(version.to_string()));
            let release = self.world().current(&here()).map(|current| current.release);
            let promote = release.map(|release| (release, Box::new(specified(&live))));
            let outdated = self.world().waiting().map(|it| it.number).collect();
            Configured { seen, promote, outdated }
        });
        let command = RotationCommand { environment: here(), name: NAME.to_owned(), change, reason: None, configured };
        self.ask("towpath", Command::Rotate(Box::new(command)))
    }

    /// Somebody deploys, all the way.
    fn deploy(&mut self, release: u64) {
        let spec = specified(self.world().live(&here()));
        let environment = here();
        let release = ReleaseNumber(release);
        self.ask("ana", Command::Promote { environment, release, spec: Box::new(spec), reason: None });
        self.start();
        self.end(true);
    }

    fn start(&mut self) {
        let Some(number) = self.world().waiting().map(|it| it.number).next() else { return };
        let live = self.world().live(&here()).clone();
        let (spec, live) = (Box::new(specified(&live)), live.digest());
        if self.world().rollout(&here()).is_none() {
            self.ask("towpath", Command::StartDeployment { promotion: number, spec, live });
        }
    }

    fn fact(&mut self, fact: Fact) {
        let asker = crate::command::Asker { principal: PrincipalName::control_plane(), now: self.play.now };
        let decided = vec![NewEvent { environment: Some(here()), fact }];
        let (world, events) = crate::decide::commit(self.play.world.clone(), decided, &asker, "test");
        self.play.world = world;
        self.events.extend(events);
    }

    fn end(&mut self, good: bool) {
        let Some(rollout) = self.world().rollout(&here()) else { return };
        let revision = rollout.revision;
        if rollout.failure().is_some() {
            self.fact(Fact::RolledBack { revision });
        } else if good {
            self.fact(Fact::RolloutCompleted { revision });
        } else {
            let failure = crate::rollout::Failure {
                kind: crate::rollout::FailureKind::CrashLoop,
                message: String::new(),
                evidence: Vec::new(),
            };
            self.fact(Fact::RolloutFailed { revision, failure });
            self.fact(Fact::RolledBack { revision });
        }
    }

    fn retire_one(&mut self) {
        let retiring: Vec<Revision> =
            self.world().environments[&here()].retiring.iter().map(|it| it.revision).collect();
        if let Some(revision) = retiring.first() {
            self.fact(Fact::RevisionRetired { revision: *revision });
        }
    }

    /// What people and the control plane do besides.
    fn meanwhile(&mut self) {
        match self.chance.below(14) {
            0 => {
                let release = 1 + self.chance.below(2);
                let spec = Box::new(specified(self.world().live(&here())));
                let release = ReleaseNumber(release);
                self.ask("ana", Command::Promote { environment: here(), release, spec, reason: None });
            }
            1 | 2 => self.start(),
            3 | 4 => self.end(true),
            5 => self.end(false),
            6 | 7 => self.retire_one(),
            8 => {
                self.ask("ana", Command::Rollback { environment: here(), to: None, reason: None });
            }
            9 if self.chance.one_in(3) => {
                self.rotate(RotationChange::Abort);
            }
            10 => {
                self.rotate(RotationChange::Retry);
            }
            11 => {
                self.rotations += u32::from(self.rotate(RotationChange::Start { value: NewValue::Declared }));
            }
            12 => {
                let seconds = i64::try_from(self.chance.below(100)).unwrap();
                self.play.wait(seconds);
            }
            _ => {
                if let Some(ask) = self.late.pop() {
                    self.roles.does(ask);
                }
            }
        }
    }

    /// One turn of the control plane; what happened meanwhile is not in what it planned from.
    fn turn(&mut self, faults: bool) {
        let planned = due(self.world(), self.play.now);
        for RotationWork { action, .. } in planned {
            if faults && self.chance.one_in(2) {
                self.meanwhile();
            }
            if faults && self.chance.one_in(6) {
                self.crashes += 1;
                return;
            }
            self.perform(&action, faults);
        }
    }

    /// Asks the backend; `false` if the process is gone or the answer was an error, which may be told of an effect that is there.
    fn backend(&mut self, ask: Ask, number: u32, faults: bool) -> bool {
        // The process before this one is gone for longer than a statement of it can take.
        for late in std::mem::take(&mut self.late) {
            self.roles.does(late);
        }
        if faults && self.chance.one_in(5) {
            if self.chance.one_in(2) {
                self.late.push(ask);
            }
            self.crashes += 1;
            return false;
        }
        if faults && self.chance.one_in(4) {
            if self.chance.one_in(2) {
                self.roles.does(ask);
            }
            let message = "the server is away".to_owned();
            self.rotate(RotationChange::Fail { number, message, hopeless: false });
            return false;
        }
        self.roles.does(ask);
        if faults && self.chance.one_in(5) {
            self.crashes += 1;
            return false;
        }
        if faults && self.chance.one_in(3) {
            self.meanwhile();
        }
        true
    }

    fn perform(&mut self, action: &RotationAction, faults: bool) {
        match *action {
            RotationAction::Remind { due } => {
                self.rotate(RotationChange::Remind { due });
            }
            RotationAction::Start => {
                self.rotations += u32::from(self.rotate(RotationChange::Start { value: NewValue::Declared }));
            }
            RotationAction::Stage { number } => {
                let value = self.new_value();
                self.write(SecretOrigin::Rotated { rotation: number, generator: None }, value);
            }
            RotationAction::Create { number, to, keep } => {
                let keep = keep.and_then(|keep| self.values.get(&keep).copied());
                let value = if self.bug == Bug::StoresAnother { self.new_value() } else { self.values[&to] };
                let keep = if self.bug == Bug::TakesTheSameRole { None } else { keep };
                let ask = Ask::Create { value, keep };
                if self.bug == Bug::OffersUntried || self.backend(ask, number, faults) {
                    self.rotate(RotationChange::Advance { number, to: Advance::Dual });
                    if let (Bug::RevokesAtOnce, Some(value)) = (self.bug, keep) {
                        self.roles.does(Ask::Revoke { value });
                    }
                }
            }
            RotationAction::Bring { .. } => {
                let Some(release) = self.world().current(&here()).map(|current| current.release) else { return };
                let spec = Box::new(specified(self.world().live(&here())));
                self.ask("towpath", Command::Promote { environment: here(), release, spec, reason: None });
            }
            RotationAction::Switch { number } => {
                self.rotate(RotationChange::Advance { number, to: Advance::Switched });
            }
            RotationAction::Confirm { number, to, from } => {
                if self.bug == Bug::RevokesUnannounced
                    && let Some(from) = from
                {
                    self.roles.does(Ask::Revoke { value: self.values[&from] });
                    self.check();
                    self.meanwhile();
                }
                assert!(self.roles.has(self.values[&to]), "a value in force is not valid");
                self.rotate(RotationChange::Advance { number, to: Advance::Retiring });
            }
            RotationAction::Revoke { number, version, keep: _, rotated } => {
                let value = version.map(|version| self.values[&version]);
                if value.is_none_or(|value| self.backend(Ask::Revoke { value }, number, faults)) {
                    self.rotate(RotationChange::Finish { number, rotated });
                }
            }
        }
    }

    /// What must hold at every moment.
    fn check(&self) {
        let world = self.world();
        let state = &world.environments[&here()];
        let secret = &state.secrets.secrets[NAME];
        let current = secret.current.expect("the secret has no value in force");
        assert!(self.roles.has(self.values[&current]), "version {current} is in force and not valid");
        let retiring = state.retiring.iter().map(|retiring| retiring.revision);
        for revision in [state.current, state.rollout].into_iter().flatten().chain(retiring) {
            let deployment = &world.deployments[&revision];
            assert_eq!(deployment.live.secrets[NAME], deployment.spec.secrets[NAME].version);
            let mut pinned = deployment.spec.secrets[NAME].version.0.parse().unwrap();
            if self.bug == Bug::ForgetsRevoked
                && let Some(origin) = &deployment.rollback
                && let Some(to) = world.deployments.get(&origin.to)
            {
                pinned = to.spec.secrets[NAME].version.0.parse().unwrap();
            }
            assert!(secret.living(pinned).is_some(), "{revision} runs with version {pinned}, which cannot be read");
            assert!(self.roles.has(self.values[&pinned]), "{revision} runs with version {pinned}, which is not valid");
        }
    }

    fn run(&mut self, steps: u32) {
        for _ in 0..steps {
            self.meanwhile();
            self.check();
            self.turn(true);
            self.check();
        }
    }

    /// Without faults, with people who retry and let rollouts through, every rotation ends.
    fn settle(&mut self) {
        for late in std::mem::take(&mut self.late) {
            self.roles.does(late);
            self.check();
        }
        for _ in 0..40 {
            if self.world().environments[&here()].rotations.running(NAME).is_none() {
                return;
            }
            self.end(true);
            self.rotate(RotationChange::Retry);
            self.turn(false);
            self.check();
            let release = self.world().current(&here()).unwrap().release.0;
            self.deploy(release);
            self.check();
            while !self.world().environments[&here()].retiring.is_empty() {
                self.retire_one();
            }
            self.play.wait(61);
        }
        panic!("a rotation neither ends nor waits: {:?}", self.world().environments[&here()].rotations.latest[NAME]);
    }
}

fn life(seed: u64, bug: Bug) -> Sim {
    let mut sim = Sim::new(seed, bug);
    sim.run(120);
    sim.settle();
    sim
}

#[test]
fn whatever_fails_and_whenever_what_runs_has_a_value_that_is_valid() {
    let (mut rotations, mut crashes, mut phases) = (0, 0, BTreeMap::new());
    for seed in 0..300 {
        let sim = life(seed, Bug::None);
        rotations += sim.rotations;
        crashes += sim.crashes;
        for rotation in sim.world().environments[&here()].rotations.of(NAME) {
            assert!(rotation.phase.is_over());
            *phases.entry(rotation.phase.word()).or_insert(0) += 1;
        }
    }
    assert!(rotations > 300 && crashes > 300, "{rotations} rotations, {crashes} crashes: too tame to say anything");
    assert!(phases["finished"] > 100 && phases["aborted"] > 20, "{phases:?}");
}

#[test]
fn each_planted_mistake_is_found() {
    for bug in [
        Bug::OffersUntried,
        Bug::RevokesAtOnce,
        Bug::RevokesUnannounced,
        Bug::StoresAnother,
        Bug::ForgetsRevoked,
        Bug::TakesTheSameRole,
    ] {
        let found = (0..300).any(|seed| std::panic::catch_unwind(|| life(seed, bug)).is_err());
        assert!(found, "{bug:?} was not found");
    }
}

#[test]
fn a_life_of_rotations_replays_to_the_same_world() {
    for seed in 0..20 {
        let mut sim = Sim::new(seed, Bug::None);
        sim.events.clear();
        let before = sim.world().clone();
        sim.run(60);
        let events = sim.events.iter().map(|event| Event::from_entry(event.to_entry()).unwrap());
        let replayed = events.fold(before, |world, event| world.apply(&event));
        assert_eq!(&replayed, sim.world());
    }
}

#[test]
fn a_rotation_that_is_left_alone_goes_through_every_phase_in_order() {
    let mut sim = Sim::new(1, Bug::None);
    sim.rotate(RotationChange::Start { value: NewValue::Declared });
    let mut seen = Vec::new();
    for _ in 0..12 {
        let phase = sim.world().environments[&here()].rotations.latest[NAME].phase;
        if seen.last() != Some(&phase.word()) {
            seen.push(phase.word());
        }
        sim.turn(false);
        if matches!(phase, Phase::Dual { .. }) {
            sim.start();
            sim.end(true);
            sim.retire_one();
        }
        if matches!(phase, Phase::Switched { .. }) {
            sim.play.wait(60);
        }
    }
    assert_eq!(seen, ["creating", "staged", "dual", "switched", "retiring", "finished"]);
}
