//! Configuration as the server reads it: the files of a release or those declared now, with what the ledger lays over them.

use towpath_core::{
    config::{Bundle, Diagnostic, Live, Loaded, ResolvedEnvironment, SourceSet, has_errors, load},
    ids::{Digest, EnvironmentName, ReleaseNumber},
    world::World,
};

use crate::{
    api::types::DiagnosticView,
    app::{App, MAX_BUNDLE},
    problem::ApiError,
};

/// Files that were read.
pub(crate) struct Files {
    pub(crate) release: Option<ReleaseNumber>,
    pub(crate) bundle: Digest,
    pub(crate) sources: SourceSet,
}

impl App {
    /// Reads the files of a release, or those that the project declares now.
    pub(crate) async fn files(&self, world: &World, release: Option<ReleaseNumber>) -> Result<Files, ApiError> {
        let bundle = match release {
            Some(number) => {
                let found = world.releases.get(&number).ok_or_else(|| crate::api::no_release(number))?;
                found.content.bundle
            }
            None => world.bundle.ok_or_else(|| {
                ApiError::invalid("no_project", "no project has been declared")
                    .next("towpath up in a folder with a `towpath.yaml`")
            })?,
        };
        let bytes = self.short_blob(&bundle, MAX_BUNDLE).await?;
        let read = Bundle::from_bytes(&bytes).map_err(|error| {
            ApiError::invalid("bundle_invalid", format!("{bundle} is no bundle")).details(vec![error.to_string()])
        })?;
        Ok(Files { release, bundle, sources: read.to_sources() })
    }
}

impl Files {
    /// Parses them as they hold in an environment.
    pub(crate) fn load(&self, environment: &EnvironmentName, live: &Live) -> Loaded {
        load(&live.sources(&self.sources, environment))
    }
}

/// Returns an environment with everything decided and what is doubtful about it, or the problem that it has mistakes.
pub(crate) fn resolve(
    loaded: &Loaded,
    environment: &EnvironmentName,
    live: &Live,
) -> Result<(ResolvedEnvironment, Vec<DiagnosticView>), ApiError> {
    let mut resolution = loaded.resolve(environment.as_str(), &live.inputs());
    let mut diagnostics = loaded.diagnostics().to_vec();
    diagnostics.append(&mut resolution.diagnostics);
    let views: Vec<DiagnosticView> = diagnostics.iter().map(|found| view(found, &resolution.sources)).collect();
    match resolution.environment {
        Some(resolved) if !has_errors(&diagnostics) => Ok((resolved, views)),
        _ => Err(mistakes(environment, &views)),
    }
}

/// Returns the problem that an environment has mistakes: all of them, each with its place.
pub(crate) fn mistakes(environment: &EnvironmentName, found: &[DiagnosticView]) -> ApiError {
    let errors = found.iter().filter(|found| found.severity == "error").map(line).collect();
    ApiError::invalid(
        "configuration_invalid",
        format!("the configuration of {environment} has mistakes; nothing was changed"),
    )
    .details(errors)
}

/// Returns a mistake in one line.
pub(crate) fn line(found: &DiagnosticView) -> String {
    let place = match (&found.path, found.line, found.column) {
        (Some(path), Some(line), Some(column)) if !path.contains(' ') => format!("{path}:{line}:{column}: "),
        (Some(path), _, _) => format!("{path}: "),
        (None, _, _) => String::new(),
    };
    let help = found.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    format!("{place}{}{help}", found.message)
}

/// Shows a mistake.
pub(crate) fn view(found: &Diagnostic, sources: &SourceSet) -> DiagnosticView {
    let view = found.view(sources);
    DiagnosticView {
        code: view.code.to_owned(),
        severity: if found.is_error() { "error" } else { "warning" }.to_owned(),
        message: view.message,
        path: view.path,
        line: view.line,
        column: view.column,
        help: view.help,
    }
}
