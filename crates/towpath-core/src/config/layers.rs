//! The layers of files under an environment, each laid once and shared by all that are built on it.
//!
//! What is laid over the files (live overlay, process environment, flags) and what a tree means is not decided here.

use std::{collections::BTreeMap, sync::OnceLock};

use super::{
    defaults::SharedDefaults,
    load::Loaded,
    merge::{ground, lay},
    schema::{RULES, environment::OWN_KEYS},
    source::{BASE, Label, SourceId, Span},
    value::{Data, Member, Members, Value},
    variables::Declared,
};
use crate::ids::EnvironmentName;

/// How many ancestors' trees are kept; what is built on others lays them anew.
const MAX_SHARED: usize = 64;

/// Stands in shared trees where the origin of the environment belongs that a tree is made for.
const ENVIRONMENT: Label = Label { source: SourceId(u32::MAX), span: Span { start: 0, end: 0 } };

/// Trees that several environments begin with.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) defaults: SharedDefaults,
    /// Project, declared defaults and base.
    lowest: OnceLock<Value>,
    /// The tree of an ancestor, without what it does not hand on.
    ancestors: BTreeMap<EnvironmentName, OnceLock<Value>>,
}

impl Shared {
    /// Makes room for every ancestor that at least two of these chains have.
    pub(crate) fn of<'a>(chains: impl Iterator<Item = &'a [EnvironmentName]>) -> Self {
        let mut heirs: BTreeMap<&EnvironmentName, usize> = BTreeMap::new();
        for ancestor in chains.filter_map(|chain| chain.split_last()).flat_map(|(_, ancestors)| ancestors) {
            *heirs.entry(ancestor).or_default() += 1;
        }
        let several = heirs.into_iter().filter(|(_, heirs)| *heirs > 1).take(MAX_SHARED);
        let ancestors = several.map(|(name, _)| (name.clone(), OnceLock::new())).collect();
        Self { ancestors, ..Self::default() }
    }
}

impl Loaded {
    /// Returns the files of an environment laid over each other and nothing more: no default filled in, no reference
    /// replaced, nothing checked. `None` if there is no such environment or what it is built on is broken.
    pub fn merged(&self, environment: &str) -> Option<Value> {
        let name = self.find(environment).ok()?;
        let file = self.files.get(&name)?;
        Some(self.layers(file.chain.as_deref()?, Label { source: file.source, span: Span::default() }))
    }

    /// Lays the files over each other: project, base, ancestors, the environment, which is the last of the chain.
    pub(crate) fn layers(&self, chain: &[EnvironmentName], origin: Label) -> Value {
        let Some((name, ancestors)) = chain.split_last() else { return ground(origin) };
        let mut tree = self.inherited(ancestors);
        place(&mut tree, origin);
        self.lay_file(&mut tree, name, |_| true);
        tree
    }

    /// Lays what an environment inherits, beginning with the nearest tree that is already there.
    fn inherited(&self, ancestors: &[EnvironmentName]) -> Value {
        let ready = |name: &EnvironmentName| self.shared.ancestors.get(name).and_then(OnceLock::get);
        let start = ancestors.iter().enumerate().rev().find_map(|(place, name)| Some((place + 1, ready(name)?)));
        let (done, start) = start.unwrap_or_else(|| (0, self.lowest()));
        let mut tree = start.clone();
        for name in ancestors.iter().skip(done) {
            self.lay_file(&mut tree, name, |key| !OWN_KEYS.contains(&key));
            if let Some(shared) = self.shared.ancestors.get(name) {
                tree = shared.get_or_init(|| tree).clone();
            }
        }
        tree
    }

    fn lowest(&self) -> &Value {
        self.shared.lowest.get_or_init(|| {
            let mut tree = ground(ENVIRONMENT);
            if let Some(document) = &self.project_document {
                lay(&mut tree, document, &RULES, |key| key == "services");
            }
            variable_defaults(&mut tree, &self.declared);
            if let Some(document) = &self.base {
                lay(&mut tree, document, &RULES, |key| !OWN_KEYS.contains(&key));
            }
            self.lay_secrets(&mut tree, BASE);
            tree
        })
    }

    fn lay_file(&self, tree: &mut Value, name: &EnvironmentName, keep: impl Fn(&str) -> bool) {
        if let Some(document) = self.files.get(name).and_then(|file| file.document.as_ref()) {
            lay(tree, document, &RULES, keep);
        }
        self.lay_secrets(tree, name.as_str());
    }

    /// Lays the places of an environment's own secrets over its file.
    fn lay_secrets(&self, tree: &mut Value, stem: &str) {
        if let Some(layer) = self.secret_files.get(stem).and_then(|file| file.layer.as_ref()) {
            lay(tree, layer, &RULES, |_| true);
        }
    }
}

/// Puts the declared defaults under `variables`.
fn variable_defaults(tree: &mut Value, declared: &Declared) {
    let origin = tree.origin;
    let defaults: Members = declared
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

/// Writes the environment's origin where its place was kept: at the root and at `variables`, shadowed or not.
fn place(tree: &mut Value, origin: Label) {
    let put = |label: &mut Label| {
        if *label == ENVIRONMENT {
            *label = origin;
        }
    };
    put(&mut tree.origin);
    if let Data::Map(map) = &mut tree.data
        && let Some(member) = map.get_mut("variables")
    {
        put(&mut member.key);
        put(&mut member.value.origin);
        for shadowed in &mut member.value.shadowed {
            put(&mut shadowed.origin);
        }
    }
}
