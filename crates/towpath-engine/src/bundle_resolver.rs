//! Resolving releases from their bundles: the configuration sources in the blob storage, resolved by core.
//!
//! Nothing is read but blobs, and only what a release pins; what the ledger lays over it comes in as an argument, and the
//! process environment plays no part, so that the same release and the same ledger give the same specification tomorrow.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use towpath_core::{
    config::{Bundle, Live, ResolvedEnvironment, environment_bytes, load},
    deployment::DeploymentSpec,
    ids::{ArtifactName, Digest, EnvironmentName},
    release::Release,
};

use crate::ports::{Blobs, ResolveError, Resolver};

/// How many specifications are remembered. They are small, and few releases are on their way at once.
const REMEMBERED: usize = 256;

/// The release, where, and the digest of what is laid over it.
type Key = (Digest, EnvironmentName, Digest);

/// Resolves releases from their bundles.
pub struct BundleResolver {
    blobs: Arc<dyn Blobs>,
    known: Mutex<BTreeMap<Key, DeploymentSpec>>,
}

impl BundleResolver {
    /// Returns a resolver over these blobs.
    pub fn new(blobs: Arc<dyn Blobs>) -> Self {
        Self { blobs, known: Mutex::default() }
    }

    fn remembered(&self, key: &Key) -> Option<DeploymentSpec> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Says whether the environments of a specification are still stored, and keeps them: they may have been collected.
    async fn kept(&self, spec: &DeploymentSpec) -> Result<bool, ResolveError> {
        for service in spec.services.values() {
            if !self.blobs.keep(&service.environment).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn remember(&self, key: Key, spec: &DeploymentSpec) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, spec.clone());
    }
}

#[async_trait]
impl Resolver for BundleResolver {
    async fn resolve(
        &self,
        release: &Release,
        environment: &EnvironmentName,
        live: &Live,
    ) -> Result<DeploymentSpec, ResolveError> {
        let key = (release.digest, environment.clone(), live.digest());
        if let Some(spec) = self.remembered(&key)
            && self.kept(&spec).await?
        {
            return Ok(spec);
        }
        let bytes = self.blobs.get(&release.content.bundle).await?;
        let invalid = |mistakes| ResolveError::Invalid { environment: environment.clone(), mistakes };
        let resolved = resolve(&bytes, environment, live).map_err(invalid)?;
        let artifacts: BTreeMap<ArtifactName, Digest> =
            release.content.artifacts.iter().map(|(name, artifact)| (name.clone(), artifact.tree)).collect();
        let spec = resolved.to_deployment_spec(&artifacts);
        let (spec, environments) = spec.map_err(|error| invalid(vec![error.to_string()]))?;
        for variables in environments.values() {
            self.blobs.put(&environment_bytes(variables)).await?;
        }
        self.remember(key, &spec);
        Ok(spec)
    }
}

/// Returns the environment that a bundle declares, or a line for each mistake.
fn resolve(bundle: &[u8], environment: &EnvironmentName, live: &Live) -> Result<ResolvedEnvironment, Vec<String>> {
    let bundle = Bundle::from_bytes(bundle).map_err(|error| vec![error.to_string()])?;
    let loaded = load(&live.sources(&bundle.to_sources(), environment));
    let mut resolution = loaded.resolve(environment.as_str(), &live.inputs());
    let mut diagnostics = loaded.diagnostics().to_vec();
    diagnostics.append(&mut resolution.diagnostics);
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    let mistakes: Vec<String> = errors
        .map(|diagnostic| {
            let place = diagnostic.primary.map(|label| format!("{}: ", resolution.sources.place(label)));
            let help = diagnostic.help.as_ref().map(|help| format!("; {help}"));
            format!("{}{}{}", place.unwrap_or_default(), diagnostic.message, help.unwrap_or_default())
        })
        .collect();
    if mistakes.is_empty() { resolution.environment.ok_or_else(Vec::new) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests;
