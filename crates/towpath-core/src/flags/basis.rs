//! What the flags of an environment are made of, besides what people changed: which bundles hold their definitions.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{Digest, EnvironmentName},
    rollout::Deployment,
    world::World,
};

/// What the flags of an environment are made of. Two that are equal serve the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FlagBasis {
    /// The bundle with the definitions: of the release that runs, or where nothing runs of the project as it was declared.
    pub bundle: Option<Digest>,
    /// The bundle of the release that is on its way. Flags that only it defines are there already, so that its code finds them.
    pub coming: Option<Digest>,
    /// The digest of the environment's file, where it is in the ledger only.
    pub file: Option<Digest>,
    /// How many live changes lie over it.
    pub changes: u64,
}

impl World {
    /// Returns what the flags of an environment are made of.
    pub fn flag_basis(&self, environment: &EnvironmentName) -> FlagBasis {
        let bundle = |deployment: &Deployment| Some(self.releases.get(&deployment.release)?.content.bundle);
        let definitions = self.current(environment).and_then(|current| bundle(current)).or(self.bundle);
        FlagBasis {
            bundle: definitions,
            coming: self.rollout(environment).and_then(|it| bundle(it)).filter(|it| Some(*it) != definitions),
            file: self.live(environment).file.as_ref().map(|text| Digest::of(text.as_bytes())),
            changes: self.environments.get(environment).map_or(0, |state| state.flags.changes),
        }
    }
}
