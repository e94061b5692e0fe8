//! Promotions: asking, agreeing, refusing, gates.

use std::time::{Duration, Instant};

use towpath_server::api::types::{
    ApproveRequest, ConfirmRequest, CreatePromotion, GateView, PromotionPlan, PromotionState, PromotionView,
    RejectRequest, Tier,
};

use super::{Outcome, diff::diff_text, watch};
use crate::{
    cli::{ApproveArgs, GatesArgs, PromoteArgs, RejectArgs},
    client::Client,
    context::Context,
    failure::{Exit, Failure},
    output::Paint,
    words::{short, time, word},
};

/// Time between two looks at a promotion whose gates are closed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(crate) async fn promote(context: &Context, args: PromoteArgs) -> Outcome {
    let client = context.client()?;
    let environment = context.environment(&args.environment);
    let mut body = CreatePromotion {
        environment: environment.clone(),
        release: args.release.0,
        reason: args.reason,
        confirm: None,
        dry_run: true,
        plan: args.plan,
    };
    let plan = client.plan_promotion(&body).await?;
    if args.dry_run {
        return dry_run(context, &plan, args.release.0);
    }
    if context.out.is_text() && plan.tier == Tier::Production && plan.refusal.is_none() && context.is_interactive() {
        // What is confirmed has to be seen before.
        context.out.progress(plan_text(&plan, context.out.paint_err()).trim_end());
    }
    let what = format!("promotion of r{} to {environment}", args.release.0);
    // A refusal that is certain needs no confirmation first.
    if plan.refusal.is_none() {
        body.confirm = context.confirmation(&environment, plan.tier, &what)?;
    }
    body.dry_run = false;
    // What is asked for is what was shown, or it is refused.
    body.plan.get_or_insert(plan.plan);
    let (new, promotion) = client.promote(&body).await?;
    if args.wait {
        let deadline = args.timeout.map(|timeout| Instant::now() + timeout.to_std());
        return wait(context, client, promotion, deadline).await;
    }
    context.out.show(&promotion, |paint| asked(&promotion, new, paint))?;
    match promotion.gates.iter().find(|gate| !gate.open).and_then(|gate| gate.opens.clone()) {
        Some(opens) => context.out.next(&opens),
        None => context.out.next(&format!("towpath rollout watch {environment}")),
    }
    Ok(Exit::Done)
}

fn dry_run(context: &Context, plan: &PromotionPlan, release: u64) -> Outcome {
    context.out.show(plan, |paint| plan_text(plan, paint))?;
    if plan.refusal.is_some() {
        return Ok(Exit::Refused);
    }
    let confirm = plan.confirm.iter().map(|name| format!(" --confirm {name}")).collect::<String>();
    context.out.next(&format!("towpath promote r{release} {}{confirm}", plan.environment));
    Ok(Exit::Done)
}

fn asked(promotion: &PromotionView, new: bool, paint: Paint) -> String {
    let what = format!("r{} {} to {}", promotion.release, promotion.version, promotion.environment);
    let asked = if new { "asked for" } else { "was asked for already" };
    let name = paint.bold(&format!("p{}", promotion.number));
    format!("{name} {what} {asked}, plan {}\n{}", short(&promotion.plan), gates_text(&promotion.gates, paint))
}

/// Waits until the gates are open and follows the rollout to its end.
pub(super) async fn wait(
    context: &Context,
    client: Client,
    mut promotion: PromotionView,
    deadline: Option<Instant>,
) -> Outcome {
    let mut shown = String::new();
    loop {
        match promotion.state {
            PromotionState::Waiting => {}
            PromotionState::Deployed => break,
            PromotionState::Rejected | PromotionState::Superseded | PromotionState::Failed => {
                let why = promotion.outcome.clone().unwrap_or_else(|| word(&promotion.state));
                let message = format!("promotion p{} is closed: {why}", promotion.number);
                return Err(Failure::new(Exit::Refused, "promotion_closed", message).kept("nothing was deployed"));
            }
        }
        let closed = gates_text(&promotion.gates, context.out.paint_err());
        if closed != shown {
            context.out.progress(&format!("p{} waits for its gates\n{}", promotion.number, closed.trim_end()));
            shown = closed;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            context.out.show(&promotion, |paint| asked(&promotion, false, paint))?;
            context.out.next(&format!("towpath gates p{}", promotion.number));
            return Ok(Exit::StillRunning);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => {
                context.out.progress(&format!("p{} stays open; towpath gates p{}", promotion.number, promotion.number));
                return Ok(Exit::Interrupted);
            }
        }
        promotion = client.promotion(promotion.number).await?;
    }
    watch::follow(context, client, &promotion.environment, promotion.revision, deadline).await
}

pub(crate) async fn approve(context: &Context, args: ApproveArgs) -> Outcome {
    let client = context.client()?;
    let body = ApproveRequest { plan: args.plan, comment: args.comment };
    let promotion = client.approve(args.promotion.0, &body).await?;
    context.out.show(&promotion, |paint| {
        format!("{} of {} approved\n{}", args.promotion, on_what(&promotion), gates_text(&promotion.gates, paint))
    })?;
    hint(context, &promotion);
    Ok(Exit::Done)
}

pub(crate) async fn reject(context: &Context, args: RejectArgs) -> Outcome {
    let client = context.client()?;
    let promotion = client.reject(args.promotion.0, &RejectRequest { comment: args.comment }).await?;
    context.out.show(&promotion, |_| format!("{} of {} rejected and closed\n", args.promotion, on_what(&promotion)))?;
    Ok(Exit::Done)
}

pub(crate) async fn gates(context: &Context, args: GatesArgs) -> Outcome {
    let client = context.client()?;
    for item in &context.globals.confirm {
        client.confirm(args.promotion.0, &ConfirmRequest { item: item.clone() }).await?;
    }
    let promotion = client.promotion(args.promotion.0).await?;
    context.out.show(&promotion, |paint| promotion_text(&promotion, paint))?;
    hint(context, &promotion);
    Ok(Exit::Done)
}

fn hint(context: &Context, promotion: &PromotionView) {
    if promotion.state != PromotionState::Waiting {
        context.out.next(&format!("towpath rollout watch {}", promotion.environment));
        return;
    }
    match promotion.gates.iter().find(|gate| !gate.open).and_then(|gate| gate.opens.as_ref()) {
        Some(opens) => context.out.next(opens),
        None => context.out.next(&format!("towpath rollout watch {}", promotion.environment)),
    }
}

fn on_what(promotion: &PromotionView) -> String {
    format!("r{} {} to {}", promotion.release, promotion.version, promotion.environment)
}

fn promotion_text(promotion: &PromotionView, paint: Paint) -> String {
    let tier = promotion.tier.map(|tier| format!("{} ", paint.tier(tier))).unwrap_or_default();
    let mut text = format!(
        "{tier}{} {}, {}\n  asked for by {} at {}, plan {}\n",
        paint.bold(&format!("p{}", promotion.number)),
        on_what(promotion),
        word(&promotion.state),
        promotion.requested_by,
        time(promotion.requested_at),
        short(&promotion.plan),
    );
    promotion.reason.iter().for_each(|reason| text += &format!("  reason: {reason}\n"));
    promotion.outcome.iter().for_each(|outcome| text += &format!("  {outcome}\n"));
    text += &gates_text(&promotion.gates, paint);
    for item in &promotion.checklist {
        let (mark, by) = match &item.confirmed_by {
            Some(by) => (paint.green("[x]"), format!(" ({by})")),
            None => ("[ ]".to_owned(), String::new()),
        };
        text += &format!("  {mark} {}{by}\n", item.item);
    }
    for approval in &promotion.approvals {
        let comment = approval.comment.iter().map(|comment| format!(": {comment}")).collect::<String>();
        text += &format!("  {} {} at {}{comment}\n", paint.green("approved by"), approval.by, time(approval.at));
    }
    text
}

/// Returns a line for each gate: whether it is open, why, and what opens it.
pub(crate) fn gates_text(gates: &[GateView], paint: Paint) -> String {
    let lines = gates.iter().map(|gate| {
        let mark = if gate.open { paint.green("open  ") } else { paint.yellow("closed") };
        let opens = gate.opens.iter().map(|opens| format!("  {} {opens}", paint.dim("opens by"))).collect::<String>();
        format!("  {mark} {:<11} {}{opens}\n", gate.gate, gate.why)
    });
    lines.collect()
}

pub(super) fn plan_text(plan: &PromotionPlan, paint: Paint) -> String {
    let mut text = format!("{} {}, plan {}\n", paint.tier(plan.tier), paint.bold(&plan.environment), plan.plan);
    text += &diff_text(&plan.diff, paint);
    if !plan.gates.is_empty() {
        text += &format!("{}\n{}", paint.bold("gates"), gates_text(&plan.gates, paint));
    }
    text += &format!("{}\n", paint.bold(&format!("steps ({})", plan.strategy)));
    for (index, step) in plan.steps.iter().enumerate() {
        text += &format!("  [{}/{}] {}\n", index + 1, plan.steps.len(), step.text);
    }
    if let Some(refusal) = &plan.refusal {
        text += &format!("{} {}\n", paint.red("refused:"), refusal.message);
        refusal.details.iter().for_each(|line| text += &format!("  {line}\n"));
        refusal.next.iter().for_each(|next| text += &format!("  {}  {next}\n", paint.dim("next")));
    }
    text
}
