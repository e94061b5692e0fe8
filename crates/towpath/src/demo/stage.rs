//! Where the demo plays: its folder, server, clients, traffic, and the voice that tells what happens.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use towpath_server::api::types::{PromotionState, PromotionView, RolloutStatus, RolloutView};

use super::{
    load::{Load, Tally},
    server::Server,
};
use crate::{
    cli::Globals,
    client::Client,
    commands::watch::Lines,
    context::Context,
    failure::{Exit, Failure},
    output::Format,
};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// How long one part may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// Where the demo plays.
pub(super) struct Stage<'a> {
    pub(super) context: &'a Context,
    pub(super) root: PathBuf,
    began: Instant,
    server: Option<Server>,
    load: Option<Load>,
}

/// Returns the failure of something that was to happen and did not.
pub(super) fn missed(what: &str, why: &str) -> Failure {
    Failure::new(Exit::Failed, "demo_missed", what.to_owned())
        .fact("seen", why)
        .kept("nothing outside of its temporary folder")
}

/// Fails unless something happened.
pub(super) fn expect(happened: bool, what: &str, why: &str) -> Result<(), Failure> {
    if happened { Ok(()) } else { Err(missed(what, why)) }
}

impl<'a> Stage<'a> {
    pub(super) fn new(context: &'a Context, root: PathBuf, began: Instant) -> Self {
        Self { context, root, began, server: None, load: None }
    }

    pub(super) fn url(&self) -> Option<String> {
        self.server.as_ref().map(|server| server.url.clone())
    }

    /// Starts the server.
    pub(super) async fn open(&mut self) -> Result<(), Failure> {
        self.server = Some(Server::start(&self.root).await?);
        Ok(())
    }

    /// Stops everything.
    pub(super) fn stop(&mut self) {
        self.load = None;
        self.server = None;
    }

    /// Lets the server go on without the demo.
    pub(super) fn leave(&mut self) {
        self.load = None;
        if let Some(server) = self.server.take() {
            server.leave();
        }
    }

    /// Returns the context of a person of the project.
    pub(super) fn as_person(&self, name: Option<&str>) -> Context {
        Context::new(Globals {
            output: Format::Text,
            quiet: true,
            no_input: true,
            project: Some(self.root.clone()),
            acting_as: name.map(str::to_owned),
            ..Globals::default()
        })
    }

    /// Returns a client that acts as a person of the project.
    pub(super) fn client(&self, name: &str) -> Result<Client, Failure> {
        self.as_person(Some(name)).client()
    }

    /// Tells what happens, with the time since the beginning.
    pub(super) fn tell(&self, text: &str) -> Result<(), Failure> {
        if !self.context.out.is_text() {
            return Ok(());
        }
        let paint = self.context.out.paint();
        let elapsed = self.began.elapsed();
        let time = format!("{:>3}.{} s", elapsed.as_secs(), elapsed.subsec_millis() / 100);
        self.context.out.data(&format!("{}  {text}\n", paint.dim(&time)))
    }

    /// Begins a part.
    pub(super) fn heading(&self, text: &str) -> Result<(), Failure> {
        let paint = self.context.out.paint();
        if self.context.out.is_text() { self.context.out.data(&format!("\n{}\n", paint.bold(text))) } else { Ok(()) }
    }

    /// Begins to send traffic.
    pub(super) fn send(&mut self, load: Load) {
        self.load = Some(load);
    }

    /// Returns what the traffic got so far.
    pub(super) fn tally(&self) -> Tally {
        self.load.as_ref().map(Load::tally).unwrap_or_default()
    }

    /// Follows the newest rollout of a release in an environment to its end and tells it.
    pub(super) async fn follow(
        &self,
        client: &Client,
        environment: &str,
        release: u64,
    ) -> Result<RolloutView, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = Lines::default();
        loop {
            match client.rollout(environment, None).await {
                Ok(rollout) if rollout.deployment.release == release => {
                    for line in lines.of(&rollout) {
                        self.tell(&line)?;
                    }
                    if !rollout.active {
                        return Ok(rollout);
                    }
                }
                // It has not begun yet.
                Ok(_) => {}
                Err(failure) if failure.exit == Exit::Usage => {}
                Err(failure) => return Err(failure),
            }
            expect(Instant::now() < deadline, &format!("the rollout in {environment} did not end"), "see server.log")?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Follows a rollout that is to complete.
    pub(super) async fn completes(
        &self,
        client: &Client,
        environment: &str,
        release: u64,
    ) -> Result<RolloutView, Failure> {
        let rollout = self.follow(client, environment, release).await?;
        let why = rollout.deployment.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
        expect(
            rollout.deployment.status == RolloutStatus::Completed,
            &format!("r{release} did not arrive in {environment}"),
            &why,
        )?;
        Ok(rollout)
    }

    /// Waits until a promotion has become a deployment.
    pub(super) async fn deployed(&self, client: &Client, number: u64) -> Result<PromotionView, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let promotion = client.promotion(number).await?;
            if promotion.state == PromotionState::Deployed {
                return Ok(promotion);
            }
            let open = promotion.state == PromotionState::Waiting && Instant::now() < deadline;
            let why = promotion
                .gates
                .iter()
                .filter(|gate| !gate.open)
                .map(|gate| gate.why.clone())
                .collect::<Vec<_>>()
                .join("; ");
            expect(open, &format!("promotion p{number} did not start"), &why)?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Returns the folder of private data.
    pub(super) fn data(&self) -> PathBuf {
        Path::join(&self.root, crate::folder::DATA_FOLDER)
    }
}
