//! What holds in each environment, with references that can be resolved there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{PerEnvironment, Plan, Work};
use crate::{
    config::schema::variable::reserved,
    import::{
        convert::{referred, with_empty_default},
        facts::{Fact, Known, Layer, Outcome, Place, Target},
        names::is_variable,
    },
    project::Tier,
};

/// The environments of a project that names none.
const USUAL: &[(&str, Tier)] =
    &[("development", Tier::Development), ("staging", Tier::Staging), ("production", Tier::Production)];

impl Work<'_> {
    /// Decides everything that is left. No choice is open any more.
    pub(super) fn plan(&mut self, services: &BTreeSet<String>) -> Plan {
        let environments = self.all_environments(services);
        let names: Vec<String> = environments.iter().map(|(name, _)| name.clone()).collect();
        let mut plan = Plan {
            name: self.choices.name.clone(),
            environments,
            artifacts: self.artifacts.clone(),
            enums: self.choices.enums.clone(),
            page: services.is_empty(),
            ..Plan::default()
        };
        let mut values: BTreeMap<Target, PerEnvironment<Value>> = BTreeMap::new();
        for weak in [true, false] {
            for layer in [true, false] {
                for fact in self.facts.iter().filter(|fact| fact.weak == weak) {
                    if (fact.layer == Layer::Common) == layer {
                        hold(fact, &names, values.entry(fact.target.clone()).or_default());
                    }
                }
            }
        }
        for (target, values) in values {
            let texts = || {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                values.iter().map(|(name, (value, place))| (name.clone(), (text(value), place.clone()))).collect()
            };
            match target {
                Target::Variable(name) => {
                    plan.variables.insert(name, texts());
                }
                Target::Env { service, name } => {
                    plan.env.insert((service, name), texts());
                }
                Target::Service { service, key } => {
                    plan.services.entry(service).or_default().insert(key, values);
                }
                Target::Environment(key) => {
                    plan.keys.insert(key, values);
                }
            }
        }
        runs_everywhere(&mut plan);
        plan.known = std::mem::take(&mut self.known);
        self.references(&mut plan, &names);
        self.command_references(&mut plan, &names);
        plan
    }

    /// Returns the environments in the order of their tiers. The usual ones are added where what runs holds in all.
    fn all_environments(&self, services: &BTreeSet<String>) -> Vec<(String, Tier)> {
        let mut all = self.environments.clone();
        for fact in &self.facts {
            if let Layer::Environment(name) = &fact.layer {
                let tier = Tier::ALL.into_iter().find(|tier| tier.as_str() == name).unwrap_or(Tier::Staging);
                all.entry(name.clone()).or_insert(tier);
            }
        }
        let common = |service: &String| {
            self.facts.iter().any(|fact| {
                fact.layer == Layer::Common
                    && matches!(&fact.target, Target::Service { service: own, key: "command" | "image" } if own == service)
            })
        };
        let everywhere = services.iter().all(common);
        let above = all.values().any(|tier| *tier != Tier::Development);
        for (name, tier) in USUAL {
            let missing = if above { *tier == Tier::Development } else { true };
            if missing && everywhere && !all.values().any(|known| known == tier) {
                all.insert((*name).to_owned(), *tier);
            }
        }
        if all.is_empty() {
            all.extend(USUAL.iter().map(|(name, tier)| ((*name).to_owned(), *tier)));
        }
        let mut all: Vec<(String, Tier)> = all.into_iter().collect();
        all.sort_by_key(|(name, tier)| (Tier::ALL.iter().position(|known| known == tier), name.clone()));
        all
    }

    /// Makes every reference one that can be resolved: to a name that is declared, with a default where it may be unset.
    fn references(&mut self, plan: &mut Plan, names: &[String]) {
        self.drop_reserved(plan);
        self.drop_cycles(plan, names);
        let texts = plan.variables.values().chain(plan.env.values()).flat_map(BTreeMap::values);
        let wanted: BTreeSet<(String, Place)> = texts
            .filter(|(text, _)| text.contains('$'))
            .flat_map(|(text, place)| referred(text).into_iter().map(|(name, _)| (name, place.clone())))
            .collect();
        for (name, place) in wanted {
            let local = plan.env.keys().any(|(_, own)| *own == name);
            if !plan.known.contains_key(&name) && !local && is_variable(&name).is_ok() {
                let doc = Some("Taken from the environment of who runs it.".to_owned());
                plan.known.insert(name.clone(), Known { doc, ..Known::default() });
                self.note(&place, Outcome::Changed, name, "declared, as a value refers to it and no file sets it");
            }
        }
        let set: BTreeMap<String, BTreeSet<String>> =
            plan.variables.iter().map(|(name, values)| (name.clone(), values.keys().cloned().collect())).collect();
        let in_services: BTreeSet<(String, String, String)> = plan
            .env
            .iter()
            .flat_map(|((service, name), values)| values.keys().map(|env| (service.clone(), name.clone(), env.clone())))
            .collect();
        let has = |name: &str, environment: &String| set.get(name).is_some_and(|set| set.contains(environment));
        for values in plan.variables.values_mut() {
            for (environment, (text, _)) in values.iter_mut() {
                fill(text, |name| has(name, environment));
            }
        }
        for ((service, own), values) in &mut plan.env {
            for (environment, (text, _)) in values.iter_mut() {
                fill(text, |name| {
                    let local = (service.clone(), name.to_owned(), environment.clone());
                    has(name, environment) || (name != own && in_services.contains(&local))
                });
            }
        }
    }

    fn drop_reserved(&mut self, plan: &mut Plan) {
        let mut left = Vec::new();
        let all = plan.variables.iter_mut().map(|(name, values)| (name.clone(), values));
        let own =
            plan.env.iter_mut().map(|((service, name), values)| (format!("services.{service}.env.{name}"), values));
        for (what, values) in all.chain(own) {
            values.retain(|_, (text, place)| {
                let bad = referred(text).into_iter().find(|(name, default)| reserved(name) && !default);
                if let Some((name, _)) = &bad {
                    let why = format!("`{name}` is known only when an instance starts: use it in `command`");
                    left.push((place.clone(), what.clone(), why));
                }
                bad.is_none()
            });
        }
        plan.variables.retain(|_, values| !values.is_empty());
        plan.env.retain(|_, values| !values.is_empty());
        for (place, what, why) in left {
            self.note(&place, Outcome::Left, what, why);
        }
    }

    /// Values that refer to themselves mean what was there before in other tools; here nothing was.
    fn drop_cycles(&mut self, plan: &mut Plan, names: &[String]) {
        let mut left = Vec::new();
        for environment in names {
            let value = |name: &str| plan.variables.get(name).and_then(|values| values.get(environment));
            let mut edges: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for (name, values) in &plan.variables {
                if let Some((text, _)) = values.get(environment).filter(|(text, _)| text.contains("${")) {
                    edges.insert(name, referred(text).into_iter().map(|(name, _)| name).collect());
                }
            }
            let mut dropped = in_cycles(&edges);
            dropped.extend(own_cycles(plan, environment));
            for name in dropped {
                if let Some((_, place)) = value(&name) {
                    left.push((name, environment.clone(), place.clone()));
                } else {
                    for ((service, own), values) in &plan.env {
                        if let Some((_, place)) = values.get(environment).filter(|_| format!("{service}/{own}") == name)
                        {
                            left.push((name.clone(), environment.clone(), place.clone()));
                        }
                    }
                }
            }
        }
        for (name, environment, place) in left {
            let values = match name.split_once('/') {
                Some((service, own)) => plan.env.get_mut(&(service.to_owned(), own.to_owned())),
                None => plan.variables.get_mut(&name),
            };
            if let Some(values) = values {
                values.remove(&environment);
            }
            self.note(&place, Outcome::Left, name, "it refers to itself");
        }
        plan.variables.retain(|_, values| !values.is_empty());
        plan.env.retain(|_, values| !values.is_empty());
    }

    /// A command can only use what is set: a name that is nowhere is empty, as a shell has it.
    fn command_references(&mut self, plan: &mut Plan, names: &[String]) {
        let mut wanted = BTreeSet::new();
        for keys in plan.services.values() {
            for (value, place) in keys.get("command").into_iter().flat_map(BTreeMap::values) {
                let words: Vec<&str> = match value {
                    Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
                };
                wanted.extend(words.iter().flat_map(|word| referred(word)).map(|(name, _)| (name, place.clone())));
            }
        }
        for (name, place) in wanted {
            let known = plan.known.contains_key(&name) || plan.env.keys().any(|(_, own)| *own == name);
            if known || is_variable(&name).is_err() {
                continue;
            }
            plan.known.insert(name.clone(), Known::default());
            let empty = names.iter().map(|name| (name.clone(), (String::new(), place.clone())));
            plan.variables.insert(name.clone(), empty.collect());
            self.note(&place, Outcome::Changed, name, "declared and empty, as the command uses it and no file sets it");
        }
    }
}

/// A service is in an environment only if something runs there.
fn runs_everywhere(plan: &mut Plan) {
    for (service, keys) in &mut plan.services {
        let runs: BTreeSet<String> = ["command", "image"]
            .iter()
            .filter_map(|key| keys.get(key))
            .flat_map(|values| values.keys().cloned())
            .collect();
        for values in keys.values_mut() {
            values.retain(|environment, _| runs.contains(environment));
        }
        keys.retain(|_, values| !values.is_empty());
        for ((owner, _), values) in &mut plan.env {
            if owner == service {
                values.retain(|environment, _| runs.contains(environment));
            }
        }
    }
    plan.env.retain(|_, values| !values.is_empty());
}

fn hold(fact: &Fact, names: &[String], values: &mut PerEnvironment<Value>) {
    let set = |name: &String, values: &mut PerEnvironment<Value>| {
        values.insert(name.clone(), (fact.value.clone(), fact.place.clone()));
    };
    match &fact.layer {
        Layer::Common => names.iter().for_each(|name| set(name, values)),
        Layer::Environment(name) => set(name, values),
    }
}

/// Gives every reference to a name that is not set an empty default.
fn fill(text: &mut String, has: impl Fn(&str) -> bool) {
    if !text.contains("${") {
        return;
    }
    for (name, default) in referred(text) {
        if !default && !has(&name) {
            *text = with_empty_default(text, &name);
        }
    }
}

/// Returns the names from which a way leads back to themselves, and those on a way between two such.
fn in_cycles(edges: &BTreeMap<&str, Vec<String>>) -> BTreeSet<String> {
    let mut pairs = BTreeSet::new();
    for (name, others) in edges {
        let known = others.iter().filter_map(|other| edges.get_key_value(other.as_str()));
        pairs.extend(known.map(|(other, _)| (*name, *other)));
    }
    let ends = peeled(edges.keys().copied().collect(), &pairs);
    let reversed: BTreeSet<(&str, &str)> =
        pairs.iter().filter(|(a, b)| ends.contains(a) && ends.contains(b)).map(|(a, b)| (*b, *a)).collect();
    peeled(ends, &reversed).into_iter().map(str::to_owned).collect()
}

/// Takes names away that no edge leaves, until every one that is left has an edge to another that is.
fn peeled<'n>(mut open: BTreeSet<&'n str>, edges: &BTreeSet<(&'n str, &'n str)>) -> BTreeSet<&'n str> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let mut back: BTreeMap<&str, Vec<&'n str>> = BTreeMap::new();
    for (from, to) in edges {
        *count.entry(from).or_default() += 1;
        back.entry(to).or_default().push(from);
    }
    let mut done: Vec<&str> = open.iter().copied().filter(|name| !count.contains_key(name)).collect();
    while let Some(name) = done.pop() {
        open.remove(name);
        for before in back.get(name).into_iter().flatten() {
            if let Some(left) = count.get_mut(before) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    done.push(before);
                }
            }
        }
    }
    open
}

/// As [`in_cycles`], for what single services are given: `SERVICE/NAME`.
fn own_cycles(plan: &Plan, environment: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let services: BTreeSet<&String> = plan.env.keys().map(|(service, _)| service).collect();
    for service in services {
        let mut edges: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for ((owner, name), values) in &plan.env {
            if owner == service
                && let Some((text, _)) = values.get(environment)
            {
                // An entry that refers to its own name means the variable of the project.
                let others = referred(text).into_iter().map(|(other, _)| other).filter(|other| other != name);
                edges.insert(name, others.collect());
            }
        }
        found.extend(in_cycles(&edges).into_iter().map(|name| format!("{service}/{name}")));
    }
    found
}
