//! Promotions and their gates.

use jiff::Timestamp;
use towpath_core::{
    promotion::{self, GateStatus, Promotion, gates},
    world::World,
};

use super::{tier_of, version_of};
use crate::api::types::{ApprovalView, ChecklistItem, GateView, PromotionState, PromotionView};

/// Shows a promotion without its diff.
pub(crate) fn promotion(world: &World, it: &Promotion, now: Timestamp) -> PromotionView {
    let mut view = PromotionView {
        number: it.number.0,
        environment: it.environment.to_string(),
        tier: tier_of(world, &it.environment),
        release: it.release.0,
        version: version_of(world, it.release),
        state: PromotionState::Waiting,
        outcome: None,
        revision: None,
        superseded_by: None,
        plan: it.plan.to_string(),
        requested_by: it.requested_by.to_string(),
        requested_at: it.requested_at,
        reason: it.reason.clone(),
        approvals: it.approvals.iter().map(approval).collect(),
        checklist: checklist(world, it),
        gates: Vec::new(),
        diff: None,
        steps: Vec::new(),
    };
    match &it.state {
        promotion::PromotionState::Waiting => {
            view.gates = gates(world, it, now).into_iter().map(gate).collect();
        }
        promotion::PromotionState::Deployed { revision } => {
            view.state = PromotionState::Deployed;
            view.revision = Some(revision.0);
            view.outcome = Some(format!("deployed as {revision}"));
        }
        promotion::PromotionState::Rejected { by, comment } => {
            view.state = PromotionState::Rejected;
            let because = comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
            view.outcome = Some(format!("rejected by {by}{because}"));
        }
        promotion::PromotionState::Superseded { by } => {
            view.state = PromotionState::Superseded;
            view.superseded_by = Some(by.0);
            view.outcome = Some(format!("superseded by {by}"));
        }
        promotion::PromotionState::Failed { reason } => {
            view.state = PromotionState::Failed;
            view.outcome = Some(reason.clone());
        }
    }
    view
}

/// Shows a gate.
pub(crate) fn gate(gate: GateStatus) -> GateView {
    GateView {
        gate: gate.gate.name().to_owned(),
        open: gate.open,
        why: gate.why,
        opens: gate.opens,
        opens_at: gate.opens_at,
    }
}

fn approval(approval: &promotion::Approval) -> ApprovalView {
    ApprovalView { by: approval.by.to_string(), at: approval.at, comment: approval.comment.clone() }
}

fn checklist(world: &World, it: &Promotion) -> Vec<ChecklistItem> {
    let declared = world.policy(&it.environment).map(|policy| policy.gates.checklist.as_slice()).unwrap_or_default();
    declared
        .iter()
        .map(|item| {
            let done = it.confirmed.iter().find(|done| done.item == *item);
            ChecklistItem {
                item: item.clone(),
                confirmed_by: done.map(|done| done.by.to_string()),
                confirmed_at: done.map(|done| done.at),
            }
        })
        .collect()
}
