//! Schedules of flags: what may be scheduled, who agrees, what a step that is due comes to.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{Decision, flags, one, policy};
use crate::{
    command::Asker,
    event::{Fact, NewEvent},
    flags::{
        FlagKey, FlagSchedule, FlagScheduleApproved, FlagScheduleCancelled, FlagScheduleFailed, FlagScheduleFired,
        FlagScheduled, FlagSchedules, MAX_OPEN, MAX_STEPS, ScheduleCommand, ScheduleState, ScheduledSet, ScheduledStep,
    },
    ids::{EnvironmentName, PrincipalName, ScheduleNumber},
    project::ApprovalPolicy,
    refusal::{Refusal, RefusalCode},
    world::World,
};

/// How far ahead anything may be scheduled.
const FARTHEST: SignedDuration = SignedDuration::from_hours(24 * 366);

pub(super) fn decide(world: &World, command: &ScheduleCommand, asker: &Asker) -> Decision {
    match command {
        ScheduleCommand::Add { environment, key, steps, reason } => {
            add(world, environment, (key, steps), reason.as_ref(), asker)
        }
        ScheduleCommand::Approve { environment, number, comment } => {
            approve(world, (environment, *number), comment.as_ref(), asker)
        }
        ScheduleCommand::Cancel { environment, number, reason } => {
            policy(world, environment)?;
            open(&world.schedules(environment), environment, *number)?;
            let cancelled = FlagScheduleCancelled { number: *number, reason: reason.clone() };
            one(Some(environment.clone()), Fact::FlagScheduleCancelled(cancelled))
        }
        ScheduleCommand::Fire { environment, number, step, change } => {
            let schedules = world.schedules(environment);
            let schedule = open(&schedules, environment, *number)?;
            let is_due = schedule.asked.steps.get(*step).is_some_and(|it| it.at <= asker.now);
            if schedule.state != ScheduleState::Open || *step < schedule.done || !is_due {
                return Err(Refusal::new(RefusalCode::Stale, format!("schedule {number} has moved on")));
            }
            let decided = match change {
                Ok(change) if change.changes.is_empty() => Ok(Vec::new()),
                Ok(change) => flags::change(world, change, asker).map_err(|refusal| (refusal.code, refusal.message)),
                Err(reason) => Err((RefusalCode::Invalid, reason.clone())),
            };
            fired(environment, (*number, *step), decided)
        }
    }
}

fn fired(
    environment: &EnvironmentName,
    (number, step): (ScheduleNumber, usize),
    decided: Result<Vec<NewEvent>, (RefusalCode, String)>,
) -> Decision {
    let at = |fact| NewEvent { environment: Some(environment.clone()), fact };
    match decided {
        Ok(events) => {
            let own = events.into_iter().map(|mut event| {
                if let Fact::FlagsChanged(changed) = &mut event.fact {
                    changed.schedule = Some(number);
                }
                event
            });
            let fired = at(Fact::FlagScheduleFired(FlagScheduleFired { number, step }));
            Ok(own.chain([fired]).collect())
        }
        // It was worked out from what does not hold any more, and is worked out again.
        Err((RefusalCode::Stale, message)) => Err(Refusal::new(RefusalCode::Stale, message)),
        Err((_, reason)) => Ok(vec![at(Fact::FlagScheduleFailed(FlagScheduleFailed { number, step, reason }))]),
    }
}

fn add(
    world: &World,
    environment: &EnvironmentName,
    (key, steps): (&FlagKey, &[ScheduledStep]),
    reason: Option<&String>,
    asker: &Asker,
) -> Decision {
    let policy = policy(world, environment)?;
    if policy.flags_need_reason() && reason.is_none_or(|reason| reason.trim().is_empty()) {
        let message = format!("a change of the flags of {environment} needs a reason");
        return Err(Refusal::new(RefusalCode::ReasonRequired, message).next("say why with --reason \"…\""));
    }
    let steps = ordered(steps, asker.now)?;
    let schedules = world.schedules(environment);
    if schedules.open().count() >= MAX_OPEN {
        let message = format!("{MAX_OPEN} schedules of {environment} are not over yet");
        return Err(Refusal::new(RefusalCode::Invalid, message).next(format!("towpath flags schedules {environment}")));
    }
    // A ramp that meets another way of changing the same would be cancelled by it, or cancel it.
    let mine: BTreeSet<&str> = steps.iter().map(|step| step.set.property()).collect();
    let clash = schedules.open().find(|other| {
        let theirs = other.asked.steps.iter().skip(other.done).map(|step| step.set.property());
        other.asked.key == *key
            && (other.is_ramp() || steps.len() > 1)
            && theirs.into_iter().any(|it| mine.contains(it))
    });
    if let Some(other) = clash {
        let number = other.asked.number;
        let message = format!("schedule {number} changes the same of `{key}` in {environment} already");
        return Err(Refusal::new(RefusalCode::AlreadyThere, message)
            .next(format!("towpath flags unschedule {environment} {number}, then schedule again")));
    }
    let only_off = steps.iter().all(|step| step.set == ScheduledSet::Off);
    let approve_until = (policy.flag_approvals().is_some() && !only_off).then(|| {
        let wait = i64::try_from(policy.flag_changes_wait().0).ok().map(SignedDuration::from_millis);
        let until = wait.and_then(|wait| asker.now.checked_add(wait).ok()).unwrap_or(Timestamp::MAX);
        // Once the time of a single change has come nobody may wake it up; a ramp begins when it is agreed on.
        steps.first().filter(|_| steps.len() == 1).map_or(until, |first| until.min(first.at))
    });
    let number = ScheduleNumber(schedules.last.0.saturating_add(1));
    let asked = FlagScheduled { number, key: key.clone(), steps, reason: reason.cloned(), approve_until };
    one(Some(environment.clone()), Fact::FlagScheduled(Box::new(asked)))
}

fn ordered(steps: &[ScheduledStep], now: Timestamp) -> Result<Vec<ScheduledStep>, Refusal> {
    let invalid = |message: String| Err(Refusal::new(RefusalCode::Invalid, message));
    if steps.is_empty() || steps.len() > MAX_STEPS {
        return invalid(format!("a schedule has 1 to {MAX_STEPS} steps"));
    }
    let mut steps = steps.to_vec();
    steps.sort_by_key(|step| step.at);
    let twice = steps.iter().zip(steps.iter().skip(1)).find(|(one, other)| one.at == other.at);
    if let Some((one, _)) = twice {
        return invalid(format!("two steps are at {}", one.at));
    }
    if let Some(past) = steps.iter().find(|step| step.at <= now && steps.len() == 1) {
        return Err(Refusal::new(RefusalCode::Invalid, format!("{} is over already", past.at))
            .next("give a time that is still to come, or change the flag now"));
    }
    let farthest = now.checked_add(FARTHEST).unwrap_or(Timestamp::MAX);
    match steps.iter().find(|step| step.at > farthest) {
        Some(step) => invalid(format!("{} is more than a year ahead", step.at)),
        None => Ok(steps),
    }
}

fn approve(
    world: &World,
    (environment, number): (&EnvironmentName, ScheduleNumber),
    comment: Option<&String>,
    asker: &Asker,
) -> Decision {
    let policy = policy(world, environment)?;
    let schedules = world.schedules(environment);
    let schedule = open(&schedules, environment, number)?;
    let (ScheduleState::Waiting, Some(until)) = (&schedule.state, schedule.asked.approve_until) else {
        let message = format!("schedule {number} of {environment} waits for nobody");
        return Err(Refusal::new(RefusalCode::FlagChangeClosed, message));
    };
    if until <= asker.now {
        let message = format!("schedule {number} of {environment} could be approved until {until:.0}");
        return Err(Refusal::new(RefusalCode::FlagChangeClosed, message).next("schedule it again"));
    }
    let anybody = ApprovalPolicy { required: 1, roles: BTreeSet::new(), expires: policy.flag_changes_wait() };
    let rule = policy.flag_approvals().unwrap_or(&anybody);
    counts(world, schedule, rule, &asker.principal)?;
    let mut agreed: BTreeSet<&PrincipalName> = schedule
        .approvals
        .iter()
        .map(|approval| &approval.by)
        .filter(|by| counts(world, schedule, rule, by).is_ok())
        .collect();
    if !agreed.insert(&asker.principal) {
        return Ok(Vec::new());
    }
    let open = agreed.len() >= rule.required as usize;
    let approved = FlagScheduleApproved { number, open, comment: comment.cloned() };
    one(Some(environment.clone()), Fact::FlagScheduleApproved(approved))
}

/// Says why somebody's approval of a schedule does not count.
fn counts(world: &World, schedule: &FlagSchedule, rule: &ApprovalPolicy, who: &PrincipalName) -> Result<(), Refusal> {
    let number = schedule.asked.number;
    let refused = |code, because: String| {
        Err(Refusal::new(code, format!("your approval of schedule {number} does not count: {because}")))
    };
    if schedule.by == *who {
        return refused(RefusalCode::SelfApproval, "you asked for it yourself".to_owned());
    }
    match world.project.as_ref().and_then(|project| project.people.get(who)) {
        None => refused(RefusalCode::MissingRole, format!("{who} is not among the people of the project")),
        Some(held) if !rule.roles.is_empty() && held.is_disjoint(&rule.roles) => {
            let roles = rule.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            refused(RefusalCode::MissingRole, format!("{who} has none of the roles {roles}"))
        }
        Some(_) => Ok(()),
    }
}

fn open<'a>(
    schedules: &'a FlagSchedules,
    environment: &EnvironmentName,
    number: ScheduleNumber,
) -> Result<&'a FlagSchedule, Refusal> {
    let next = format!("towpath flags schedules {environment}");
    match schedules.all.get(&number) {
        Some(schedule) if !schedule.is_over() => Ok(schedule),
        Some(_) => {
            let message = format!("schedule {number} of {environment} is over");
            Err(Refusal::new(RefusalCode::FlagChangeClosed, message).next(next))
        }
        None => Err(Refusal::new(RefusalCode::NotFound, format!("{environment} has no schedule {number}")).next(next)),
    }
}

#[cfg(test)]
mod tests;
