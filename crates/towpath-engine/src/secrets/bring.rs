//! What a change of values does to what runs: found by resolving, as with the live overlay.

use towpath_core::{
    command::Configured,
    config::Live,
    decide::promotion::plan_digest,
    ids::{EnvironmentName, PromotionNumber},
    world::World,
};

use super::SecretsError;
use crate::engine::Engine;

/// What a change of values does to what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A promotion of the release that runs brings it into force, once its gates are open.
    Promotion,
    /// What runs does not use it, or takes it from elsewhere.
    Unchanged,
    /// Nothing runs there yet; the next release gets it.
    NothingRuns,
    /// It is recorded and nothing was asked for.
    RecordedOnly,
}

/// Finds out what these versions of secrets in force lead to; `gives` if they only give values that were not there.
pub(crate) async fn configured(
    engine: &Engine,
    world: &World,
    environment: &EnvironmentName,
    live: &Live,
    (record_only, gives): (bool, bool),
) -> Result<(Configured, Effect), SecretsError> {
    let seen = world.live(environment).digest();
    let current = world.current(environment);
    let mut promote = None;
    let mut effect = if current.is_some() { Effect::Unchanged } else { Effect::NothingRuns };
    if let Some((current, release)) = current.and_then(|it| Some((it, world.releases.get(&it.release)?))) {
        match engine.ports().resolver.resolve(release, environment, live).await {
            Ok(spec) if *current.spec != spec => {
                effect = if record_only { Effect::RecordedOnly } else { Effect::Promotion };
                promote = (!record_only).then(|| (release.number, Box::new(spec)));
            }
            Ok(_) => {}
            // What runs cannot be resolved for another reason, such as a second secret that is missing: who mends it one
            // secret after the other must not be held up.
            Err(error) if gives && !error.is_passing() => effect = Effect::RecordedOnly,
            Err(error) => return Err(error.into()),
        }
    }
    let outdated = outdated(engine, world, environment, live).await?;
    Ok((Configured { seen, promote, outdated }, effect))
}

/// Promotions that wait and would do something else with these versions.
async fn outdated(
    engine: &Engine,
    world: &World,
    environment: &EnvironmentName,
    live: &Live,
) -> Result<Vec<PromotionNumber>, SecretsError> {
    let mut outdated = Vec::new();
    for promotion in world.waiting().filter(|promotion| promotion.environment == *environment) {
        let Some(release) = world.releases.get(&promotion.release) else { continue };
        match engine.ports().resolver.resolve(release, environment, live).await {
            Ok(spec) if plan_digest(release, environment, &spec) == promotion.plan => {}
            // What cannot be resolved any more could not be started either.
            Err(error) if error.is_passing() => return Err(error.into()),
            Ok(_) | Err(_) => outdated.push(promotion.number),
        }
    }
    Ok(outdated)
}
