//! What the declarations ask of environments: where a variable must have a value, must not have one, and between which
//! environments it must differ.
//!
//! Environments are named by name, alias or tier. Whether a value is of its type is checked elsewhere.

use std::collections::BTreeMap;

use crate::{
    config::{
        detect::UnknownEnvironment,
        diagnostic::Diagnostic,
        load::Loaded,
        read::Placed,
        resolved::ResolvedEnvironment,
        schema::variable::{Declaration, EnvironmentWord},
        source::Label,
        value::{Path, Value},
    },
    ids::EnvironmentName,
    project::Tier,
};

/// What one environment holds of the variables that must differ somewhere.
#[derive(Debug)]
pub(crate) struct Held {
    tier: Tier,
    values: BTreeMap<String, (String, Label)>,
}

impl Loaded {
    /// Says whether a word of a declaration means this environment: its name, an alias, or its tier.
    fn means(&self, word: &str, environment: &EnvironmentName, tier: Option<Tier>) -> bool {
        tier.is_some_and(|tier| tier.as_str() == word)
            || word == environment.as_str()
            || self.aliases.get(word) == Some(environment)
    }

    /// Returns what is wrong with a word that names neither an environment nor a tier.
    pub(crate) fn unknown_word(&self, word: &str) -> Option<UnknownEnvironment> {
        let tier = Tier::ALL.into_iter().any(|tier| tier.as_str() == word);
        if tier { None } else { self.find(word).err() }
    }

    /// Returns the word that forbids a variable in an environment.
    pub(crate) fn forbidden<'a>(
        &self,
        declaration: &'a Declaration,
        environment: &EnvironmentName,
        tier: Option<Tier>,
    ) -> Option<&'a Placed<EnvironmentWord>> {
        declaration.forbidden_in.iter().find(|word| self.means(&word.value, environment, tier))
    }

    /// Says whether an environment must have a value for a variable.
    pub(crate) fn is_required(
        &self,
        declaration: &Declaration,
        environment: &EnvironmentName,
        tier: Option<Tier>,
    ) -> bool {
        declaration.required || declaration.required_in.iter().any(|word| self.means(&word.value, environment, tier))
    }

    /// Says whether values of this or any environment are to be compared with others'.
    pub(crate) fn compares(&self, environment: Option<(&EnvironmentName, Option<Tier>)>) -> bool {
        let declarations = self.declared.variables.values().filter_map(|declared| declared.declaration.as_ref());
        declarations.flat_map(|declaration| &declaration.must_differ_between).any(|word| match environment {
            Some((name, tier)) => self.means(&word.value, name, tier),
            None => true,
        })
    }

    /// Returns what an environment holds of the variables that must differ somewhere.
    pub(crate) fn held(&self, environment: &ResolvedEnvironment) -> Held {
        let mut values = BTreeMap::new();
        for (name, declared) in &self.declared.variables {
            let compared = declared.declaration.as_ref().is_some_and(|one| !one.must_differ_between.is_empty());
            let Some(variable) = environment.variables.get(name).filter(|_| compared) else { continue };
            let place = environment.values.at(&Path::of_keys(["variables", name])).map(|value| value.origin);
            values.insert(name.clone(), (environment.comparable(variable), place.unwrap_or(declared.label)));
        }
        Held { tier: environment.tier, values }
    }

    /// Returns a mistake for every two environments that share a value which must differ between them.
    pub(crate) fn shared_values(&self, held: &BTreeMap<EnvironmentName, Held>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (name, declared) in &self.declared.variables {
            let Some(declaration) = &declared.declaration else { continue };
            let words = &declaration.must_differ_between;
            for (one, a) in held {
                for (other, b) in held.range(one.clone()..).skip(1) {
                    let (Some(x), Some(y)) = (a.values.get(name), b.values.get(name)) else { continue };
                    let apart = self.are_apart(words, (one, a.tier), (other, b.tier));
                    if let Some(word) = apart.filter(|_| x.0 == y.0) {
                        found.push(shared(name, declaration.secret, word, [(one, x.1), (other, y.1)]));
                    }
                }
            }
        }
        found
    }

    /// Returns the word that makes two environments differ: one they are named by and do not share.
    fn are_apart<'a>(
        &self,
        words: &'a [Placed<EnvironmentWord>],
        one: (&EnvironmentName, Tier),
        other: (&EnvironmentName, Tier),
    ) -> Option<&'a Placed<EnvironmentWord>> {
        let means =
            |word: &Placed<EnvironmentWord>, it: (&EnvironmentName, Tier)| self.means(&word.value, it.0, Some(it.1));
        let mine = words.iter().find(|word| means(word, one) && !means(word, other));
        mine.filter(|_| words.iter().any(|word| means(word, other) && !means(word, one)))
    }
}

fn shared(
    name: &str,
    secret: bool,
    word: &Placed<EnvironmentWord>,
    places: [(&EnvironmentName, Label); 2],
) -> Diagnostic {
    let [(one, first), (other, second)] = places;
    let message = format!("`{one}` and `{other}` have the same value for `{name}`, which must differ between them");
    let mut error = Diagnostic::error("config::shared", second, message).hidden(secret);
    if first != second {
        error = error.related(first, format!("the value in `{one}`"));
    }
    error.related(word.label, "declared here").help(format!("give `{name}` a value of its own in each of them"))
}

/// Returns where a key was taken away, if it was.
pub(crate) fn taken_away(tree: &Value, name: &str) -> Option<Label> {
    tree.at(&Path::of_keys(["variables", name])).filter(|value| value.is_removed()).map(|value| value.origin)
}
