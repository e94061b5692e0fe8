//! The live overlay: laying values over the files of an environment, and asking for what that changes in what runs.
//!
//! Whether a value fits its key is not judged here but by resolving, before the command is given. What is recorded and the
//! promotion that brings it into force are appended together, so that neither is ever there without the other.

use super::{Decision, policy, promotion, promotion::plan_digest};
use crate::{
    command::{Asker, Configured, OverlayChange},
    config::{Live, OverlayEntry, OverlayOrigin, Path, nearest},
    event::{Fact, NewEvent},
    ids::{Digest, EnvironmentName, PromotionNumber},
    project::Tier,
    refusal::{Refusal, RefusalCode},
    world::World,
};

/// The longest key in bytes.
pub const MAX_KEY: usize = 256;
/// The longest value in bytes.
pub const MAX_VALUE: usize = 16 << 10;
/// Most keys of one environment, and of one change.
pub const MAX_KEYS: usize = 200;
/// Keys and values of one environment together, in bytes.
pub const MAX_TOTAL: usize = 64 << 10;

/// What an environment's file alone decides: who it is, and who may change it.
const OF_THE_FILE: [&str; 5] = ["extends", "tier", "aliases", "gates", "flags"];

/// Returns what would be laid over the files of an environment after these changes, and the facts that record it: none for
/// what is said already. The sequence numbers in it are those the facts would get.
pub fn lay(
    world: &World,
    environment: &EnvironmentName,
    changes: &[OverlayChange],
    reason: Option<&String>,
    asker: &Asker,
) -> Result<(Live, Vec<Fact>), Refusal> {
    let policy = policy(world, environment)?;
    if policy.tier == Tier::Production && reason.is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Refusal::new(
            RefusalCode::ReasonRequired,
            format!("a live change of {environment} needs a reason: users are there"),
        )
        .next("say why with --reason \"…\""));
    }
    if changes.is_empty() || changes.len() > MAX_KEYS {
        return Err(Refusal::new(RefusalCode::Invalid, format!("a change has 1 to {MAX_KEYS} keys")));
    }
    let mut live = world.live(environment).clone();
    let mut facts = Vec::new();
    for (place, change) in changes.iter().enumerate() {
        let key = checked(change.key())?;
        if changes.iter().take(place).any(|earlier| earlier.key() == key) {
            return Err(Refusal::new(RefusalCode::Invalid, format!("`{key}` is named twice")));
        }
        match change {
            OverlayChange::Set { value, .. } => {
                small(&key, value.as_deref())?;
                if live.get(&key).is_some_and(|entry| entry.value == *value) {
                    continue;
                }
                let origin = OverlayOrigin {
                    sequence: world.size + facts.len() as u64,
                    at: asker.now,
                    principal: asker.principal.clone(),
                    reason: reason.cloned(),
                };
                live.set(OverlayEntry { key: key.clone(), value: value.clone(), origin });
                facts.push(Fact::OverlaySet { key, value: value.clone(), reason: reason.cloned() });
            }
            OverlayChange::Unset { .. } => {
                if live.get(&key).is_none() {
                    return Err(unknown(environment, &key, world.live(environment)));
                }
                live.unset(&key);
                facts.push(Fact::OverlayUnset { key, reason: reason.cloned() });
            }
        }
    }
    bounded(environment, &live)?;
    Ok((live, facts))
}

pub(super) fn change(
    world: &World,
    environment: &EnvironmentName,
    changes: &[OverlayChange],
    reason: Option<&String>,
    configured: &Configured,
    asker: &Asker,
) -> Decision {
    if world.live(environment).digest() != configured.seen {
        return Err(moved(environment));
    }
    let (_, facts) = lay(world, environment, changes, reason, asker)?;
    let at = |fact| NewEvent { environment: Some(environment.clone()), fact };
    let mut events: Vec<NewEvent> = facts.into_iter().map(at).collect();
    bring(world, environment, &mut events, configured, reason, "live overlay of")?;
    Ok(events)
}

/// Adds what brings a change into force: closes what waits and is outdated, and asks for what runs again.
pub(super) fn bring(
    world: &World,
    environment: &EnvironmentName,
    events: &mut Vec<NewEvent>,
    configured: &Configured,
    reason: Option<&String>,
    what: &str,
) -> Result<(), Refusal> {
    let at = |fact| NewEvent { environment: Some(environment.clone()), fact };
    let because = events.first().map(|_| world.size);
    let mut request = Vec::new();
    if let Some((release, spec)) = &configured.promote {
        if let Some(rollout) = world.rollout(environment) {
            return Err(Refusal::new(
                RefusalCode::RolloutRunning,
                format!("rollout {} is running in {environment}, so what runs there is changing already", rollout.revision),
            )
            .next(format!(
                "wait for it (towpath rollout watch {environment}), or give --record-only and ask for the promotion later"
            )));
        }
        if world.current(environment).is_none_or(|current| current.release != *release) {
            return Err(moved(environment));
        }
        if world.current(environment).is_some_and(|current| current.spec.as_ref() != spec.as_ref()) {
            request = promotion::request(world, environment, *release, spec, reason)?;
        }
    }
    let closes = |number: PromotionNumber| {
        request.iter().any(|it| matches!(&it.fact, Fact::PromotionSuperseded { promotion, .. } if *promotion == number))
    };
    let outdated = configured.outdated.iter().copied().filter(|number| !closes(*number));
    let outdated = outdated.filter(|number| {
        world.promotions.get(number).is_some_and(|it| it.is_waiting() && it.environment == *environment)
    });
    let event = because.map(|sequence| format!(" (event {sequence})")).unwrap_or_default();
    events.extend(outdated.map(|promotion| {
        let reason =
            format!("the {what} {environment} changed{event}, so it is no longer what was asked for; ask for it again");
        at(Fact::PromotionFailed { promotion, reason })
    }));
    events.extend(request);
    Ok(())
}

/// Returns the checksum of the promotion that a change would ask for.
pub fn plan_of(world: &World, environment: &EnvironmentName, configured: &Configured) -> Option<Digest> {
    let (release, spec) = configured.promote.as_ref()?;
    Some(plan_digest(world.releases.get(release)?, environment, spec))
}

/// Returns the key as it is kept, or why it cannot be set.
pub fn checked(key: &str) -> Result<String, Refusal> {
    let invalid = |message: String| Refusal::new(RefusalCode::Invalid, message);
    if key.len() > MAX_KEY || key.chars().any(char::is_control) {
        return Err(invalid(format!("a key has at most {MAX_KEY} bytes and no control characters")));
    }
    let path: Path = key.parse().map_err(|error: crate::config::PathError| invalid(error.to_string()))?;
    let text = path.to_string();
    let keys = path.keys().filter(|_| text.parse().ok() == Some(path));
    let Some(keys) = keys else {
        return Err(invalid(format!("`{key}` cannot be set")).next("lists are set whole, by the key they are under"));
    };
    let first = keys.first().map(String::as_str).unwrap_or_default();
    if OF_THE_FILE.contains(&first) {
        let why = if first == "gates" || first == "flags" {
            "so that nobody opens a gate by setting it"
        } else {
            "it says what the environment is"
        };
        return Err(invalid(format!("`{first}` can only be set in the environment's file: {why}"))
            .next("change the file and make a release"));
    }
    if keys.len() == 1 && first == "variables" {
        return Err(invalid("`variables` cannot be set as a whole".to_owned())
            .next("set each variable by itself: variables.NAME"));
    }
    Ok(text)
}

fn small(key: &str, value: Option<&str>) -> Result<(), Refusal> {
    if value.is_some_and(|value| value.len() > MAX_VALUE) {
        let message = format!("the value of `{key}` has more than {MAX_VALUE} bytes");
        return Err(Refusal::new(RefusalCode::Invalid, message).next("put it into a file of the release"));
    }
    if value.is_some_and(|value| value.contains('\0')) {
        return Err(Refusal::new(RefusalCode::Invalid, format!("the value of `{key}` has a NUL character")));
    }
    Ok(())
}

fn bounded(environment: &EnvironmentName, live: &Live) -> Result<(), Refusal> {
    let size: usize =
        live.overlay.iter().map(|entry| entry.key.len() + entry.value.as_ref().map_or(0, String::len)).sum();
    if live.overlay.len() <= MAX_KEYS && size <= MAX_TOTAL {
        return Ok(());
    }
    let message =
        format!("the live overlay of {environment} would have more than {MAX_KEYS} keys or {MAX_TOTAL} bytes");
    Err(Refusal::new(RefusalCode::Invalid, message)
        .next(format!("put what is to stay into the files, then towpath env unset {environment} KEY")))
}

fn unknown(environment: &EnvironmentName, key: &str, live: &Live) -> Refusal {
    let known = || live.overlay.iter().map(|entry| entry.key.as_str());
    let next = match nearest(key, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("towpath env overlay {environment}"),
    };
    Refusal::new(RefusalCode::NotFound, format!("`{key}` is not set in the live overlay of {environment}")).next(next)
}

fn moved(environment: &EnvironmentName) -> Refusal {
    Refusal::new(RefusalCode::Stale, format!("{environment} has changed meanwhile"))
        .next("look at it again and decide anew")
}

#[cfg(test)]
mod tests;
