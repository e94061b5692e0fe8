//! Changing flags while they serve: what is asked for is worked out from what the files and earlier changes say, and given as a
//! command that counts only for exactly that.

use std::sync::Arc;

use towpath_core::{
    command::{Asker, Command},
    decide::decide,
    event::{Fact, NewEvent},
    flags::{
        ApproveFlags, ChangeFlags, FlagCommand, FlagDocument, FlagRequest, FlagWish, Wished, WorkedOut, judge, wished,
    },
    ids::{Digest, EnvironmentName, FlagChangeNumber, PrincipalName},
    refusal::{Refusal, RefusalCode},
    world::World,
};

use super::DefinitionsError;
use crate::{
    Engine,
    writer::{Done, SubmitError},
};

/// How often a change is worked out anew when something else was quicker.
const TRIES: u32 = 64;

/// Why flags were not changed. Nothing was.
#[derive(Debug, thiserror::Error)]
pub enum FlagsError {
    /// A rule says no, the flags would not work, or it could not be written.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// What the files say could not be read.
    #[error(transparent)]
    Definitions(#[from] DefinitionsError),
}

impl From<Refusal> for FlagsError {
    fn from(refusal: Refusal) -> Self {
        Self::Submit(refusal.into())
    }
}

/// A change of flags as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagsAsked {
    /// Where.
    pub environment: EnvironmentName,
    /// What.
    pub wish: FlagWish,
    /// Why.
    pub reason: Option<String>,
    /// The checksum that was shown; with another one nothing is done.
    pub shown: Option<Digest>,
}

/// A change of flags that was worked out.
#[derive(Debug, Clone)]
pub struct FlagsProposed {
    /// The world that it was worked out from.
    pub world: Arc<World>,
    /// What it does.
    pub wished: Wished,
    /// What it leads to: nothing where everything is as asked already.
    pub decided: Result<Vec<NewEvent>, Refusal>,
    command: Command,
}

impl FlagsProposed {
    /// Says whether it would wait for approvals.
    pub fn waits(&self) -> bool {
        self.decided.iter().flatten().any(|event| matches!(event.fact, Fact::FlagChangeRequested(_)))
    }
}

impl Engine {
    /// Returns the flags of an environment with every live change laid over what the files say.
    pub async fn flag_document(
        &self,
        world: &World,
        environment: &EnvironmentName,
    ) -> Result<FlagDocument, DefinitionsError> {
        let definitions = self.flag_definitions().of(world, environment).await?;
        Ok(world.flags(environment).over(&definitions))
    }

    /// Works out a change without making it.
    pub async fn propose_flags(
        &self,
        principal: &PrincipalName,
        asked: &FlagsAsked,
    ) -> Result<FlagsProposed, FlagsError> {
        let (world, environment) = (self.world(), &asked.environment);
        known(&world, environment)?;
        let definitions = self.flag_definitions().of(&world, environment).await?;
        let elsewhere = match &asked.wish {
            FlagWish::Promote { from, .. } => {
                known(&world, from)?;
                self.flag_document(&world, from).await?
            }
            FlagWish::Edit(_) | FlagWish::Undo(_) => FlagDocument::default(),
        };
        let live = world.flags(environment);
        let wished = wished(environment, &definitions, &live, &asked.wish, &elsewhere)?;
        if let Some(shown) = asked.shown.filter(|shown| *shown != wished.work.plan) {
            let message = format!(
                "what would be done is not what was shown: {} was, it is {}",
                shown.short(),
                wished.work.plan.short()
            );
            return Err(Refusal::new(RefusalCode::PlanChanged, message).next("look at it with --dry-run again").into());
        }
        let change = ChangeFlags {
            environment: environment.clone(),
            changes: wished.work.changes.clone(),
            words: wished.work.words.clone(),
            plan: wished.work.plan,
            seen: world.flag_basis(environment),
            reason: asked.reason.clone(),
            undoes: wished.undoes,
            from: wished.from.clone(),
        };
        let is_needed = !change.changes.is_empty();
        let command = Command::ChangeFlags(Box::new(FlagCommand::Change(change)));
        let asker = Asker { principal: principal.clone(), now: self.now() };
        let decided = if is_needed { decide(&world, &command, &asker) } else { Ok(Vec::new()) };
        Ok(FlagsProposed { world, wished, decided, command })
    }

    /// Makes a change, or asks for it where others must agree. What came of it is durable and served when it returns.
    pub async fn change_flags(
        &self,
        principal: &PrincipalName,
        asked: &FlagsAsked,
        cause: &str,
    ) -> Result<(Wished, Done), FlagsError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let FlagsProposed { world, wished, decided, command } = self.propose_flags(principal, asked).await?;
            if decided?.is_empty() {
                return Ok((wished, Done { events: Vec::new(), world }));
            }
            match self.submit(principal, command, cause).await {
                Ok(done) => return Ok((wished, done)),
                // Something else was quicker: it is worked out anew from what holds now.
                Err(SubmitError::Refused(refusal)) if refusal.code == RefusalCode::Stale && tries < TRIES => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Says what a change that waits would do now.
    pub async fn requested_flags(
        &self,
        world: &World,
        environment: &EnvironmentName,
        request: &FlagRequest,
    ) -> Result<WorkedOut, FlagsError> {
        let definitions = self.flag_definitions().of(world, environment).await?;
        let live = world.flags(environment);
        Ok(judge(environment, &definitions, &live, request.asked.change.changes.clone())?)
    }

    /// Agrees to a change that waits. With enough approvals it is durable and served when this returns.
    pub async fn approve_flags(
        &self,
        principal: &PrincipalName,
        (environment, number): (&EnvironmentName, FlagChangeNumber),
        shown: Option<Digest>,
        comment: Option<String>,
        cause: &str,
    ) -> Result<Done, FlagsError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let world = self.world();
            known(&world, environment)?;
            let now = match world.flags(environment).requests.get(&number) {
                // What cannot be done any more is not what was shown.
                Some(request) => match self.requested_flags(&world, environment, request).await {
                    Ok(work) => work.plan,
                    Err(FlagsError::Submit(SubmitError::Refused(_))) => Digest::of(b""),
                    Err(error) => return Err(error),
                },
                None => Digest::of(b""),
            };
            let approval = ApproveFlags {
                environment: environment.clone(),
                number,
                shown,
                now,
                seen: world.flag_basis(environment),
                comment: comment.clone(),
            };
            let command = Command::ChangeFlags(Box::new(FlagCommand::Approve(approval)));
            match self.submit(principal, command, cause).await {
                Ok(done) => return Ok(done),
                Err(SubmitError::Refused(refusal)) if refusal.code == RefusalCode::Stale && tries < TRIES => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn known(world: &World, environment: &EnvironmentName) -> Result<(), Refusal> {
    if world.policy(environment).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = world
        .project
        .iter()
        .flat_map(|project| project.environments.keys())
        .chain(world.previews.keys())
        .map(EnvironmentName::as_str)
        .collect();
    Err(Refusal::new(RefusalCode::NotFound, format!("there is no environment `{environment}` in the pipeline"))
        .next(format!("one of: {}", known.join(", "))))
}
