//! The life of environments: making previews, letting them live longer, destroying.

use std::collections::BTreeSet;

use super::{Decision, one, project};
use crate::{
    command::Asker,
    event::{Fact, NewEvent},
    ids::{EnvironmentName, Revision},
    lifecycle::{Claims, DestroyCause, Preview, Removed, claims, kept_revisions, later},
    project::{EnvironmentPolicy, Tier},
    refusal::{Refusal, RefusalCode},
    rollout::{Failure, FailureKind},
    units::Millis,
    world::World,
};

/// What a preview is asked to be.
pub(super) struct Asked<'a> {
    pub(super) file: &'a str,
    pub(super) extends: &'a EnvironmentName,
    pub(super) policy: &'a EnvironmentPolicy,
    pub(super) reason: Option<&'a String>,
}

pub(super) fn create(
    world: &World,
    environment: &EnvironmentName,
    asked: &Asked<'_>,
    ttl: Millis,
    asker: &Asker,
) -> Decision {
    let project = project(world)?;
    if world.destroying(environment).is_some() {
        return Err(Refusal::new(RefusalCode::BeingDestroyed, format!("{environment} is being destroyed"))
            .next("wait until it is gone, or choose another name"));
    }
    if world.previews.contains_key(environment) {
        return Err(Refusal::new(RefusalCode::NameTaken, format!("there is a preview `{environment}` already"))
            .next(format!("towpath env extend {environment}, or towpath env destroy {environment}")));
    }
    if project.environments.contains_key(environment) || world.environments.contains_key(environment) {
        return Err(Refusal::new(RefusalCode::NameTaken, format!("there is an environment `{environment}` already"))
            .next("choose another name"));
    }
    if asked.policy.tier == Tier::Production {
        return Err(Refusal::new(
            RefusalCode::Invalid,
            format!("{environment} would be of tier production: a preview never is"),
        )
        .next("say which tier it is: --tier testing"));
    }
    let expires_at = expiry(project.housekeeping.max_ttl, ttl, asker)?;
    let mut policy = asked.policy.clone();
    // It is beside the pipeline, not in it.
    (policy.after, policy.automatic) = (Vec::new(), false);
    let fact = Fact::PreviewCreated {
        file: asked.file.to_owned(),
        extends: asked.extends.clone(),
        policy,
        expires_at,
        reason: asked.reason.cloned(),
    };
    one(Some(environment.clone()), fact)
}

pub(super) fn extend(world: &World, environment: &EnvironmentName, ttl: Millis, asker: &Asker) -> Decision {
    let preview = preview(world, environment)?;
    if world.destroying(environment).is_some() {
        return Err(Refusal::new(RefusalCode::BeingDestroyed, format!("{environment} is being destroyed already"))
            .next("wait until it is gone, then make it anew"));
    }
    let expires_at = expiry(project(world)?.housekeeping.max_ttl, ttl, asker)?;
    if expires_at < preview.expires_at {
        return Err(Refusal::new(
            RefusalCode::Invalid,
            format!("{environment} lives until {:.0} already, which is later than {ttl} from now", preview.expires_at),
        )
        .next("give a longer time, or destroy it"));
    }
    one(Some(environment.clone()), Fact::PreviewExtended { expires_at })
}

fn expiry(most: Millis, ttl: Millis, asker: &Asker) -> Result<jiff::Timestamp, Refusal> {
    if ttl.0 == 0 {
        return Err(Refusal::new(RefusalCode::Invalid, "a preview must live longer than 0").next("--ttl 24h"));
    }
    if ttl > most {
        let message = format!("a preview may live {most} at most from now on, not {ttl}");
        return Err(Refusal::new(RefusalCode::Invalid, message)
            .next(format!("--ttl {most}, or another `previews: {{max_ttl: …}}` in `towpath.yaml`")));
    }
    Ok(later(asker.now, ttl))
}

fn preview<'a>(world: &'a World, environment: &EnvironmentName) -> Result<&'a Preview, Refusal> {
    world.previews.get(environment).map(AsRef::as_ref).ok_or_else(|| {
        let known: Vec<&str> = world.previews.keys().map(EnvironmentName::as_str).collect();
        let next = if known.is_empty() { "so far there are none".to_owned() } else { known.join(", ") };
        Refusal::new(RefusalCode::NotFound, format!("there is no preview `{environment}`"))
            .next(format!("previews: {next}"))
    })
}

pub(super) fn destroy(
    world: &World,
    environment: &EnvironmentName,
    cause: &DestroyCause,
    (listed, goes): (&Claims, &Removed),
    asker: &Asker,
) -> Decision {
    may_be_destroyed(world, environment)?;
    if world.destroying(environment).is_some() {
        return Ok(Vec::new());
    }
    let Some(now) = claims(world, environment) else {
        return Err(Refusal::new(RefusalCode::NotFound, format!("nothing is known of an environment `{environment}`"))
            .next("towpath env list"));
    };
    let over = world.previews.get(environment).is_some_and(|preview| preview.expires_at <= asker.now);
    if *cause == DestroyCause::Expired && !over {
        return Err(Refusal::new(RefusalCode::Stale, format!("{environment} lives on")));
    }
    if now != *listed {
        let message = format!("{environment} is not what was listed any more; nothing was removed");
        return Err(Refusal::new(RefusalCode::PlanChanged, message)
            .next(format!("towpath env destroy {environment} --dry-run, and look again")));
    }
    let why = match cause {
        DestroyCause::Asked { .. } => format!("{environment} is destroyed by {}", asker.principal),
        DestroyCause::Expired => format!("the time of {environment} is over"),
    };
    let mut facts: Vec<Fact> = now
        .promotions
        .iter()
        .map(|promotion| Fact::PromotionFailed { promotion: *promotion, reason: why.clone() })
        .collect();
    if let Some(rollout) = world.rollout(environment).filter(|rollout| rollout.running().is_some()) {
        let failure = Failure { kind: FailureKind::Aborted, message: why, evidence: Vec::new() };
        facts.push(Fact::RolloutFailed { revision: rollout.revision, failure });
    }
    facts.push(Fact::EnvironmentDestroying { cause: cause.clone(), goes: *goes });
    Ok(facts.into_iter().map(|fact| NewEvent { environment: Some(environment.clone()), fact }).collect())
}

/// Refuses what is in the pipeline: it would come back at once.
pub fn may_be_destroyed(world: &World, environment: &EnvironmentName) -> Result<(), Refusal> {
    let Some(project) = &world.project else { return Ok(()) };
    if world.previews.contains_key(environment) || !project.environments.contains_key(environment) {
        return Ok(());
    }
    let users = project.environments.iter().filter(|(_, policy)| policy.after.contains(environment));
    let details = users.map(|(name, _)| format!("{name} comes after it")).collect();
    Err(Refusal::new(RefusalCode::InPipeline, format!("{environment} is in the pipeline, so it cannot be destroyed"))
        .details(details)
        .next(format!("take `{environment}` out of `pipeline` in `towpath.yaml` and start the server again")))
}

pub(super) fn finish(world: &World, environment: &EnvironmentName, removed: Removed) -> Decision {
    if world.destroying(environment).is_none() {
        return Err(Refusal::new(RefusalCode::Stale, format!("{environment} is not being destroyed")));
    }
    one(Some(environment.clone()), Fact::EnvironmentDestroyed { removed })
}

pub(super) fn collect(world: &World, revisions: &BTreeSet<Revision>, removed: Removed) -> Decision {
    let rules = world.project.as_ref().map(|project| project.housekeeping).unwrap_or_default();
    let kept = kept_revisions(world, &rules);
    if let Some(needed) = revisions.intersection(&kept).next() {
        let message = format!("{needed} is needed again; nothing was removed");
        return Err(Refusal::new(RefusalCode::PlanChanged, message).next("towpath gc --dry-run, and look again"));
    }
    one(None, Fact::GarbageCollected { revisions: revisions.clone(), removed })
}
