//! What runs, and what belongs to one service only.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Choice, Conflict, Work};
use crate::import::{
    convert::referred,
    facts::{Fact, Kind, Layer, Place, Target},
};

/// What the choice of a tool is called.
const WHAT_RUNS: &str = "what runs";

/// The tools that say what runs.
const TOOLS: &[Kind] = &[Kind::Compose, Kind::Kubernetes, Kind::Procfile, Kind::Helm];

impl Work<'_> {
    /// Two tools that describe what runs describe the same program twice: one of them is chosen.
    pub(super) fn choose_tool(&mut self) {
        let mut tools: BTreeMap<Kind, (BTreeSet<String>, Place)> = BTreeMap::new();
        for fact in &self.facts {
            if let Some(service) = service_of(&fact.target).filter(|_| TOOLS.contains(&fact.from)) {
                let tool = tools.entry(fact.from).or_insert_with(|| (BTreeSet::new(), fact.place.clone()));
                tool.0.insert(service.to_owned());
            }
        }
        if tools.len() < 2 {
            return;
        }
        let kinds: BTreeSet<Kind> = tools.keys().copied().collect();
        let Some(winner) = self.winner(WHAT_RUNS, &kinds) else {
            let choices = tools.into_iter().map(|(from, (services, place))| {
                let services: Vec<String> = services.into_iter().collect();
                Choice { from, value: services.join(", "), place: Place { line: 0, ..place } }
            });
            self.conflicts.push(Conflict { what: WHAT_RUNS.to_owned(), choices: choices.collect() });
            return;
        };
        let why = format!("what runs is taken from `{}`", winner.as_str());
        self.leave(&why, |fact| {
            fact.from != winner && TOOLS.contains(&fact.from) && service_of(&fact.target).is_some()
        });
        if winner != Kind::Compose {
            self.leave(&why, |fact| fact.from == Kind::Dockerfile);
        }
    }

    /// Weak commands hold where nobody else says what starts a service; a given one holds against all.
    pub(super) fn choose_commands(&mut self) {
        let services = self.names();
        let strong: BTreeSet<String> = self
            .facts
            .iter()
            .filter(|fact| !fact.weak)
            .filter_map(|fact| match &fact.target {
                Target::Service { service, key: "command" } => Some(service.clone()),
                Target::Service { .. } | Target::Env { .. } | Target::Variable(_) | Target::Environment(_) => None,
            })
            .collect();
        // `npm start` starts the one service that says nothing itself.
        let others: Vec<&String> = services.iter().filter(|service| *service != "web").collect();
        if let [only] = others.as_slice()
            && !self.facts.iter().any(|fact| fact.from != Kind::Package && service_of(&fact.target) == Some("web"))
        {
            for fact in self.facts.iter_mut().filter(|fact| fact.from == Kind::Package) {
                if let Target::Service { service, .. } = &mut fact.target {
                    (*service).clone_from(only);
                }
            }
        } else if !others.is_empty() {
            self.leave("other files say what runs", |fact| fact.from == Kind::Package);
        }
        self.leave("another file says what starts it", |fact| {
            fact.weak && service_of(&fact.target).is_some_and(|service| strong.contains(service))
        });
        self.given_command();
    }

    fn given_command(&mut self) {
        let names = self.names();
        let wanted = self.choices.service.clone();
        // With one service, its name may be another from now on.
        if let (Some(wanted), 1, Some(only)) = (&wanted, names.len(), names.first()) {
            for fact in &mut self.facts {
                match &mut fact.target {
                    Target::Service { service, .. } | Target::Env { service, .. } => (*service).clone_from(wanted),
                    Target::Variable(_) | Target::Environment(_) => {}
                }
            }
            if let Some(folder) = self.artifacts.remove(only) {
                self.artifacts.insert(wanted.clone(), folder);
            }
        }
        let Some(command) = self.choices.command.clone() else { return };
        let names = self.names();
        let service = match (&wanted, names.first()) {
            (Some(wanted), _) => wanted.clone(),
            (None, Some(only)) if names.len() == 1 => only.clone(),
            (None, _) => "web".to_owned(),
        };
        let target = Target::Service { service, key: "command" };
        self.leave("`--command` says what starts it", |fact| fact.target == target);
        let place = Place { path: "--command".to_owned(), line: 0 };
        let (layer, value) = (Layer::Common, Value::from(command));
        self.facts.push(Fact { target, layer, value, from: Kind::Procfile, place, weak: false });
    }

    fn names(&self) -> BTreeSet<String> {
        self.facts.iter().filter_map(|fact| service_of(&fact.target)).map(str::to_owned).collect()
    }

    /// Returns the services that can run; what belongs to others is left.
    pub(super) fn services(&mut self) -> BTreeSet<String> {
        let runs: BTreeSet<String> = self
            .facts
            .iter()
            .filter_map(|fact| match &fact.target {
                Target::Service { service, key: "command" | "image" } => Some(service.clone()),
                Target::Service { .. } | Target::Env { .. } | Target::Variable(_) | Target::Environment(_) => None,
            })
            .collect();
        self.leave("nothing says what starts the service: `--service NAME --command '…'` does", |fact| {
            service_of(&fact.target).is_some_and(|service| !runs.contains(service))
        });
        self.artifacts.retain(|service, _| runs.contains(service));
        runs
    }

    /// What a service is given becomes a variable of the project where no other service is given something else.
    pub(super) fn promote(&mut self, services: &BTreeSet<String>) {
        let mut given: BTreeMap<String, BTreeMap<String, BTreeMap<Layer, String>>> = BTreeMap::new();
        for fact in &self.facts {
            if let (Target::Env { service, name }, Some(text)) = (&fact.target, fact.value.as_str()) {
                let all = given.entry(name.clone()).or_default().entry(service.clone()).or_default();
                all.insert(fact.layer.clone(), text.to_owned());
            }
        }
        let alone = services.len() == 1;
        let shared = |all: &BTreeMap<String, BTreeMap<Layer, String>>| {
            let mut values = all.values();
            let first = values.next();
            all.len() == services.len() && values.all(|other| Some(other) == first)
        };
        let moved: BTreeSet<String> =
            given.iter().filter(|(_, all)| alone || shared(all)).map(|(name, _)| name.clone()).collect();
        let mut facts = Vec::with_capacity(self.facts.len());
        for mut fact in std::mem::take(&mut self.facts) {
            match &fact.target {
                Target::Env { name, .. } if moved.contains(name) => {
                    let name = name.clone();
                    fact.target = Target::Variable(name.clone());
                    facts.extend(own(fact, &name));
                }
                Target::Env { .. } | Target::Service { .. } | Target::Variable(_) | Target::Environment(_) => {
                    facts.push(fact);
                }
            }
        }
        self.facts = facts;
        self.forget_local(&given, &moved);
    }

    /// A name that only services have need not be declared for the project, unless something refers to it.
    fn forget_local(
        &mut self,
        given: &BTreeMap<String, BTreeMap<String, BTreeMap<Layer, String>>>,
        moved: &BTreeSet<String>,
    ) {
        let mut needed: BTreeSet<String> = BTreeSet::new();
        for fact in &self.facts {
            if let Target::Variable(name) = &fact.target {
                needed.insert(name.clone());
            }
            if let (Target::Env { name: own, .. }, Some(text)) = (&fact.target, fact.value.as_str()) {
                needed.extend(referred(text).into_iter().map(|(name, _)| name).filter(|name| name == own));
            }
        }
        self.known.retain(|name, known| {
            !given.contains_key(name) || moved.contains(name) || known.secret.is_some() || needed.contains(name)
        });
    }
}

/// `LOG_LEVEL: ${LOG_LEVEL:-info}` passes a variable on; what remains of it is the default.
fn own(mut fact: Fact, name: &str) -> Option<Fact> {
    let text = fact.value.as_str().unwrap_or_default();
    let inside =
        text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).and_then(|rest| rest.strip_prefix(name));
    match inside {
        Some("") => None,
        Some(rest) if rest.starts_with(":-") && !rest.contains("${") => {
            fact.value = json!(rest.trim_start_matches(":-"));
            fact.weak = true;
            Some(fact)
        }
        Some(_) | None => Some(fact),
    }
}

pub(super) fn service_of(target: &Target) -> Option<&str> {
    match target {
        Target::Service { service, .. } | Target::Env { service, .. } => Some(service),
        Target::Variable(_) | Target::Environment(_) => None,
    }
}
