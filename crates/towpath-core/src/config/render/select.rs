//! What is rendered: the variables of an environment, or of one of its services.

use std::collections::BTreeMap;

use super::Rendered;
use crate::{
    config::{load::Loaded, resolved::ResolvedEnvironment},
    ids::ServiceName,
};

impl Loaded {
    /// Returns the variables of an environment, secret ones too; with a service, its own win over them.
    pub fn rendered(
        &self,
        environment: &ResolvedEnvironment,
        service: Option<&ServiceName>,
    ) -> BTreeMap<String, Rendered> {
        let mut all: BTreeMap<String, Rendered> = environment
            .variables
            .iter()
            .map(|(name, variable)| {
                let kind = self.declared.declaration(name).map(|declaration| declaration.r#type);
                (name.clone(), Rendered { value: variable.value.clone(), secret: variable.secret, kind })
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
