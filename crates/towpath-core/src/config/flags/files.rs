//! Reading the files about flags: which there are, what each says, and what is said twice or for nobody.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{ByName, FlagTree};
use crate::config::{
    diagnostic::Diagnostic,
    limits::{MAX_TOLD, MAX_TOTAL_BYTES, enough},
    load::Loaded,
    nearest::suggestion,
    source::{self, BASE, FLAG_ENVIRONMENT_FOLDER, Label, SourceId, SourceSet, Span},
    value::{Nulls, Value},
    yaml,
};

/// What a file may have at its root.
const ROOT: [&str; 3] = ["flags", "$evaluators", "metadata"];
/// What other tools put there.
const IGNORED: [&str; 2] = ["$schema", "$comment"];

/// The files about flags.
#[derive(Debug, Default)]
pub(crate) struct FlagFiles {
    /// Every definition, each flag once.
    pub(crate) definitions: FlagTree,
    /// What lies over them, by the name of the environment or `base`.
    pub(crate) patches: BTreeMap<String, FlagTree>,
    /// What is wrong with the files themselves.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// What a patch does, for telling who changed a flag.
pub(super) type Changed = BTreeMap<Arc<str>, Label>;

impl FlagFiles {
    pub(crate) fn read(loaded: &Loaded) -> Self {
        let mut files = Self::default();
        files.read_definitions(&loaded.sources, |path| source::flag_stem(path).is_some());
        files.read_environments(loaded);
        files
    }

    pub(super) fn read_definitions(&mut self, sources: &SourceSet, ours: impl Fn(&str) -> bool) {
        for (id, found) in sources.iter().filter(|(_, found)| ours(found.name())) {
            let Some(tree) = self.tree(id, found.text()) else { continue };
            let FlagTree { flags, evaluators, metadata } = &mut self.definitions;
            let told = &mut self.diagnostics;
            add(flags, tree.flags, "flag", told);
            add(evaluators, tree.evaluators, "segment", told);
            add(metadata, tree.metadata, "metadata", told);
        }
    }

    fn read_environments(&mut self, loaded: &Loaded) {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (id, found) in loaded.sources.iter() {
            let Some(stem) = source::flag_environment_stem(found.name()) else { continue };
            let start = Label { source: id, span: Span::default() };
            let known = stem == BASE || loaded.files.keys().any(|name| name.as_str() == stem);
            if !known {
                self.diagnostics.push(of_nobody(loaded, stem, start));
            }
            if let Some(other) = seen.insert(stem, found.name()) {
                let message = format!("`{}` and `{other}` change the flags of the same environment", found.name());
                let error = Diagnostic::error("flags::file", start, message);
                self.diagnostics.push(error.help("put all of it into one file"));
                continue;
            }
            if let Some(tree) = self.tree(id, found.text()) {
                self.patches.insert(stem.to_owned(), tree);
            }
        }
    }

    /// Returns an error for each flag that one of these patches changes and nobody defines.
    pub(super) fn over_nothing<'a>(&self, stems: impl Iterator<Item = &'a str>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let patches: BTreeSet<&str> = stems.collect();
        for patch in patches.into_iter().filter_map(|stem| self.patches.get(stem)) {
            for (key, member) in patch.flags.iter().filter(|(key, _)| !self.definitions.flags.contains_key(*key)) {
                if enough(&found, MAX_TOLD) {
                    return found;
                }
                let message = format!("`{key}` is changed here, but no file in `flags/` defines such a flag");
                let known = self.definitions.flags.keys().map(AsRef::as_ref);
                // Looking for the nearest of very many names for each of many would take long.
                let help = if found.len() < 100 { suggestion(key, known) } else { String::new() };
                let help = format!("define it in `flags/`; {help}");
                found.push(Diagnostic::error("flags::override", member.key, message).help(help.trim_end_matches("; ")));
            }
        }
        found
    }

    /// Returns which flags these patches change, and where last.
    pub(super) fn changed(&self, chain: &[String]) -> (Changed, bool) {
        let mut changed = Changed::new();
        let mut segments = false;
        for patch in chain.iter().filter_map(|stem| self.patches.get(stem)) {
            changed.extend(patch.flags.iter().map(|(key, member)| (key.clone(), member.key)));
            segments |= !patch.evaluators.is_empty();
        }
        (changed, segments)
    }

    /// Reads one file.
    fn tree(&mut self, id: SourceId, text: &str) -> Option<FlagTree> {
        let (document, diagnostics) = yaml::parse_up_to(MAX_TOTAL_BYTES, id, text, 0);
        self.diagnostics.extend(diagnostics);
        let document = document?;
        for node in document.tagged().take(MAX_TOLD) {
            let message = "merge tags mean nothing in files about flags: each property replaces what was there";
            let error = Diagnostic::error("flags::tag", document.label(node.span), message);
            self.diagnostics.push(error.help("leave the tag out; `null` takes a property away"));
        }
        let root = Value::of(&document, document.root(), Nulls::Keep);
        if root.is_null() {
            return Some(FlagTree::default());
        }
        let Some(map) = root.as_map() else {
            let message = "a file about flags is a map: `flags:` with the flags below, by their keys";
            self.diagnostics.push(Diagnostic::error("flags::type", root.origin, message).help("write `flags:`"));
            return None;
        };
        for (key, member) in map.iter().filter(|(key, _)| !IGNORED.contains(&key.as_ref())) {
            if !ROOT.contains(&key.as_ref()) && !enough(&self.diagnostics, MAX_TOLD) {
                let error = Diagnostic::error("flags::unknown-member", member.key, format!("unknown member `{key}`"));
                let help = suggestion(key, ROOT);
                self.diagnostics.push(error.help(format!("{help}; a flag stands under `flags:`")));
            }
        }
        Some(FlagTree {
            flags: self.members(&root, "flags", "flags by their keys"),
            evaluators: self.members(&root, "$evaluators", "segments by their names"),
            metadata: self.members(&root, "metadata", "texts, numbers and truth values by their names"),
        })
    }

    fn members(&mut self, root: &Value, key: &str, what: &str) -> ByName {
        let Some(value) = root.get(key).filter(|value| !value.is_null()) else { return ByName::new() };
        let Some(map) = value.as_map() else {
            let message = format!("`{key}` must be a map of {what}");
            let help = format!("write `{key}:` and below it one of them on each line");
            self.diagnostics.push(Diagnostic::error("flags::type", value.origin, message).help(help));
            return ByName::new();
        };
        map.iter().map(|(name, member)| (name.clone(), member.clone())).collect()
    }
}

/// Adds what one file defines; what is there already is a mistake with both places.
fn add(into: &mut ByName, more: ByName, what: &str, told: &mut Vec<Diagnostic>) {
    for (name, member) in more {
        match into.get(&name) {
            None => drop(into.insert(name, member)),
            // The same said of the whole set in several files is no mistake.
            Some(first)
                if what == "metadata" && super::exact::json(&first.value) == super::exact::json(&member.value) => {}
            Some(first) => {
                let error =
                    Diagnostic::error("flags::twice", member.key, format!("the {what} `{name}` is defined twice"));
                let error = error.related(first.key, "defined here first");
                told.push(error.help(format!(
                    "keep one of the two; what differs in one environment belongs into `{FLAG_ENVIRONMENT_FOLDER}/`"
                )));
            }
        }
    }
}

fn of_nobody(loaded: &Loaded, stem: &str, at: Label) -> Diagnostic {
    let message = format!("there is no environment `{stem}` that these changes of flags could belong to");
    let help = match loaded.aliases.get(stem) {
        Some(name) => format!("`{stem}` is another name of `{name}`: call the file `{name}.yaml`"),
        None => suggestion(stem, loaded.files.keys().map(crate::ids::EnvironmentName::as_str).chain([BASE])),
    };
    Diagnostic::warning("flags::environment", at, message).help(help)
}
