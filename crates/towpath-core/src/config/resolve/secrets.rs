//! Secrets among the layers: which an environment has, where they come from, which have to be looked for elsewhere.
//!
//! Values are never seen: a secret that some source has is a place in a template, filled where an instance starts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Inputs, Work};
use crate::{
    config::{
        merge::lay,
        plain_secrets::is_derived,
        schema::{RULES, variable::is_variable_name},
        source::{self, Label, SourceKind, Span},
        value::{Data, Value},
        yaml::Document,
    },
    ids::EnvironmentName,
    project::Tier,
    secrets::{SecretPin, template},
};

/// The secrets of an environment that are not made of others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretRoots {
    /// Those that a file of the project has, and which version.
    pub in_files: BTreeMap<String, SecretPin>,
    /// Those that no file has: other sources may.
    pub elsewhere: BTreeSet<String>,
    /// Those of them that the environment must have.
    pub required: BTreeSet<String>,
}

impl<'l> Work<'l> {
    /// Takes the files of secrets away where the environment does not use them, and lays over what other sources have.
    pub(super) fn lay_secrets(&mut self, tree: &mut Value, inputs: &Inputs) {
        if !self.loaded.secret_files.is_empty() && !uses_files(tree) {
            self.uncover(tree);
        }
        for (name, pin) in inputs.secrets.iter().flatten() {
            if !is_variable_name(name) || !self.may_come_from_elsewhere(tree, name) {
                continue;
            }
            let text = format!("variables.{name}: ********");
            let source = self.sources.add(pin.from.to_string(), text, SourceKind::Secret);
            let key = Span { start: 0, end: u32::try_from(name.len() + "variables.".len()).unwrap_or(u32::MAX) };
            let place = (name.as_str().into(), key, Some(template::placeholder(name)), key);
            lay(tree, &Document::of_variables(source, vec![place]), &RULES, |_| true);
        }
    }

    /// Says whether every source of secrets was looked at, so that what is missing is missing.
    pub(super) fn knows_all_secrets(tree: &Value, inputs: &Inputs) -> bool {
        let from = tree.get("secrets").and_then(|secrets| secrets.get("from"));
        let only_files = from.is_some_and(|from| match &from.data {
            Data::List(items) => items.iter().filter(|item| !item.is_removed()).all(is_files),
            Data::Removed | Data::Scalar(_) | Data::Map(_) => false,
        });
        inputs.secrets.is_some() || only_files
    }

    /// Returns the secrets that an environment must have.
    pub(super) fn needed_secrets(&self, place: (&EnvironmentName, Option<Tier>)) -> BTreeSet<&'l str> {
        let declared = self.loaded.declared.variables.iter();
        let needed = declared.filter(|(_, one)| {
            one.declaration.as_ref().is_some_and(|it| it.secret && self.loaded.is_required(it, place.0, place.1))
        });
        needed.map(|(name, _)| name.as_str()).collect()
    }

    /// Returns the secrets that are not made of others, as far as the environment may have them.
    pub(super) fn roots(&self, tree: &Value, place: (&EnvironmentName, Option<Tier>)) -> SecretRoots {
        let mut roots = SecretRoots::default();
        let declared = &self.loaded.declared;
        for name in declared.variables.keys().filter(|name| declared.is_secret(name)) {
            let declaration = declared.declaration(name);
            let forbidden = declaration.and_then(|one| self.loaded.forbidden(one, place.0, place.1)).is_some();
            if forbidden || !self.may_come_from_elsewhere(tree, name) {
                continue;
            }
            let origin = variable(tree, name).filter(|value| !value.is_removed()).map(|value| value.origin);
            match origin.and_then(|origin| self.loaded.secret_pin(name, origin)) {
                Some(pin) => roots.in_files.insert(name.clone(), pin).is_some(),
                None => roots.elsewhere.insert(name.clone()),
            };
        }
        let needed = self.needed_secrets(place);
        roots.required = roots.elsewhere.iter().filter(|name| needed.contains(name.as_str())).cloned().collect();
        roots
    }

    /// Returns where each secret that has a place here comes from.
    pub(super) fn pins(&self, tree: &Value, inputs: &Inputs) -> BTreeMap<String, SecretPin> {
        let declared = &self.loaded.declared;
        let names = declared.variables.keys().filter(|name| declared.is_secret(name));
        let pin = |name: &String| {
            let value = variable(tree, name).filter(|value| !value.is_removed())?;
            match self.sources.get(value.origin.source)?.kind() {
                SourceKind::Secret => inputs.secrets.as_ref()?.get(name).cloned(),
                SourceKind::File => self.loaded.secret_pin(name, value.origin),
                SourceKind::Default | SourceKind::Overlay(_) | SourceKind::Process | SourceKind::Flag => None,
            }
        };
        names.filter_map(|name| Some((name.clone(), pin(name)?))).collect()
    }

    pub(super) fn in_secret_file(&self, label: Label) -> bool {
        let source = self.sources.get(label.source);
        source.is_some_and(|it| *it.kind() == SourceKind::File && source::secret_stem(it.name()).is_some())
    }

    /// Says whether no layer but a file of secrets or the declared default gives a secret its value.
    fn may_come_from_elsewhere(&self, tree: &Value, name: &str) -> bool {
        let Some(value) = variable(tree, name).filter(|value| !value.is_removed()) else { return true };
        let kind = self.sources.get(value.origin.source).map(|source| source.kind());
        if self.in_secret_file(value.origin) || kind == Some(&SourceKind::Secret) {
            return true;
        }
        let derived = matches!(&value.data, Data::Scalar(scalar) if is_derived(scalar.text()));
        self.loaded.declared.is_default(name, value) && !derived
    }

    /// Takes every place of a file of secrets out of the tree.
    fn uncover(&self, tree: &mut Value) {
        let Data::Map(root) = &mut tree.data else { return };
        let Some(Data::Map(variables)) = root.get_mut("variables").map(|member| &mut member.value.data) else { return };
        for (_, member) in variables.iter_mut() {
            let value = &mut member.value;
            value.shadowed.retain(|below| !self.in_secret_file(below.origin));
            if !self.in_secret_file(value.origin) {
                continue;
            }
            let mut below = std::mem::take(&mut value.shadowed);
            if below.is_empty() {
                value.data = Data::Removed;
                continue;
            }
            *value = below.remove(0);
            value.shadowed.extend(below);
        }
    }
}

fn variable<'t>(tree: &'t Value, name: &str) -> Option<&'t Value> {
    tree.get("variables")?.as_map()?.get(name).map(|member| &member.value)
}

fn is_files(source: &Value) -> bool {
    matches!(&source.data, Data::Scalar(scalar) if scalar.text() == "files")
}

/// Says whether the files of the project are among the sources.
fn uses_files(tree: &Value) -> bool {
    let from = tree.get("secrets").and_then(|secrets| secrets.get("from"));
    from.is_none_or(|from| match &from.data {
        Data::List(items) => items.iter().any(is_files),
        // What it should be is said when it is read.
        Data::Removed | Data::Scalar(_) | Data::Map(_) => true,
    })
}
