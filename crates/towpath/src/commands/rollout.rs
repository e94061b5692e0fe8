//! `towpath rollout …`: following and steering the rollout of an environment.

use std::time::Instant;

use towpath_server::api::types::{RolloutRequest, RolloutView};

use super::{Outcome, watch};
use crate::{
    cli::{RolloutCommand, WatchArgs},
    context::Context,
    failure::Exit,
};

pub(crate) async fn run(context: &Context, command: RolloutCommand) -> Outcome {
    match command {
        RolloutCommand::Watch(WatchArgs { environment, timeout }) => {
            let environment = context.environment(&environment);
            let deadline = timeout.map(|timeout| Instant::now() + timeout.to_std());
            watch::follow(context, context.client()?, &environment, None, deadline).await
        }
        RolloutCommand::Status { environment } => {
            let rollout = context.client()?.rollout(&context.environment(&environment), None).await?;
            show(context, &rollout)
        }
        RolloutCommand::Pause { environment, reason } => steer(context, &environment, "pause", reason).await,
        RolloutCommand::Resume { environment } => steer(context, &environment, "resume", None).await,
        RolloutCommand::Abort { environment, reason } => steer(context, &environment, "abort", reason).await,
        RolloutCommand::Promote { environment, reason } => promote(context, &environment, reason).await,
    }
}

fn show(context: &Context, rollout: &RolloutView) -> Outcome {
    context.out.show(rollout, |paint| watch::view::tree(rollout, paint))?;
    Ok(Exit::Done)
}

async fn steer(context: &Context, environment: &str, verb: &str, reason: Option<String>) -> Outcome {
    let environment = context.environment(environment);
    let body = RolloutRequest { reason, ..RolloutRequest::default() };
    let rollout = context.client()?.steer(&environment, verb, &body).await?;
    show(context, &rollout)?;
    context.out.next(&format!("towpath rollout watch {environment}"));
    Ok(Exit::Done)
}

/// Passing over what a rollout still has to prove needs the same confirmation as bringing it in.
async fn promote(context: &Context, environment: &str, reason: Option<String>) -> Outcome {
    let environment = context.environment(environment);
    let client = context.client()?;
    let tier = client.environment(&environment).await?.summary.tier;
    let rollout = client.rollout(&environment, None).await?;
    let revision = rollout.deployment.revision;
    let what = format!("sending d{revision} to its end without the steps between");
    let confirm = context.confirmation(&environment, tier, &what)?;
    let body = RolloutRequest { reason, revision: Some(revision), confirm };
    show(context, &client.steer(&environment, "promote", &body).await?)
}
