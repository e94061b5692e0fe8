//! `towpath env …`: environments as the files declare them, without a server.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use towpath_core::{
    config::{
        Comparison, Explanation, Format, Inputs, Loaded, ResolvedEnvironment, compare, detect, has_errors, render,
        render_diagnostics,
    },
    ids::{EnvironmentName, ServiceName},
};

use super::Outcome;
use crate::{
    cli::{EnvCommand, RenderArgs},
    context::Context,
    failure::{Exit, Failure},
    folder::{ProjectFolder, checked, mistakes},
    output::{Paint, Table},
    words::count,
};

mod show;

pub(crate) fn run(context: &Context, command: &EnvCommand) -> Outcome {
    let folder = context.folder()?;
    match command {
        EnvCommand::List => list(context, &folder),
        EnvCommand::Show { environment } => show::run(context, &folder, environment.as_deref()),
        EnvCommand::Explain { environment, key } => explain(context, &folder, environment, key.as_deref()),
        EnvCommand::Validate { environment, .. } => validate(context, &folder, environment.as_deref()),
        EnvCommand::Render(args) => render_variables(context, &folder, args),
        EnvCommand::Diff { environments, full } => diff(context, &folder, environments, *full),
    }
}

/// One environment of the list.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    tier: Option<String>,
    aliases: Vec<String>,
    valid: bool,
    services: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

fn list(context: &Context, folder: &ProjectFolder) -> Outcome {
    let loaded = folder.load()?;
    let broken = has_errors(loaded.diagnostics());
    let items: Vec<Listed> = loaded
        .environments()
        .map(|name| {
            let resolved = loaded.resolve(name.as_str(), &Inputs::default()).environment;
            let aliases = loaded.aliases().iter().filter(|(_, of)| *of == name).map(|(alias, _)| alias.clone());
            Listed {
                name: name.to_string(),
                tier: resolved.as_ref().map(|found| found.tier.to_string()),
                aliases: aliases.collect(),
                valid: resolved.is_some() && !broken,
                services: resolved.iter().flat_map(|found| found.services.keys().map(ToString::to_string)).collect(),
                url: resolved.as_ref().and_then(|found| found.url.clone()),
                description: resolved.and_then(|found| found.description),
            }
        })
        .collect();
    context.out.list(&items, |paint| {
        let mut table = Table::new(&["ENVIRONMENT", "TIER", "ALIASES", "SERVICES", ""]);
        for item in &items {
            let valid = if item.valid { item.url.clone().unwrap_or_default() } else { paint.red("has mistakes") };
            let tier = item.tier.clone().unwrap_or_default();
            table.row(vec![paint.bold(&item.name), tier, item.aliases.join(", "), item.services.join(", "), valid]);
        }
        if table.is_empty() { "no environments\n".to_owned() } else { table.text(paint) }
    })?;
    if items.is_empty() {
        context.out.next("towpath init, to write a project with environments");
    } else if items.iter().any(|item| !item.valid) {
        context.out.next("towpath env validate");
    }
    Ok(Exit::Done)
}

/// Returns one environment with everything decided, or its mistakes.
fn resolve(context: &Context, loaded: &Loaded, name: &str) -> Result<ResolvedEnvironment, Failure> {
    let name = known(context, loaded, name)?;
    let inputs = Inputs { process: Context::process_environment(), ..Inputs::default() };
    let mut resolution = loaded.resolve(name.as_str(), &inputs);
    let mut diagnostics = loaded.diagnostics().to_vec();
    diagnostics.append(&mut resolution.diagnostics);
    if let Some(failure) = mistakes(&resolution.sources, &diagnostics, context.out.paint_err()) {
        return Err(failure);
    }
    resolution
        .environment
        .ok_or_else(|| Failure::new(Exit::Failed, "unresolved", format!("`{name}` cannot be resolved")))
}

/// Returns the environment of this name or alias.
fn known(context: &Context, loaded: &Loaded, name: &str) -> Result<EnvironmentName, Failure> {
    loaded.find(name).map_err(|error| {
        // With broken files nobody can say which names there are.
        mistakes(loaded.sources(), loaded.diagnostics(), context.out.paint_err())
            .unwrap_or_else(|| Failure::new(Exit::Usage, "not_found", error.to_string()).next("towpath env list"))
    })
}

fn explain(context: &Context, folder: &ProjectFolder, environment: &str, key: Option<&str>) -> Outcome {
    let resolved = resolve(context, &folder.load()?, environment)?;
    let explanations = match key {
        Some(key) => resolved.explain(key).map_err(|error| Failure::of(Exit::Usage, "not_found", &error))?,
        None => resolved.explain_all(),
    };
    context.out.list(&explanations, |paint| explanations.iter().map(|one| explained(one, paint)).collect())?;
    Ok(Exit::Done)
}

fn explained(explanation: &Explanation, paint: Paint) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(removed)".to_owned());
    let mut table = Table::new(&[]);
    for (index, part) in explanation.contributions.iter().enumerate() {
        let who = part.by.iter().map(|by| format!(" by {by}"));
        let why = part.reason.iter().map(|reason| format!(": {reason}"));
        let place: String = std::iter::once(part.place.clone()).chain(who).chain(why).collect();
        let (mark, value) = if index == 0 { ("=", shown(&part.value)) } else { (" ", paint.dim(&shown(&part.value))) };
        table.row(vec![format!("  {mark}"), value, part.layer.clone(), paint.dim(&place)]);
    }
    format!("{} = {}\n{}", paint.bold(&explanation.key), shown(&explanation.value), table.text(paint))
}

fn validate(context: &Context, folder: &ProjectFolder, environment: Option<&str>) -> Outcome {
    let loaded = folder.load()?;
    let (diagnostics, sources, count_of) = if let Some(name) = environment {
        let name = known(context, &loaded, name)?;
        let mut diagnostics = loaded.diagnostics().to_vec();
        let mut resolution = loaded.resolve(name.as_str(), &Inputs::default());
        diagnostics.append(&mut resolution.diagnostics);
        (diagnostics, resolution.sources, 1)
    } else {
        (checked(&loaded).1, loaded.sources().clone(), loaded.environments().count())
    };
    if let Some(failure) = mistakes(&sources, &diagnostics, context.out.paint_err()) {
        return Err(failure);
    }
    let views: Vec<_> = diagnostics.iter().map(|one| one.view(&sources)).collect();
    let value = json!({ "valid": true, "environments": count_of, "warnings": views });
    context.out.show(&value, |paint| {
        let warnings = render_diagnostics(&sources, &diagnostics, paint.is_on());
        let checked = count(count_of as u64, "environment");
        format!("{warnings}{} {checked}, no mistakes\n", paint.green("ok"))
    })?;
    Ok(Exit::Done)
}

fn render_variables(context: &Context, folder: &ProjectFolder, args: &RenderArgs) -> Outcome {
    let format =
        Format::ALL.iter().find(|(name, _)| *name == args.format).map(|(_, format)| *format).ok_or_else(|| {
            let known: Vec<&str> = Format::ALL.iter().map(|(name, _)| *name).collect();
            Failure::usage(format!("there is no format `{}`", args.format))
                .next(format!("one of: {}", known.join(", ")))
        })?;
    let resolved = resolve(context, &folder.load()?, &args.environment)?;
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

fn diff(context: &Context, folder: &ProjectFolder, names: &[String], full: bool) -> Outcome {
    let loaded = folder.load()?;
    let all: Vec<String> = loaded.environments().map(ToString::to_string).collect();
    let names = if names.is_empty() { &all } else { names };
    if names.len() < 2 {
        return Err(Failure::usage("a comparison needs two environments").next("towpath env diff staging production"));
    }
    let resolved: Vec<ResolvedEnvironment> =
        names.iter().map(|name| resolve(context, &loaded, name)).collect::<Result<_, _>>()?;
    let comparison = compare(&resolved.iter().collect::<Vec<_>>());
    let value = comparison_json(&comparison, full);
    context.out.show(&value, |paint| comparison_text(&comparison, full, paint))?;
    Ok(if comparison.rows.iter().all(|row| row.same) { Exit::Done } else { Exit::Difference })
}

fn comparison_json(comparison: &Comparison, full: bool) -> serde_json::Value {
    let rows = comparison.rows.iter().filter(|row| full || !row.same).map(|row| {
        let names = comparison.environments.iter().map(ToString::to_string);
        let values: BTreeMap<String, &Option<String>> = names.zip(&row.values).collect();
        json!({ "key": row.key, "same": row.same, "secret": row.secret, "values": values })
    });
    json!({
        "environments": comparison.environments,
        "parityPercent": comparison.parity_percent(),
        "rows": rows.collect::<Vec<_>>(),
    })
}

fn comparison_text(comparison: &Comparison, full: bool, paint: Paint) -> String {
    let mut head = vec!["KEY"];
    head.extend(comparison.environments.iter().map(EnvironmentName::as_str));
    let mut table = Table::new(&head);
    for row in comparison.rows.iter().filter(|row| full || !row.same) {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| paint.dim("–"));
        let key = if row.same { row.key.clone() } else { paint.yellow(&row.key) };
        table.row(std::iter::once(key).chain(row.values.iter().map(shown)).collect());
    }
    let differ = comparison.rows.iter().filter(|row| !row.same).count();
    let rows = if table.is_empty() { String::new() } else { table.text(paint) + "\n" };
    format!("{rows}{differ} of {} keys differ; parity {} %\n", comparison.rows.len(), comparison.parity_percent())
}

/// Returns the environment that is meant where none is named.
fn detected(given: Option<&str>) -> String {
    detect(given, &Context::process_environment()).name
}
