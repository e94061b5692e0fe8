//! The pipeline as a graph, and the project that promotion works with.

use std::collections::BTreeMap;

use super::{
    diagnostic::{Diagnostic, has_errors, tidy},
    load::Loaded,
    nearest::suggestion,
    resolve::{Inputs, inherited_once},
    schema::project::{Deploy, PipelineFile},
    source::Label,
};
use crate::{
    ids::EnvironmentName,
    project::{EnvironmentPolicy, Project},
};

impl Loaded {
    /// Returns the project as it is written into the ledger, with gates resolved for every environment of the
    /// pipeline, and everything that is wrong with the configuration as far as it decides that.
    pub fn project(&self) -> (Option<Project>, Vec<Diagnostic>) {
        let mut diagnostics = self.diagnostics.clone();
        let mut environments = BTreeMap::new();
        for (name, stage) in self.project.pipeline.iter().flat_map(|pipeline| &pipeline.stages) {
            // What is not there was said when the pipeline was checked.
            if !self.files.contains_key(&name.value) {
                continue;
            }
            let resolution = self.resolve(name.value.as_str(), &Inputs::default());
            diagnostics.extend(resolution.diagnostics);
            let Some(resolved) = resolution.environment else { continue };
            let policy = EnvironmentPolicy {
                tier: resolved.tier,
                after: stage.after.0.iter().map(|before| before.value.clone()).collect(),
                automatic: stage.deploy == Deploy::Automatic,
                gates: resolved.gates,
                flags: resolved.flags,
            };
            environments.insert(name.value.clone(), policy);
        }
        tidy(&mut diagnostics);
        inherited_once(&mut diagnostics);
        let people = self.project.people.iter().map(|(name, person)| (name.clone(), person.roles.clone())).collect();
        let housekeeping = self.project.housekeeping();
        let sound = !has_errors(&diagnostics);
        let project = self.project.project.clone().filter(|_| sound);
        let declared = self.declared.declarations();
        let secrets = declared.filter_map(|(name, it)| Some((name.clone(), it.rotation_policy()?))).collect();
        (project.map(|name| Project { name, people, environments, housekeeping, secrets }), diagnostics)
    }

    /// Says whether an environment is in the pipeline.
    pub fn pipeline_has(&self, name: &str) -> bool {
        self.project
            .pipeline
            .iter()
            .flat_map(|pipeline| &pipeline.stages)
            .any(|(stage, _)| stage.value.as_str() == name)
    }

    pub(super) fn check_pipeline(&mut self) {
        let Some(pipeline) = self.project.pipeline.take() else { return };
        self.check_stages(&pipeline);
        if let Some(cycle) = cycle(&pipeline) {
            self.diagnostics.push(cycle);
        }
        self.project.pipeline = Some(pipeline);
    }

    fn check_stages(&mut self, pipeline: &PipelineFile) {
        let known: Vec<&str> = self.files.keys().map(EnvironmentName::as_str).collect();
        let mut errors = Vec::new();
        let mut seen: BTreeMap<&EnvironmentName, Label> = BTreeMap::new();
        for (name, _) in &pipeline.stages {
            if let Some(first) = seen.insert(&name.value, name.label) {
                let error = Diagnostic::error(
                    "config::pipeline",
                    name.label,
                    format!("`{}` is in the pipeline twice", name.value),
                );
                errors.push(error.related(first, "first here"));
            }
            if !self.files.contains_key(&name.value) {
                let message = format!("there is no environment `{}`", name.value);
                let help = format!(
                    "write `environments/{}.yaml`, it may be empty; {}",
                    name.value,
                    suggestion(name.value.as_str(), known.iter().copied())
                );
                errors.push(Diagnostic::error("config::reference", name.label, message).help(help));
            }
        }
        let stages: Vec<&str> = seen.keys().map(|name| name.as_str()).collect();
        for before in pipeline.stages.iter().flat_map(|(_, stage)| &stage.after.0) {
            if !seen.contains_key(&before.value) {
                let message = format!("`{}` is not in the pipeline", before.value);
                let help = suggestion(before.value.as_str(), stages.iter().copied());
                errors.push(Diagnostic::error("config::reference", before.label, message).help(help));
            }
        }
        if pipeline.stages.is_empty() {
            self.diagnostics.push(Diagnostic::error("config::pipeline", None, "the pipeline has no environment"));
        }
        self.diagnostics.append(&mut errors);
    }
}

/// Finds a cycle by taking away, again and again, what comes after nothing that is left.
fn cycle(pipeline: &PipelineFile) -> Option<Diagnostic> {
    let mut left: BTreeMap<&EnvironmentName, Vec<(&EnvironmentName, Label)>> = pipeline
        .stages
        .iter()
        .map(|(name, stage)| (&name.value, stage.after.0.iter().map(|before| (&before.value, before.label)).collect()))
        .collect();
    loop {
        let free: Vec<&EnvironmentName> = left
            .iter()
            .filter(|(_, after)| !after.iter().any(|(before, _)| left.contains_key(before)))
            .map(|(name, _)| *name)
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            left.remove(name);
        }
    }
    // Everything left leads into a cycle: walk until a name comes again.
    let mut at = *left.keys().next()?;
    let mut way: Vec<(&EnvironmentName, Label)> = Vec::new();
    loop {
        if let Some(begin) = way.iter().position(|(name, _)| *name == at) {
            let members = way.get(begin..)?;
            let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).chain([at.as_str()]).collect();
            let label = members.first()?.1;
            let message = format!("the pipeline has no beginning: {}", names.join(" after "));
            let mut error =
                Diagnostic::error("config::cycle", label, message).help("let one of them come after nothing");
            for (name, label) in members.iter().skip(1) {
                error = error.related(*label, format!("`{name}` comes after this"));
            }
            return Some(error);
        }
        let (before, label) = left.get(at)?.iter().find(|(before, _)| left.contains_key(before))?;
        way.push((at, *label));
        at = before;
    }
}
