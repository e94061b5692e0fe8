//! One environment from all its layers: merged, checked, typed. There is no other way to compute a value.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{
    diagnostic::{Diagnostic, has_errors, tidy},
    interpolate::{Name, Raw, Text, interpolate},
    load::Loaded,
    merge::{fill, ground, lay},
    nearest::suggestion,
    read::{Read, Reader},
    resolved::{ResolvedEnvironment, ResolvedVariable},
    schema::{
        RULES,
        environment::{EnvironmentFile, OWN_KEYS},
    },
    source::{Label, OverlayOrigin, SourceKind, SourceSet, Span},
    value::{Data, Member, Path, Value},
    variables::{self, Declared},
    yaml::{self, Document},
};
use crate::{
    ids::{EnvironmentName, ServiceName},
    project::Tier,
};

/// What is laid over the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The live overlay, in the order it was set.
    pub overlay: Vec<OverlayEntry>,
    /// The process environment; only declared variables are taken from it.
    pub process: BTreeMap<String, String>,
    /// Overrides given with the command, as key and value.
    pub flags: Vec<(String, String)>,
}

/// One value of the live overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverlayEntry {
    /// The key, such as `services.web.replicas` or `variables.LOG_LEVEL`.
    pub key: String,
    /// The value: for a variable its text, else YAML; `None` takes the key away.
    pub value: Option<String>,
    /// Who set it.
    pub origin: OverlayOrigin,
}

/// What resolving gives.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The environment, unless anything is wrong.
    pub environment: Option<ResolvedEnvironment>,
    /// Everything that is wrong or doubtful, with what is wrong in the files themselves.
    pub diagnostics: Vec<Diagnostic>,
    /// The sources the diagnostics point into: the files and what was laid over them.
    pub sources: SourceSet,
}

/// Resolves one environment by name or alias. Use [`super::load`] once for several.
pub fn resolve(sources: &SourceSet, environment: &str, inputs: &Inputs) -> Resolution {
    let loaded = super::load(sources);
    let mut resolution = loaded.resolve(environment, inputs);
    resolution.diagnostics.extend(loaded.diagnostics.iter().cloned());
    if has_errors(&resolution.diagnostics) {
        resolution.environment = None;
    }
    tidy(&mut resolution.diagnostics);
    resolution
}

impl Loaded {
    /// Returns every mistake in every environment.
    pub fn validate(&self) -> Vec<Diagnostic> {
        let mut diagnostics = self.diagnostics.clone();
        for name in self.files.keys() {
            diagnostics.extend(self.resolve(name.as_str(), &Inputs::default()).diagnostics);
        }
        tidy(&mut diagnostics);
        diagnostics
    }

    /// Returns every mistake in every environment with this laid over its files, and what the mistakes point into.
    pub fn validate_with(&self, inputs: &Inputs) -> (Vec<Diagnostic>, SourceSet) {
        let mut diagnostics = self.diagnostics.clone();
        let mut sources = self.sources.clone();
        for name in self.files.keys() {
            let resolution = self.resolve(name.as_str(), inputs);
            diagnostics.extend(resolution.diagnostics);
            // What is laid over the files has the same place in the sources of every environment.
            sources = resolution.sources;
        }
        tidy(&mut diagnostics);
        (diagnostics, sources)
    }

    /// Returns every mistake that one environment has or shares, and what the mistakes point into.
    pub fn validate_one(&self, name: &EnvironmentName, inputs: &Inputs) -> (Vec<Diagnostic>, SourceSet) {
        let mut diagnostics = self.diagnostics.clone();
        let resolution = self.resolve(name.as_str(), inputs);
        diagnostics.extend(resolution.diagnostics);
        tidy(&mut diagnostics);
        (diagnostics, resolution.sources)
    }

    /// Resolves one environment by name or alias; mistakes in the files themselves are in
    /// [`Loaded::diagnostics`] and not repeated.
    pub fn resolve(&self, environment: &str, inputs: &Inputs) -> Resolution {
        let mut work = Work { loaded: self, sources: self.sources.clone(), diagnostics: Vec::new() };
        let environment = match self.find(environment) {
            Ok(name) => work.resolve(&name, inputs),
            Err(error) => {
                let message = format!("there is no environment `{}`", error.name);
                work.diagnostics.push(Diagnostic::error("config::reference", None, message).help(error.help));
                None
            }
        };
        tidy(&mut work.diagnostics);
        let environment = environment.filter(|_| !has_errors(&work.diagnostics));
        Resolution { environment, diagnostics: work.diagnostics, sources: work.sources }
    }

    /// Returns what is wrong with the files themselves.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

/// Mistakes that a file makes whatever it is built on.
const OWN_MISTAKES: [&str; 3] = ["config::unknown-key", "config::unknown-variable", "config::type"];

struct Work<'a> {
    loaded: &'a Loaded,
    sources: SourceSet,
    diagnostics: Vec<Diagnostic>,
}

impl Work<'_> {
    fn resolve(&mut self, name: &EnvironmentName, inputs: &Inputs) -> Option<ResolvedEnvironment> {
        let file = self.loaded.files.get(name)?;
        // What is built on something broken is still read, but only for mistakes its ancestors cannot cause.
        let alone = [name.clone()];
        let chain = file.chain.as_deref();
        let broken = chain.is_none();
        let chain = chain.unwrap_or(&alone);
        let origin = Label { source: file.source, span: Span::default() };
        let mut tree = self.layers(chain, origin);
        self.overlay(&mut tree, inputs);
        self.defaults(&mut tree);

        let services = tree.get("services").and_then(Value::as_map);
        let present =
            |(name, member): (&std::sync::Arc<str>, &Member)| (!member.value.is_removed()).then(|| name.to_string());
        let services: BTreeSet<String> = services.into_iter().flatten().filter_map(present).collect();
        let mut reader = Reader { services, roles: self.loaded.roles.clone(), ..Reader::default() };
        let typed = EnvironmentFile::read(&tree, &mut reader);
        self.diagnostics.append(&mut reader.diagnostics);
        let tier = self.tier(name, chain, origin);
        let raw = self.raw(&tree);
        let declared = self.loaded.declared.variables.keys().map(String::as_str);
        let texts = interpolate(&raw, declared, &mut self.diagnostics);
        let variables = self.variables(&raw, &texts);
        self.required(name, &raw);
        let env = self.service_env(&raw, &texts);
        if broken {
            self.diagnostics.retain(|diagnostic| OWN_MISTAKES.contains(&diagnostic.code));
            return None;
        }
        let declared = &self.loaded.declared;
        let secrets = declared.variables.keys().filter(|name| declared.is_secret(name)).cloned().collect();
        let place = (tree, self.sources.clone());
        Some(ResolvedEnvironment::new((name.clone(), tier?), typed?, variables, secrets, env, place))
    }

    /// Lays the files over each other: project, base, ancestors, the environment.
    fn layers(&self, chain: &[EnvironmentName], origin: Label) -> Value {
        let mut tree = ground(origin);
        let loaded = self.loaded;
        if let Some(document) = &loaded.project_document {
            lay(&mut tree, document, &RULES, |key| key == "services");
        }
        variable_defaults(&mut tree, &loaded.declared);
        if let Some(document) = &loaded.base {
            lay(&mut tree, document, &RULES, |key| !OWN_KEYS.contains(&key));
        }
        for (place, ancestor) in chain.iter().enumerate() {
            let own = place + 1 == chain.len();
            let document = loaded.files.get(ancestor).and_then(|file| file.document.as_ref());
            if let Some(document) = document {
                lay(&mut tree, document, &RULES, |key| own || !OWN_KEYS.contains(&key));
            }
        }
        tree
    }

    /// Lays what is not in files over them: live overlay, process environment, flags.
    fn overlay(&mut self, tree: &mut Value, inputs: &Inputs) {
        for entry in &inputs.overlay {
            let name = format!("live overlay, event {}", entry.origin.sequence);
            let kind = SourceKind::Overlay(entry.origin.clone());
            self.set(tree, name, kind, &entry.key, entry.value.as_deref());
        }
        let declared = &self.loaded.declared.variables;
        for (name, value) in inputs.process.iter().filter(|(name, _)| declared.contains_key(*name)) {
            let source = format!("process environment, {name}");
            self.set(tree, source, SourceKind::Process, &format!("variables.{name}"), Some(value));
        }
        for (key, value) in &inputs.flags {
            self.set(tree, format!("flag {key}"), SourceKind::Flag, key, Some(value));
        }
    }

    /// Lays one value over the tree, from a source of its own.
    fn set(&mut self, tree: &mut Value, name: String, kind: SourceKind, key: &str, value: Option<&str>) {
        let path: Option<Vec<String>> = key.parse().ok().and_then(|path: Path| path.keys());
        let path = path.map(|path| self.with_section(path));
        let variable = path.as_deref().and_then(|path| match path {
            [section, name] if section == "variables" => Some(name.clone()),
            _ => None,
        });
        let secret = variable.as_ref().is_some_and(|name| self.loaded.declared.is_secret(name));
        let shown = if secret { "********" } else { value.unwrap_or("null") };
        let source = self.sources.add(name, format!("{key}: {shown}"), kind);
        let size = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX);
        let key_span = Span { start: 0, end: size(key) };
        let start = key_span.end.saturating_add(2);
        let span = Span { start, end: start.saturating_add(size(shown)) };
        let label = Label { source, span: key_span };
        let Some(path) = path else {
            let message = format!("`{key}` is not a key such as `services.web.replicas`");
            self.diagnostics.push(Diagnostic::error("config::key", label, message).help("lists are set whole"));
            return;
        };
        if path.first().is_some_and(|key| OWN_KEYS.contains(&key.as_str())) {
            let message = format!("`{key}` can only be set in the environment's file");
            self.diagnostics.push(Diagnostic::error("config::key", label, message));
            return;
        }
        let document = match value {
            Some(text) if variable.is_some() => Some(Document::of_text(source, text, span)),
            _ => {
                let (document, diagnostics) = yaml::parse(source, value.unwrap_or("null"), start);
                self.diagnostics.extend(diagnostics);
                document
            }
        };
        if let Some(mut document) = document {
            document.nest(&path, key_span);
            lay(tree, &document, &RULES, |_| true);
        }
    }

    /// Puts the name of a variable that stands alone under `variables`.
    fn with_section(&self, path: Vec<String>) -> Vec<String> {
        match path.as_slice() {
            [name] if self.loaded.declared.variables.contains_key(name) => vec!["variables".to_owned(), name.clone()],
            _ => path,
        }
    }

    /// Lays what the schema says where nobody says anything under the tree.
    fn defaults(&mut self, tree: &mut Value) {
        let mut text = String::from("deployment:\n  strategy: rolling\n  progress_deadline: 10m\n");
        let services = tree.get("services").and_then(Value::as_map);
        let present = services.into_iter().flatten().filter(|(_, member)| member.value.as_map().is_some());
        let names: Vec<&str> =
            present.map(|(name, _)| name.as_ref()).filter(|name| crate::ids::is_name(name)).collect();
        if !names.is_empty() {
            text.push_str("services:\n");
        }
        for name in names {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "  {name}: {{replicas: 1, stop_grace: 10s, drain: 10s}}");
        }
        let source = self.sources.add("schema default".to_owned(), text.clone(), SourceKind::Default);
        if let (Some(document), _) = yaml::parse(source, &text, 0) {
            fill(tree, &document, document.root());
        }
    }

    /// Its own word, its own well-known name, or what it is built on.
    fn tier(&mut self, name: &EnvironmentName, chain: &[EnvironmentName], origin: Label) -> Option<Tier> {
        let named = |name: &EnvironmentName| Tier::ALL.into_iter().find(|tier| tier.as_str() == name.as_str());
        let of = |name: &EnvironmentName| self.loaded.files.get(name)?.head.tier.or_else(|| named(name));
        let tier = chain.iter().rev().find_map(of);
        let wrong = self.loaded.files.get(name).and_then(|file| file.document.as_ref()).is_some_and(|document| {
            Value::of(document, document.root(), super::value::Nulls::Remove).get("tier").is_some()
        });
        if tier.is_none() && !wrong {
            let error = Diagnostic::error("config::missing", origin, format!("`{name}` has no `tier`"));
            self.diagnostics.push(error.help("write `tier: development`, `testing`, `staging` or `production`"));
        }
        tier
    }

    /// Collects every text that may refer to others.
    fn raw<'t>(&mut self, tree: &'t Value) -> BTreeMap<Name<'t>, Raw> {
        let mut raw = BTreeMap::new();
        let variables = tree.get("variables");
        if let Some(value) = variables.filter(|value| value.as_map().is_none() && !value.is_null()) {
            let message = "`variables` must be a map from name to value";
            self.diagnostics.push(Diagnostic::error("config::type", value.origin, message));
        }
        for (name, member) in variables.and_then(Value::as_map).into_iter().flatten() {
            if let Some(text) = self.raw_variable(name, member) {
                raw.insert((None, name.as_ref()), text);
            }
        }
        for (service, member) in tree.get("services").and_then(Value::as_map).into_iter().flatten() {
            for (name, member) in member.value.get("env").and_then(Value::as_map).into_iter().flatten() {
                if let Data::Scalar(scalar) = &member.value.data {
                    let text = scalar.text().to_owned();
                    let one = Raw { text, label: member.value.origin, secret: false, literal: false };
                    raw.insert((Some(service.as_ref()), name.as_ref()), one);
                }
            }
        }
        raw
    }

    fn raw_variable(&mut self, name: &str, member: &Member) -> Option<Raw> {
        let value = &member.value;
        if value.is_removed() {
            return None;
        }
        let declared = &self.loaded.declared;
        if !declared.variables.contains_key(name) {
            let error = Diagnostic::error("config::unknown-variable", member.key, format!("`{name}` is not declared"));
            let help = suggestion(name, declared.variables.keys().map(String::as_str));
            self.diagnostics.push(error.help(format!("declare it under `variables:` in `towpath.yaml`; {help}")));
            return None;
        }
        let declaration = declared.declaration(name);
        let secret = declared.is_secret(name);
        let kind = self.sources.get(value.origin.source).map(|source| source.kind().clone());
        let in_file = kind == Some(SourceKind::File);
        if let Some(words) = declaration.and_then(|declaration| declaration.deprecated.as_ref()) {
            let message = format!("`{name}` is deprecated: {words}");
            self.diagnostics.push(Diagnostic::warning("config::deprecated", value.origin, message).hidden(secret));
        }
        if secret && in_file {
            let warning = Diagnostic::warning(
                "config::plain-secret",
                value.origin,
                format!("the secret `{name}` stands in plain text"),
            );
            self.diagnostics.push(warning.hidden(true).help("take it out of the file and change it where it is used"));
        }
        match variables::text_of(value, declaration) {
            Ok(text) => {
                let literal = kind == Some(SourceKind::Process) || !matches!(value.data, Data::Scalar(_));
                Some(Raw { text, label: value.origin, secret, literal })
            }
            Err(what) => {
                let message = format!("`variables.{name}` must be {what}");
                self.diagnostics.push(Diagnostic::error("config::type", value.origin, message).hidden(secret));
                None
            }
        }
    }

    fn variables(
        &mut self,
        raw: &BTreeMap<Name<'_>, Raw>,
        texts: &BTreeMap<Name<'_>, Option<Text>>,
    ) -> BTreeMap<String, ResolvedVariable> {
        let mut resolved = BTreeMap::new();
        for ((scope, name), text) in texts {
            let (None, Some(text), Some(raw)) = (scope, text, raw.get(&(*scope, *name))) else { continue };
            if text.secret && !raw.secret {
                let message = format!("`{name}` is made of a secret but not declared `secret: true`");
                self.diagnostics.push(Diagnostic::error("config::secret", raw.label, message));
            }
            if let Err(why) = self.loaded.declared.check(name, &text.text) {
                let message = format!("`variables.{name}`: {why}");
                self.diagnostics.push(Diagnostic::error("config::value", raw.label, message).hidden(raw.secret));
            }
            let variable = ResolvedVariable { value: text.text.clone(), secret: raw.secret };
            resolved.insert((*name).to_owned(), variable);
        }
        resolved
    }

    /// Finds variables that must have a value here and have none. Secrets may come from elsewhere.
    fn required(&mut self, environment: &EnvironmentName, raw: &BTreeMap<Name<'_>, Raw>) {
        for (name, declared) in &self.loaded.declared.variables {
            let Some(declaration) = &declared.declaration else { continue };
            let here = |named: &str| self.loaded.find(named).is_ok_and(|named| named == *environment);
            let required = declaration.required || declaration.required_in.iter().any(|named| here(&named.value));
            if required && !declaration.secret && !raw.contains_key(&(None, name)) {
                let message = format!("`{environment}` has no value for `{name}`");
                let error = Diagnostic::error("config::required", declared.label, message);
                self.diagnostics
                    .push(error.help(format!("set it under `variables:` in `environments/{environment}.yaml`")));
            }
        }
    }

    fn service_env(
        &mut self,
        raw: &BTreeMap<Name<'_>, Raw>,
        texts: &BTreeMap<Name<'_>, Option<Text>>,
    ) -> BTreeMap<ServiceName, BTreeMap<String, String>> {
        let mut env: BTreeMap<ServiceName, BTreeMap<String, String>> = BTreeMap::new();
        for ((scope, name), text) in texts {
            let (Some(service), Some(text)) = (scope, text) else { continue };
            let Ok(service) = ServiceName::new(service) else { continue };
            if let Some(raw) = raw.get(&(*scope, *name)).filter(|_| text.secret) {
                let message = format!("`services.{service}.env.{name}` is made of a secret");
                let help = "secrets are given to the service under their own names; refer to them in `command` or read them there";
                self.diagnostics.push(Diagnostic::error("config::secret", raw.label, message).help(help));
            }
            env.entry(service).or_default().insert((*name).to_owned(), text.text.clone());
        }
        env
    }
}

/// Puts the declared defaults under `variables`.
fn variable_defaults(tree: &mut Value, declared: &Declared) {
    let origin = tree.origin;
    let defaults: BTreeMap<_, _> = declared
        .variables
        .iter()
        .filter_map(|(name, variable)| {
            let value = variable.declaration.as_ref()?.default.as_ref().filter(|value| !value.is_null())?;
            Some((name.as_str().into(), Member { key: variable.label, value: value.clone() }))
        })
        .collect();
    if let (Data::Map(map), false) = (&mut tree.data, defaults.is_empty()) {
        map.insert("variables".into(), Member { key: origin, value: Value::new(Data::Map(defaults), origin) });
    }
}
