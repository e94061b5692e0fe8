//! Snapshots: a folded world and the tree it was folded from, kept to start faster.
//!
//! Disposable: whatever does not fit the ledger is ignored and folded again. What can be derived is left out, because reading
//! a snapshot is most of what a start takes. It is believed as the ledger is, so whoever keeps it seals it with the ledger's key:
//! what is read here must have been unsealed.

use std::{collections::BTreeMap, sync::Arc};

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use super::World;
use crate::{
    deployment::{DeploymentSpec, Strategy},
    ledger::Tree,
    promotion::PromotionState,
    rollout::steps,
    units::Millis,
};

/// Changes whenever the shape of a snapshot does, so that older ones are left alone.
pub const SNAPSHOT_FORMAT: &str = "world/5";

#[derive(Serialize)]
struct Written<'a> {
    tree: &'a Tree,
    world: &'a World,
}

#[derive(Deserialize)]
struct Read {
    tree: Tree,
    world: World,
}

/// Returns the bytes of a snapshot.
pub fn write_snapshot(world: &World, tree: &Tree) -> Vec<u8> {
    let mut slim = world.clone();
    let none = Arc::new(DeploymentSpec {
        services: BTreeMap::new(),
        strategy: Strategy::Recreate,
        progress_deadline: Millis(0),
        verification: Vec::new(),
        rollback: None,
        secrets: std::collections::BTreeMap::new(),
    });
    slim.promotions = each(slim.promotions, |promotion| {
        if matches!(promotion.state, PromotionState::Deployed { .. }) {
            promotion.spec = Arc::clone(&none);
        }
    });
    slim.deployments = each(slim.deployments, |deployment| deployment.steps = Vec::new());
    serde_json::to_vec(&Written { tree, world: &slim }).unwrap_or_default()
}

/// Reads a snapshot; `None` if it is damaged or does not fit together.
pub fn read_snapshot(bytes: &[u8]) -> Option<(Tree, World)> {
    let Read { tree, mut world } = serde_json::from_slice(bytes).ok()?;
    world.deployments = each(world.deployments, |it| {
        it.steps = steps(&it.spec, it.stable.is_some(), it.rollback.is_some(), it.served());
    });
    let deployments = world.deployments.clone();
    world.promotions = each(world.promotions, |promotion| {
        if let PromotionState::Deployed { revision } = promotion.state
            && let Some(deployment) = deployments.get(&revision)
        {
            promotion.spec = Arc::clone(&deployment.spec);
        }
    });
    (tree.size() == world.size).then_some((tree, world))
}

fn each<K: Ord + Clone, V: Clone>(map: OrdMap<K, Arc<V>>, mut change: impl FnMut(&mut V)) -> OrdMap<K, Arc<V>> {
    let changed = map.into_iter().map(|(key, mut value)| {
        change(Arc::make_mut(&mut value));
        (key, value)
    });
    changed.collect()
}
