//! Live changes of flags: who may change them, what waits for whom, what was approved.
//!
//! Whether flags work after a change is not judged here but by compiling them, before the command is given; what it was worked
//! out from comes with it, and with anything else it is refused as stale.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Decision, one, policy};
use crate::{
    command::Asker,
    event::{Fact, NewEvent, elapsed},
    flags::{
        ApproveFlags, ChangeFlags, FlagBasis, FlagChange, FlagChangeApproved, FlagChangeRejected, FlagChangeRequested,
        FlagCommand, FlagPatch, FlagRequest, FlagTarget, FlagsChanged, LiveFlags, MAX_CHANGE, MAX_LIVE, MAX_TARGETS,
        MAX_WAITING, RejectFlags, taken_back,
    },
    ids::{EnvironmentName, FlagChangeNumber, PrincipalName},
    project::ApprovalPolicy,
    promotion::Approval,
    refusal::{Refusal, RefusalCode},
    rollout::{Failure, FailureKind},
    units::Millis,
    world::World,
};

pub(super) fn decide(world: &World, command: &FlagCommand, asker: &Asker) -> Decision {
    match command {
        FlagCommand::Change(change) => self::change(world, change, asker),
        FlagCommand::Approve(approval) => approve(world, approval, asker),
        FlagCommand::Reject(rejection) => reject(world, rejection, asker),
    }
}

pub(super) fn change(world: &World, wish: &ChangeFlags, asker: &Asker) -> Decision {
    let environment = &wish.environment;
    let policy = policy(world, environment)?;
    let by_itself = asker.principal == PrincipalName::control_plane();
    if !by_itself && policy.flags_need_reason() && wish.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Refusal::new(
            RefusalCode::ReasonRequired,
            format!("a change of the flags of {environment} needs a reason"),
        )
        .next("say why with --reason \"…\""));
    }
    unmoved(world, environment, &wish.seen)?;
    let live = world.flags(environment);
    let changes = effective(&live, &wish.changes)?;
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    bounded(environment, &live, &changes)?;
    let (changes, ends) = rollout(world, environment, changes, asker)?;
    let number = live.next_number();
    let changed = FlagsChanged {
        number,
        changes,
        words: wish.words.clone(),
        reason: wish.reason.clone(),
        undoes: wish.undoes,
        from: wish.from.clone(),
        schedule: None,
    };
    let free = by_itself || ends.is_some() || policy.flag_approvals().is_none() || needs_nobody(&live, &changed);
    if free {
        let changed = NewEvent { environment: Some(environment.clone()), fact: Fact::FlagsChanged(changed) };
        return Ok(ends.into_iter().chain([changed]).collect());
    }
    if waiting(&live, asker.now).any(|request| request.asked.plan == wish.plan && request.outdated_by.is_none()) {
        return Ok(Vec::new());
    }
    if waiting(&live, asker.now).count() >= MAX_WAITING {
        let message = format!("{MAX_WAITING} changes of the flags of {environment} wait already");
        return Err(Refusal::new(RefusalCode::Invalid, message).next(format!("towpath flags pending {environment}")));
    }
    let expires_at = later(asker.now, policy.flag_changes_wait());
    let asked = FlagChangeRequested { change: changed, plan: wish.plan, expires_at };
    one(Some(environment.clone()), Fact::FlagChangeRequested(asked))
}

fn approve(world: &World, wish: &ApproveFlags, asker: &Asker) -> Decision {
    let (environment, number) = (&wish.environment, wish.number);
    let policy = policy(world, environment)?;
    let live = world.flags(environment);
    let request = open(&live, environment, number, asker.now)?;
    let asked = &request.asked;
    if let Some(shown) = wish.shown.filter(|shown| *shown != asked.plan) {
        let message = format!("{number} is not what was shown: {} was, it is {}", shown.short(), asked.plan.short());
        return Err(Refusal::new(RefusalCode::PlanChanged, message)
            .next(format!("towpath flags pending {environment}, then approve again")));
    }
    unmoved(world, environment, &wish.seen)?;
    if let Some(by) = request.outdated_by {
        let message = format!("{by} changed the same flags after {number} was asked for");
        return Err(outdated(&message, environment, number));
    }
    if wish.now != asked.plan {
        let message = format!("a release changed the flags since {number} was asked for");
        return Err(outdated(&message, environment, number));
    }
    let anybody = ApprovalPolicy { required: 1, roles: BTreeSet::new(), expires: policy.flag_changes_wait() };
    let rule = policy.flag_approvals().unwrap_or(&anybody);
    may_approve(world, request, rule, &asker.principal)?;
    let at = |fact| NewEvent { environment: Some(environment.clone()), fact };
    let approved = FlagChangeApproved { number, plan: asked.plan, comment: wish.comment.clone() };
    let mut events = vec![at(Fact::FlagChangeApproved(approved))];
    let mut agreed: BTreeSet<&PrincipalName> = counted(world, request, rule, asker.now).collect();
    agreed.insert(&asker.principal);
    if agreed.len() >= rule.required as usize {
        bounded(environment, &live, &asked.change.changes)?;
        rollout(world, environment, asked.change.changes.clone(), asker)?;
        events.push(at(Fact::FlagsChanged(asked.change.clone())));
    }
    Ok(events)
}

/// Keeps what a rollout turns on step by step from everybody else while it does. Switching it off is always possible: it fails
/// the rollout, and the flag is off and as it was before.
fn rollout(
    world: &World,
    environment: &EnvironmentName,
    changes: Vec<FlagChange>,
    asker: &Asker,
) -> Result<(Vec<FlagChange>, Option<NewEvent>), Refusal> {
    let Some(rollout) = world.rollout(environment).filter(|rollout| rollout.running().is_some()) else {
        return Ok((changes, None));
    };
    let (Some(strategy), Some(flag)) = (rollout.spec.strategy.flag(), &rollout.flag) else {
        return Ok((changes, None));
    };
    let target = FlagTarget::Flag(strategy.key.clone());
    if changes.iter().all(|change| change.target != target) {
        return Ok((changes, None));
    }
    let live = world.flags(environment);
    let (key, revision) = (&strategy.key, rollout.revision);
    // Alone: nothing else gets in by the door that is open for switching off.
    if !matches!(changes.as_slice(), [only] if switches_off(&live, only)) {
        let message = format!(
            "rollout {revision} turns on `{key}` in {environment} step by step; nobody else changes it meanwhile"
        );
        return Err(Refusal::new(RefusalCode::FlagInRollout, message).next(format!(
            "towpath rollout pause, promote or abort {environment}; towpath flags off {environment} {key} ends the rollout"
        )));
    }
    let mut patch = flag.before.as_ref().map(|before| before.0.clone()).unwrap_or_default();
    patch.insert("state".to_owned(), "DISABLED".into());
    let changes = vec![FlagChange { target, live: Some(Value::Object(patch)) }];
    let failure = Failure {
        kind: FailureKind::SwitchedOff,
        message: format!("`{key}`, which it was turning on, was switched off by {}", asker.principal),
        evidence: Vec::new(),
    };
    let fact = Fact::RolloutFailed { revision, failure };
    Ok((changes, Some(NewEvent { environment: Some(environment.clone()), fact })))
}

/// Says whether a change does nothing but switch a flag off.
fn switches_off(live: &LiveFlags, one: &FlagChange) -> bool {
    let before = live.live(&one.target);
    let mut off = before.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    off.insert("state".to_owned(), "DISABLED".into());
    matches!(one.target, FlagTarget::Flag(_)) && one.live.as_ref().and_then(Value::as_object) == Some(&off)
}

fn reject(world: &World, wish: &RejectFlags, asker: &Asker) -> Decision {
    policy(world, &wish.environment)?;
    let live = world.flags(&wish.environment);
    open(&live, &wish.environment, wish.number, asker.now)?;
    let rejected = FlagChangeRejected { number: wish.number, comment: wish.comment.clone() };
    one(Some(wish.environment.clone()), Fact::FlagChangeRejected(rejected))
}

/// Returns the changes that wait and did not expire.
pub fn waiting(live: &LiveFlags, now: Timestamp) -> impl Iterator<Item = &FlagRequest> {
    live.requests.values().map(AsRef::as_ref).filter(move |request| request.asked.expires_at > now)
}

/// Returns who agreed to a change, as far as it counts.
pub fn counted<'a>(
    world: &'a World,
    request: &'a FlagRequest,
    rule: &'a ApprovalPolicy,
    now: Timestamp,
) -> impl Iterator<Item = &'a PrincipalName> {
    let holds = move |approval: &&Approval| {
        elapsed(approval.at, now) < rule.expires && may_approve(world, request, rule, &approval.by).is_ok()
    };
    let mut seen = BTreeSet::new();
    request.approvals.iter().filter(holds).map(|approval| &approval.by).filter(move |by| seen.insert(*by))
}

/// Says why somebody's approval of a change does not count.
pub fn may_approve(
    world: &World,
    request: &FlagRequest,
    rule: &ApprovalPolicy,
    who: &PrincipalName,
) -> Result<(), Refusal> {
    let number = request.asked.change.number;
    let roles = rule.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let whom = if roles.is_empty() { "somebody else".to_owned() } else { format!("somebody with role {roles}") };
    let refused = |code, because: String| {
        Err(Refusal::new(code, format!("your approval of {number} does not count: {because}"))
            .next(format!("ask {whom}")))
    };
    if request.by == *who {
        return refused(RefusalCode::SelfApproval, "you asked for it yourself".to_owned());
    }
    match world.project.as_ref().and_then(|project| project.people.get(who)) {
        None => refused(RefusalCode::MissingRole, format!("{who} is not among the people of the project")),
        Some(held) if !rule.roles.is_empty() && held.is_disjoint(&rule.roles) => {
            refused(RefusalCode::MissingRole, format!("{who} has none of the roles {roles}"))
        }
        Some(_) => Ok(()),
    }
}

/// Says whether a change waits for nobody, whatever is asked for else: what only switches flags off, and what takes back a
/// change without switching anything on.
fn needs_nobody(live: &LiveFlags, changed: &FlagsChanged) -> bool {
    if changed.changes.iter().all(|one| switches_off(live, one)) {
        return true;
    }
    let is_off =
        |live: Option<&Value>| live.and_then(|patch| patch.get("state")).and_then(Value::as_str) == Some("DISABLED");
    let stays_off = |one: &FlagChange| !is_off(live.live(&one.target).as_ref()) || is_off(one.live.as_ref());
    let undone = changed.undoes.and_then(|number| live.record(number));
    undone.and_then(|record| taken_back(live, record).ok()).is_some_and(|taken| taken == changed.changes)
        && changed.changes.iter().all(stays_off)
}

/// Returns the changes without those that change nothing, or what is wrong with one.
fn effective(live: &LiveFlags, changes: &[FlagChange]) -> Result<Vec<FlagChange>, Refusal> {
    let invalid = |message: String| Refusal::new(RefusalCode::Invalid, message);
    if changes.is_empty() || changes.len() > MAX_TARGETS {
        return Err(invalid(format!("a change names 1 to {MAX_TARGETS} flags and segments")));
    }
    let mut seen = BTreeSet::new();
    let mut left = Vec::new();
    for change in changes {
        if !seen.insert(&change.target) {
            return Err(invalid(format!("`{}` is named twice", change.target)));
        }
        match (&change.target, &change.live) {
            (_, None) => {}
            (FlagTarget::Flag(key), Some(patch)) => check_patch(key.as_str(), patch).map_err(invalid)?,
            (FlagTarget::Segment(name), Some(rule)) => check_segment(name, rule).map_err(invalid)?,
        }
        if live.live(&change.target) != change.live {
            left.push(change.clone());
        }
    }
    Ok(left)
}

fn check_patch(key: &str, patch: &Value) -> Result<(), String> {
    let patch = patch.as_object().ok_or_else(|| format!("the change of `{key}` is not a map of properties"))?;
    match patch.keys().find(|property| !FlagPatch::PROPERTIES.contains(&property.as_str())) {
        Some(unknown) => {
            Err(format!("`{key}`: a flag has no `{unknown}`; it has {}", FlagPatch::PROPERTIES.join(", ")))
        }
        None => Ok(()),
    }
}

fn check_segment(name: &str, rule: &Value) -> Result<(), String> {
    if name.is_empty() || name.len() > 256 || name.chars().any(char::is_control) {
        return Err("the name of a segment has 1 to 256 bytes and no control characters".to_owned());
    }
    if rule.is_null() { Err(format!("the rule of segment `{name}` is null")) } else { Ok(()) }
}

fn bounded(environment: &EnvironmentName, live: &LiveFlags, changes: &[FlagChange]) -> Result<(), Refusal> {
    let size = |live: Option<&Value>| live.map_or(0, |value| value.to_string().len());
    let new: usize = changes.iter().map(|change| size(change.live.as_ref())).sum();
    if new > MAX_CHANGE {
        let message = format!("the change has more than {} KiB", MAX_CHANGE >> 10);
        return Err(Refusal::new(RefusalCode::Invalid, message).next("put what is to stay into the files"));
    }
    let named: BTreeSet<&FlagTarget> = changes.iter().map(|change| &change.target).collect();
    let patches = live.patches.iter().filter(|(key, _)| !named.contains(&FlagTarget::Flag((*key).clone())));
    let segments = live.segments.iter().filter(|(name, _)| !named.contains(&FlagTarget::Segment((*name).clone())));
    let old: usize = patches.map(|(_, patch)| serde_json::to_vec(patch).map_or(0, |bytes| bytes.len())).sum();
    let old = old + segments.map(|(_, rule)| rule.to_string().len()).sum::<usize>();
    if old + new > MAX_LIVE {
        let message = format!("live changes of {environment} would have more than {} MiB", MAX_LIVE >> 20);
        return Err(Refusal::new(RefusalCode::Invalid, message)
            .next("put what is to stay into the files, then towpath flags reset"));
    }
    Ok(())
}

fn unmoved(world: &World, environment: &EnvironmentName, seen: &FlagBasis) -> Result<(), Refusal> {
    if world.flag_basis(environment) == *seen {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::Stale, format!("the flags of {environment} were changed meanwhile"))
        .next("try again"))
}

fn open<'a>(
    live: &'a LiveFlags,
    environment: &EnvironmentName,
    number: FlagChangeNumber,
    now: Timestamp,
) -> Result<&'a FlagRequest, Refusal> {
    let next = format!("towpath flags pending {environment}");
    let closed = |how: String| {
        Refusal::new(RefusalCode::FlagChangeClosed, format!("{number} does not wait: {how}")).next(next.clone())
    };
    match live.requests.get(&number) {
        Some(request) if request.asked.expires_at > now => Ok(request),
        Some(request) => Err(closed(format!("it expired at {:.0}", request.asked.expires_at))),
        None if live.record(number).is_some() => Err(closed("it is in force".to_owned())),
        None if number <= live.last && number.0 > 0 => {
            Err(closed("it took effect, was rejected or expired".to_owned()))
        }
        None => {
            let message = format!("{environment} has no change {number} of flags");
            Err(Refusal::new(RefusalCode::NotFound, message).next(next))
        }
    }
}

fn outdated(message: &str, environment: &EnvironmentName, number: FlagChangeNumber) -> Refusal {
    Refusal::new(RefusalCode::PlanChanged, format!("{message}, so it is not what was shown any more"))
        .next(format!("towpath flags reject {environment} {number}, and ask for it again"))
}

fn later(now: Timestamp, by: Millis) -> Timestamp {
    let by = i64::try_from(by.0).ok().map(SignedDuration::from_millis);
    by.and_then(|by| now.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
