//! `towpath rollback`: back to an earlier revision, artifact and configuration together.

use std::time::Instant;

use towpath_server::api::types::{RollbackPlan, RollbackRequest};

use super::{Outcome, diff::diff_text, watch};
use crate::{cli::RollbackArgs, context::Context, failure::Exit, output::Paint};

pub(crate) async fn run(context: &Context, args: RollbackArgs) -> Outcome {
    let client = context.client()?;
    let environment = context.environment(&args.environment);
    let confirm = context.globals.confirm.first().cloned();
    let to = args.to.map(|revision| revision.0);
    let body = RollbackRequest { to, reason: args.reason, dry_run: args.dry_run, confirm };
    if args.dry_run {
        let plan = client.plan_rollback(&environment, &body).await?;
        context.out.show(&plan, |paint| plan_text(&plan, paint))?;
        return Ok(Exit::Done);
    }
    let rollout = client.roll_back(&environment, &body).await?;
    if args.wait {
        let deadline = args.timeout.map(|timeout| Instant::now() + timeout.to_std());
        return watch::follow_back(context, client, &environment, rollout.deployment.revision, deadline).await;
    }
    context.out.show(&rollout, |paint| watch::view::tree(&rollout, paint))?;
    context.out.next(&format!("towpath rollout watch {environment}"));
    Ok(Exit::Done)
}

fn plan_text(plan: &RollbackPlan, paint: Paint) -> String {
    let revision = |of: &towpath_server::api::types::RevisionRef| {
        of.revision.map_or_else(|| format!("r{}", of.release), |revision| format!("d{revision}"))
    };
    let mut text =
        format!("{}: {} back to {}\n", paint.bold(&plan.environment), revision(&plan.from), revision(&plan.to));
    if plan.aborts {
        text += "  the rollout that is running is aborted\n";
    }
    text += &diff_text(&plan.diff, paint);
    for (index, step) in plan.steps.iter().enumerate() {
        text += &format!("  [{}/{}] {}\n", index + 1, plan.steps.len(), step.text);
    }
    text
}
