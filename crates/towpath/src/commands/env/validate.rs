//! `towpath env validate`: every mistake at once.

use serde_json::json;
use towpath_core::{
    config::{Inputs, Loaded, diagnostic_views, render_diagnostics},
    ids::EnvironmentName,
    secrets::SourceSpec,
};

use super::{secrets, which};
use crate::{
    cli::ValidateArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::{ProjectFolder, mistakes},
    words::count,
};

/// Looks for secrets that must have a value and are in no file: in the server's store, where it can be asked. What other sources
/// have is not looked at here, and said.
fn required_secrets(
    context: &Context,
    loaded: &Loaded,
    only: Option<&EnvironmentName>,
    inputs: &Inputs,
) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for name in loaded.environments().filter(|name| only.is_none_or(|only| only == *name)) {
        let Some(resolved) = loaded.resolve(name.as_str(), inputs).environment else { continue };
        let mut left = resolved.secret_roots.required.clone();
        let from = &resolved.secret_spec.from;
        if left.is_empty() {
            continue;
        }
        let mut unasked: Vec<String> = Vec::new();
        if from.contains(&SourceSpec::Store) {
            match secrets::kept(context, &resolved, false) {
                Ok(kept) => left.retain(|secret| !kept.contains_key(secret)),
                Err(why) => unasked.push(format!("the store ({why})")),
            }
        }
        for source in from {
            match source {
                SourceSpec::Files | SourceSpec::Store => {}
                SourceSpec::Vault { .. } => unasked.push("Vault".to_owned()),
                SourceSpec::Environment { .. } => unasked.push("the server's process".to_owned()),
                SourceSpec::Command { .. } => unasked.push("a command".to_owned()),
            }
        }
        let names: Vec<&str> = left.iter().map(String::as_str).collect();
        if unasked.is_empty() {
            missing.extend(names.iter().map(|secret| (name.clone(), (*secret).to_owned())));
        } else if !names.is_empty() {
            let names = names.join(", ");
            let places = unasked.join(", ");
            context.out.progress(&format!("{name} must have {names}: not looked for in {places}"));
        }
    }
    let Some((environment, secret)) = missing.first() else { return Ok(()) };
    let message = format!("{} that must have a value has none", count(missing.len() as u64, "secret"));
    let failure = Failure::new(Exit::Failed, "missing_secrets", message);
    let failure = missing.iter().fold(failure, |failure, (environment, secret)| {
        failure.fact("secret", format!("`{environment}` has no value for `{secret}`, in no file and not in the store"))
    });
    Err(failure.next(format!("towpath secrets set {environment} {secret}")))
}

pub(super) fn run(context: &Context, folder: &ProjectFolder, args: &ValidateArgs) -> Outcome {
    let loaded = folder.load()?;
    let inputs = Inputs { flags: args.layers.set.clone(), ..Inputs::default() };
    let named = args.environment.as_ref().or(args.option.env.as_ref());
    let (diagnostics, sources, count_of) = if let Some(name) = named {
        let name = which(context, &loaded, Some(name))?;
        let (diagnostics, sources) = loaded.validate_one(&name, &inputs);
        (diagnostics, sources, 1)
    } else if inputs.flags.is_empty() {
        (loaded.validate(), loaded.sources().clone(), loaded.environments().count())
    } else {
        let (diagnostics, sources) = loaded.validate_with(&inputs);
        (diagnostics, sources, loaded.environments().count())
    };
    let paint = context.out.paint_err();
    if let Some(failure) = mistakes(&sources, &diagnostics, paint) {
        return Err(failure);
    }
    let only = match named {
        Some(name) => Some(which(context, &loaded, Some(name))?),
        None => None,
    };
    required_secrets(context, &loaded, only.as_ref(), &inputs)?;
    let views = diagnostic_views(&sources, &diagnostics);
    if args.strict && !diagnostics.is_empty() {
        let warnings = count(diagnostics.len() as u64, "warning");
        let failure = Failure::new(Exit::Failed, "doubtful_configuration", format!("the configuration has {warnings}"));
        return Err(failure
            .report(render_diagnostics(&sources, &diagnostics, paint.is_on()), &json!(views))
            .next("mend the files, or leave out --strict"));
    }
    let value = json!({ "valid": true, "environments": count_of, "warnings": views });
    context.out.show(&value, |paint| {
        let warnings = render_diagnostics(&sources, &diagnostics, paint.is_on());
        let checked = count(count_of as u64, "environment");
        let found = if diagnostics.is_empty() {
            "no mistakes".to_owned()
        } else {
            format!("no mistakes, {}", count(diagnostics.len() as u64, "warning"))
        };
        format!("{warnings}{} {checked}, {found}\n", paint.green("ok"))
    })?;
    Ok(Exit::Done)
}
