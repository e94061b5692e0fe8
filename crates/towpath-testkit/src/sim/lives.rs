//! The life of environments in a simulation: previews come, are extended, promoted to, destroyed, run out of time; what nobody
//! names is collected; and what must hold of all that.

use std::collections::BTreeSet;

use towpath_core::{
    command::Command,
    ids::{Digest, EnvironmentName, PrincipalName},
    lifecycle::{DestroyCause, Keep, kept_revisions, named},
    project::{EnvironmentPolicy, FlagPolicy, GatePolicy, Tier},
    units::Millis,
    world::World,
};
use towpath_engine::Engine;

use super::{invariants::Violation, plane::Run};

/// Previews that come and go.
const NAMES: [&str; 3] = ["pr-1", "pr-2", "pr-3"];

impl Run {
    /// Somebody does something with a preview, or collects garbage.
    pub(super) async fn live_and_die(&mut self, engine: &Engine) {
        let Some(environment) = self.chance.pick(&NAMES).and_then(|name| name.parse::<EnvironmentName>().ok()) else {
            return;
        };
        let ttl = Millis::from_secs(1 + self.chance.below(60));
        let command = match self.chance.below(8) {
            0..=2 => create(environment, ttl),
            3 | 4 => match self.promotion(engine, environment).await {
                Some(command) => command,
                None => return,
            },
            5 => Command::ExtendPreview { environment, ttl },
            6 => match engine.listing(&environment).await {
                Ok(listing) => {
                    let goes = listing.totals();
                    let cause = DestroyCause::Asked { reason: None };
                    Command::Destroy { environment, cause, claims: listing.claims, goes }
                }
                Err(_) => return,
            },
            _ => {
                let Ok(ana) = PrincipalName::new("ana") else { return };
                if let Ok(garbage) = engine.garbage().await {
                    // Faults are part of the weather.
                    drop(engine.collect(&ana, &garbage, "simulation").await);
                }
                return;
            }
        };
        self.ask(engine, "ana", command).await;
    }

    /// Checks that nothing is left of what the ledger says is destroyed, and that nothing needed was erased.
    pub(super) async fn gone_is_gone(&mut self, world: &World) -> Result<(), Violation> {
        if std::mem::replace(&mut self.checked, world.size) == world.size {
            return Ok(());
        }
        let gone = || world.gone.keys().filter(|name| !world.environments.contains_key(*name));
        {
            let machine = self.shared.lock();
            for environment in gone() {
                let left = |what: String| Violation::NotGone { environment: environment.clone(), what };
                if let Some(id) = machine.instances.keys().find(|id| id.set.environment == *environment) {
                    return Err(left(format!("instance {id}")));
                }
                if let Some(id) = machine.routes.0.keys().find(|id| id.environment == *environment) {
                    return Err(left(format!("route to {}", id.service)));
                }
                if let Some(id) = machine.logs.iter().find(|id| id.set.environment == *environment) {
                    return Err(left(format!("log of {id}")));
                }
            }
        }
        let rules = world.project.as_ref().map(|project| project.housekeeping).unwrap_or_default();
        for revision in kept_revisions(world, &rules) {
            let Some(deployment) = world.deployments.get(&revision) else { continue };
            if world.destroying(&deployment.environment).is_some() {
                continue;
            }
            for blob in deployment.spec.services.values().map(|service| service.environment) {
                if !self.ports.blobs.contains(&blob).await.unwrap_or(true) {
                    return Err(Violation::Erased { revision, blob });
                }
            }
        }
        Ok(())
    }

    /// Long after everything, collects what nobody names.
    pub(super) async fn sweep(&self, engine: &Engine) -> Result<(), Violation> {
        self.let_pass(60_000);
        let unreadable = |error: towpath_engine::CollectError| Violation::Unreadable(format!("{error:?}"));
        let garbage = engine.garbage().await.map_err(unreadable)?;
        let system = PrincipalName::control_plane();
        engine.collect(&system, &garbage, "simulation").await.map(drop).map_err(unreadable)
    }

    /// Checks the end: no preview outlived its time, and no blob of a destroyed environment did.
    pub(super) async fn ended_well(&mut self, world: &World) -> Result<(), Violation> {
        // Two turns of the loop may lie between, and the minute of the sweep does.
        let now = self.shared.lock().now_ms - 62_000;
        if let Some((name, _)) = world.previews.iter().find(|(_, preview)| preview.expires_at.as_millisecond() <= now) {
            return Err(Violation::NotExpired(name.clone()));
        }
        let rules = world.project.as_ref().map(|project| project.housekeeping).unwrap_or_default();
        let named: BTreeSet<Digest> = named(world, Keep::Within(&rules)).into_keys().collect();
        for deployment in world.deployments.values() {
            let environment = &deployment.environment;
            if !world.is_gone(environment, deployment.revision) {
                continue;
            }
            for blob in deployment.spec.services.values().map(|service| service.environment) {
                let stored = self.ports.blobs.contains(&blob).await.unwrap_or(false);
                if stored && !named.contains(&blob) {
                    return Err(Violation::NotGone { environment: environment.clone(), what: format!("blob {blob}") });
                }
            }
        }
        self.outcome.destroyed = u64::try_from(world.gone.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

fn create(environment: EnvironmentName, ttl: Millis) -> Command {
    let (gates, flags) = (GatePolicy::default(), FlagPolicy::default());
    let policy = EnvironmentPolicy { tier: Tier::Testing, after: Vec::new(), automatic: false, gates, flags };
    let extends = environment.clone();
    Command::CreatePreview { environment, file: "extends: staging\n".to_owned(), extends, policy, ttl, reason: None }
}
