//! Projects as this program writes them: bundles of its own configuration.

use std::collections::BTreeSet;

use towpath_core::{
    config::{Bundle, Diagnostic, Inputs, Loaded, has_errors, load},
    ids::EnvironmentName,
    project::Project,
};

use crate::options::{Mistake, Projects};

/// Reads projects from bundles of Towpath's own configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bundles;

impl Projects for Bundles {
    fn read(&self, bundle: &[u8]) -> Result<Project, Vec<Mistake>> {
        let loaded = loaded(bundle)?;
        // Environments outside the pipeline are part of the release too.
        let diagnostics = loaded.validate();
        match loaded.project().0 {
            Some(project) if !has_errors(&diagnostics) => Ok(project),
            _ => Err(mistakes(&loaded, &diagnostics)),
        }
    }

    fn secrets(&self, bundle: &[u8], environment: &EnvironmentName) -> Option<BTreeSet<String>> {
        let loaded = loaded(bundle).ok()?;
        loaded.resolve(environment.as_str(), &Inputs::default()).environment.map(|resolved| resolved.secrets)
    }
}

fn loaded(bundle: &[u8]) -> Result<Loaded, Vec<Mistake>> {
    let bundle = Bundle::from_bytes(bundle).map_err(|error| {
        let help = Some("make the release with `towpath release create`".to_owned());
        vec![Mistake { path: None, line: None, column: None, message: error.to_string(), help }]
    })?;
    Ok(load(&bundle.to_sources()))
}

fn mistakes(loaded: &Loaded, diagnostics: &[Diagnostic]) -> Vec<Mistake> {
    let errors = diagnostics.iter().filter(|found| found.is_error());
    let mut all: Vec<Mistake> = errors
        .map(|found| {
            let view = found.view(loaded.sources());
            Mistake { path: view.path, line: view.line, column: view.column, message: view.message, help: view.help }
        })
        .collect();
    if all.is_empty() {
        let message = "there is no project in the bundle".to_owned();
        let help = Some("it needs a `towpath.yaml` with `project:` and `pipeline:`".to_owned());
        all.push(Mistake { path: None, line: None, column: None, message, help });
    }
    all
}
