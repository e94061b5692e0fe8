//! `towpath env render`: the variables in the format of another tool.

use std::collections::BTreeMap;

use towpath_core::{
    config::{Format, render},
    ids::ServiceName,
};

use super::{resolve, which};
use crate::{
    cli::RenderArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::ProjectFolder,
    words::count,
};

pub(super) fn run(context: &Context, folder: &ProjectFolder, args: &RenderArgs) -> Outcome {
    let format =
        Format::ALL.iter().find(|(name, _)| *name == args.format).map(|(_, format)| *format).ok_or_else(|| {
            let known: Vec<&str> = Format::ALL.iter().map(|(name, _)| *name).collect();
            Failure::usage(format!("there is no format `{}`", args.format))
                .next(format!("one of: {}", known.join(", ")))
        })?;
    let loaded = folder.load()?;
    let name = which(context, &loaded, args.which.given())?;
    let resolved = resolve(context, &loaded, &name, &args.layers)?;
    let variables: BTreeMap<String, String> = match &args.service {
        None => {
            let plain = resolved.variables.iter().filter(|(_, variable)| !variable.secret);
            plain.map(|(name, variable)| (name.clone(), variable.value.clone())).collect()
        }
        Some(service) => {
            let name = ServiceName::new(service).ok().filter(|name| resolved.services.contains_key(name));
            let known: Vec<&str> = resolved.services.keys().map(ServiceName::as_str).collect();
            let name = name.ok_or_else(|| {
                Failure::new(Exit::Usage, "not_found", format!("{} has no service `{service}`", resolved.name))
                    .next(format!("one of: {}", known.join(", ")))
            })?;
            resolved.environment_of(&name).0
        }
    };
    let held = resolved.variables.values().filter(|variable| variable.secret).count();
    let text = render(format, resolved.name.as_str(), &variables)
        .map_err(|error| Failure::of(Exit::Failed, "not_renderable", &error))?;
    // The format asked for is the data, whatever `--output` says.
    context.out.data(&text)?;
    if held > 0 {
        context.out.progress(&format!("{} left out", count(held as u64, "secret variable")));
    }
    Ok(Exit::Done)
}
