//! `towpath.yaml`: the project, its people, services, pipeline and variables.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    retention::{PreviewsFile, RetentionFile},
    variable::{Declaration, VariableFile, is_variable_name, reserved},
};
use crate::{
    config::{
        read::{Fields, Placed, Read, Reader, Step, section, words},
        source::Label,
        value::{Data, Value},
    },
    ids::{ArtifactName, EnvironmentName, PrincipalName, ProjectName, Role},
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
    /// What holds for environments that are in no file.
    pub previews: PreviewsFile,
    /// How long things are kept.
    pub retention: RetentionFile,
}

/// A declared variable with the place of its name.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredVariable {
    pub(crate) label: Label,
    pub(crate) declaration: Option<Declaration>,
}

impl ProjectFile {
    pub(crate) fn read(value: &Value, reader: &mut Reader) -> Self {
        let Some(mut fields) = Fields::new(value, reader) else { return Self::default() };
        let project = fields.field("project", None, reader);
        let people = fields.field("people", None, reader).unwrap_or_default();
        // The services are read once per environment, after merging.
        let _: Option<Option<Value>> = fields.field("services", None, reader);
        let pipeline = fields.field("pipeline", None, reader);
        let artifacts = fields.field("artifacts", None, reader).unwrap_or_default();
        let variables = fields.field("variables", None, reader).map(|Declarations(all)| all).unwrap_or_default();
        let previews = fields.field("previews", Some(PreviewsFile::default()), reader).unwrap_or_default();
        let retention = fields.field("retention", Some(RetentionFile::default()), reader).unwrap_or_default();
        fields.finish(reader);
        Self { project, people, pipeline, variables, artifacts, previews, retention }
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
            reader.wrong(value, &format!("`{text}` must be a path inside of the project's folder, such as `./dist`"));
        }
        plain.then_some(Self(text))
    }
}

struct Declarations(BTreeMap<String, DeclaredVariable>);

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
}

fn check_name(name: &str, label: Label, reader: &mut Reader) {
    if !is_variable_name(name) {
        let message = format!("`{name}` cannot be the name of a variable: use letters, digits and `_`");
        reader.error("config::name", label, message);
    } else if reserved(name) {
        reader.error("config::name", label, format!("`{name}` is set by Towpath itself; choose another name"));
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
        let mut fields = Fields::new(value, reader)?;
        let deploy = fields.field("deploy", Some(Deploy::Manual), reader).unwrap_or(Deploy::Manual);
        let after = fields.field("after", None, reader).unwrap_or_default();
        fields.finish(reader);
        Some(Self { deploy, after })
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
