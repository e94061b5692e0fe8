//! What is secret, and that it is written nowhere.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Work;
use crate::import::{
    convert::{plain, referred},
    facts::{Fact, Outcome, Target},
    names::is_variable,
    secret::{by_name, by_value, in_text, is_telling},
};

/// How many bytes are looked through for values of secrets; beyond that only whole values are compared.
const MAX_SEARCH: usize = 2_000_000_000;

impl Work<'_> {
    /// Finds secrets by name, by value, by what other values hold and refer to; takes their values away.
    pub(super) fn hide_secrets(&mut self) {
        self.outside();
        self.find();
        self.spread();
        self.commands();
        let (hidden, kept): (Vec<Fact>, Vec<Fact>) =
            std::mem::take(&mut self.facts).into_iter().partition(|fact| self.is_secret(fact));
        self.facts = kept;
        for fact in hidden {
            let Some(name) = variable(&fact) else { continue };
            let why = self.known.get(name).and_then(|known| known.secret).unwrap_or("its name says so");
            let name = name.to_owned();
            self.note(&fact.place, Outcome::Secret, name, format!("{why}; its value stays where it is"));
        }
        let places: Vec<_> = self
            .known
            .iter()
            .filter_map(|(name, known)| Some((name.clone(), known.secret?, known.place.clone()?)))
            .collect();
        for (name, why, place) in places {
            self.note(&place, Outcome::Secret, name, format!("{why}; its value stays where it is"));
        }
        self.docs();
    }

    fn is_secret(&self, fact: &Fact) -> bool {
        variable(fact).and_then(|name| self.known.get(name)).is_some_and(|known| known.secret.is_some())
    }

    /// A name that a value refers to and no file sets may be secret too: its value comes from outside.
    fn outside(&mut self) {
        let mut found = Vec::new();
        for fact in self.facts.iter().filter(|fact| variable(fact).is_some()) {
            let text = fact.value.as_str().filter(|text| text.contains("${")).unwrap_or_default();
            for (name, _) in referred(text) {
                if !self.known.contains_key(&name) && is_variable(&name).is_ok() && by_name(&name, &[]).is_some() {
                    found.push((name, fact.place.clone()));
                }
            }
        }
        for (name, place) in found {
            self.known.entry(name).or_default().place.get_or_insert(place);
        }
    }

    fn find(&mut self) {
        let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for fact in &self.facts {
            if let (Some(name), Some(text)) = (variable(fact), fact.value.as_str()) {
                values.entry(name).or_default().push(plain(text).unwrap_or_else(|| text.to_owned()));
            }
        }
        for (name, known) in &mut self.known {
            if self.choices.plain.contains(name) {
                known.secret = None;
                continue;
            }
            let own = values.get(name.as_str()).map_or(&[][..], Vec::as_slice);
            let texts: Vec<&str> = own.iter().map(String::as_str).collect();
            let chosen = self.choices.secret.contains(name).then_some("you said so");
            let found = known.secret.or(chosen).or_else(|| texts.iter().find_map(|text| by_value(text)));
            known.secret = found.or_else(|| by_name(name, &texts));
            if known.secret.is_some() {
                self.secret_values.extend(own.iter().filter(|value| !value.is_empty()).cloned());
            }
        }
    }

    /// A value that holds or refers to a secret one is secret too.
    fn spread(&mut self) {
        let telling: Vec<&String> = self.secret_values.iter().filter(|value| is_telling(value)).collect();
        let total: usize = self.facts.iter().filter_map(|fact| fact.value.as_str()).map(str::len).sum();
        let search = total.saturating_mul(telling.len()) < MAX_SEARCH;
        let mut holds = BTreeSet::new();
        for fact in &self.facts {
            let (Some(name), Some(text)) = (variable(fact), fact.value.as_str()) else { continue };
            let found = if search {
                telling.iter().any(|value| text.contains(value.as_str()))
            } else {
                is_telling(text) && self.secret_values.contains(text)
            };
            if found && !self.choices.plain.contains(name) {
                holds.insert(name.to_owned());
            }
        }
        for name in holds {
            if let Some(known) = self.known.get_mut(&name) {
                known.secret.get_or_insert("it holds the value of another secret");
            }
        }
        loop {
            let mut found = BTreeSet::new();
            for fact in &self.facts {
                let (Some(name), Some(text)) = (variable(fact), fact.value.as_str()) else { continue };
                if !text.contains('$') || self.known.get(name).is_none_or(|known| known.secret.is_some()) {
                    continue;
                }
                let secret = |name: &str| self.known.get(name).is_some_and(|known| known.secret.is_some());
                if referred(text).iter().any(|(other, _)| secret(other)) {
                    found.insert(name.to_owned());
                }
            }
            if found.is_empty() {
                return;
            }
            for name in found {
                if let Some(known) = self.known.get_mut(&name) {
                    known.secret = Some("it is made of another secret");
                }
            }
        }
    }

    /// Commands, probes and images that hold a secret are left.
    fn commands(&mut self) {
        let values = std::mem::take(&mut self.secret_values);
        self.leave("it holds a secret: put it into a variable and write `${NAME}`", |fact| {
            variable(fact).is_none() && texts(&fact.value).iter().any(|text| in_text(text, &values))
        });
        self.secret_values = values;
    }

    /// Comments and examples are written too.
    fn docs(&mut self) {
        for known in self.known.values_mut() {
            let tells = |text: &String| in_text(text, &self.secret_values);
            known.doc = known.doc.take().filter(|doc| !tells(doc));
            let secret = known.secret.is_some();
            known.example = known.example.take().filter(|example| !secret && !tells(example));
        }
    }
}

/// Returns the variable a fact is about, of the project or of a service.
pub(super) fn variable(fact: &Fact) -> Option<&str> {
    match &fact.target {
        Target::Variable(name) | Target::Env { name, .. } => Some(name),
        Target::Service { .. } | Target::Environment(_) => None,
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(map) => map.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
