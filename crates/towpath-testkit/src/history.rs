//! A long, valid history: releases that are made, promoted and rolled out in one environment, one after the other.
//!
//! For measurements: every event is decided by the real rules, at the proportions of a canary rollout with an analysis.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use towpath_core::{
    analysis::{Measurement, Verdict},
    command::{Asker, Command, Happened, Report},
    decide::{commit, decide},
    deployment::{AnalysisSpec, CanaryStep, DeploymentSpec, Probes, Resources, ServiceSpec, Strategy},
    event::Event,
    ids::{Digest, EnvironmentName, PrincipalName, ProjectName, ReleaseNumber},
    lifecycle::Housekeeping,
    project::{EnvironmentPolicy, FlagPolicy, GatePolicy, Project, Tier},
    refusal::Refusal,
    release::ReleaseContent,
    rollout::Step,
    units::{Millis, Percent},
    world::World,
};

/// A world and the commands that move it on.
pub struct History {
    /// The world so far.
    pub world: World,
    /// How many commands were carried out.
    pub commands: u64,
    asker: Asker,
    environment: EnvironmentName,
    spec: DeploymentSpec,
}

impl History {
    /// Begins a history with a project of one environment, or nothing if its names were not names.
    pub fn begin() -> Option<(Self, Vec<Event>)> {
        let environment: EnvironmentName = "production".parse().ok()?;
        let policy = EnvironmentPolicy {
            tier: Tier::Production,
            after: Vec::new(),
            automatic: false,
            gates: GatePolicy::default(),
            flags: FlagPolicy::default(),
        };
        let project = Project {
            name: ProjectName::new("shop").ok()?,
            people: BTreeMap::new(),
            environments: BTreeMap::from([(environment.clone(), policy)]),
            housekeeping: Housekeeping::default(),
            secrets: BTreeMap::new(),
        };
        let asker = Asker { principal: PrincipalName::control_plane(), now: Timestamp::UNIX_EPOCH };
        let mut history = Self { world: World::default(), commands: 0, asker, environment, spec: spec()? };
        let declared = history.ask(Command::DeclareProject { project, bundle: Digest::of(b"") }).ok()?;
        Some((history, declared))
    }

    /// Makes one release, promotes it, rolls it out to its end and retires the one before.
    pub fn cycle(&mut self) -> Result<Vec<Event>, Refusal> {
        let number = self.world.next_release();
        let content = ReleaseContent {
            version: number.to_string(),
            artifacts: BTreeMap::new(),
            bundle: Digest::of(&number.0.to_be_bytes()),
            commit: None,
        };
        let before = self.world.current(&self.environment).map(|current| current.revision);
        let mut events = self.ask(Command::CreateRelease { content, notes: None })?;
        events.extend(self.ask(self.promote(number))?);
        let promotion = self.world.next_promotion().0 - 1;
        let spec = Box::new(self.spec.clone());
        let live = self.world.live(&self.environment).digest();
        let promotion = towpath_core::ids::PromotionNumber(promotion);
        let start = Command::StartDeployment { promotion, spec, live };
        events.extend(self.ask(start)?);
        while let Some(report) = self.next_report() {
            events.extend(self.ask(Command::Report(report))?);
        }
        if let Some(revision) = before {
            events.extend(self.ask(Command::Report(Report { revision, happened: Happened::Retired }))?);
        }
        Ok(events)
    }

    fn promote(&self, release: ReleaseNumber) -> Command {
        let spec = Box::new(self.spec.clone());
        Command::Promote { environment: self.environment.clone(), release, spec, reason: None }
    }

    fn next_report(&self) -> Option<Report> {
        let rollout = self.world.rollout(&self.environment)?;
        let running = rollout.running()?;
        let to = self.asker.now;
        let unjudged = running.tally.made == 0 && matches!(rollout.step(), Some(Step::Analysis(_)));
        let happened = if unjudged {
            let reason = "0 of 1000 requests failed (0%)".to_owned();
            let verdict = Verdict::Pass;
            let measurement =
                Measurement { from: to, to, requests: 1000, errors: 0, p95_us: Some(4000), verdict, reason };
            Happened::Measured { step: running.step, measurement }
        } else {
            rollout.next_step(running).map_or(Happened::Completed, |step| Happened::StepStarted { step })
        };
        Some(Report { revision: rollout.revision, happened })
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers build the command in place")]
    fn ask(&mut self, command: Command) -> Result<Vec<Event>, Refusal> {
        self.commands += 1;
        self.asker.now += SignedDuration::from_secs(1);
        let decided = decide(&self.world, &command, &self.asker)?;
        let (world, events) = commit(std::mem::take(&mut self.world), decided, &self.asker, "history");
        self.world = world;
        Ok(events)
    }
}

fn spec() -> Option<DeploymentSpec> {
    let analysis = AnalysisSpec {
        interval: Millis::from_secs(30),
        count: 1,
        failure_limit: 0,
        inconclusive_limit: 0,
        min_requests: 20,
        max_error_rate_bp: Some(100),
        max_p95: Some(Millis(500)),
    };
    let steps = [10, 25, 50].into_iter().flat_map(|weight| {
        let percent = Percent::new(weight).unwrap_or(Percent::FULL);
        [CanaryStep::Weight { percent }, CanaryStep::Analysis(analysis.clone())]
    });
    let service = ServiceSpec {
        artifact: Some(Digest::of(b"artifact")),
        command: vec!["./serve".to_owned(), "--port".to_owned(), "${PORT}".to_owned()],
        image: None,
        environment: Digest::of(b"environment"),
        replicas: 4,
        listen: None,
        preview: None,
        probes: Probes::default(),
        resources: Resources::default(),
        stop_grace: Millis::from_secs(10),
        drain: Millis::from_secs(10),
    };
    Some(DeploymentSpec {
        services: BTreeMap::from([("web".parse().ok()?, service)]),
        strategy: Strategy::Canary { steps: steps.collect() },
        progress_deadline: Millis::from_secs(600),
        verification: Vec::new(),
        rollback: None,
        secrets: std::collections::BTreeMap::new(),
    })
}
