//! The values of an environment's secrets, from every source it names, as the command that copies them sees them.

use std::collections::BTreeMap;

use towpath_core::{
    config::{Inputs, Loaded, ResolvedEnvironment},
    ids::EnvironmentName,
    secrets::SecretText,
};

use crate::{
    cli::{SecretUseArgs, SyncArgs},
    commands::env::{Laid, secrets},
    context::Context,
    failure::Failure,
};

/// Returns an environment and the value of each of its secrets that has one. A source that cannot be read is a failure: nothing is
/// copied by half.
pub(super) fn values_of(
    context: &Context,
    loaded: &Loaded,
    name: &EnvironmentName,
    args: &SyncArgs,
) -> Result<(ResolvedEnvironment, BTreeMap<String, SecretText>), Failure> {
    let laid = Laid::new(context, loaded, name, Inputs::default(), args.offline);
    let (environment, _) = laid.resolve(context)?;
    // Without a target nothing is read: a read of production is written down and needs a reason.
    if environment.secret_spec.sync.is_empty() {
        return Ok((environment, BTreeMap::new()));
    }
    let wanted = SecretUseArgs { reason: args.reason.clone(), ..SecretUseArgs::default() };
    let values = secrets::values(context, &laid, environment, &wanted, args.offline)?;
    Ok((values.environment, values.whole))
}
