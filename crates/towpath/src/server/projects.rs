//! How the API reads projects from bundles.

use std::collections::BTreeSet;

use towpath_core::{
    config::{Bundle, Diagnostic, Inputs, SourceSet, load},
    ids::EnvironmentName,
    project::Project,
};
use towpath_server::{Mistake, Projects};

/// Reads projects by core's configuration.
#[derive(Debug)]
pub(super) struct BundleProjects;

impl Projects for BundleProjects {
    fn read(&self, bundle: &[u8]) -> Result<Project, Vec<Mistake>> {
        let bundle = Bundle::from_bytes(bundle).map_err(|error| vec![whole(error.to_string())])?;
        let sources = bundle.to_sources();
        let (project, diagnostics) = load(&sources).project();
        project
            .ok_or_else(|| diagnostics.iter().filter(|one| one.is_error()).map(|one| mistake(one, &sources)).collect())
    }

    fn secrets(&self, bundle: &[u8], environment: &EnvironmentName) -> Option<BTreeSet<String>> {
        let bundle = Bundle::from_bytes(bundle).ok()?;
        let resolution = load(&bundle.to_sources()).resolve(environment.as_str(), &Inputs::default());
        Some(resolution.environment?.secrets)
    }
}

fn whole(message: String) -> Mistake {
    Mistake { path: None, line: None, column: None, message, help: None }
}

fn mistake(diagnostic: &Diagnostic, sources: &SourceSet) -> Mistake {
    let view = diagnostic.view(sources);
    Mistake { path: view.path, line: view.line, column: view.column, message: view.message, help: view.help }
}
