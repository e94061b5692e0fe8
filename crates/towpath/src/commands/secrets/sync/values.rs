//! The values of an environment's secrets, as far as they can be had where the command runs.

use std::collections::BTreeMap;

use towpath_core::{
    config::{Inputs, Loaded, ResolvedEnvironment, secret_file_path},
    ids::EnvironmentName,
    secrets::{SecretPin, SecretText, SecretVersion, SourceId, SourceSpec, template},
};
use towpath_secrets::{keyed::DigestKey, sops};

use crate::{
    commands::secrets::files::plain_of,
    context::Context,
    failure::{Exit, Failure},
    folder::mistakes,
};

/// Returns an environment and the value of each of its secrets that has one. A secret whose value is elsewhere is a failure:
/// nothing is copied by half.
pub(super) fn values_of(
    context: &Context,
    loaded: &Loaded,
    name: &EnvironmentName,
    key: &DigestKey,
) -> Result<(ResolvedEnvironment, BTreeMap<String, SecretText>), Failure> {
    let first = resolved(context, loaded, name, &Inputs::default())?;
    let roots = from_process(&first);
    let pins = roots.iter().map(|(name, value)| {
        let version = SecretVersion(key.digest(&["process", name], value).short().to_owned());
        (name.clone(), SecretPin { from: SourceId("environment".to_owned()), version })
    });
    let inputs = Inputs { secrets: Some(pins.collect()), ..Inputs::default() };
    let environment = resolved(context, loaded, name, &inputs)?;
    let mut roots = roots;
    roots.extend(from_files(context, loaded, &environment)?);
    let mut values = BTreeMap::new();
    for (secret, variable) in environment.variables.iter().filter(|(_, variable)| variable.secret) {
        let value = template::fill(&variable.value, &roots).map_err(|error| {
            let from =
                environment.secret_pins.get(secret).map(|pin| format!(": it is in {}", pin.from)).unwrap_or_default();
            let message = format!("the value of `{secret}` in {name} cannot be read here{from}");
            Failure::new(Exit::Failed, "secret_unread", message).because(&error).kept("nothing was changed")
        })?;
        values.insert(secret.clone(), value);
    }
    Ok((environment, values))
}

/// Returns what the files of secrets have, each opened once with the keys at hand.
fn from_files(
    context: &Context,
    loaded: &Loaded,
    environment: &ResolvedEnvironment,
) -> Result<BTreeMap<String, SecretText>, Failure> {
    let mut files: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for (name, pin) in &environment.secret_pins {
        if let Some(path) = secret_file_path(&pin.from) {
            files.entry(path).or_default().push(name);
        }
    }
    let mut values = BTreeMap::new();
    for (path, text) in loaded.sources().files() {
        let Some(names) = files.get(path) else { continue };
        let damaged = |error: &sops::SopsError| Failure::new(Exit::Failed, "damaged", format!("{path}: {error}"));
        let file = sops::File::parse(text.as_bytes(), sops::Format::of_path(path)).map_err(|error| damaged(&error))?;
        let plain = plain_of(context, path, &file)?.map_err(|error| damaged(&error))?;
        for name in names {
            if let Some(value) = plain.get(&sops::Path::of_key(name.as_str())).and_then(sops::Value::as_text) {
                values.insert((*name).clone(), SecretText::new(value.as_str()));
            }
        }
    }
    Ok(values)
}

/// Returns what the process environment has of the secrets that no file has, where the environment takes it from there.
fn from_process(environment: &ResolvedEnvironment) -> BTreeMap<String, SecretText> {
    let prefixes = environment.secret_spec.from.iter().filter_map(|source| match source {
        SourceSpec::Environment { prefix } => Some(prefix),
        SourceSpec::Files | SourceSpec::Store | SourceSpec::Vault { .. } | SourceSpec::Command { .. } => None,
    });
    let mut values = BTreeMap::new();
    for prefix in prefixes {
        for name in &environment.secret_roots.elsewhere {
            if let Ok(value) = std::env::var(format!("{prefix}{name}")) {
                values.entry(name.clone()).or_insert_with(|| SecretText::new(value));
            }
        }
    }
    values
}

fn resolved(
    context: &Context,
    loaded: &Loaded,
    name: &EnvironmentName,
    inputs: &Inputs,
) -> Result<ResolvedEnvironment, Failure> {
    let mut resolution = loaded.resolve(name.as_str(), inputs);
    let mut diagnostics = loaded.diagnostics().to_vec();
    diagnostics.append(&mut resolution.diagnostics);
    if let Some(failure) = mistakes(&resolution.sources, &diagnostics, context.out.paint_err()) {
        return Err(failure);
    }
    let unresolved = || Failure::new(Exit::Failed, "unresolved", format!("`{name}` cannot be resolved"));
    resolution.environment.ok_or_else(unresolved)
}
