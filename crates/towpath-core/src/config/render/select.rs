//! What is rendered: the variables of an environment, or of one of its services.

use std::collections::BTreeMap;

use super::Rendered;
use crate::{
    config::{Diagnostic, Path, load::Loaded, resolved::ResolvedEnvironment, variables::Wrong},
    ids::ServiceName,
    secrets::{
        SecretText,
        template::{self, FillError},
    },
};

impl Loaded {
    /// Returns the variables of an environment whose values are known here; with a service, its own win over them.
    pub fn rendered(
        &self,
        environment: &ResolvedEnvironment,
        service: Option<&ServiceName>,
    ) -> BTreeMap<String, Rendered> {
        self.render_each(environment, service, |_, text| (!template::is_template(text)).then(|| text.to_owned()))
    }

    /// Returns the variables of an environment with these values of secrets in their places; those that still lack one are left
    /// out.
    pub fn rendered_with(
        &self,
        environment: &ResolvedEnvironment,
        service: Option<&ServiceName>,
        values: &BTreeMap<String, SecretText>,
    ) -> BTreeMap<String, Rendered> {
        self.render_each(environment, service, |secret, text| {
            if !secret || !template::is_template(text) {
                return Some(text.to_owned());
            }
            template::fill(text, values).ok().map(|filled| filled.expose().to_owned())
        })
    }

    /// Finds values of secrets that are not what their variables were declared to be, once they are known. No value is shown.
    pub fn wrong_secrets(
        &self,
        environment: &ResolvedEnvironment,
        values: &BTreeMap<String, SecretText>,
    ) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (name, variable) in environment.variables.iter().filter(|(_, variable)| variable.secret) {
            if !template::is_template(&variable.value) {
                continue;
            }
            let wrong = match template::fill(&variable.value, values) {
                Ok(filled) => self.declared.check(name, filled.expose()).err(),
                Err(error @ FillError::Nul(_)) => Some(Wrong { why: error.to_string(), rule: None }),
                Err(FillError::Missing(_) | FillError::Damaged) => None,
            };
            let Some(wrong) = wrong else { continue };
            let origin = environment.values.at(&Path::of_keys(["variables", name])).map(|value| value.origin);
            let at = origin.unwrap_or(environment.values.origin);
            found.push(wrong.diagnostic(&format!("variables.{name}"), at).hidden(true));
        }
        found
    }

    fn render_each(
        &self,
        environment: &ResolvedEnvironment,
        service: Option<&ServiceName>,
        text: impl Fn(bool, &str) -> Option<String>,
    ) -> BTreeMap<String, Rendered> {
        let mut all: BTreeMap<String, Rendered> = environment
            .variables
            .iter()
            .filter_map(|(name, variable)| {
                let kind = self.declared.declaration(name).map(|declaration| declaration.r#type);
                let value = text(variable.secret, &variable.value)?;
                Some((name.clone(), Rendered { value, secret: variable.secret, kind }))
            })
            .collect();
        let own = service.and_then(|service| environment.services.get(service));
        all.extend(
            own.into_iter()
                .flat_map(|own| &own.env)
                .map(|(name, value)| (name.clone(), Rendered { value: value.clone(), secret: false, kind: None })),
        );
        all
    }
}
