//! Promotions: asking, agreeing, refusing, starting.

use super::{Decision, one, policy};
use crate::{
    command::Asker,
    deployment::DeploymentSpec,
    event::{Fact, NewEvent},
    ids::{Digest, EnvironmentName, PromotionNumber, ReleaseNumber},
    promotion::{NoApproval, Promotion, gates, may_approve},
    refusal::{Refusal, RefusalCode},
    release::Release,
    rollout::check_flag,
    world::World,
};

/// Returns the checksum over everything that a promotion would do. What is approved is this; what is done must have it.
pub fn plan_digest(release: &Release, environment: &EnvironmentName, spec: &DeploymentSpec) -> Digest {
    // A tuple of canonical forms: structs in declared order, maps sorted.
    Digest::of(&serde_json::to_vec(&(release.digest, environment, spec)).unwrap_or_default())
}

pub(super) fn request(
    world: &World,
    environment: &EnvironmentName,
    number: ReleaseNumber,
    spec: &DeploymentSpec,
    reason: Option<&String>,
) -> Decision {
    let release = admissible(world, environment, number, Some(spec))?;
    check_flag(world, environment, spec)?;
    let plan = plan_digest(release, environment, spec);
    // A change of what runs does not take the place of a newer release that waits.
    let same = world.current(environment).is_some_and(|current| current.release == number);
    let replaced = |promotion: &Promotion| !same || promotion.release <= number;
    let waiting: Vec<&std::sync::Arc<Promotion>> =
        world.waiting().filter(|promotion| promotion.environment == *environment && replaced(promotion)).collect();
    if waiting.iter().any(|promotion| promotion.release == number && promotion.plan == plan) {
        return Ok(Vec::new());
    }
    let promotion = world.next_promotion();
    let superseded = waiting.iter().map(|older| NewEvent {
        environment: Some(environment.clone()),
        fact: Fact::PromotionSuperseded { promotion: older.number, by: promotion },
    });
    let asked = NewEvent {
        environment: Some(environment.clone()),
        fact: Fact::PromotionRequested {
            promotion,
            release: number,
            spec: Box::new(spec.clone()),
            plan,
            reason: reason.cloned(),
        },
    };
    Ok(superseded.chain([asked]).collect())
}

/// Says whether a release may be asked for in an environment at all, whatever its gates say later. What runs there already
/// may be asked for again when it would run with another specification; without one that is left open.
pub fn admissible<'a>(
    world: &'a World,
    environment: &EnvironmentName,
    number: ReleaseNumber,
    spec: Option<&DeploymentSpec>,
) -> Result<&'a Release, Refusal> {
    let policy = policy(world, environment)?;
    let release = world.releases.get(&number).ok_or_else(|| {
        Refusal::new(RefusalCode::NotFound, format!("there is no release {number}")).next("towpath release list")
    })?;
    let rollout = world.rollout(environment);
    let changes = |there: &DeploymentSpec| spec.is_none_or(|spec| spec != there);
    let going = rollout.filter(|running| running.release == number && running.failure().is_none());
    if let Some(running) = going.filter(|running| !changes(&running.spec)) {
        return Err(Refusal::new(
            RefusalCode::AlreadyThere,
            format!("{number} is rolling out in {environment} already, as {}", running.revision),
        )
        .next(format!("towpath rollout watch {environment}")));
    }
    if let Some(current) = world.current(environment) {
        if current.release == number && rollout.is_none() && !changes(&current.spec) {
            return Err(Refusal::new(
                RefusalCode::AlreadyThere,
                format!("{number} runs in {environment} already, as {}", current.revision),
            ));
        }
        if number < current.release {
            return Err(Refusal::new(
                RefusalCode::NotForward,
                format!(
                    "{environment} runs {}, which is newer than {number}; promotion goes forward only",
                    current.release
                ),
            )
            .next(format!("towpath rollback {environment} --to REVISION")));
        }
    }
    if world.current(environment).is_some_and(|current| current.release == number) {
        // It is there: it does not enter, its configuration changes.
        return Ok(release);
    }
    let missing: Vec<String> = policy
        .after
        .iter()
        .filter(|before| world.passed(before, number).is_none())
        .map(|before| format!("{number} has not been deployed successfully in {before}"))
        .collect();
    if let Some(before) = policy.after.iter().find(|before| world.passed(before, number).is_none()) {
        return Err(Refusal::new(
            RefusalCode::NotUpstream,
            format!("{number} may not enter {environment} before {before} has it"),
        )
        .details(missing)
        .next(format!("towpath promote {number} {before}")));
    }
    Ok(release)
}

pub(super) fn approve(
    world: &World,
    number: PromotionNumber,
    seen: Option<Digest>,
    comment: Option<&String>,
    asker: &Asker,
) -> Decision {
    let promotion = waiting(world, number)?;
    if seen.is_some_and(|seen| seen != promotion.plan) {
        return Err(Refusal::new(
            RefusalCode::PlanChanged,
            format!("{number} is not what was shown: its plan is {}", promotion.plan.short()),
        )
        .next(format!("towpath gates {number}, then approve again")));
    }
    let Some(rule) = &policy(world, &promotion.environment)?.gates.approvals else {
        return Err(Refusal::new(RefusalCode::Invalid, format!("{} asks for no approvals", promotion.environment)));
    };
    may_approve(world, promotion, rule, &asker.principal).map_err(|why| {
        let who = &asker.principal;
        let roles = rule.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (code, because) = match why {
            NoApproval::Requested => (RefusalCode::SelfApproval, "you asked for it yourself".to_owned()),
            NoApproval::MadeRelease => (RefusalCode::SelfApproval, "you made the release".to_owned()),
            NoApproval::SetOverlay => {
                (RefusalCode::SelfApproval, "you set a value of the live overlay that it brings in".to_owned())
            }
            NoApproval::WroteSecret => (RefusalCode::SelfApproval, "you wrote a secret that it brings in".to_owned()),
            NoApproval::MissingRole if roles.is_empty() => {
                (RefusalCode::MissingRole, format!("{who} is not among the people of the project"))
            }
            NoApproval::MissingRole => (RefusalCode::MissingRole, format!("{who} has none of the roles {roles}")),
        };
        let whom = if roles.is_empty() { "somebody else".to_owned() } else { format!("somebody with role {roles}") };
        Refusal::new(code, format!("your approval of {number} does not count: {because}")).next(format!("ask {whom}"))
    })?;
    let fact = Fact::PromotionApproved { promotion: number, plan: promotion.plan, comment: comment.cloned() };
    one(Some(promotion.environment.clone()), fact)
}

pub(super) fn reject(world: &World, number: PromotionNumber, comment: Option<&String>) -> Decision {
    let promotion = waiting(world, number)?;
    let fact = Fact::PromotionRejected { promotion: number, comment: comment.cloned() };
    one(Some(promotion.environment.clone()), fact)
}

pub(super) fn confirm(world: &World, number: PromotionNumber, item: &str) -> Decision {
    let promotion = waiting(world, number)?;
    let items = &policy(world, &promotion.environment)?.gates.checklist;
    if !items.iter().any(|known| known == item) {
        let known: Vec<String> = items.iter().map(|known| format!("`{known}`")).collect();
        return Err(Refusal::new(RefusalCode::NotFound, format!("the checklist of {number} has no item `{item}`"))
            .details(known)
            .next("give the item exactly as the checklist words it"));
    }
    if promotion.confirmed.iter().any(|done| done.item == item) {
        return Ok(Vec::new());
    }
    let fact = Fact::ChecklistConfirmed { promotion: number, item: item.to_owned() };
    one(Some(promotion.environment.clone()), fact)
}

pub(super) fn start(
    world: &World,
    number: PromotionNumber,
    spec: &DeploymentSpec,
    live: Digest,
    asker: &Asker,
) -> Decision {
    let promotion = waiting(world, number)?;
    if world.live(&promotion.environment).digest() != live {
        let message = format!("the live overlay or a secret of {} was changed meanwhile", promotion.environment);
        return Err(Refusal::new(RefusalCode::Stale, message));
    }
    let release = admissible(world, &promotion.environment, promotion.release, Some(spec))?;
    let plan = plan_digest(release, &promotion.environment, spec);
    if plan != promotion.plan {
        return Err(Refusal::new(
            RefusalCode::PlanChanged,
            format!(
                "{number} was approved as {} and would now do {}; something it depends on was changed",
                promotion.plan.short(),
                plan.short()
            ),
        )
        .next("ask for the promotion again"));
    }
    let closed: Vec<String> = gates(world, promotion, asker.now)
        .into_iter()
        .filter(|gate| !gate.open)
        .map(|gate| format!("{}: {}", gate.gate.name(), gate.why))
        .collect();
    if !closed.is_empty() {
        return Err(Refusal::new(RefusalCode::GateClosed, format!("{number} waits for its gates")).details(closed));
    }
    check_flag(world, &promotion.environment, spec)?;
    let revision = world.next_revision();
    let fact = Fact::DeploymentStarted {
        revision,
        release: promotion.release,
        runs: revision,
        promotion: Some(number),
        rollback: None,
        spec: Box::new(spec.clone()),
    };
    one(Some(promotion.environment.clone()), fact)
}

pub(super) fn fail(world: &World, number: PromotionNumber, reason: &str) -> Decision {
    let promotion = waiting(world, number)?;
    let fact = Fact::PromotionFailed { promotion: number, reason: reason.to_owned() };
    one(Some(promotion.environment.clone()), fact)
}

fn waiting(world: &World, number: PromotionNumber) -> Result<&Promotion, Refusal> {
    let promotion = world.promotions.get(&number).ok_or_else(|| {
        Refusal::new(RefusalCode::NotFound, format!("there is no promotion {number}")).next("towpath status")
    })?;
    if promotion.is_waiting() {
        return Ok(promotion);
    }
    let how = match &promotion.state {
        crate::promotion::PromotionState::Waiting => "is waiting".to_owned(),
        crate::promotion::PromotionState::Deployed { revision } => format!("was deployed as {revision}"),
        crate::promotion::PromotionState::Rejected { by, .. } => format!("was rejected by {by}"),
        crate::promotion::PromotionState::Superseded { by } => format!("was superseded by {by}"),
        crate::promotion::PromotionState::Failed { reason } => format!("failed: {reason}"),
    };
    Err(Refusal::new(RefusalCode::PromotionClosed, format!("promotion {number} {how}")))
}
