//! The flag that a rollout turns on: it has to be there, off, and such that a share of the users can get it.

use super::Work;
use crate::{
    config::{diagnostic::Diagnostic, nearest::suggestion, source::Label, value::Value},
    deployment::FlagStrategy,
    flags::{FlagKey, FlagState, with_share},
    ids::EnvironmentName,
};

impl Work<'_> {
    /// Puts the definition of the flag, as the files have it, into the strategy that names it.
    pub(super) fn rollout_flag(&mut self, name: &EnvironmentName, tree: &Value, strategy: &mut FlagStrategy) {
        // What is wrong with definitions is said where all of them are looked at.
        let (document, _) = self.loaded.flags(name.as_str());
        let key = &strategy.key;
        let Some(definition) = document.flags.get(key) else {
            let message = format!("there is no flag `{key}` in `flags/`, which the rollout would turn on");
            let known: Vec<&str> = document.flags.keys().map(FlagKey::as_str).collect();
            let help = match known.as_slice() {
                [] => format!("define `{key}` in `flags/*.json` or `flags/*.yaml`"),
                known => suggestion(key.as_str(), known.iter().copied()),
            };
            let error = Diagnostic::error("config::reference", place(tree, "key"), message).help(help);
            return self.diagnostics.push(error);
        };
        let wrong = if definition.state == FlagState::Disabled {
            let help = "write `state: ENABLED`; it stays off because its default variant is what everybody gets";
            Some(("key", "it is `DISABLED`, so nobody would get it".to_owned(), help))
        } else {
            let error = with_share(definition, &strategy.variant, strategy.highest()).err();
            let help = "see the page on rollouts by a flag for the rules that a share can be put into";
            let member = if definition.variants.contains_key(&strategy.variant) { "key" } else { "variant" };
            error.map(|error| (member, error.to_string(), help))
        };
        if let Some((member, why, help)) = wrong {
            let message = format!("a rollout cannot turn on `{key}`: {why}");
            let origin = place(tree, member).or_else(|| place(tree, "key"));
            return self.diagnostics.push(Diagnostic::error("config::reference", origin, message).help(help));
        }
        strategy.definition = Some(definition.clone());
    }
}

fn place(tree: &Value, member: &str) -> Option<Label> {
    let strategy = tree.get("deployment")?.get("strategy")?.get("flag")?;
    Some(strategy.get(member)?.origin)
}
