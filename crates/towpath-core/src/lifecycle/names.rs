//! Who names which blob. What nobody names may be collected.

use std::collections::{BTreeMap, BTreeSet};

use super::Housekeeping;
use crate::{
    deployment::DeploymentSpec,
    ids::{Digest, EnvironmentName, Revision},
    promotion::{Promotion, PromotionState},
    rollout::{Deployment, Phase},
    world::World,
};

/// Blobs with who names them, one of those who do.
pub type Named = BTreeMap<Digest, String>;

/// Which deployments and promotions count.
#[derive(Debug, Clone, Copy)]
pub enum Keep<'a> {
    /// All but those of one environment: what stays when it is destroyed.
    Except(&'a EnvironmentName),
    /// What runs, waits, or can be gone back to.
    Within(&'a Housekeeping),
}

/// Returns the blobs that are named by the project, releases, deployments and promotions. The files of artifacts are named
/// by the manifests of [`trees`], which are blobs themselves.
pub fn named(world: &World, keep: Keep<'_>) -> Named {
    let mut all = Named::new();
    all.extend(world.bundle.map(|bundle| (bundle, "the project".to_owned())));
    for release in world.releases.values() {
        all.entry(release.content.bundle).or_insert_with(|| format!("release {}", release.number));
        for artifact in release.content.artifacts.values() {
            all.entry(artifact.tree).or_insert_with(|| format!("release {}", release.number));
        }
    }
    let kept = match keep {
        Keep::Within(rules) => Some(kept_revisions(world, rules)),
        Keep::Except(_) => None,
    };
    let counts = |deployment: &Deployment| match (keep, &kept) {
        (Keep::Except(environment), _) => {
            deployment.environment != *environment && !world.is_gone(&deployment.environment, deployment.revision)
        }
        (Keep::Within(_), kept) => kept.as_ref().is_some_and(|kept| kept.contains(&deployment.revision)),
    };
    for deployment in world.deployments.values().filter(|deployment| counts(deployment)) {
        for digest in of_spec(&deployment.spec) {
            all.entry(digest).or_insert_with(|| format!("{} in {}", deployment.revision, deployment.environment));
        }
    }
    for (environment, state) in &world.environments {
        if !matches!(keep, Keep::Except(except) if except == environment) {
            for digest in state.secrets.blobs() {
                all.entry(digest).or_insert_with(|| format!("the secrets of {environment}"));
            }
        }
    }
    for promotion in world.promotions.values().filter(|promotion| asks(world, promotion, keep)) {
        for digest in of_spec(&promotion.spec) {
            all.entry(digest).or_insert_with(|| format!("promotion {}", promotion.number));
        }
    }
    all
}

fn asks(world: &World, promotion: &Promotion, keep: Keep<'_>) -> bool {
    match keep {
        Keep::Except(environment) => promotion.environment != *environment && !world.was_asked_before_gone(promotion),
        Keep::Within(_) => promotion.state == PromotionState::Waiting,
    }
}

/// Returns the manifests of every artifact that a release names.
pub fn trees(world: &World) -> BTreeSet<Digest> {
    world
        .releases
        .values()
        .flat_map(|release| release.content.artifacts.values())
        .map(|artifact| artifact.tree)
        .collect()
}

/// Returns the blobs that an environment's deployments and promotions name, whoever else does.
pub fn own_blobs(world: &World, environment: &EnvironmentName) -> BTreeSet<Digest> {
    let deployed = world.history(environment).filter(|it| !world.is_gone(environment, it.revision));
    let deployed = deployed.flat_map(|it| of_spec(&it.spec));
    let asked = world.promotions.values().filter(|it| it.environment == *environment);
    let asked = asked.filter(|it| !world.was_asked_before_gone(it)).flat_map(|it| of_spec(&it.spec));
    let secrets = world.secrets(environment).into_iter().flat_map(|store| store.blobs());
    deployed.chain(asked).chain(secrets).collect()
}

fn of_spec(spec: &DeploymentSpec) -> impl Iterator<Item = Digest> {
    spec.services.values().flat_map(|service| service.artifact.into_iter().chain([service.environment]))
}

/// Returns the revisions that run, may run again, or can be gone back to: of each environment what it uses now and the newest
/// good ones.
pub fn kept_revisions(world: &World, rules: &Housekeeping) -> BTreeSet<Revision> {
    let mut kept = BTreeSet::new();
    for (name, state) in &world.environments {
        let retiring = state.retiring.iter().map(|retiring| retiring.revision);
        kept.extend([state.current, state.rollout].into_iter().flatten().chain(retiring));
        let most = usize::try_from(rules.revisions.max(1)).unwrap_or(usize::MAX);
        let living = || world.history(name).filter(|it| !world.is_lost(it)).map(AsRef::as_ref);
        // The newest as they are, too: the logs of one that failed say why.
        kept.extend(living().take(most).map(|it| it.revision));
        // One that rolls out counts when it is good, not before: what it may go back to must not drop out for it.
        let good = living().filter(|it: &&Deployment| matches!(it.phase, Phase::Completed | Phase::Retired));
        kept.extend(good.take(most).map(|it| it.revision));
    }
    let runs: Vec<Revision> =
        kept.iter().filter_map(|revision| world.deployments.get(revision)).map(|deployment| deployment.runs).collect();
    kept.extend(runs);
    kept
}

/// Says whether something of a revision of an environment must be kept.
pub fn is_kept(world: &World, kept: &BTreeSet<Revision>, environment: &EnvironmentName, revision: Revision) -> bool {
    let owner = world.deployments.get(&revision).filter(|deployment| deployment.environment == *environment);
    owner.is_some() && kept.contains(&revision)
}

/// Returns the artifacts that kept revisions run from, but for those of one environment.
pub fn artifacts_in_use(world: &World, rules: &Housekeeping, except: Option<&EnvironmentName>) -> BTreeSet<Digest> {
    let kept = kept_revisions(world, rules);
    let kept = kept.iter().filter_map(|revision| world.deployments.get(revision));
    let others = kept.filter(|deployment| Some(&deployment.environment) != except);
    others.flat_map(|deployment| deployment.spec.services.values()).filter_map(|service| service.artifact).collect()
}
