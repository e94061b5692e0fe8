//! Builders for the tests of this crate: a small project, releases and a world that commands are carried out in.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    command::{Asker, Command},
    decide::{Decision, commit, decide},
    deployment::{DeploymentSpec, Probes, Resources, ServiceSpec, Strategy},
    event::Event,
    ids::{Digest, EnvironmentName, PrincipalName, ProjectName, ReleaseNumber},
    project::{EnvironmentPolicy, FlagPolicy, GatePolicy, Project, Tier},
    release::ReleaseContent,
    units::Millis,
    world::World,
};

/// A world with a clock in which commands are carried out one after the other.
pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) now: Timestamp,
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn environment(name: &str) -> EnvironmentName {
    name.parse().unwrap()
}

pub(crate) fn principal(name: &str) -> PrincipalName {
    name.parse().unwrap()
}

/// development → staging → production, with these gates before production.
pub(crate) fn project(gates: GatePolicy) -> Project {
    let policy = |tier, after: &[&str], gates| EnvironmentPolicy {
        tier,
        after: after.iter().map(|name| environment(name)).collect(),
        automatic: after.is_empty(),
        gates,
        flags: FlagPolicy::default(),
    };
    let people = [("ana", "developer"), ("ben", "tech-lead"), ("cai", "tech-lead"), ("dee", "qa")];
    Project {
        name: ProjectName::new("shop").unwrap(),
        people: people.iter().map(|(who, role)| (principal(who), BTreeSet::from([role.parse().unwrap()]))).collect(),
        environments: BTreeMap::from([
            (environment("development"), policy(Tier::Development, &[], GatePolicy::default())),
            (environment("staging"), policy(Tier::Staging, &["development"], GatePolicy::default())),
            (environment("production"), policy(Tier::Production, &["staging"], gates)),
        ]),
        housekeeping: crate::lifecycle::Housekeeping::default(),
        secrets: BTreeMap::new(),
    }
}

pub(crate) fn service(replicas: u32) -> ServiceSpec {
    ServiceSpec {
        artifact: None,
        command: vec!["serve".to_owned()],
        image: None,
        environment: Digest::of(b"{}"),
        replicas,
        listen: None,
        preview: None,
        probes: Probes::default(),
        resources: Resources::default(),
        stop_grace: Millis::from_secs(10),
        drain: Millis::from_secs(10),
    }
}

pub(crate) fn spec(strategy: Strategy, replicas: u32) -> DeploymentSpec {
    DeploymentSpec {
        services: BTreeMap::from([("web".parse().unwrap(), service(replicas))]),
        strategy,
        progress_deadline: Millis::from_secs(60),
        verification: Vec::new(),
        rollback: None,
        secrets: BTreeMap::new(),
    }
}

pub(crate) fn content(version: &str) -> ReleaseContent {
    let bundle = Digest::of(version.as_bytes());
    ReleaseContent { version: version.to_owned(), artifacts: BTreeMap::new(), bundle, commit: None }
}

impl Play {
    pub(crate) fn new(gates: GatePolicy) -> Self {
        let mut play = Self { world: World::default(), now: at("2026-11-02T08:00:00Z") };
        let declare = Command::DeclareProject { project: project(gates), bundle: Digest::of(b"bundle") };
        play.ask("ana", declare).unwrap();
        play
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now += jiff::SignedDuration::from_secs(seconds);
    }

    /// Carries out a command.
    #[expect(clippy::needless_pass_by_value, reason = "callers build the command in place")]
    pub(crate) fn ask(&mut self, who: &str, command: Command) -> Result<Vec<Event>, crate::refusal::Refusal> {
        let asker = Asker { principal: principal(who), now: self.now };
        let decided = decide(&self.world, &command, &asker)?;
        let (world, events) = commit(self.world.clone(), decided, &asker, "test");
        self.world = world;
        Ok(events)
    }

    /// Says what a command would lead to.
    pub(crate) fn decide(&self, who: &str, command: &Command) -> Decision {
        decide(&self.world, command, &Asker { principal: principal(who), now: self.now })
    }

    pub(crate) fn release(&mut self, who: &str, version: &str) {
        self.ask(who, Command::CreateRelease { content: content(version), notes: None }).unwrap();
    }

    #[expect(clippy::unused_self, reason = "reads as something the play does")]
    pub(crate) fn promote(&self, release: u64, to: &str) -> Command {
        Command::Promote {
            environment: environment(to),
            release: ReleaseNumber(release),
            spec: Box::new(spec(Strategy::Recreate, 1)),
            reason: None,
        }
    }

    /// Brings a release into an environment as good, whatever its gates say.
    pub(crate) fn complete(&mut self, release: u64, to: &str) {
        use crate::{
            event::{Fact, NewEvent},
            ids::Revision,
        };
        let revision: Revision = self.world.next_revision();
        let asker = Asker { principal: PrincipalName::control_plane(), now: self.now };
        let started = Fact::DeploymentStarted {
            revision,
            release: ReleaseNumber(release),
            runs: revision,
            promotion: None,
            rollback: None,
            spec: Box::new(spec(Strategy::Recreate, 1)),
        };
        let facts = [started, Fact::RolloutCompleted { revision }];
        let decided = facts.into_iter().map(|fact| NewEvent { environment: Some(environment(to)), fact }).collect();
        self.world = commit(self.world.clone(), decided, &asker, "test").0;
    }
}
