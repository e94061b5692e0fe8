//! Secrets of a release: which versions its environment would run with, and their values when they are needed.
//!
//! What a file has and what the store has is known without any key; other sources are asked. Values are read only to start
//! something with them, or to say before that they are not what they were declared to be.

use std::collections::{BTreeMap, BTreeSet};

use towpath_core::{
    config::{Bundle, Inputs, Live, Loaded, ResolvedEnvironment, load, secret_file_path},
    deployment::DeploymentSpec,
    ids::EnvironmentName,
    release::Release,
    secrets::{SecretPin, SecretText, SecretVersion, SourceId, SourceSpec},
};

use super::{BundleResolver, mistakes};
use crate::ports::{Opening, ResolveError, SecretSources, SourceError};

/// What the store is called in pins.
const STORE: &str = "store";

/// Finds which version of each secret an environment would get that its files do not give it.
pub(super) async fn found(
    sources: Option<&dyn SecretSources>,
    environment: &ResolvedEnvironment,
    live: &Live,
) -> Result<BTreeMap<String, SecretPin>, SourceError> {
    let spec = &environment.secret_spec;
    let roots = &environment.secret_roots;
    let mut left: BTreeSet<String> = roots.elsewhere.iter().chain(roots.in_files.keys()).cloned().collect();
    let mut found = BTreeMap::new();
    for source in &spec.from {
        if left.is_empty() {
            break;
        }
        let (id, has) = match source {
            SourceSpec::Files => {
                left.retain(|name| !roots.in_files.contains_key(name));
                continue;
            }
            // The ledger tells what is in force, so that nothing need be opened.
            SourceSpec::Store => (SourceId(STORE.to_owned()), live.secrets.clone()),
            SourceSpec::Vault { .. } | SourceSpec::Environment { .. } | SourceSpec::Command { .. } => {
                let Some(sources) = sources else { continue };
                let opened = sources.open(&environment.name, spec, Opening::Named(source)).await?;
                (opened.id(), opened.current(Some(&left)).await?)
            }
        };
        for (name, version) in has.into_iter().filter(|(name, _)| left.remove(name)) {
            found.insert(name, SecretPin { from: id.clone(), version });
        }
    }
    Ok(found)
}

/// Says whether asking again can give another answer although release and ledger are the same.
pub(super) fn may_change(environment: &ResolvedEnvironment) -> bool {
    environment.secret_spec.from.iter().any(|source| !matches!(source, SourceSpec::Files | SourceSpec::Store))
}

impl BundleResolver {
    /// Returns the values of these versions.
    pub(super) async fn values(
        &self,
        release: &Release,
        environment: &EnvironmentName,
        live: &Live,
        pins: &BTreeMap<String, SecretPin>,
    ) -> Result<BTreeMap<String, SecretText>, ResolveError> {
        if pins.is_empty() {
            return Ok(BTreeMap::new());
        }
        let bundle = self.bundle(release, environment).await?;
        let loaded = load(&live.sources(&bundle.to_sources(), environment));
        let resolved = resolved(&loaded, environment, live)
            .ok_or_else(|| ResolveError::Invalid { environment: environment.clone(), mistakes: Vec::new() })?;
        self.read(&bundle, &resolved, pins).await.map_err(ResolveError::Secrets)
    }

    /// Finds values that are not what their variables were declared to be.
    pub(super) async fn wrong_values(
        &self,
        release: &Release,
        environment: &EnvironmentName,
        live: &Live,
        spec: &DeploymentSpec,
    ) -> Result<(), ResolveError> {
        if spec.secrets.is_empty() {
            return Ok(());
        }
        let bundle = self.bundle(release, environment).await?;
        let loaded = load(&live.sources(&bundle.to_sources(), environment));
        // What files have, they have by themselves.
        let others = spec.secrets.iter().filter(|(_, pin)| secret_file_path(&pin.from).is_none());
        let others = others.map(|(name, pin)| (name.clone(), pin.clone())).collect();
        let inputs = Inputs { secrets: Some(others), ..live.inputs() };
        let mut resolution = loaded.resolve(environment.as_str(), &inputs);
        let Some(resolved) = resolution.environment.take() else {
            let mistakes = mistakes(&resolution.diagnostics, &resolution.sources);
            return Err(ResolveError::Invalid { environment: environment.clone(), mistakes });
        };
        let values = self.read(&bundle, &resolved, &spec.secrets).await.map_err(ResolveError::Secrets)?;
        let wrong = loaded.wrong_secrets(&resolved, &values);
        if wrong.is_empty() {
            return Ok(());
        }
        let mistakes = mistakes(&wrong, &resolved.sources);
        Err(ResolveError::Invalid { environment: environment.clone(), mistakes })
    }

    async fn bundle(&self, release: &Release, environment: &EnvironmentName) -> Result<Bundle, ResolveError> {
        let bytes = self.blobs.get(&release.content.bundle).await?;
        Bundle::from_bytes(&bytes).map_err(|error| ResolveError::Invalid {
            environment: environment.clone(),
            mistakes: vec![error.to_string()],
        })
    }

    async fn read(
        &self,
        bundle: &Bundle,
        environment: &ResolvedEnvironment,
        pins: &BTreeMap<String, SecretPin>,
    ) -> Result<BTreeMap<String, SecretText>, SourceError> {
        let mut wanted: BTreeMap<&SourceId, BTreeMap<String, SecretVersion>> = BTreeMap::new();
        for (name, pin) in pins {
            wanted.entry(&pin.from).or_default().insert(name.clone(), pin.version.clone());
        }
        let unable = |id: &SourceId, what| SourceError::Unable { source_id: id.clone(), what };
        let mut values = BTreeMap::new();
        for (id, versions) in wanted {
            let sources = self.sources.as_deref().ok_or_else(|| unable(id, "be opened by this server"))?;
            let (name, spec) = (&environment.name, &environment.secret_spec);
            if let Some(path) = secret_file_path(id) {
                let text = bundle.files().get(path).ok_or_else(|| unable(id, "be found in the release"))?;
                let source = sources.open(name, spec, Opening::File { path, text }).await?;
                values.extend(source.read(&versions).await?);
                continue;
            }
            let mut missing = None;
            let mut there = BTreeMap::new();
            for source in spec.from.iter().filter(|source| **source != SourceSpec::Files) {
                let source = sources.open(name, spec, Opening::Named(source)).await?;
                if source.id() != *id {
                    continue;
                }
                // Several may be called the same: the one that has a version gives it.
                match source.read(&versions).await {
                    Ok(read) => {
                        there = read;
                        break;
                    }
                    Err(error @ SourceError::Missing { .. }) => missing = Some(error),
                    Err(error) => return Err(error),
                }
            }
            if there.is_empty() {
                let unknown = || unable(id, "be found among the sources that the environment names");
                return Err(missing.unwrap_or_else(unknown));
            }
            values.extend(there);
        }
        Ok(values)
    }
}

/// Returns an environment as its release says, if need be without what is laid over it now.
fn resolved(loaded: &Loaded, environment: &EnvironmentName, live: &Live) -> Option<ResolvedEnvironment> {
    let with = |inputs| loaded.resolve(environment.as_str(), &inputs).environment;
    with(live.inputs()).or_else(|| with(Inputs::default()))
}

#[cfg(test)]
mod tests;
