//! One environment from all its layers: merged, checked, typed. There is no other way to compute a value.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    diagnostic::{Diagnostic, has_errors, tidy},
    interpolate::{Name, Outputs, Raw, Replaced, SECTIONS, Scope, interpolate},
    limits::{MAX_TOLD_IN_ALL, enough},
    load::Loaded,
    merge::lay,
    nearest::{nearest, suggestion},
    read::{Read, Reader},
    resolved::{ResolvedEnvironment, Secrets},
    schema::{
        RULES,
        environment::{EnvironmentFile, OWN_KEYS},
        strategy::StrategyFile,
    },
    source::{Label, OverlayOrigin, SourceKind, SourceSet, Span},
    value::{Member, Path, Value},
    yaml::{self, Document},
};
use crate::{
    deployment::Strategy,
    ids::{EnvironmentName, ProjectName},
    project::Tier,
    secrets::SecretPin,
};

mod rollout_flag;
mod secrets;
mod texts;

pub use secrets::SecretRoots;

/// What is laid over the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The live overlay, in the order it was set.
    pub overlay: Vec<OverlayEntry>,
    /// The process environment; only declared variables are taken from it.
    pub process: BTreeMap<String, String>,
    /// Overrides given with the command, as key and value.
    pub flags: Vec<(String, String)>,
    /// What sources of secrets beside the project's files have, of what they were asked for; `None` if nobody looked, so that
    /// nothing can be said to be missing.
    pub secrets: Option<BTreeMap<String, SecretPin>>,
}

/// One value of the live overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
        self.validate_with(&Inputs::default()).0
    }

    /// Returns every mistake in every environment with this laid over its files, and what the mistakes point into.
    pub fn validate_with(&self, inputs: &Inputs) -> (Vec<Diagnostic>, SourceSet) {
        let mut diagnostics = self.diagnostics.clone();
        let mut sources = self.sources.clone();
        let mut held = BTreeMap::new();
        let compares = self.compares(None);
        for (done, name) in self.files.keys().enumerate() {
            if enough(&diagnostics, MAX_TOLD_IN_ALL) {
                let left = self.files.len() - done;
                let message =
                    format!("{left} more environments were not looked at: there are mistakes enough to begin with");
                diagnostics.push(Diagnostic::error("config::limit", None, message));
                break;
            }
            let resolution = self.resolve(name.as_str(), inputs);
            diagnostics.extend(resolution.diagnostics);
            // What is laid over the files has the same place in the sources of every environment.
            sources = resolution.sources;
            if let Some(environment) = resolution.environment.filter(|_| compares) {
                held.insert(name.clone(), self.held(&environment));
            }
        }
        diagnostics.extend(self.shared_values(&held));
        diagnostics.extend(self.flag_mistakes(None));
        tidy(&mut diagnostics);
        inherited_once(&mut diagnostics);
        (diagnostics, sources)
    }

    /// Returns every mistake that one environment has or shares, and what the mistakes point into.
    pub fn validate_one(&self, name: &EnvironmentName, inputs: &Inputs) -> (Vec<Diagnostic>, SourceSet) {
        let mut diagnostics = self.diagnostics.clone();
        let resolution = self.resolve(name.as_str(), inputs);
        diagnostics.extend(resolution.diagnostics);
        if let Some(environment) = &resolution.environment
            && self.compares(Some((name, Some(environment.tier))))
        {
            for other in self.files.keys().filter(|other| *other != name) {
                let Some(resolved) = self.resolve(other.as_str(), &Inputs::default()).environment else { continue };
                let mut held = BTreeMap::from([(other.clone(), self.held(&resolved))]);
                held.insert(name.clone(), self.held(environment));
                diagnostics.extend(self.shared_values(&held));
            }
        }
        diagnostics.extend(self.flag_mistakes(Some(name)));
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
        // Where a tag is wrong, nothing more is said about what it would have been.
        let tags: BTreeSet<Option<Label>> =
            self.diagnostics.iter().filter(|one| one.code == "yaml::tag").map(|one| one.primary).collect();
        work.diagnostics.retain(|one| !tags.contains(&one.primary));
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
const OWN_MISTAKES: [&str; 6] = [
    "config::unknown-key",
    "config::unknown-variable",
    "config::type",
    "config::value",
    "config::clash",
    "config::name",
];

/// Drops what a value is wrong for in further environments that inherit it: references may make it another text in
/// each, but it is one mistake of one file.
pub(super) fn inherited_once(diagnostics: &mut Vec<Diagnostic>) {
    let path = |message: &str| message.split('`').nth(1).map(str::to_owned);
    let mut seen = BTreeSet::new();
    diagnostics.retain(|found| {
        let value = found.code == "config::value" && found.primary.is_some();
        !value || seen.insert((found.primary, path(&found.message)))
    });
}

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
        let broken = chain.is_none() || self.loaded.base_unreadable || self.loaded.project_document.is_none();
        let chain = chain.unwrap_or(&alone);
        let origin = Label { source: file.source, span: Span::default() };
        let mut tree = self.loaded.layers(chain, origin);
        self.lay_secrets(&mut tree, inputs);
        self.overlay(&mut tree, inputs);
        self.loaded.shared.defaults.lay_under(&mut tree, &mut self.sources);

        let tier = self.tier(name, chain, origin);
        self.forbid(&mut tree, name, tier);
        let raw = self.raw(&tree);
        let outputs = Outputs {
            environment: name.as_str(),
            tier: tier.map(Tier::as_str),
            project: self.loaded.project.project.as_ref().map(ProjectName::as_str),
        };
        let judged = Self::knows_all_secrets(&tree, inputs);
        let needed = if judged { self.needed_secrets((name, tier)) } else { BTreeSet::new() };
        let scope = Scope { raw: &raw, declared: &self.loaded.declared, tree: &tree, outputs, needed };
        let replaced = interpolate(&scope, &mut self.diagnostics);
        let mut typed = self.read(chain, &tree, (&raw, &replaced));
        if let Some(StrategyFile(Strategy::Flag(flag))) = typed.as_mut().and_then(|it| it.deployment.strategy.as_mut())
        {
            self.rollout_flag(name, &tree, flag);
        }
        let variables = self.variables(&raw, &replaced);
        self.required((name, tier), &tree, judged);
        let env = self.service_env(&raw, &replaced);
        if broken {
            self.diagnostics.retain(|diagnostic| OWN_MISTAKES.contains(&diagnostic.code));
            return None;
        }
        let declared = &self.loaded.declared;
        let secrets = declared.variables.keys().filter(|name| declared.is_secret(name)).cloned().collect();
        let replacements = texts::replacements(&raw, &replaced);
        let secrets =
            Secrets { names: secrets, roots: self.roots(&tree, (name, tier)), pins: self.pins(&tree, inputs) };
        let place = (tree, self.sources.clone(), replacements);
        Some(ResolvedEnvironment::new((name.clone(), tier?), typed?, variables, secrets, env, place))
    }

    /// Reads the tree with references replaced into types.
    fn read(
        &mut self,
        chain: &[EnvironmentName],
        tree: &Value,
        (raw, replaced): (&BTreeMap<Name<'_>, Raw>, &Replaced<'_>),
    ) -> Option<EnvironmentFile> {
        let services = tree.get("services").and_then(Value::as_map);
        let present =
            |(name, member): (&std::sync::Arc<str>, &Member)| (!member.value.is_removed()).then(|| name.to_string());
        let readable = tree.get("services").is_none_or(|services| services.as_map().is_some() || services.is_null());
        let readable = readable && !self.loaded.project.unreadable.services;
        let services: BTreeSet<String> = services.into_iter().flatten().filter_map(present).collect();
        let mut reader = self.reader(chain, readable.then_some(services));
        let complete = texts::complete(tree, replaced);
        let typed = EnvironmentFile::read(complete.as_ref().unwrap_or(tree), &mut reader);
        // Where a reference is wrong, nothing more is said about what it would have been.
        let failed: BTreeSet<Label> = replaced
            .texts
            .iter()
            .filter(|(_, text)| text.is_none())
            .filter_map(|(name, _)| Some(raw.get(name)?.label))
            .collect();
        reader.diagnostics.retain(|diagnostic| diagnostic.primary.is_none_or(|label| !failed.contains(&label)));
        self.diagnostics.append(&mut reader.diagnostics);
        typed
    }

    /// Returns what reading the merged tree needs to know of the project.
    fn reader(&self, chain: &[EnvironmentName], services: Option<BTreeSet<String>>) -> Reader {
        let loaded = self.loaded;
        let lowest = [&loaded.project_document, &loaded.base].into_iter().flatten().map(Document::source);
        let files = chain.iter().filter_map(|name| loaded.files.get(name)).map(|file| file.source);
        let names = loaded.files.keys().map(ToString::to_string);
        Reader {
            services,
            roles: (!loaded.project.unreadable.people).then(|| loaded.roles.clone()),
            environments: names.chain(loaded.aliases.keys().cloned()).collect(),
            layers: lowest.chain(files).collect(),
            ..Reader::default()
        }
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
        let live = matches!(self.sources.get(source).map(|source| source.kind()), Some(SourceKind::Overlay(_)));
        if live && path.first().is_some_and(|key| key == "secrets") {
            let message =
                format!("`{key}` can only be set in files: what runs must find its secrets where it found them");
            self.diagnostics
                .push(Diagnostic::error("config::key", label, message).help("set it in the environment's file"));
            return;
        }
        if let [name] = path.as_slice()
            && let Some(help) = self.mistyped(name)
        {
            let message = format!("there is no variable and no key `{name}`");
            self.diagnostics.push(Diagnostic::error("config::unknown-variable", label, message).help(help));
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

    /// Says what may have been meant by a name that stands alone and is neither a variable nor near any section.
    fn mistyped(&self, name: &str) -> Option<String> {
        if self.loaded.project.unreadable.variables || nearest(name, SECTIONS).is_some() {
            return None;
        }
        let declared: Vec<&str> = self.loaded.declared.variables.keys().map(String::as_str).collect();
        // Keys of an environment are written in small letters.
        let meant = !name.contains(char::is_lowercase) || nearest(name, declared.iter().copied()).is_some();
        (meant && !SECTIONS.contains(&name)).then(|| suggestion(name, declared))
    }

    /// Puts the name of a variable that stands alone under `variables`.
    fn with_section(&self, path: Vec<String>) -> Vec<String> {
        match path.as_slice() {
            [name] if self.loaded.declared.variables.contains_key(name) => vec!["variables".to_owned(), name.clone()],
            _ => path,
        }
    }

    /// Its own word, its own well-known name, or what it is built on.
    fn tier(&mut self, name: &EnvironmentName, chain: &[EnvironmentName], origin: Label) -> Option<Tier> {
        let named = |name: &EnvironmentName| Tier::ALL.into_iter().find(|tier| tier.as_str() == name.as_str());
        let of = |name: &EnvironmentName| self.loaded.files.get(name)?.head.tier.or_else(|| named(name));
        let tier = chain.iter().rev().find_map(of);
        let file = self.loaded.files.get(name).and_then(|file| file.document.as_ref());
        let wrong =
            |document: &Document| Value::head_of(document, OWN_KEYS).get("tier").is_some_and(|tier| !tier.is_null());
        if tier.is_none() && !file.is_some_and(wrong) {
            let error = Diagnostic::error("config::missing", origin, format!("`{name}` has no `tier`"));
            self.diagnostics.push(error.help("write `tier: development`, `testing`, `staging` or `production`"));
        }
        tier
    }
}
