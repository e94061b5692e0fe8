//! Resolving releases from their bundles: the configuration sources in the blob storage, resolved by core.
//!
//! Nothing is read but blobs, and only what a release pins; what the ledger lays over it comes in as an argument, and the
//! process environment plays no part but where the files name it as a source of secrets, so that the same release and the same ledger give the same specification tomorrow.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use towpath_core::{
    config::{Bundle, Diagnostic, Inputs, Live, Loaded, ResolvedEnvironment, SourceSet, environment_bytes, load},
    deployment::DeploymentSpec,
    ids::{ArtifactName, Digest, EnvironmentName},
    release::Release,
    secrets::{SecretPin, SecretText},
};

use crate::ports::{Blobs, ResolveError, Resolver, SecretSources};

mod secrets;

/// How many specifications are remembered. They are small, and few releases are on their way at once.
const REMEMBERED: usize = 256;

/// The release, where, and the digest of what is laid over it.
type Key = (Digest, EnvironmentName, Digest);

/// Resolves releases from their bundles.
pub struct BundleResolver {
    blobs: Arc<dyn Blobs>,
    sources: Option<Arc<dyn SecretSources>>,
    known: Mutex<BTreeMap<Key, DeploymentSpec>>,
}

impl BundleResolver {
    /// Returns a resolver over these blobs, without sources of secrets.
    pub fn new(blobs: Arc<dyn Blobs>) -> Self {
        Self { blobs, sources: None, known: Mutex::default() }
    }

    /// Adds where secrets come from.
    #[must_use]
    pub fn with_sources(self, sources: Arc<dyn SecretSources>) -> Self {
        Self { sources: Some(sources), ..self }
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
        let bundle = Bundle::from_bytes(&bytes).map_err(|error| invalid(vec![error.to_string()]))?;
        let loaded = load(&live.sources(&bundle.to_sources(), environment));
        let mut resolved = resolve(&loaded, environment, &live.inputs()).map_err(invalid)?;
        let roots = &resolved.secret_roots;
        if !roots.elsewhere.is_empty() || !roots.in_files.is_empty() {
            let found = secrets::found(self.sources.as_deref(), &resolved, live).await;
            let found = found.map_err(ResolveError::Secrets)?;
            // Without anybody who could look, nothing can be said to be missing.
            if self.sources.is_some() || !found.is_empty() {
                let inputs = Inputs { secrets: Some(found), ..live.inputs() };
                resolved = resolve(&loaded, environment, &inputs).map_err(invalid)?;
            }
        }
        let artifacts: BTreeMap<ArtifactName, Digest> =
            release.content.artifacts.iter().map(|(name, artifact)| (name.clone(), artifact.tree)).collect();
        let spec = resolved.to_deployment_spec(&artifacts);
        let (spec, environments) = spec.map_err(|error| invalid(vec![error.to_string()]))?;
        for variables in environments.values() {
            self.blobs.put(&environment_bytes(variables)).await?;
        }
        if !secrets::may_change(&resolved) {
            self.remember(key, &spec);
        }
        Ok(spec)
    }

    async fn check_secrets(
        &self,
        release: &Release,
        environment: &EnvironmentName,
        live: &Live,
        spec: &DeploymentSpec,
    ) -> Result<(), ResolveError> {
        self.wrong_values(release, environment, live, spec).await
    }

    async fn reveal(
        &self,
        release: &Release,
        environment: &EnvironmentName,
        live: &Live,
        pins: &BTreeMap<String, SecretPin>,
    ) -> Result<BTreeMap<String, SecretText>, ResolveError> {
        self.values(release, environment, live, pins).await
    }
}

/// Returns an environment, or a line for each mistake.
fn resolve(
    loaded: &Loaded,
    environment: &EnvironmentName,
    inputs: &Inputs,
) -> Result<ResolvedEnvironment, Vec<String>> {
    let mut resolution = loaded.resolve(environment.as_str(), inputs);
    let mut diagnostics = loaded.diagnostics().to_vec();
    diagnostics.append(&mut resolution.diagnostics);
    let mistakes = mistakes(&diagnostics, &resolution.sources);
    if mistakes.is_empty() { resolution.environment.ok_or_else(Vec::new) } else { Err(mistakes) }
}

fn mistakes(diagnostics: &[Diagnostic], sources: &SourceSet) -> Vec<String> {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    let line = |diagnostic: &Diagnostic| {
        let place = diagnostic.primary.map(|label| format!("{}: ", sources.place(label)));
        let help = diagnostic.help.as_ref().map(|help| format!("; {help}"));
        format!("{}{}{}", place.unwrap_or_default(), diagnostic.message, help.unwrap_or_default())
    };
    errors.map(line).collect()
}

#[cfg(test)]
mod tests;
