//! `towpath env render`: the variables in the format of another tool.

use std::{
    collections::BTreeMap,
    path::{self, Path},
};

use towpath_core::{
    config::{Format, Object, RenderError, Rendered, ResolvedEnvironment, Takes, nearest, render},
    ids::ServiceName,
};

use super::{
    Laid, inputs,
    secrets::{self, Values},
    which,
};
use crate::{
    cli::{RenderArgs, SecretUseArgs},
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::{ProjectFolder, unwritable},
    git,
    server::files::write_private,
    words::count,
};

pub(super) fn run(context: &Context, folder: &ProjectFolder, args: &RenderArgs) -> Outcome {
    let format = Format::of(&args.format).ok_or_else(|| Failure::usage(format!("no format `{}`", args.format)))?;
    check_secrets(format, args)?;
    let object = object_options(format, args)?;
    let loaded = folder.load()?;
    let name = which(context, &loaded, args.which.given())?;
    let laid = Laid::new(context, &loaded, &name, inputs(&args.layers), args.layers.offline);
    let (resolved, _) = laid.resolve(context)?;
    let wanted =
        SecretUseArgs { no_secrets: !args.with_secrets, reason: args.secrets.clone(), ..SecretUseArgs::default() };
    let Values { environment: resolved, roots: values, .. } =
        secrets::values(context, &laid, resolved, &wanted, args.layers.offline)?;
    let service = args.service.as_deref().map(|service| service_of(&resolved, service)).transpose()?;
    let held = resolved.variables.values().filter(|variable| variable.secret).count();
    let all = laid.loaded().rendered_with(&resolved, service.as_ref(), &values);
    let variables = chosen(format, args, all)?;
    let default_name = service.as_ref().map_or(resolved.name.as_str(), ServiceName::as_str);
    let object = Object { name: args.name.clone().unwrap_or_else(|| default_name.to_owned()), ..object };
    let text = render(format, &object, &variables).map_err(|error| not_renderable(&error))?;
    let secret = variables.values().any(|variable| variable.secret);
    match &args.to {
        // The format asked for is the data, whatever `--output` says.
        None => context.out.data(&text)?,
        Some(file) => {
            write(context, file, &text, secret)?;
            context.out.progress(&format!("wrote {} to {}", counted(variables.len(), "variable"), file.display()));
        }
    }
    if held > 0 && !secret {
        context.out.progress(&format!("{} left out; --with-secrets writes them", counted(held, "secret variable")));
    }
    Ok(Exit::Done)
}

/// Returns the service of this name.
pub(crate) fn service_of(resolved: &ResolvedEnvironment, service: &str) -> Result<ServiceName, Failure> {
    let name = ServiceName::new(service).ok().filter(|name| resolved.services.contains_key(name));
    name.ok_or_else(|| {
        let known: Vec<&str> = resolved.services.keys().map(ServiceName::as_str).collect();
        Failure::new(Exit::Usage, "not_found", format!("{} has no service `{service}`", resolved.name))
            .next(format!("one of: {}", known.join(", ")))
    })
}

fn counted(number: usize, what: &str) -> String {
    count(number as u64, what)
}

fn check_secrets(format: Format, args: &RenderArgs) -> Result<(), Failure> {
    match format.takes() {
        Takes::Secret if !args.with_secrets => {
            let message = format!("{} writes secret values, which anybody can decode", format.as_str());
            Err(Failure::usage(message).next("add --with-secrets, and --to FILE to keep them off the screen"))
        }
        Takes::Plain if args.with_secrets => {
            Err(Failure::usage(format!("a {} is no place for secrets", format.as_str()))
                .next("leave --with-secrets out, and render them with --format k8s-secret"))
        }
        Takes::Any | Takes::Plain | Takes::Secret => Ok(()),
    }
}

fn object_options(format: Format, args: &RenderArgs) -> Result<Object, Failure> {
    let given = [("--name", args.name.is_some()), ("--namespace", args.namespace.is_some())];
    let given = given.into_iter().chain([("--label", !args.labels.is_empty())]).find(|(_, given)| *given);
    if let (Some((option, _)), false) = (given, format.has_object()) {
        let message = format!("{} has no place for {option}", format.as_str());
        return Err(Failure::usage(message).next("use --format configmap or k8s-secret"));
    }
    let labels = args.labels.iter().cloned().collect();
    Ok(Object { name: String::new(), namespace: args.namespace.clone(), labels })
}

/// Returns what is asked for and may be written.
fn chosen(
    format: Format,
    args: &RenderArgs,
    mut all: BTreeMap<String, Rendered>,
) -> Result<BTreeMap<String, Rendered>, Failure> {
    for name in &args.only {
        let Some(variable) = all.get(name) else {
            let near = nearest(name, all.keys().map(String::as_str)).map(|near| format!("; did you mean `{near}`?"));
            let message = format!("there is no value for `{name}`{}", near.unwrap_or_default());
            return Err(Failure::new(Exit::Usage, "not_found", message));
        };
        if variable.secret && !args.with_secrets {
            return Err(Failure::usage(format!("`{name}` is secret")).next("add --with-secrets"));
        }
        if !variable.secret && format.takes() == Takes::Secret {
            return Err(Failure::usage(format!("`{name}` is not secret")).next("use --format configmap"));
        }
    }
    all.retain(|name, variable| {
        let wanted = args.only.is_empty() || args.only.contains(name);
        wanted && if variable.secret { args.with_secrets } else { format.takes() != Takes::Secret }
    });
    Ok(all)
}

fn not_renderable(error: &RenderError) -> Failure {
    let failure = Failure::of(Exit::Failed, "not_renderable", error).kept("nothing was written");
    match error {
        RenderError::Unfit { variables, .. } => {
            variables.iter().fold(failure, |failure, unfit| failure.fact("why", unfit.to_string()))
        }
        RenderError::Size { .. } | RenderError::Object(_) => failure,
    }
}

fn write(context: &Context, file: &Path, text: &str, secret: bool) -> Result<(), Failure> {
    let absolute = path::absolute(file).map_err(|error| unwritable(file, &error))?;
    // A link stays one: what it leads to is written.
    let target = absolute.canonicalize().unwrap_or(absolute);
    if target.is_dir() {
        return Err(Failure::usage(format!("`{}` is a folder", file.display())).next("name a file in it"));
    }
    let state = if secret { git::keeping(&target) } else { git::Keeping::Ignored };
    if state == git::Keeping::Tracked {
        let message = format!("git tracks `{}`, and its history would keep the secrets", file.display());
        return Err(Failure::new(Exit::Refused, "tracked_file", message)
            .kept("nothing was written")
            .next("name another file, one that git ignores"));
    }
    write_private(&target, text.as_bytes())?;
    if state == git::Keeping::Untracked {
        context.out.warn(&format!("git does not ignore `{}`: it has secrets and can be committed", file.display()));
    }
    Ok(())
}
