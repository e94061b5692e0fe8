//! Flags in the files of a project: definitions in `flags/`, what environments change of them in `flags/environments/`.
//!
//! Definitions are merged, each flag defined once; what environments say is laid over them as [`crate::flags::FlagPatch`] does.
//! Every mistake has its place. Evaluating, live changes and experiments are not here.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    diagnostic::{Diagnostic, tidy},
    limits::{MAX_TOLD_IN_ALL, enough},
    load::Loaded,
    source::{BASE, FLAG_FOLDER, SourceSet},
};
use crate::{flags::FlagDocument, ids::EnvironmentName};

mod across;
mod exact;
mod files;
pub mod model;
mod operators;
mod read;
mod results;
mod rules;
mod tree;
mod written;

pub(crate) use files::FlagFiles;
pub(super) use model::{EnvironmentFlags, FlagsFile};
use read::Scope;
use tree::FlagTree;
pub use written::yaml_text;

/// Returns the flags of an environment as the files of a project say, with everything that is wrong with them in that
/// environment. What is wrong with one flag takes none of the others away.
pub fn definitions(sources: &SourceSet, environment: &str) -> (FlagDocument, Vec<Diagnostic>) {
    super::load(sources).flags(environment)
}

/// Returns the flags of texts that are definitions whatever they are called, as they are written, with what is wrong with them.
pub fn read_flags(sources: &SourceSet) -> (FlagDocument, Vec<Diagnostic>) {
    let mut files = FlagFiles::default();
    files.read_definitions(sources, |_| true);
    let (document, found) = read::document(&files.definitions, &Scope::all());
    let mut diagnostics = files.diagnostics;
    diagnostics.extend(found);
    tidy(&mut diagnostics);
    (document, diagnostics)
}

/// Returns what is wrong with a document whatever it was made of, in words without places: for what is to be laid over files.
pub fn check_flags(document: &FlagDocument) -> Vec<Diagnostic> {
    let Ok(text) = serde_json::to_string(document) else { return Vec::new() };
    let (_, mut found) = read_flags(&[("flags", text)].into_iter().collect());
    // That is what Towpath itself writes there.
    found.retain(|one| one.code != "flags::metadata");
    for diagnostic in &mut found {
        diagnostic.primary = None;
        diagnostic.related.clear();
    }
    found
}

/// Returns the flags of a document that yield the same variant for everybody, with that variant; `None` for none at all.
pub fn constant_flags(document: &FlagDocument) -> BTreeMap<String, Option<String>> {
    let Ok(text) = serde_json::to_string(document) else { return BTreeMap::new() };
    let mut files = FlagFiles::default();
    files.read_definitions(&[("flags", text)].into_iter().collect(), |_| true);
    let tree = &files.definitions;
    let mut segments = results::SegmentResults::new(&tree.evaluators);
    let constant = |(key, member): (&std::sync::Arc<str>, &super::value::Member)| {
        let variant = results::constant(&member.value, &mut segments)?;
        Some((key.to_string(), variant.map(|variant| variant.to_string())))
    };
    tree.flags.iter().filter_map(constant).collect()
}

impl Loaded {
    /// Returns the flags of an environment by its name or alias, with everything that is wrong with them there. Of an
    /// environment that no file knows, only its own file of flags lies over the definitions.
    pub fn flags(&self, environment: &str) -> (FlagDocument, Vec<Diagnostic>) {
        let name = self.find(environment).map_or_else(|_| environment.to_owned(), |name| name.to_string());
        let chain = self.flag_chain(&name);
        let tree = self.flag_tree(&chain);
        let (mut document, found) = read::document(&tree, &Scope::all());
        document.metadata.insert("flagSetId".to_owned(), name.into());
        let mut diagnostics: Vec<Diagnostic> = self.flags.diagnostics.clone();
        diagnostics.extend(self.flags.over_nothing(chain.iter().map(String::as_str)));
        diagnostics.extend(found);
        tidy(&mut diagnostics);
        (document, diagnostics)
    }

    /// Returns the keys of all flags that the files define, with where.
    pub fn flag_keys(&self) -> impl Iterator<Item = (&str, super::Label)> {
        self.flags.definitions.flags.iter().map(|(key, member)| (key.as_ref(), member.key))
    }

    /// Returns a flag of an environment as a tree that knows who set what, as far as the files say.
    pub fn flag_value(&self, environment: &str, key: &str) -> Option<super::Value> {
        let name = self.find(environment).map_or_else(|_| environment.to_owned(), |name| name.to_string());
        self.flag_tree(&self.flag_chain(&name)).flags.remove(key).map(|member| member.value)
    }

    /// Returns every mistake in the files about flags, in whatever environment.
    pub fn flag_diagnostics(&self) -> Vec<Diagnostic> {
        self.flag_mistakes(None)
    }

    /// Says whether a mistake is in a file about flags.
    pub fn is_about_flags(&self, diagnostic: &Diagnostic) -> bool {
        let source = diagnostic.primary.and_then(|label| self.sources.get(label.source));
        source.is_some_and(|source| source.name().starts_with(FLAG_FOLDER))
    }

    /// Returns a warning for each flag whose day has come, where its day is written.
    pub fn expired_flags(&self, today: jiff::civil::Date) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let own = self.files.keys().map(|name| self.flag_chain(name.as_str()));
        for chain in std::iter::once(Vec::new()).chain(own) {
            for (key, member) in &self.flag_tree(&chain).flags {
                found.extend(read::expired(key, &member.value, today));
            }
        }
        tidy(&mut found);
        found
    }

    /// Returns every mistake in the files about flags, or those that matter for one environment.
    pub(crate) fn flag_mistakes(&self, only: Option<&EnvironmentName>) -> Vec<Diagnostic> {
        let mut diagnostics = self.flags.diagnostics.clone();
        let (_, own) = read::document(&self.flags.definitions, &Scope::all());
        let before: BTreeSet<_> = own.iter().map(|one| (one.code, one.primary, one.message.as_str())).collect();
        let names: Vec<&EnvironmentName> = match only {
            Some(name) => vec![name],
            None => self.files.keys().collect(),
        };
        for name in names {
            let chain = self.flag_chain(name.as_str());
            if enough(&diagnostics, MAX_TOLD_IN_ALL) || !chain.iter().any(|stem| self.flags.patches.contains_key(stem))
            {
                continue;
            }
            diagnostics.extend(self.flags.over_nothing(chain.iter().map(String::as_str)));
            let tree = self.flag_tree(&chain);
            let (_, mut found) = read::document(&tree, &Scope::changed(self.flags.changed(&chain)));
            // What is wrong before anybody lays anything over it is one mistake.
            found.retain(|one| !before.contains(&(one.code, one.primary, one.message.as_str())));
            diagnostics.extend(found);
        }
        if only.is_none() {
            diagnostics.extend(self.flags.over_nothing(self.flags.patches.keys().map(String::as_str)));
        }
        drop(before);
        diagnostics.extend(own);
        tidy(&mut diagnostics);
        diagnostics
    }

    /// Returns the files that lie over the definitions for an environment, by the names of what they belong to.
    fn flag_chain(&self, environment: &str) -> Vec<String> {
        let file = EnvironmentName::new(environment).ok().and_then(|name| self.files.get(&name));
        let chain = file.and_then(|file| file.chain.as_ref());
        let own =
            chain.map_or_else(|| vec![environment.to_owned()], |chain| chain.iter().map(ToString::to_string).collect());
        std::iter::once(BASE.to_owned()).chain(own).collect()
    }

    fn flag_tree(&self, chain: &[String]) -> FlagTree {
        let mut tree = self.flags.definitions.clone();
        for patch in chain.iter().filter_map(|stem| self.flags.patches.get(stem)) {
            tree.lay(patch);
        }
        tree
    }
}

/// Members by name, sorted.
type ByName = BTreeMap<std::sync::Arc<str>, super::value::Member>;

#[cfg(test)]
mod tests;
