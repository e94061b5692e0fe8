//! The names a project has, so that its own schemas can offer them.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::super::{
    load::Loaded,
    source::BASE,
    yaml::{Document, NodeKind},
};

mod variable;

/// What the files of a project name. Empty for schemas that fit every project.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) environments: Vec<String>,
    /// What an environment may be built on.
    pub(crate) parents: Vec<String>,
    /// Environments and their other names.
    pub(crate) environment_words: Vec<String>,
    pub(crate) services: Vec<String>,
    pub(crate) artifacts: Vec<String>,
    pub(crate) roles: Vec<String>,
    /// A schema for the value of each declared variable; `None` outside of a project.
    pub(crate) variables: Option<Map<String, Json>>,
}

impl Names {
    pub(crate) fn of(loaded: &Loaded) -> Self {
        let environments: Vec<String> = loaded.environments().map(ToString::to_string).collect();
        let documents = [&loaded.project_document, &loaded.base].into_iter().flatten();
        let documents = documents.chain(loaded.files.values().filter_map(|file| file.document.as_ref()));
        let services: BTreeSet<String> =
            documents.flat_map(services).filter(|name| crate::ids::is_name(name)).collect();
        let variables = loaded.declared.variables.iter();
        Self {
            parents: environments.iter().cloned().chain([BASE.to_owned()]).collect(),
            environment_words: environments.iter().chain(loaded.aliases().keys()).cloned().collect(),
            environments,
            services: services.into_iter().collect(),
            artifacts: loaded.artifacts().map(|(name, _)| name.to_string()).collect(),
            roles: loaded.roles.iter().cloned().collect(),
            variables: Some(
                variables
                    .map(|(name, declared)| (name.clone(), variable::value(declared.declaration.as_ref())))
                    .collect(),
            ),
        }
    }
}

/// Returns the names under `services` of one file.
fn services(document: &Document) -> Vec<String> {
    let NodeKind::Map(entries) = &document.node(document.root()).kind else { return Vec::new() };
    let services = entries.iter().filter(|entry| entry.key.as_ref() == "services");
    services
        .flat_map(|entry| match &document.node(entry.value).kind {
            NodeKind::Map(services) => services.iter().map(|service| service.key.to_string()).collect(),
            NodeKind::Scalar(_) | NodeKind::List(_) => Vec::new(),
        })
        .collect()
}
