//! What files of other tools say: one fact per value, each with its place.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use serde_json::Value;

use super::names::is_variable;
use crate::project::Tier;

/// A tool whose files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `.env` and its relatives.
    Dotenv,
    /// Docker Compose.
    Compose,
    /// npm's `package.json`.
    Package,
    /// `Procfile`.
    Procfile,
    /// `Dockerfile`.
    Dockerfile,
    /// Kubernetes manifests, with kustomize or without.
    Kubernetes,
    /// Spring Boot's `application.yml` and `.properties`.
    Spring,
    /// Helm's `values.yaml`.
    Helm,
}

impl Kind {
    /// Every kind with the word used for it.
    pub const ALL: [(&'static str, Self); 8] = [
        ("dotenv", Self::Dotenv),
        ("compose", Self::Compose),
        ("package", Self::Package),
        ("procfile", Self::Procfile),
        ("dockerfile", Self::Dockerfile),
        ("kubernetes", Self::Kubernetes),
        ("spring", Self::Spring),
        ("helm", Self::Helm),
    ];

    /// Returns the word used for it.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, as it was given.
    pub path: String,
    /// From 1; 0 means the file as a whole.
    pub line: u32,
}

impl Place {
    pub(super) fn new(path: &str, line: u32) -> Self {
        Self { path: path.to_owned(), line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { f.write_str(&self.path) } else { write!(f, "{}:{}", self.path, self.line) }
    }
}

/// What became of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is in the project.
    Taken,
    /// It is in the project, but not quite as it was.
    Changed,
    /// Its name is in the project; its value is secret and stays where it is.
    Secret,
    /// It is not in the project.
    Left,
}

/// What became of one thing that a file says, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// What became of it.
    pub outcome: Outcome,
    /// What it is.
    pub what: String,
    /// What it became, or why it was not taken.
    pub why: String,
}

/// A place that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Broken {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong.
    pub message: String,
}

/// In which environments something holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// In each that says nothing else.
    Common,
    /// In this one.
    Environment(String),
}

/// What a fact is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// A variable of the whole project.
    Variable(String),
    /// A variable as one service sees it.
    Env { service: String, name: String },
    /// A key of a service, such as `replicas` or `probes.readiness`.
    Service { service: String, key: &'static str },
    /// A key of the environment, such as `url`.
    Environment(&'static str),
}

/// One value that a file says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    pub(super) target: Target,
    pub(super) layer: Layer,
    /// For variables a text in Towpath's notation: `${NAME}` refers, `$$` is a `$`.
    pub(super) value: Value,
    pub(super) from: Kind,
    pub(super) place: Place,
    /// Holds only where no other tool says anything.
    pub(super) weak: bool,
}

/// What a file says of a variable besides values.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Known {
    pub(super) doc: Option<String>,
    pub(super) example: Option<String>,
    /// Why it is secret, where a file says so.
    pub(super) secret: Option<&'static str>,
    pub(super) place: Option<Place>,
}

/// Everything that the files say, before anything is chosen.
#[derive(Debug, Default, PartialEq)]
pub struct Imported {
    pub(super) facts: Vec<Fact>,
    pub(super) known: BTreeMap<String, Known>,
    pub(super) environments: BTreeMap<String, Tier>,
    pub(super) project: Option<String>,
    /// What became of what was read so far.
    pub notes: Vec<Note>,
    pub(super) artifacts: BTreeMap<String, String>,
    /// Values that are secret, so that they are found in other places too.
    pub(super) secret_values: BTreeSet<String>,
    /// What could not be read, in the order it was found.
    pub broken: Vec<Broken>,
}

impl Imported {
    /// Says whether the files say nothing that makes a project, or only what starts its service.
    pub fn is_bare(&self) -> bool {
        self.known.is_empty()
            && self.environments.is_empty()
            && self.facts.iter().all(|fact| {
                matches!(fact.from, Kind::Package | Kind::Procfile)
                    && matches!(&fact.target, Target::Service { service, .. } if service == "web")
            })
    }

    /// Returns what starts the service where the files say nothing else.
    pub fn plain_command(&self) -> Option<&str> {
        let command = |kind: Kind| {
            self.facts.iter().find_map(|fact| match &fact.target {
                Target::Service { key: "command", .. } if fact.from == kind => fact.value.as_str(),
                Target::Service { .. } | Target::Variable(_) | Target::Env { .. } | Target::Environment(_) => None,
            })
        };
        command(Kind::Procfile).or_else(|| command(Kind::Package))
    }

    /// Returns the name of the project that a file gives.
    pub fn project_name(&self) -> Option<&str> {
        self.project.as_deref()
    }

    pub(super) fn fact(&mut self, target: Target, layer: &Layer, value: impl Into<Value>, from: Kind, place: Place) {
        let value = value.into();
        self.facts.push(Fact { target, layer: layer.clone(), value, from, place, weak: false });
    }

    /// Takes a variable of the project, or of one service. Names that cannot be one are left with the reason.
    pub(super) fn variable(
        &mut self,
        service: Option<&str>,
        name: &str,
        layer: &Layer,
        value: Option<String>,
        from: Kind,
        place: Place,
    ) {
        if let Err(why) = is_variable(name) {
            return self.left(place, name, why);
        }
        let known = self.known.entry(name.to_owned()).or_default();
        known.place.get_or_insert_with(|| place.clone());
        let Some(value) = value else { return };
        let target = match service {
            Some(service) => Target::Env { service: service.to_owned(), name: name.to_owned() },
            None => Target::Variable(name.to_owned()),
        };
        self.fact(target, layer, value, from, place);
    }

    /// Notes the name of a variable whose value is secret by what its file is.
    pub(super) fn secret(&mut self, name: &str, value: Option<&str>, why: &'static str, place: Place) {
        if let Err(why) = is_variable(name) {
            return self.left(place, name, why);
        }
        let known = self.known.entry(name.to_owned()).or_default();
        known.secret = Some(why);
        known.place.get_or_insert(place);
        self.secret_values.extend(value.map(str::to_owned));
    }

    pub(super) fn note(&mut self, place: Place, outcome: Outcome, what: impl Into<String>, why: impl Into<String>) {
        self.notes.push(Note { place, outcome, what: what.into(), why: why.into() });
    }

    pub(super) fn left(&mut self, place: Place, what: impl Into<String>, why: impl Into<String>) {
        self.note(place, Outcome::Left, what, why);
    }

    pub(super) fn broken(&mut self, place: Place, message: impl Into<String>) {
        self.broken.push(Broken { place, message: message.into() });
    }

    /// Returns where holds what a tool's environments are built on: everywhere if it has none, else in development,
    /// unless one of them is of that tier. Nowhere else, as an environment may take away what is below it.
    pub(super) fn foundation(&mut self, layers: &[&Layer]) -> Option<Layer> {
        if layers.is_empty() {
            return Some(Layer::Common);
        }
        let developing = layers.iter().any(|layer| match layer {
            Layer::Common => false,
            Layer::Environment(name) => self.environments.get(name) == Some(&Tier::Development),
        });
        (!developing).then(|| self.environment("development", Tier::Development))
    }

    /// Notes an environment and returns the layer of its values.
    pub(super) fn environment(&mut self, name: &str, tier: Tier) -> Layer {
        self.environments.insert(name.to_owned(), tier);
        Layer::Environment(name.to_owned())
    }
}
