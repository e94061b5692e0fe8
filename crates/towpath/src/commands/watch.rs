//! Following a rollout: a tree that is drawn again on a terminal, a line for each change elsewhere.
//!
//! The rollout does not depend on who watches: leaving changes nothing, and the server may be restarted meanwhile.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use towpath_server::api::types::{RolloutStatus, RolloutView};

use super::Outcome;
use crate::{
    client::{Client, Events, Signal},
    context::Context,
    failure::{Exit, Failure},
    words::{between, clock},
};

mod lines;

pub(crate) mod view;

pub(crate) use lines::Lines;

/// Time between two looks while nothing happens: measurements are not all events.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a rollout whose gates are open is waited for, and how often is looked.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);
const BEGINS_EVERY: Duration = Duration::from_millis(100);

/// Follows the rollout of an environment (its newest, or the one given) to its end.
pub(crate) async fn follow(
    context: &Context,
    client: Client,
    environment: &str,
    revision: Option<u64>,
    deadline: Option<Instant>,
) -> Outcome {
    Watcher::start(context, client, environment, revision, deadline).await?.run(false).await
}

/// Follows a rollback: there the end that was asked for is that the old revision serves again.
pub(crate) async fn follow_back(
    context: &Context,
    client: Client,
    environment: &str,
    revision: u64,
    deadline: Option<Instant>,
) -> Outcome {
    Watcher::start(context, client, environment, Some(revision), deadline).await?.run(true).await
}

/// Returns the newest rollout of an environment, or the one that is about to begin because its gates are open.
async fn newest(client: &Client, environment: &str) -> Result<u64, Failure> {
    let deadline = Instant::now() + BEGINS_WITHIN;
    loop {
        let summary = client.environment(environment).await?.summary;
        let begins = summary.waiting.iter().any(|promotion| promotion.closed.is_empty()) && summary.rollout.is_none();
        if !begins || Instant::now() >= deadline {
            return Ok(client.rollout(environment, None).await?.deployment.revision);
        }
        tokio::time::sleep(BEGINS_EVERY).await;
    }
}

struct Watcher<'a> {
    context: &'a Context,
    events: Events,
    environment: String,
    revision: u64,
    deadline: Option<Instant>,
    screen: Screen,
    lines: Lines,
}

impl<'a> Watcher<'a> {
    async fn start(
        context: &'a Context,
        client: Client,
        environment: &str,
        revision: Option<u64>,
        deadline: Option<Instant>,
    ) -> Result<Self, Failure> {
        // The stream first, then a look: what happens between the two is not missed.
        let events = Events::open(client, environment).await?;
        let revision = match revision {
            Some(revision) => revision,
            None => newest(events.client(), environment).await?,
        };
        Ok(Self {
            context,
            events,
            environment: environment.to_owned(),
            revision,
            deadline,
            screen: Screen::default(),
            lines: Lines::default(),
        })
    }

    /// Follows to the end and returns the exit status: done if it is as was wanted.
    async fn run(mut self, backwards: bool) -> Outcome {
        loop {
            let rollout = self.events.client().rollout(&self.environment, Some(self.revision)).await;
            match rollout {
                Ok(rollout) => {
                    self.show(&rollout)?;
                    if !rollout.active {
                        return self.end(&rollout, backwards);
                    }
                }
                // The stream notices, and says when the server is there again.
                Err(failure) if failure.exit == Exit::Unreachable => {}
                Err(failure) => return Err(failure),
            }
            if let Some(exit) = self.wait().await? {
                return Ok(exit);
            }
        }
    }

    /// Waits until there may be something new to see; says how to end if it is not to go on.
    async fn wait(&mut self) -> Result<Option<Exit>, Failure> {
        let pause = LOOK_EVERY.min(self.deadline.map_or(LOOK_EVERY, |at| at.saturating_duration_since(Instant::now())));
        tokio::select! {
            signal = self.events.next() => match signal? {
                Signal::Event | Signal::Alive => {}
                Signal::Lost => self.context.out.progress("the server does not answer; waiting for it"),
                Signal::Back => self.context.out.progress("the server is back"),
            },
            () = tokio::time::sleep(pause) => {}
            _ = tokio::signal::ctrl_c() => {
                let command = format!("towpath rollout abort {}", self.environment);
                self.context.out.progress(&format!("\nrollout d{} continues; `{command}` ends it", self.revision));
                return Ok(Some(Exit::Interrupted));
            }
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.context.out.progress(&format!("rollout d{} is still running", self.revision));
            self.context.out.next(&format!("towpath rollout watch {}", self.environment));
            return Ok(Some(Exit::StillRunning));
        }
        Ok(None)
    }

    fn show(&mut self, rollout: &RolloutView) -> Result<(), Failure> {
        if !self.context.out.is_text() {
            return if self.lines.is_new(rollout) { self.context.out.line(rollout) } else { Ok(()) };
        }
        if self.context.out.is_live() {
            return self.screen.draw(&view::tree(rollout, self.context.out.paint()));
        }
        for line in self.lines.of(rollout) {
            self.context.out.data(&format!("{} {line}\n", clock(Timestamp::now())))?;
        }
        Ok(())
    }

    fn end(&self, rollout: &RolloutView, backwards: bool) -> Outcome {
        let deployment = &rollout.deployment;
        let good = matches!(deployment.status, RolloutStatus::Completed | RolloutStatus::Retired);
        let took = deployment.ended_at.map(|ended| format!(" after {}", between(deployment.started_at, ended)));
        let outcome =
            format!("d{} {}{}", deployment.revision, view::status(deployment.status), took.unwrap_or_default());
        if self.context.out.is_text() {
            let paint = self.context.out.paint();
            let outcome = if good { paint.green(&outcome) } else { paint.red(&outcome) };
            self.context.out.data(&format!("{outcome}\n"))?;
        }
        let environment = &self.environment;
        let hint = if good { "towpath status" } else { "towpath history" };
        self.context.out.next(&if good { hint.to_owned() } else { format!("{hint} {environment}") });
        // An aborted rollout is what was wanted when a rollback asked for it.
        Ok(if good || (backwards && deployment.status == RolloutStatus::Aborted) { Exit::Done } else { Exit::Failed })
    }
}

/// What was drawn on the terminal, so that it can be drawn over.
#[derive(Debug, Default)]
struct Screen {
    lines: usize,
}

impl Screen {
    fn draw(&mut self, text: &str) -> Result<(), Failure> {
        let up = if self.lines > 0 { format!("\u{1b}[{}A\u{1b}[J", self.lines) } else { String::new() };
        self.lines = text.lines().count();
        let mut out = std::io::stdout().lock();
        let written = out.write_all(format!("{up}{text}").as_bytes()).and_then(|()| out.flush());
        written.map_err(|_| Failure::closed_output())
    }
}
