//! From what the files say to one project: who wins, what is secret, what is common.
//!
//! Each step takes facts away or gives them another form, and notes what it did. What only a person can decide is
//! returned as conflicts, all at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    facts::{Broken, Fact, Imported, Kind, Known, Layer, Note, Outcome, Place, Target},
    write,
};
use crate::{config::Diagnostic, project::Tier};

mod effective;
mod secrets;
mod services;

/// What the user decided.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// The name of the project.
    pub name: String,
    /// What the service is called, if there is one.
    pub service: Option<String>,
    /// What starts it.
    pub command: Option<String>,
    /// Whose word holds where tools contradict each other, the strongest first.
    pub prefer: Vec<Kind>,
    /// Whose word holds for one conflict, by [`Conflict::what`].
    pub picked: BTreeMap<String, Kind>,
    /// Variables that are secret, whatever they look like.
    pub secret: BTreeSet<String>,
    /// Variables that are not.
    pub plain: BTreeSet<String>,
    /// Variables that only have the values they have now.
    pub enums: BTreeSet<String>,
}

/// One of the values that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Choice {
    /// The tool that says it.
    pub from: Kind,
    /// What it says.
    pub value: String,
    /// Where.
    pub place: Place,
}

/// Files that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Conflict {
    /// About what.
    pub what: String,
    /// What they say.
    pub choices: Vec<Choice>,
}

/// A project, ready to be written.
#[derive(Debug, Clone)]
pub struct Settled {
    /// Path and text of each file.
    pub files: Vec<(String, String)>,
    /// What became of everything, by place.
    pub notes: Vec<Note>,
    /// Secret variables whose values were left where they are.
    pub secrets: Vec<String>,
    /// The environments, in the order of the pipeline.
    pub environments: Vec<String>,
    /// The services.
    pub services: Vec<String>,
    /// What would be wrong with the project; nothing, unless there is more than Towpath can hold.
    pub mistakes: Vec<Diagnostic>,
}

/// A value with its place, per environment.
pub(super) type PerEnvironment<T> = BTreeMap<String, (T, Place)>;

/// What is left to be written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) environments: Vec<(String, Tier)>,
    pub(super) variables: BTreeMap<String, PerEnvironment<String>>,
    pub(super) known: BTreeMap<String, Known>,
    pub(super) services: BTreeMap<String, BTreeMap<&'static str, PerEnvironment<Value>>>,
    pub(super) env: BTreeMap<(String, String), PerEnvironment<String>>,
    pub(super) keys: BTreeMap<&'static str, PerEnvironment<Value>>,
    pub(super) artifacts: BTreeMap<String, String>,
    pub(super) enums: BTreeSet<String>,
    /// Whether nothing is known to run, so that an example does.
    pub(super) page: bool,
}

/// The facts on their way.
pub(super) struct Work<'c> {
    pub(super) facts: Vec<Fact>,
    pub(super) known: BTreeMap<String, Known>,
    pub(super) environments: BTreeMap<String, Tier>,
    pub(super) secret_values: BTreeSet<String>,
    pub(super) notes: Vec<Note>,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) choices: &'c Choices,
    pub(super) artifacts: BTreeMap<String, String>,
}

impl Imported {
    /// Returns the project that these files and choices make, or what has to be chosen.
    pub fn settle(&self, choices: &Choices) -> Result<Settled, Vec<Conflict>> {
        let mut work = Work {
            facts: self.facts.clone(),
            known: self.known.clone(),
            environments: self.environments.clone(),
            secret_values: self.secret_values.clone(),
            notes: self.notes.clone(),
            conflicts: Vec::new(),
            choices,
            artifacts: self.artifacts.clone(),
        };
        work.note_broken(&self.broken);
        work.drop_unwritable();
        work.choose_tool();
        work.hide_secrets();
        work.choose_commands();
        let services = work.services();
        work.promote(&services);
        work.choose_variables();
        if !work.conflicts.is_empty() {
            return Err(work.conflicts);
        }
        let plan = work.plan(&services);
        let files = write::files(&plan);
        let mistakes = write::check(&files);
        work.taken(&plan);
        let mut notes = work.notes;
        notes.sort();
        notes.dedup();
        let secrets = plan.known.iter().filter(|(_, known)| known.secret.is_some()).map(|(name, _)| name.clone());
        Ok(Settled {
            files,
            notes,
            secrets: secrets.collect(),
            environments: plan.environments.iter().map(|(name, _)| name.clone()).collect(),
            services: plan.services.keys().cloned().collect(),
            mistakes,
        })
    }
}

impl Work<'_> {
    fn note(&mut self, place: &Place, outcome: Outcome, what: impl Into<String>, why: impl Into<String>) {
        self.notes.push(Note { place: place.clone(), outcome, what: what.into(), why: why.into() });
    }

    fn left(&mut self, fact: &Fact, why: impl Into<String>) {
        self.note(&fact.place.clone(), Outcome::Left, name_of(&fact.target), why);
    }

    /// Takes the facts that fit out of the list, each with the reason it is left.
    fn leave(&mut self, why: &str, fits: impl Fn(&Fact) -> bool) {
        let (left, kept): (Vec<Fact>, Vec<Fact>) = std::mem::take(&mut self.facts).into_iter().partition(fits);
        self.facts = kept;
        for fact in left {
            self.left(&fact, why);
        }
    }

    fn note_broken(&mut self, broken: &[Broken]) {
        for one in broken {
            self.note(&one.place, Outcome::Left, "what stands here", format!("it cannot be read: {}", one.message));
        }
    }

    /// No process can be given a NUL, and no variable may be longer than what is resolved.
    fn drop_unwritable(&mut self) {
        self.leave("it has a NUL character, which no process can be given", |fact| {
            fact.value.as_str().is_some_and(|text| text.contains('\0'))
        });
    }

    /// Returns whose word holds: as picked, or as preferred.
    fn winner(&self, what: &str, kinds: &BTreeSet<Kind>) -> Option<Kind> {
        let picked = self.choices.picked.get(what).copied().filter(|kind| kinds.contains(kind));
        picked.or_else(|| self.choices.prefer.iter().copied().find(|kind| kinds.contains(kind)))
    }

    /// Where tools give a variable different values in the same environments, one of them is chosen.
    fn choose_variables(&mut self) {
        let mut said: BTreeMap<(Target, Layer), BTreeMap<Kind, (Value, Place)>> = BTreeMap::new();
        for fact in self.facts.iter().filter(|fact| !fact.weak) {
            if matches!(fact.target, Target::Variable(_) | Target::Environment(_)) {
                let all = said.entry((fact.target.clone(), fact.layer.clone())).or_default();
                all.insert(fact.from, (fact.value.clone(), fact.place.clone()));
            }
        }
        for ((target, layer), all) in said {
            let different: BTreeSet<String> = all.values().map(|(value, _)| value.to_string()).collect();
            if different.len() < 2 {
                continue;
            }
            let what = match &layer {
                Layer::Common => name_of(&target),
                Layer::Environment(environment) => format!("{} in {environment}", name_of(&target)),
            };
            let kinds: BTreeSet<Kind> = all.keys().copied().collect();
            if let Some(winner) = self.winner(&what, &kinds) {
                self.leave(&format!("`{}` was preferred", winner.as_str()), |fact| {
                    fact.target == target && fact.layer == layer && fact.from != winner
                });
                continue;
            }
            let choices = all.into_iter().map(|(from, (value, place))| Choice { from, value: shown(&value), place });
            self.conflicts.push(Conflict { what, choices: choices.collect() });
        }
    }

    /// Notes everything that is in the project now.
    fn taken(&mut self, plan: &Plan) {
        let mut all: BTreeMap<(Place, String), BTreeSet<Layer>> = BTreeMap::new();
        for fact in std::mem::take(&mut self.facts) {
            let written = match &fact.target {
                Target::Variable(name) => plan.variables.contains_key(name),
                Target::Env { service, name } => plan.env.contains_key(&(service.clone(), name.clone())),
                Target::Service { service, .. } => plan.services.contains_key(service),
                Target::Environment(_) => true,
            };
            if written {
                all.entry((fact.place, name_of(&fact.target))).or_default().insert(fact.layer);
            }
        }
        for ((place, what), layers) in all {
            let names: Vec<&str> = layers
                .iter()
                .filter_map(|layer| match layer {
                    Layer::Common => None,
                    Layer::Environment(name) => Some(name.as_str()),
                })
                .collect();
            let everywhere = names.len() < layers.len() || names.len() == plan.environments.len();
            let why = if everywhere { "in every environment".to_owned() } else { format!("in {}", names.join(", ")) };
            self.note(&place, Outcome::Taken, what, why);
        }
    }
}

/// Returns the key that a target has in the project.
fn name_of(target: &Target) -> String {
    match target {
        Target::Variable(name) => name.clone(),
        Target::Env { service, name } => format!("services.{service}.env.{name}"),
        Target::Service { service, key } => format!("services.{service}.{key}"),
        Target::Environment(key) => (*key).to_owned(),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
