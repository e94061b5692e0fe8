//! `towpath.yaml`: the project, its people, services, pipeline and variables.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{
    compare::CompareFile,
    retention::{PreviewsFile, RetentionFile},
    service::ServiceFile,
    variable::{Declaration, VariableFile, is_variable_name, reserved},
};
use crate::{
    config::{
        describe::{Book, Shape},
        diagnostic::Diagnostic,
        read::{Placed, Read, Reader, Step, parts, section, words},
        source::Label,
        value::{Data, Value},
    },
    ids::{ArtifactName, EnvironmentName, PrincipalName, ProjectName, Role, ServiceName},
};

/// The project file. What could not be read is left out, so that the rest can still be checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProjectFile {
    /// The project's name: lower-case letters, digits and `-`.
    pub project: Option<ProjectName>,
    /// Who takes part, by login name.
    pub people: BTreeMap<PrincipalName, PersonFile>,
    /// Which environments there are and in which order a release goes through them.
    pub pipeline: Option<PipelineFile>,
    /// The variables an application reads, declared once for all environments; `None` for a wrong declaration.
    pub variables: BTreeMap<String, DeclaredVariable>,
    /// Where the files of each artifact are, relative to the project's folder.
    pub artifacts: BTreeMap<ArtifactName, FolderPath>,
    /// In what environments are meant to differ.
    pub compare: Option<CompareFile>,
    /// What holds for environments that are in no file.
    pub previews: PreviewsFile,
    /// How long things are kept.
    pub retention: RetentionFile,
    /// Sections that others refer to and that could not be read at all.
    pub(crate) unreadable: Unreadable,
}

/// Which sections could not be read: what refers to them cannot be judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) people: bool,
    pub(crate) services: bool,
    pub(crate) variables: bool,
}

impl Unreadable {
    /// Nothing could be read.
    pub(crate) const ALL: Self = Self { people: true, services: true, variables: true };
}

/// A declared variable with the place of its name.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredVariable {
    pub(crate) label: Label,
    pub(crate) declaration: Option<Declaration>,
}

impl ProjectFile {
    pub(crate) fn read(value: &Value, reader: &mut Reader) -> Self {
        let Some(keys) = ProjectKeys::read(value, reader) else {
            return Self { unreadable: Unreadable::ALL, ..Self::default() };
        };
        let unreadable = Unreadable {
            people: keys.people.is_none(),
            services: keys.services.is_none(),
            variables: keys.variables.is_none(),
        };
        Self {
            unreadable,
            project: keys.project,
            people: keys.people.unwrap_or_default(),
            pipeline: keys.pipeline,
            variables: keys.variables.map(|Declarations(all)| all).unwrap_or_default(),
            artifacts: keys.artifacts.unwrap_or_default(),
            compare: keys.compare.unwrap_or_default(),
            previews: keys.previews.unwrap_or_default(),
            retention: keys.retention.unwrap_or_default(),
        }
    }
}

parts! {
    /// The project: who takes part, what runs, in which order a release travels, what is configured.
    pub(crate) struct ProjectKeys {
        /// The project's name.
        project: ProjectName,
        /// Who takes part, by login name.
        people: BTreeMap<PrincipalName, PersonFile>,
        /// What runs, by name; an environment's file says what is different there.
        services: LayeredServices,
        /// The order in which a release goes through the environments: a list, or what comes before each.
        pipeline: PipelineFile,
        /// Where the files of each artifact are, relative to the project's folder.
        artifacts: BTreeMap<ArtifactName, FolderPath>,
        /// The variables an application reads, declared once for all environments.
        variables: Declarations,
        /// In what environments are meant to differ.
        compare: Option<CompareFile>,
        /// What holds for environments that are in no file.
        previews: PreviewsFile = PreviewsFile::default(),
        /// How long things are kept.
        retention: RetentionFile = RetentionFile::default(),
    }
}

/// The services: read once per environment, after the layers were merged.
#[derive(Debug)]
pub(crate) struct LayeredServices;

impl Read for LayeredServices {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        if value.as_map().is_none() {
            reader.expected(value, "a map from service to how it runs");
            return None;
        }
        Some(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        book.layered(BTreeMap::<ServiceName, ServiceFile>::shape)
    }
}

/// A file or folder in the project's folder, with `/` between its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderPath(pub String);

impl Read for FolderPath {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let text = String::read(value, reader)?;
        let plain = text.split('/').all(|part| part != "..") && !text.starts_with('/') && !text.is_empty();
        if !plain {
            reader.wrong(
                value,
                &format!("`{text}` is outside of the project's folder"),
                "name a file or folder in it, such as `./dist`",
            );
        }
        plain.then_some(Self(text))
    }

    fn shape(book: &mut Book) -> Shape {
        let about = "A file or folder inside of the project's folder, such as `./dist`.";
        let outside = r"^/|(^|/)\.\.(/|$)";
        book.simple("folder path", about, json!({ "type": "string", "minLength": 1, "not": { "pattern": outside } }))
    }
}

#[derive(Debug)]
pub(crate) struct Declarations(BTreeMap<String, DeclaredVariable>);

impl Read for Declarations {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let Some(map) = value.as_map() else {
            reader.expected(value, "a map from variable to what it must be");
            return None;
        };
        let declared = map.iter().map(|(name, member)| {
            check_name(name, member.key, reader);
            let declaration = reader.under(Step::Key(name.clone()), |reader| {
                if member.value.is_null() {
                    return Some(Declaration::default());
                }
                VariableFile::read(&member.value, reader).map(|VariableFile(declaration)| declaration)
            });
            (name.to_string(), DeclaredVariable { label: member.key, declaration })
        });
        Some(Self(declared.collect()))
    }

    fn absent() -> Option<Self> {
        Some(Self(BTreeMap::new()))
    }

    fn shape(book: &mut Book) -> Shape {
        let declaration = book.under("NAME", VariableFile::shape);
        let reserved = json!({ "not": { "pattern": "^(PORT|TOWPATH|TOWPATH_.*)$" } });
        let json = json!({
            "type": "object",
            "additionalProperties": crate::config::describe::nullable(declaration.json),
            "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "allOf": [reserved] },
        });
        Shape { words: format!("map from variable to {}", declaration.words), json }
    }
}

fn check_name(name: &str, label: Label, reader: &mut Reader) {
    if !is_variable_name(name) {
        let message = format!("`{name}` cannot be the name of a variable");
        let error = Diagnostic::error("config::name", label, message);
        reader.push(error.help("use letters, digits and `_`, beginning with no digit"));
    } else if reserved(name) {
        let message = format!("`{name}` is set by Towpath itself and cannot be declared");
        reader.push(Diagnostic::error("config::name", label, message).help("choose another name"));
    }
}

section! {
    /// One person.
    pub struct PersonFile {
        /// What they are, such as `tech-lead`; gates ask for roles.
        roles: BTreeSet<Role>,
    }
}

/// The pipeline: environments, each with what comes before it.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineFile {
    /// Each stage with its name's place, in the order written for a list.
    pub(crate) stages: Vec<(Placed<EnvironmentName>, StageFile)>,
}

/// One environment in the pipeline. What could not be read is left out, so that the graph can still be checked.
#[derive(Debug, Clone, PartialEq)]
pub struct StageFile {
    /// Whether a release that may enter does so by itself; `manual` waits for `towpath promote`.
    pub deploy: Deploy,
    /// The environment, or a list of them, where a release must have been deployed before.
    pub after: After,
}

impl Read for StageFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let keys = StageKeys::read(value, reader)?;
        Some(Self { deploy: keys.deploy.unwrap_or(Deploy::Manual), after: keys.after.unwrap_or_default() })
    }

    fn shape(book: &mut Book) -> Shape {
        StageKeys::shape(book)
    }
}

parts! {
    /// One environment in the pipeline.
    pub(crate) struct StageKeys {
        /// Whether a release that may enter does so by itself; `manual` waits for `towpath promote`.
        deploy: Deploy = Deploy::Manual,
        /// The environment, or a list of them, where a release must have been deployed before.
        after: After,
    }
}

words! {
    /// Who starts a deployment.
    pub enum Deploy {
        /// The control plane, as soon as the gates are open.
        Automatic = "automatic",
        /// A person or a machine that asks for the promotion.
        Manual = "manual",
    }
}

/// One name or a list of names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct After(pub(crate) Vec<Placed<EnvironmentName>>);

impl Read for After {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        match &value.data {
            Data::List(_) => Vec::read(value, reader).map(Self),
            Data::Removed | Data::Scalar(_) | Data::Map(_) => Placed::read(value, reader).map(|name| Self(vec![name])),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn shape(book: &mut Book) -> Shape {
        Book::either(&EnvironmentName::shape(book), &Vec::<EnvironmentName>::shape(book))
    }
}

impl Read for PipelineFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        match &value.data {
            Data::List(_) => {
                let names: Vec<Placed<EnvironmentName>> = Vec::read(value, reader)?;
                Some(Self { stages: linear(names) })
            }
            Data::Map(map) => {
                let stages: BTreeMap<EnvironmentName, StageFile> = BTreeMap::read(value, reader)?;
                let place = |name: EnvironmentName| {
                    let label = map.get(name.as_str()).map_or(value.origin, |member| member.key);
                    Placed { value: name, label }
                };
                Some(Self { stages: stages.into_iter().map(|(name, stage)| (place(name), stage)).collect() })
            }
            Data::Removed | Data::Scalar(_) => {
                reader.expected(value, "a list of environments or a map from environment to what comes before it");
                None
            }
        }
    }

    fn shape(book: &mut Book) -> Shape {
        let list = Vec::<EnvironmentName>::shape(book);
        let map = BTreeMap::<EnvironmentName, StageFile>::shape(book);
        Book::either(&list, &map)
    }
}

fn linear(names: Vec<Placed<EnvironmentName>>) -> Vec<(Placed<EnvironmentName>, StageFile)> {
    let mut before: Option<Placed<EnvironmentName>> = None;
    names
        .into_iter()
        .map(|name| {
            let deploy = if before.is_none() { Deploy::Automatic } else { Deploy::Manual };
            let after = After(before.replace(name.clone()).into_iter().collect());
            (name, StageFile { deploy, after })
        })
        .collect()
}
