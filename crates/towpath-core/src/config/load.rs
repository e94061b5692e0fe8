//! Reading all sources once: which environments there are, what each is built on, what is declared.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    detect,
    diagnostic::{Diagnostic, tidy},
    flags::FlagFiles,
    layers::Shared,
    limits::{MAX_ENVIRONMENTS, MAX_EXTENDS, MAX_TOLD, MAX_TOTAL_BYTES, enough},
    nearest::suggestion,
    plain_secrets::{self, SecretPlace},
    read::{Placed, Reader},
    schema::{
        environment::{Head, OWN_KEYS},
        project::{ProjectFile, Unreadable},
    },
    secret_files::SecretFile,
    source::{self, BASE, Label, SourceId, SourceSet, Span},
    value::{Nulls, Value},
    variables::Declared,
    yaml::{self, Document, NodeKind, Scalar},
};
use crate::{
    experiments,
    ids::{ArtifactName, EnvironmentName},
};

/// All sources of a project, parsed.
#[derive(Debug)]
pub struct Loaded {
    pub(crate) sources: SourceSet,
    pub(crate) project_document: Option<Document>,
    pub(crate) project: ProjectFile,
    pub(crate) declared: Declared,
    pub(crate) roles: BTreeSet<String>,
    pub(crate) base: Option<Document>,
    /// Whether there is a base that is no document, so that nobody knows what it would have said.
    pub(crate) base_unreadable: bool,
    pub(crate) files: BTreeMap<EnvironmentName, EnvironmentSource>,
    pub(crate) aliases: BTreeMap<String, EnvironmentName>,
    /// The files of secrets, by the name of the environment or `base`.
    pub(crate) secret_files: BTreeMap<String, SecretFile>,
    /// Where values of secrets stand in plain text in them.
    pub(crate) secret_places: Vec<SecretPlace>,
    pub(crate) shared: Shared,
    /// The files about flags.
    pub(crate) flags: FlagFiles,
    /// What is wrong with the files themselves, whatever environment is asked for.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// One file of an environment.
#[derive(Debug)]
pub(crate) struct EnvironmentSource {
    pub(crate) source: SourceId,
    /// `None` if the file could not be read.
    pub(crate) document: Option<Document>,
    pub(crate) head: Head,
    /// What it is built on, the farthest first, itself last; `None` if that is broken.
    pub(crate) chain: Option<Vec<EnvironmentName>>,
}

/// Reads all sources. Every mistake that does not depend on an environment's layers is found here.
pub fn load(sources: &SourceSet) -> Loaded {
    let mut loaded = Loaded {
        sources: sources.clone(),
        project_document: None,
        project: ProjectFile::default(),
        declared: Declared::default(),
        roles: BTreeSet::new(),
        base: None,
        base_unreadable: false,
        files: BTreeMap::new(),
        aliases: BTreeMap::new(),
        secret_files: BTreeMap::new(),
        secret_places: Vec::new(),
        shared: Shared::default(),
        flags: FlagFiles::default(),
        diagnostics: Vec::new(),
    };
    if loaded.is_too_large() {
        return loaded;
    }
    loaded.read_files();
    loaded.read_project();
    loaded.read_secret_files();
    loaded.chains();
    loaded.name_aliases();
    loaded.check_names();
    loaded.check_expected();
    loaded.check_pipeline();
    loaded.flags = FlagFiles::read(&loaded);
    loaded.read_experiments();
    tidy(&mut loaded.diagnostics);
    let mut secrets = plain_secrets::places(&loaded);
    secrets.append(&mut loaded.secret_places);
    loaded.sources.mark(secrets);
    loaded
}

fn start(source: SourceId) -> Label {
    Label { source, span: Span::default() }
}

impl Loaded {
    /// Returns the names of all environments, those outside the pipeline too.
    pub fn environments(&self) -> impl Iterator<Item = &EnvironmentName> {
        self.files.keys()
    }

    /// Returns other names of environments and what they mean.
    pub fn aliases(&self) -> &BTreeMap<String, EnvironmentName> {
        &self.aliases
    }

    /// Returns the artifacts of the project and where their files are, relative to the project's folder.
    pub fn artifacts(&self) -> impl Iterator<Item = (&ArtifactName, &str)> {
        self.project.artifacts.iter().map(|(name, path)| (name, path.0.as_str()))
    }

    /// Returns the sources.
    pub fn sources(&self) -> &SourceSet {
        &self.sources
    }

    /// Returns the environment of this name or alias, or what is wrong with it.
    pub fn find(&self, name: &str) -> Result<EnvironmentName, detect::UnknownEnvironment> {
        detect::find(name, self.files.keys(), &self.aliases)
    }

    fn error(&mut self, code: &'static str, at: impl Into<Option<Label>>, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(code, at, message));
    }

    fn parse(&mut self, id: SourceId, text: &str) -> Option<Document> {
        let (document, diagnostics) = yaml::parse(id, text, 0);
        let sound = diagnostics.is_empty();
        self.diagnostics.extend(diagnostics);
        // A document with a duplicate key or a wrong tag is still worth checking.
        let document = document?;
        let root = document.node(document.root());
        let usable = match &root.kind {
            NodeKind::Map(_) => true,
            NodeKind::Scalar(scalar) => *scalar == Scalar::NULL,
            NodeKind::List(_) => false,
        };
        if !usable && sound {
            let label = document.label(root.span);
            self.error("config::type", label, "the file must be a map such as `services:` with its services below");
        }
        usable.then_some(document)
    }

    /// Says, and tells, whether all files together are more than is read.
    fn is_too_large(&mut self) -> bool {
        let files = self.sources.iter().filter(|(_, source)| source::is_source(source.name()));
        let mut total = 0_usize;
        let over = files.map(|(id, source)| (id, source.text().len())).find(|(_, bytes)| {
            total = total.saturating_add(*bytes);
            total > MAX_TOTAL_BYTES
        });
        if let Some((id, _)) = over {
            let message =
                format!("with this file the project has more than {MAX_TOTAL_BYTES} bytes; none of it is read");
            self.error("config::limit", start(id), message);
        }
        over.is_some()
    }

    fn read_files(&mut self) {
        let sources = self.sources.clone();
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for (id, source) in sources.iter() {
            let Some(stem) = source::environment_stem(source.name()) else { continue };
            if let Some(other) = seen.insert(stem.to_owned(), source.name().to_owned()) {
                self.error("config::file", start(id), format!("`{}` and `{other}` name the same", source.name()));
                continue;
            }
            if self.files.len() >= MAX_ENVIRONMENTS {
                let message =
                    format!("a project has at most {MAX_ENVIRONMENTS} environments; this and later ones are not read");
                self.error("config::limit", start(id), message);
                return;
            }
            let document = self.parse(id, source.text());
            if stem == BASE {
                self.check_base(document.as_ref());
                self.base_unreadable = document.is_none();
                self.base = document;
                continue;
            }
            let Ok(name) = EnvironmentName::new(stem) else {
                let message = format!("`{stem}` is not a name of an environment, so the file cannot be used");
                let help = "use 1 to 63 lower-case letters, digits and `-`, beginning with a letter";
                self.diagnostics.push(Diagnostic::error("config::name", start(id), message).help(help));
                continue;
            };
            let mut reader = Reader::default();
            let head = document
                .as_ref()
                .map_or_else(Head::default, |document| Head::read(&Value::head_of(document, OWN_KEYS), &mut reader));
            self.diagnostics.append(&mut reader.diagnostics);
            self.files.insert(name, EnvironmentSource { source: id, document, head, chain: None });
        }
    }

    fn check_base(&mut self, document: Option<&Document>) {
        let Some(document) = document else { return };
        let NodeKind::Map(entries) = &document.node(document.root()).kind else { return };
        for entry in entries {
            if OWN_KEYS.contains(&entry.key.as_ref()) {
                let label = document.label(entry.key_span);
                let message = format!("`{}` belongs to one environment, not to `{BASE}`", entry.key);
                self.error("config::base", label, message);
            }
        }
    }

    /// Looks at the experiments; what they are on can only be said once the flags are read.
    fn read_experiments(&mut self) {
        let (declared, mut wrong) = experiments::read_experiments(&self.sources);
        wrong.extend(experiments::unknown_flags(
            &declared,
            self.flag_keys().map(|(key, _)| key).collect::<Vec<_>>().into_iter(),
        ));
        self.diagnostics.append(&mut wrong);
    }

    fn read_project(&mut self) {
        self.project.unreadable = Unreadable::ALL;
        let sources = self.sources.clone();
        let mut files = sources.iter().filter(|(_, source)| source::is_project_file(source.name()));
        let Some((id, source)) = files.next() else {
            let error = Diagnostic::error("config::file", None, format!("there is no `{}`", source::PROJECT_FILE));
            self.diagnostics.push(error.help("run `towpath init` to write one"));
            return;
        };
        for (other, double) in files {
            let message = format!("`{}` and `{}` name the same", double.name(), source.name());
            self.error("config::file", start(other), message);
        }
        let Some(document) = self.parse(id, source.text()) else { return };
        let mut reader = Reader::default();
        let value = Value::of(&document, document.root(), Nulls::Keep);
        self.project = ProjectFile::read(&value, &mut reader);
        self.diagnostics.append(&mut reader.diagnostics);
        self.declared = Declared::new(std::mem::take(&mut self.project.variables), &mut self.diagnostics);
        let people = self.project.people.values();
        self.roles = people.flat_map(|person| &person.roles).map(|role| role.as_str().to_owned()).collect();
        self.project_document = Some(document);
    }

    fn chains(&mut self) {
        let names: Vec<EnvironmentName> = self.files.keys().cloned().collect();
        let mut errors = Vec::new();
        let mut reported = BTreeSet::new();
        for name in &names {
            let chain = self.chain(name, &mut reported, &mut errors);
            if let Some(file) = self.files.get_mut(name) {
                file.chain = chain;
            }
        }
        self.diagnostics.append(&mut errors);
        self.shared = Shared::of(self.files.values().filter_map(|file| file.chain.as_deref()));
    }

    /// Follows `extends`. What is broken once is reported once, not again for all that is built on it.
    fn chain(
        &self,
        name: &EnvironmentName,
        reported: &mut BTreeSet<EnvironmentName>,
        errors: &mut Vec<Diagnostic>,
    ) -> Option<Vec<EnvironmentName>> {
        let mut way = vec![name.clone()];
        loop {
            let file = self.files.get(way.last()?)?;
            file.document.as_ref()?;
            let Some(parent) = &file.head.extends else { break };
            if parent.value.as_str() == BASE {
                break;
            }
            if let Some(begin) = way.iter().position(|name| *name == parent.value) {
                let cycle = way.get(begin..).unwrap_or_default();
                if !cycle.iter().any(|name| reported.contains(name)) {
                    errors.push(self.cycle(cycle));
                }
                reported.extend(cycle.iter().cloned());
                return None;
            }
            if !self.files.contains_key(&parent.value) {
                if reported.insert(parent.value.clone()) || *way.last()? == *name {
                    // Looking for the nearest of many names for each of many would take long.
                    let help = errors.len() < 100;
                    errors.push(self.unknown_parent(way.last()?, parent, help));
                }
                return None;
            }
            if way.len() > MAX_EXTENDS {
                if !errors.iter().any(|error| error.code == "config::limit") {
                    let message =
                        format!("`{name}` is built on more than {MAX_EXTENDS} environments, each on the next");
                    let at =
                        way.first().and_then(|name| self.files.get(name)?.head.extends.as_ref()).map(|it| it.label);
                    errors.push(Diagnostic::error("config::limit", at, message));
                }
                return None;
            }
            way.push(parent.value.clone());
        }
        way.reverse();
        Some(way)
    }

    fn cycle(&self, members: &[EnvironmentName]) -> Diagnostic {
        let extends = |name: &EnvironmentName| self.files.get(name).and_then(|file| file.head.extends.as_ref());
        let way: Vec<&str> = members.iter().chain(members.first()).map(EnvironmentName::as_str).collect();
        let first = members.first().and_then(extends).map(|parent| parent.label);
        let mut error =
            Diagnostic::error("config::cycle", first, format!("`extends` forms a cycle: {}", way.join(" → ")))
                .help("let one of them extend nothing");
        for name in members.iter().skip(1) {
            if let Some(parent) = extends(name) {
                error = error.related(parent.label, format!("`{name}` extends `{}`", parent.value));
            }
        }
        error
    }

    fn unknown_parent(&self, name: &EnvironmentName, parent: &Placed<EnvironmentName>, help: bool) -> Diagnostic {
        let message = format!("`{name}` extends `{}`, which does not exist", parent.value);
        let known = self.files.keys().filter(|other| *other != name).map(EnvironmentName::as_str);
        let error = Diagnostic::error("config::reference", parent.label, message);
        if help { error.help(suggestion(parent.value.as_str(), known)) } else { error }
    }

    fn name_aliases(&mut self) {
        let mut doubles = Vec::new();
        for (name, file) in &self.files {
            for alias in &file.head.aliases {
                let word = alias.value.as_str();
                let other = self.files.get_key_value(word_name(word).as_ref().unwrap_or(name)).map(|(other, _)| other);
                let taken = other.filter(|other| *other != name).or_else(|| self.aliases.get(word));
                if let Some(taken) = taken {
                    let message = format!("`{word}` already means `{taken}`");
                    doubles.push(Diagnostic::error("config::alias", alias.label, message));
                } else {
                    self.aliases.insert(word.to_owned(), name.clone());
                }
            }
        }
        self.diagnostics.append(&mut doubles);
        for (short, long) in detect::USUAL_ALIASES {
            if let (Ok(short_name), Ok(long)) = (EnvironmentName::new(short), EnvironmentName::new(long))
                && self.files.contains_key(&long)
                && !self.files.contains_key(&short_name)
            {
                self.aliases.entry((*short).to_owned()).or_insert(long);
            }
        }
    }

    /// Checks that declarations name environments that exist.
    fn check_names(&mut self) {
        let mut errors = Vec::new();
        for declaration in self.declared.variables.values().filter_map(|declared| declared.declaration.as_ref()) {
            let required = &declaration.required_in;
            for word in required.iter().chain(&declaration.forbidden_in).chain(&declaration.must_differ_between) {
                if enough(&errors, MAX_TOLD) {
                    break;
                }
                if let Some(error) = self.unknown_word(&word.value) {
                    errors.push(error.diagnostic(word.label));
                }
            }
        }
        self.diagnostics.append(&mut errors);
    }
}

fn word_name(word: &str) -> Option<EnvironmentName> {
    EnvironmentName::new(word).ok()
}
