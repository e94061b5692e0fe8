//! The texts of an environment that may refer to others: collected, completed, checked against their declarations.
//!
//! Every text of an environment may hold references, except where something else completes it: commands, which
//! know more when an instance starts, and what an environment says of itself before its layers are laid.

use std::collections::{BTreeMap, BTreeSet};

use super::Work;
use crate::{
    config::{
        diagnostic::{Diagnostic, PLAIN_SECRET},
        interpolate::{Name, Raw, Replaced, SECRET_IN_ENV, SECRET_IN_LEAF},
        limits::{MAX_TOLD, enough},
        merge,
        nearest::{nearest, suggestion},
        plain_secrets,
        resolved::{Replacement, ResolvedVariable},
        schema::environment::OWN_KEYS,
        source::SourceKind,
        value::{Data, Member, Path, Segment, Value},
        variables::{self, rules},
        yaml::{Scalar, ScalarKind},
    },
    ids::{EnvironmentName, ServiceName},
    project::Tier,
    secrets::template,
};

/// Of how many unknown names what they were meant to be is looked for.
const MOST_MISTYPED: usize = 100;
/// The key of what is completed when an instance starts.
const COMMAND: &str = "command";

impl Work<'_> {
    /// Takes away variables that the environment must not have; their defaults silently, whatever is set with a word.
    pub(super) fn forbid(&mut self, tree: &mut Value, environment: &EnvironmentName, tier: Option<Tier>) {
        let loaded = self.loaded;
        for (name, declared) in &loaded.declared.variables {
            let Some(declaration) = &declared.declaration else { continue };
            let Some(word) = loaded.forbidden(declaration, environment, tier) else { continue };
            if loaded.is_required(declaration, environment, tier) {
                let message = format!("`{name}` is both required and forbidden in `{environment}`");
                self.diagnostics.push(Diagnostic::error("config::forbidden", word.label, message));
            }
            let Data::Map(root) = &mut tree.data else { continue };
            let Some(Member { value: Value { data: Data::Map(variables), .. }, .. }) = root.get_mut("variables") else {
                continue;
            };
            let Some(member) = variables.get_mut(name).filter(|member| !member.value.is_removed()) else { continue };
            if !loaded.declared.is_default(name, &member.value) {
                let message = format!("`{name}` must not be set in `{environment}`");
                let error = Diagnostic::error("config::forbidden", member.value.origin, message);
                let error = error.related(word.label, "forbidden here").hidden(declaration.secret);
                self.diagnostics.push(error.help("take it out, or change `forbidden_in` where it is declared"));
            }
            merge::replace(&mut member.value, Value::new(Data::Removed, word.label));
        }
    }

    /// Collects every text that may refer to others.
    pub(super) fn raw<'t>(&mut self, tree: &'t Value) -> BTreeMap<Name<'t>, Raw> {
        // Collected nearly in order and made a map in one go: one by one would search the way for each.
        let mut raw = Vec::new();
        let variables = tree.get("variables");
        if let Some(value) = variables.filter(|value| value.as_map().is_none() && !value.is_null()) {
            let message = "`variables` must be a map from name to value";
            self.diagnostics.push(Diagnostic::error("config::type", value.origin, message));
        }
        for (name, member) in variables.and_then(Value::as_map).into_iter().flatten() {
            if let Some(text) = self.raw_variable(name, member) {
                raw.push((Name::Variable(name.as_ref()), text));
            }
        }
        for (service, member) in tree.get("services").and_then(Value::as_map).into_iter().flatten() {
            for (name, member) in member.value.get("env").and_then(Value::as_map).into_iter().flatten() {
                if let Data::Scalar(scalar) = &member.value.data {
                    raw.push((Name::Env(service.as_ref(), name.as_ref()), raw_text(scalar, &member.value)));
                }
            }
        }
        for (key, member) in tree.as_map().into_iter().flatten() {
            if key.as_ref() != "variables" && !OWN_KEYS.contains(&key.as_ref()) {
                let mut path = vec![Step::Key(key)];
                leaves(&member.value, &mut path, &mut raw);
            }
        }
        raw.into_iter().collect()
    }

    fn raw_variable(&mut self, name: &str, member: &Member) -> Option<Raw> {
        let value = &member.value;
        if value.is_removed() {
            return None;
        }
        let declared = &self.loaded.declared;
        if !declared.variables.contains_key(name) {
            if self.loaded.project.unreadable.variables || enough(&self.diagnostics, MAX_TOLD) {
                return None;
            }
            let error = Diagnostic::error("config::unknown-variable", member.key, format!("`{name}` is not declared"));
            let help = suggestion(name, declared.variables.keys().map(String::as_str));
            self.diagnostics.push(error.help(format!("declare it under `variables:` in `towpath.yaml`; {help}")));
            return None;
        }
        let declaration = declared.declaration(name);
        let secret = declared.is_secret(name);
        let kind = self.sources.get(value.origin.source).map(|source| source.kind().clone());
        let in_file = kind == Some(SourceKind::File);
        let deprecated = declaration.and_then(|declaration| declaration.deprecated.as_ref());
        if let Some(deprecated) = deprecated.filter(|_| !declared.is_default(name, value)) {
            let message = format!("`{name}` is deprecated: {}", deprecated.words());
            self.diagnostics.push(Diagnostic::warning("config::deprecated", value.origin, message).hidden(secret));
        }
        // What is made of another secret is how a secret is derived, and says nothing by itself.
        let derived = matches!(&value.data, Data::Scalar(scalar) if plain_secrets::is_derived(scalar.text()));
        if secret && in_file && !derived && !self.in_secret_file(value.origin) {
            let warning =
                Diagnostic::warning(PLAIN_SECRET, value.origin, format!("the secret `{name}` stands in plain text"));
            self.diagnostics.push(warning.hidden(true).help("take it out of the file and change it where it is used"));
        }
        match variables::text_of(value, declaration) {
            Ok(text) => {
                let place = kind == Some(SourceKind::Secret) || self.in_secret_file(value.origin);
                let literal = place || kind == Some(SourceKind::Process) || !matches!(value.data, Data::Scalar(_));
                Some(Raw::new(text, value.origin, secret, literal))
            }
            Err(what) => {
                let message = format!("`variables.{name}` must be {what}");
                self.diagnostics.push(Diagnostic::error("config::type", value.origin, message).hidden(secret));
                None
            }
        }
    }

    /// Returns the variables with a value, and says which are not what they were declared to be.
    pub(super) fn variables(
        &mut self,
        raw: &BTreeMap<Name<'_>, Raw>,
        replaced: &Replaced<'_>,
    ) -> BTreeMap<String, ResolvedVariable> {
        let mut resolved = BTreeMap::new();
        for (key, raw, text) in replaced.beside(raw) {
            let (Name::Variable(name), Some(text)) = (key, text) else { continue };
            if text.secret && !raw.secret {
                let message = format!("`{name}` is made of a secret but not declared `secret: true`");
                self.diagnostics.push(Diagnostic::error("config::secret", raw.label, message));
            }
            let declared = &self.loaded.declared;
            // A default that refers to nothing was checked when it was declared.
            let checked = declared.is_of_default(name, raw.label) && !raw.literal && !raw.refers();
            // What has places for secrets is checked where their values are known.
            let checked = checked || text.secret && template::is_template(text.text);
            let checked = checked || enough(&self.diagnostics, MAX_TOLD);
            if let Some(wrong) = Some(()).filter(|()| !checked).and_then(|()| declared.check(name, text.text).err()) {
                let hidden = raw.secret || text.secret;
                self.diagnostics.push(wrong.diagnostic(&format!("variables.{name}"), raw.label).hidden(hidden));
            }
            let variable = ResolvedVariable { value: text.text.to_string(), secret: raw.secret };
            resolved.insert((*name).to_owned(), variable);
        }
        resolved
    }

    /// Finds variables that must have a value here and have none; secrets only if every source was looked at.
    pub(super) fn required(
        &mut self,
        (environment, tier): (&EnvironmentName, Option<Tier>),
        tree: &Value,
        judged: bool,
    ) {
        let loaded = self.loaded;
        let file = loaded.files.get(environment).and_then(|file| self.sources.get(file.source));
        let file = file.map_or_else(String::new, |source| source.name().to_owned());
        let set = tree.get("variables");
        let meant = std::cell::LazyCell::new(|| self.meant(set));
        let mut missing = Vec::new();
        for (name, declared) in &loaded.declared.variables {
            let Some(declaration) = &declared.declaration else { continue };
            let unknown = declaration.secret && !judged;
            let there = unknown || set.is_some_and(|set| set.get(name).is_some());
            if there
                || !loaded.is_required(declaration, environment, tier)
                || loaded.forbidden(declaration, environment, tier).is_some()
                // A mistyped name is one mistake, not two.
                || meant.contains(name.as_str())
            {
                continue;
            }
            let message = format!("`{environment}` has no value for `{name}`");
            let mut error = Diagnostic::error("config::required", declared.label, message);
            if let Some(taken) = rules::taken_away(tree, name) {
                error = error.related(taken, "taken away here");
            }
            let example = declaration.example.as_ref().filter(|_| !declaration.secret);
            let example = example.and_then(|example| variables::text_of(example, Some(declaration)).ok());
            let example = example.map(|example| format!(", such as `{example}`")).unwrap_or_default();
            let help = if declaration.secret {
                format!("towpath secrets set {environment} {name}")
            } else {
                format!("set it under `variables:` in `{file}`{example}")
            };
            missing.push(error.help(help));
        }
        self.diagnostics.append(&mut missing);
    }

    /// Returns the declared names that names nobody declared were likely meant to be.
    fn meant(&self, set: Option<&Value>) -> BTreeSet<&str> {
        let declared = &self.loaded.declared.variables;
        let names = set.and_then(Value::as_map).into_iter().flatten().filter(|(_, member)| !member.value.is_removed());
        let unknown = names.map(|(name, _)| name.as_ref()).filter(|name| !declared.contains_key(*name));
        unknown.take(MOST_MISTYPED).filter_map(|name| nearest(name, declared.keys().map(String::as_str))).collect()
    }

    /// Returns the own variables of each service; nothing of them may be secret, nor any other text but variables.
    pub(super) fn service_env(
        &mut self,
        raw: &BTreeMap<Name<'_>, Raw>,
        replaced: &Replaced<'_>,
    ) -> BTreeMap<ServiceName, BTreeMap<String, String>> {
        // The entries of a service come one after the other.
        let mut env: Vec<(ServiceName, Vec<(String, String)>)> = Vec::new();
        for (key, raw, text) in replaced.beside(raw) {
            let Some(text) = text else { continue };
            let help = match key {
                Name::Variable(_) => continue,
                Name::Env(service, name) => {
                    let entry = ((*name).to_owned(), text.text.to_string());
                    match env.last_mut().filter(|(last, _)| last.as_str() == *service) {
                        Some((_, entries)) => entries.push(entry),
                        None => match ServiceName::new(service) {
                            Ok(service) => env.push((service, vec![entry])),
                            Err(_) => continue,
                        },
                    }
                    SECRET_IN_ENV
                }
                Name::Leaf(_) => SECRET_IN_LEAF,
            };
            if text.secret {
                let message = format!("`{}` is made of a secret", key.key());
                self.diagnostics.push(Diagnostic::error("config::secret", raw.label, message).help(help));
            } else if template::is_template(text.text) && matches!(key, Name::Env(..)) {
                let message = format!("`{}` has a NUL character, which no environment variable can hold", key.key());
                self.diagnostics.push(Diagnostic::error("config::value", raw.label, message).help("take it out"));
            }
        }
        env.into_iter().map(|(service, entries)| (service, entries.into_iter().collect())).collect()
    }
}

fn raw_text(scalar: &Scalar, value: &Value) -> Raw {
    Raw::new(scalar.shared_text(), value.origin, false, false)
}

/// One step of the way to a text; nearly every text has no reference, so the way is only written down where one has.
#[derive(Clone, Copy)]
enum Step<'t> {
    Key(&'t str),
    Index(usize),
}

/// Collects the texts under a value that hold a `$`, but those of commands and of `services.NAME.env`.
fn leaves<'t>(value: &'t Value, path: &mut Vec<Step<'t>>, raw: &mut Vec<(Name<'t>, Raw)>) {
    match &value.data {
        Data::Scalar(scalar) if scalar.kind == ScalarKind::Text && scalar.text().contains('$') => {
            let segment = |step: &Step<'_>| match *step {
                Step::Key(key) => Segment::Key(key.to_owned()),
                Step::Index(index) => Segment::Index(index),
            };
            let path: Vec<Segment> = path.iter().map(segment).collect();
            raw.push((Name::Leaf(Path::of(&path)), raw_text(scalar, value)));
        }
        Data::Removed | Data::Scalar(_) => {}
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                leaves(item, path, raw);
                path.pop();
            }
        }
        Data::Map(map) => {
            let service = matches!(path.as_slice(), [Step::Key("services"), _]);
            for (key, member) in map {
                if !(service && key.as_ref() == "env") && key.as_ref() != COMMAND {
                    path.push(Step::Key(key));
                    leaves(&member.value, path, raw);
                    path.pop();
                }
            }
        }
    }
}

/// Returns the tree with every reference outside variables replaced; `None` if there is none.
pub(super) fn complete(tree: &Value, replaced: &Replaced<'_>) -> Option<Value> {
    let mut complete = None;
    for (name, text) in &replaced.texts {
        let (Name::Leaf(path), Some(text)) = (name, text) else { continue };
        let tree = complete.get_or_insert_with(|| tree.clone());
        put(tree, path.segments(), Scalar::replaced(text.text.clone()));
    }
    complete
}

fn put(value: &mut Value, path: &[Segment], scalar: Scalar) {
    let Some((first, rest)) = path.split_first() else {
        value.data = Data::Scalar(scalar);
        return;
    };
    let next = match (first, &mut value.data) {
        (Segment::Key(key), Data::Map(map)) => map.get_mut(key).map(|member| &mut member.value),
        (Segment::Index(index), Data::List(items)) => items.get_mut(*index),
        (Segment::Key(_) | Segment::Index(_), Data::Removed | Data::Scalar(_) | Data::List(_) | Data::Map(_)) => None,
    };
    if let Some(next) = next {
        put(next, rest, scalar);
    }
}

/// Returns what became of every text that holds references, by its key.
pub(super) fn replacements(raw: &BTreeMap<Name<'_>, Raw>, replaced: &Replaced<'_>) -> BTreeMap<String, Replacement> {
    let written = raw.iter().filter(|(_, raw)| raw.refers());
    written
        .filter_map(|(name, _)| {
            let text = replaced.texts.get(name)?.clone()?;
            let used = replaced.used.get(name).cloned().unwrap_or_default();
            Some((name.key().to_string(), Replacement { text: (!text.secret).then_some(text.text), used }))
        })
        .collect()
}
