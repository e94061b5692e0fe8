//! `towpath env show`: one environment with everything decided.

use serde_json::{Value, json};
use towpath_core::{
    config::{ResolvedEnvironment, ResolvedService, diagnostic_views, render_diagnostics},
    deployment::{CheckAction, Strategy},
    project::{GatePolicy, Window},
};

use super::{resolve_with_warnings, sections, which};
use crate::{
    cli::{LayerArgs, WhichArgs},
    commands::Outcome,
    context::Context,
    failure::Exit,
    folder::ProjectFolder,
    output::{Paint, Table},
};

pub(super) fn run(context: &Context, folder: &ProjectFolder, asked: &WhichArgs, layers: &LayerArgs) -> Outcome {
    let loaded = folder.load()?;
    let name = which(context, &loaded, asked.given())?;
    let (resolved, warnings) = resolve_with_warnings(context, &loaded, &name, layers)?;
    let mut value = shown(&resolved);
    if let Some(object) = value.as_object_mut() {
        let views = diagnostic_views(&resolved.sources, &warnings);
        object.insert("warnings".to_owned(), json!(views));
    }
    if !warnings.is_empty() {
        let paint = context.out.paint_err().is_on();
        context.out.progress(render_diagnostics(&resolved.sources, &warnings, paint).trim_end());
    }
    context.out.show(&value, |paint| text(&resolved, paint))?;
    Ok(Exit::Done)
}

fn shown(resolved: &ResolvedEnvironment) -> Value {
    let services: serde_json::Map<String, Value> = resolved
        .services
        .iter()
        .map(|(name, service)| {
            let value = json!({
                "artifact": service.artifact,
                "command": service.command,
                "image": service.image,
                "replicas": service.replicas,
                "listen": service.listen,
                "preview": service.preview,
                "env": service.env,
                "probes": service.probes,
                "resources": service.resources,
            });
            (name.to_string(), value)
        })
        .collect();
    let variables: serde_json::Map<String, Value> = resolved
        .variables
        .iter()
        .map(|(name, variable)| (name.clone(), json!({ "value": variable.shown(), "secret": variable.secret })))
        .collect();
    let mut shown = json!({
        "name": resolved.name,
        "tier": resolved.tier,
        "description": resolved.description,
        "url": resolved.url,
        "services": services,
        "variables": variables,
        "strategy": resolved.strategy,
        "progressDeadlineMs": resolved.progress_deadline,
        "verification": resolved.verification,
        "gates": resolved.gates,
    });
    if let Value::Object(shown) = &mut shown {
        shown.extend(sections::json(resolved));
    }
    shown
}

fn text(resolved: &ResolvedEnvironment, paint: Paint) -> String {
    let mut facts = Table::new(&[]);
    let mut fact = |label: &str, value: String| facts.row(vec![paint.dim(label), value]);
    fact("tier", resolved.tier.to_string());
    resolved.url.iter().for_each(|url| fact("url", url.clone()));
    fact("strategy", strategy(&resolved.strategy));
    fact("deadline", format!("{} without progress", resolved.progress_deadline));
    for check in &resolved.verification {
        let what = match &check.action {
            CheckAction::Http { service, path, status, .. } => format!("GET {path} of {service} answers {status}"),
            CheckAction::Command { command } => format!("`{}` succeeds", command.join(" ")),
        };
        fact("verify", format!("{}: {what}", check.name));
    }
    for gate in gates(&resolved.gates) {
        fact("gate", gate);
    }
    let mut text = format!("{}\n{}", paint.bold(resolved.name.as_str()), facts.text(paint));
    for (name, service) in &resolved.services {
        text += &format!("\n{}\n{}", paint.bold(&format!("service {name}")), service_text(service, paint));
    }
    let sections = sections::leaves(resolved);
    if !sections.is_empty() {
        let mut table = Table::new(&[]);
        for (key, value) in sections {
            table.row(vec![key, value]);
        }
        text += &format!("\n{}\n{}", paint.bold("declared"), table.text(paint));
    }
    if !resolved.variables.is_empty() {
        let mut table = Table::new(&[]);
        for (name, variable) in &resolved.variables {
            table.row(vec![name.clone(), variable.shown().to_owned()]);
        }
        text += &format!("\n{}\n{}", paint.bold("variables"), table.text(paint));
    }
    text
}

fn service_text(service: &ResolvedService, paint: Paint) -> String {
    let mut facts = Table::new(&[]);
    let mut fact = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            facts.row(vec![paint.dim(label), value]);
        }
    };
    fact("command", Some(service.command.join(" ")).filter(|line| !line.is_empty()));
    fact("image", service.image.clone());
    fact("artifact", service.artifact.as_ref().map(ToString::to_string));
    fact("replicas", Some(service.replicas.to_string()));
    fact("listen", service.listen.map(|address| address.to_string()));
    fact("preview", service.preview.map(|address| address.to_string()));
    service.env.iter().for_each(|(name, value)| fact("env", Some(format!("{name}={value}"))));
    facts.text(paint)
}

/// Returns a strategy in words.
fn strategy(strategy: &Strategy) -> String {
    match strategy {
        Strategy::Recreate => "recreate".to_owned(),
        Strategy::Rolling { max_surge, max_unavailable } => {
            format!("rolling, {max_surge} more and {max_unavailable} fewer than declared")
        }
        Strategy::BlueGreen { auto_promote_after, .. } => match auto_promote_after {
            Some(time) => format!("blue-green, promoted after {time}"),
            None => "blue-green, promoted by a person".to_owned(),
        },
        Strategy::Canary { steps } => format!("canary in {} steps", steps.len()),
        Strategy::Flag(flag) => {
            format!("flag {} in {} steps, {} before", flag.key, flag.steps.len(), flag.via.as_str())
        }
    }
}

fn gates(policy: &GatePolicy) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(rule) = &policy.approvals {
        let roles: Vec<&str> = rule.roles.iter().map(towpath_core::ids::Role::as_str).collect();
        let whom = if roles.is_empty() { String::new() } else { format!(" from {}", roles.join(", ")) };
        all.push(format!("{} approvals{whom}, each for {}", rule.required, rule.expires));
    }
    all.extend(policy.checklist.iter().map(|item| format!("checklist: {item}")));
    all.extend(policy.soak.iter().map(|soak| format!("soaks {soak} in the environment before")));
    all.extend(policy.freeze.iter().map(|window| format!("frozen {}", window_text(window))));
    all.extend(policy.maintenance.iter().map(|window| format!("only {}", window_text(window))));
    all
}

fn window_text(window: &Window) -> String {
    match window {
        Window::Recurring { cron, duration, time_zone, .. } => format!("for {duration} from `{cron}` ({time_zone})"),
        Window::Absolute { from, to, .. } => format!("from {from} until {to}"),
    }
}
