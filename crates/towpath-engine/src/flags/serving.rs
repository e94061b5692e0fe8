//! What every environment serves, worked out anew whenever what it is made of changed.

use std::{collections::BTreeMap, sync::Arc};

use towpath_core::{
    flags::{FlagBasis, LiveFlags},
    ids::EnvironmentName,
    world::World,
};

use super::{DefinitionsError, FlagDefinitions, FlagSets, Served};

/// Keeps what environments serve up to date. Only what changed is worked out.
pub(crate) struct Serving {
    definitions: Arc<FlagDefinitions>,
    sets: Arc<FlagSets>,
    made_of: BTreeMap<EnvironmentName, (FlagBasis, Arc<LiveFlags>)>,
}

impl Serving {
    pub(crate) fn new(definitions: Arc<FlagDefinitions>, sets: Arc<FlagSets>) -> Self {
        Self { definitions, sets, made_of: BTreeMap::new() }
    }

    /// Publishes what every environment of a world serves. What cannot be read leaves what is served as it is.
    pub(crate) async fn refresh(&mut self, world: &World) {
        let declared = world.project.iter().flat_map(|project| project.environments.keys());
        let environments: Vec<&EnvironmentName> = declared.chain(world.previews.keys()).collect();
        if self.made_of.keys().any(|known| !environments.contains(&known)) {
            self.made_of.retain(|known, _| environments.contains(&known));
            self.sets.retain(|name| environments.contains(&name));
        }
        for environment in environments {
            let (basis, live) = (world.flag_basis(environment), world.flags(environment));
            let same = |(before, over): &(FlagBasis, Arc<LiveFlags>)| {
                *before == basis && (Arc::ptr_eq(over, &live) || **over == *live)
            };
            if self.made_of.get(environment).is_some_and(same) {
                continue;
            }
            match self.work_out(world, environment, &live).await {
                Ok(served) => {
                    self.sets.publish(environment, Arc::new(served));
                    self.made_of.insert(environment.clone(), (basis, live));
                }
                // It is tried again with the next event.
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    %environment,
                    "the environment goes on serving the flags that it served"
                ),
            }
        }
    }

    async fn work_out(
        &self,
        world: &World,
        environment: &EnvironmentName,
        live: &LiveFlags,
    ) -> Result<Served, DefinitionsError> {
        let definitions = self.definitions.of(world, environment).await?;
        Ok(Served::new(live.over(&definitions)))
    }
}
