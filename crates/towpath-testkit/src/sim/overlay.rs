//! Live values in a simulation: people set them and take them off, and what runs must only change by what was agreed on.

use towpath_core::{
    command::{Asker, Command, Configured, OverlayChange},
    config::Live,
    decide::{overlay::lay, promotion::plan_digest},
    ids::{EnvironmentName, PrincipalName},
    world::World,
};
use towpath_engine::{Engine, ports::Resolver};

use super::{chance::Chance, invariants::Violation};

/// Keys that are set and taken off again.
const KEYS: [&str; 3] = ["services.web.env.A", "services.web.env.B", "services.web.env.C"];

/// Returns a change of a live overlay as the server would ask for it; `None` where that would be refused anyway.
pub(super) async fn change(
    engine: &Engine,
    resolver: &dyn Resolver,
    chance: &mut Chance,
    environment: EnvironmentName,
) -> Option<Command> {
    let world = engine.world();
    let key = chance.pick(&KEYS)?.to_owned();
    let set = world.live(&environment).get(&key).is_none() || !chance.one_in(3);
    let value = Some(chance.below(3).to_string());
    let changes = vec![if set { OverlayChange::Set { key, value } } else { OverlayChange::Unset { key } }];
    let reason = Some("simulation".to_owned());
    let asker = Asker { principal: PrincipalName::new("ana").ok()?, now: engine.now() };
    let (live, _) = lay(&world, &environment, &changes, reason.as_ref(), &asker).ok()?;
    let seen = world.live(&environment).digest();
    let promote = if chance.one_in(4) { None } else { running(&world, resolver, &environment, &live).await };
    let outdated = Vec::new();
    let configured = Configured { seen, promote, outdated };
    Some(Command::ChangeOverlay { environment, changes, reason, configured })
}

type Promoted = (towpath_core::ids::ReleaseNumber, Box<towpath_core::deployment::DeploymentSpec>);

/// The release that runs, as it would run.
async fn running(
    world: &World,
    resolver: &dyn Resolver,
    environment: &EnvironmentName,
    live: &Live,
) -> Option<Promoted> {
    let release = world.releases.get(&world.current(environment)?.release)?;
    let spec = resolver.resolve(release, environment, live).await.ok()?;
    Some((release.number, Box::new(spec)))
}

/// Checks that everything that ever ran is what its promotion said, and what its release and what was laid over it give.
pub(super) async fn agreed(world: &World, resolver: &dyn Resolver) -> Result<(), Violation> {
    for deployment in world.deployments.values() {
        let Some(release) = world.releases.get(&deployment.release) else { continue };
        let (revision, environment) = (deployment.revision, &deployment.environment);
        if let Some(promotion) = deployment.promotion.and_then(|number| world.promotions.get(&number))
            && plan_digest(release, environment, &deployment.spec) != promotion.plan
        {
            return Err(Violation::NotAsAgreed(revision));
        }
        let spec = resolver.resolve(release, environment, &deployment.live).await;
        if spec.ok().as_ref() != Some(deployment.spec.as_ref()) {
            return Err(Violation::NotAsLaid(revision));
        }
    }
    Ok(())
}

/// Checks that recording a value left everything that runs or is on its way as it was.
pub(super) fn only_recorded(before: &World, after: &World) -> Result<(), Violation> {
    let moved = after.deployments.iter().find(|(revision, it)| before.deployments.get(*revision) != Some(*it));
    moved.map_or(Ok(()), |(revision, _)| Err(Violation::ChangedWithoutPromotion(*revision)))
}
